//! Mistakes in a record are compile errors at the field, and say what to write.

#[test]
fn mistakes_are_explained_at_the_field() {
    trybuild::TestCases::new().compile_fail("tests/mistakes/*.rs");
}

use super::*;
use crate::migrate::file::MigrationFile;

/// A set of versions, each with what it needs.
fn set(name: &str, needs: &[&[&str]]) -> MigrationSet {
    let file = |(at, needs): (usize, &&[&str])| {
        let (id, parent) = (format!("{:04}", at + 1), (at > 0).then(|| format!("{at:04}")));
        let file_name = format!("{id}_x.up.sql");
        let mut file = MigrationFile::new(&file_name, id, "x", parent, true, "SELECT 1;");
        file.needs = needs.iter().map(|&need| need.to_owned()).collect();
        file.sign();
        (file_name, file.text())
    };
    MigrationSet::new(name, needs.iter().enumerate().map(file)).unwrap()
}

fn order(sets: Vec<MigrationSet>) -> Result<Vec<String>> {
    let route = Route::new(sets)?;
    Ok(route.stops().map(|stop| format!("{}/{}", stop.set.name, stop.version.id)).collect())
}

#[test]
fn a_version_comes_behind_all_that_it_needs() {
    let app = set("app", &[&[], &["lib/0002"], &[]]);
    let lib = set("lib", &[&[], &["app/1"], &[]]);
    let want = ["app/0001", "lib/0001", "lib/0002", "lib/0003", "app/0002", "app/0003"];
    assert_eq!(order(vec![app.clone(), lib.clone()]).unwrap(), want);
    let other = order(vec![lib, app]).unwrap();
    let at = |version: &str| other.iter().position(|o| o == version).unwrap();
    assert!(at("app/0001") < at("lib/0002") && at("lib/0002") < at("app/0002"), "{other:?}");
}

#[test]
fn sets_that_need_each_other_in_a_circle_are_refused() {
    for sets in [
        vec![set("a", &[&["b/0001"]]), set("b", &[&["a/0001"]])],
        vec![set("a", &[&["b/0002"]]), set("b", &[&[], &["c/0001"]]), set("c", &[&["a/0001"]])],
        vec![set("a", &[&["a/0001"]])],
    ] {
        let error = order(sets).unwrap_err();
        assert_eq!(error.code(), Code::MigrationFork);
        assert!(error.message().contains("circle"), "{error}");
    }
}

#[test]
fn what_is_needed_must_be_there() {
    let error = order(vec![set("app", &[&["lib/0001"]])]).unwrap_err();
    assert_eq!(error.code(), Code::MigrationFile);
    assert!(error.message().contains("there is no set lib"), "{error}");
    let error = order(vec![set("app", &[&["lib/0002"]]), set("lib", &[&[]])]).unwrap_err();
    assert!(error.message().contains("needs lib/0002"), "{error}");
}

#[test]
fn two_sets_of_one_name_are_refused() {
    let error = order(vec![set("app", &[&[]]), set("app", &[])]).unwrap_err();
    assert!(error.message().contains("two sets"), "{error}");
    assert!(order(Vec::new()).unwrap().is_empty());
    let route = Route::new(vec![set("app", &[]), set("lib", &[])]).unwrap();
    assert_eq!(route.set("lib").unwrap().name, "lib");
    assert!(route.set("x").unwrap_err().message().contains("app, lib"));
}

//! The derives of tradebase: `Record` for what has a key and a place in the stores, `Row` for
//! what is only read or embedded, `Field` for newtypes and enums that stand in a column.
//!
//! Use them through `tradebase`, or `tradebase_core` where only the contract is needed: each of
//! the two exports the derives whose code names it.

mod attribute;
mod field;
mod home;
mod literal;
mod migrations;
mod model;
mod name;
mod partition;
mod record;
mod table;

use proc_macro::TokenStream;
use syn::{DeriveInput, Error, LitStr, parse_macro_input};

use crate::home::Home;
use crate::record::What;

/// Makes a struct a record: a row with a key and a place in the stores.
///
/// On the struct, inside `#[record(…)]`: `table = "…"` and `series = "…"` say where it is kept
/// and so which values it may hold, `name = "…"` names one that is only cached;
/// `index(a, b)` and `unique(a, b)` span several columns. `partition_by(month, on = a)`, or `day`,
/// cuts the table into parts by a time of its key.
///
/// On a field, inside `#[record(…)]`:
/// * parts: `key`, `tag`, `time`, `sequence`, `index`, `unique`, `owner`, `version`, `created`,
///   `updated`, `belongs_to = Other`, `on_delete = cascade | set_null | restrict`
/// * kinds: `decimal(18, 8)`, `text(64)`, `json`, `embed` with `prefix = "…"`, `truncate`, `skip`
/// * values: `default = …`, `length(1..=32)`, `min = …`, `max = …`, `pattern = "…"`, `email`,
///   `one_of("a", "b")`, `check = function`
/// * `name = "…"` for another name in the stores
#[proc_macro_derive(Record, attributes(record))]
pub fn record(input: TokenStream) -> TokenStream {
    let input = parse_macro_input!(input as DeriveInput);
    record::expand(&input, What::Record, Home::Core)
        .unwrap_or_else(Error::into_compile_error)
        .into()
}

/// Makes a struct a row: a projection or aggregate that is read, or a part that is embedded.
///
/// Takes the field attributes of `Record`, but for the parts that need a table.
#[proc_macro_derive(Row, attributes(record))]
pub fn row(input: TokenStream) -> TokenStream {
    let input = parse_macro_input!(input as DeriveInput);
    record::expand(&input, What::Row, Home::Core).unwrap_or_else(Error::into_compile_error).into()
}

/// Makes a newtype or an enum a field.
///
/// On a newtype, inside `#[field(…)]`: `decimal(28, 10)`, `text(32)`, `id` (over a `Uuid`: gives
/// `new()`, `Display` and `FromStr`).
///
/// On an enum: `rename_all = "…"` (snake_case unless told), `closed` (no other text may be
/// stored). On a variant: `rename = "…"`, or `other` on one that holds a `String` and keeps
/// unknown stored texts.
#[proc_macro_derive(Field, attributes(field))]
pub fn field(input: TokenStream) -> TokenStream {
    let input = parse_macro_input!(input as DeriveInput);
    field::expand(&input, Home::Core).unwrap_or_else(Error::into_compile_error).into()
}

/// Puts the files of migrations in a folder into the program: `migrations!("migrations/app")` is
/// a `Result<MigrationSet>` of the set `app`. The path is seen from the `Cargo.toml` of the crate.
///
/// The compiler notices when one of the files changes. That a file came or went it notices when
/// it builds the crate anew for another reason: a `build.rs` with this line makes it look each
/// time that something in the folder changes.
///
/// ```no_run
/// println!("cargo::rerun-if-changed=migrations");
/// ```
///
/// A folder that is not there, one without such files, and a name that says no version are errors
/// of the compiler. What stands in the files is looked at when the program starts: that is the
/// `Result`.
#[proc_macro]
pub fn migrations(input: TokenStream) -> TokenStream {
    let folder = parse_macro_input!(input as LitStr);
    migrations::expand(&folder, Home::Core).unwrap_or_else(Error::into_compile_error).into()
}

/// [`macro@migrations`], as `tradebase` exports it.
#[doc(hidden)]
#[proc_macro]
pub fn hall_migrations(input: TokenStream) -> TokenStream {
    let folder = parse_macro_input!(input as LitStr);
    migrations::expand(&folder, Home::Hall).unwrap_or_else(Error::into_compile_error).into()
}

/// [`macro@Record`], as `tradebase` exports it.
#[doc(hidden)]
#[proc_macro_derive(HallRecord, attributes(record))]
pub fn hall_record(input: TokenStream) -> TokenStream {
    let input = parse_macro_input!(input as DeriveInput);
    record::expand(&input, What::Record, Home::Hall)
        .unwrap_or_else(Error::into_compile_error)
        .into()
}

/// [`macro@Row`], as `tradebase` exports it.
#[doc(hidden)]
#[proc_macro_derive(HallRow, attributes(record))]
pub fn hall_row(input: TokenStream) -> TokenStream {
    let input = parse_macro_input!(input as DeriveInput);
    record::expand(&input, What::Row, Home::Hall).unwrap_or_else(Error::into_compile_error).into()
}

/// [`macro@Field`], as `tradebase` exports it.
#[doc(hidden)]
#[proc_macro_derive(HallField, attributes(field))]
pub fn hall_field(input: TokenStream) -> TokenStream {
    let input = parse_macro_input!(input as DeriveInput);
    field::expand(&input, Home::Hall).unwrap_or_else(Error::into_compile_error).into()
}

//! The files of migrations in a folder, put into the program.

use std::fs;
use std::path::{Component, Path, PathBuf};

use proc_macro2::TokenStream;
use quote::quote;
use syn::{Error, LitStr, Result};

use crate::home::Home;
use crate::name::{NAME_MAX, is_plain};

/// The endings that files of migrations have behind their title.
const ENDINGS: [&str; 6] = [
    ".up.sql",
    ".down.sql",
    ".sqlite.up.sql",
    ".sqlite.down.sql",
    ".postgres.up.sql",
    ".postgres.down.sql",
];

pub fn expand(folder: &LitStr, home: Home) -> Result<TokenStream> {
    let crate_folder = std::env::var_os("CARGO_MANIFEST_DIR").unwrap_or_default();
    let root = PathBuf::from(crate_folder);
    let (set, files) =
        found(&root, &folder.value()).map_err(|message| Error::new(folder.span(), message))?;
    let files = files.into_iter().map(|(name, path)| quote!((#name, ::core::include_str!(#path))));
    let room = home.relational();
    Ok(quote!(#room::MigrationSet::new(#set, [#(#files),*])))
}

/// The name of a set, and its files: how each is called in messages, and where it is.
type Found = (String, Vec<(String, String)>);

fn found(root: &Path, folder: &str) -> std::result::Result<Found, String> {
    let set = match Path::new(folder).components().next_back() {
        Some(Component::Normal(name)) => name.to_string_lossy().into_owned(),
        _ => {
            return Err(format!(
                "the last part of the path names the set, as in \
                                 \"migrations/app\": {folder:?}"
            ));
        }
    };
    if !is_plain(&set) {
        return Err(format!(
            "the folder names the set: lower-case letters, digits and _, at most {NAME_MAX}, not \
             {set:?}"
        ));
    }
    let place = root.join(folder);
    let entries = fs::read_dir(&place).map_err(|e| {
        format!("the folder cannot be read, seen from the Cargo.toml of this crate: {folder}: {e}")
    })?;
    let mut files = Vec::new();
    for entry in entries {
        let path = entry.map_err(|e| format!("the folder cannot be read: {folder}: {e}"))?.path();
        if path.extension().is_none_or(|ext| ext != "sql") {
            continue;
        }
        let name = path.file_name().map(|name| name.to_string_lossy().into_owned());
        let name = name.unwrap_or_default();
        if !is_name(&name) {
            return Err(format!(
                "a migration is named 0002_add_fees.up.sql, or for one engine \
                 0002_add_fees.sqlite.up.sql, 0002_add_fees.postgres.down.sql: {folder}/{name}"
            ));
        }
        let Some(text) = path.to_str() else {
            return Err(format!("the path is no text in UTF-8: {}", path.display()));
        };
        files.push((format!("{}/{name}", folder.trim_end_matches('/')), text.to_owned()));
    }
    if files.is_empty() {
        return Err(format!("the folder has no file that ends with .sql: {folder}"));
    }
    files.sort();
    Ok((set, files))
}

fn is_name(name: &str) -> bool {
    let Some((id, title)) = name.split_once('_') else { return false };
    let Some((_, ending)) = title.split_once('.') else { return false };
    !id.is_empty()
        && id.bytes().all(|b| b.is_ascii_digit())
        && ENDINGS.iter().any(|known| known.trim_start_matches('.') == ending)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A folder of this test's own with a set of these files.
    fn root(test: &str, names: &[&str]) -> PathBuf {
        let root = std::env::temp_dir().join(format!("tradebase-{test}-{}", std::process::id()));
        let set = root.join("migrations/app");
        fs::create_dir_all(&set).unwrap();
        for name in names {
            fs::write(set.join(name), "").unwrap();
        }
        root
    }

    #[test]
    fn the_files_of_a_folder_are_found_in_order_with_the_name_of_the_set() {
        let names = ["0002_b.sqlite.up.sql", "0001_a.up.sql", "0001_a.down.sql", "notes.md"];
        let root = root("found", &names);
        let (set, files) = found(&root, "migrations/app/").unwrap();
        assert_eq!(set, "app");
        let names: Vec<_> = files.iter().map(|(name, _)| name.as_str()).collect();
        let want = ["0001_a.down.sql", "0001_a.up.sql", "0002_b.sqlite.up.sql"];
        assert_eq!(names, want.map(|name| format!("migrations/app/{name}")));
        assert!(files.iter().all(|(_, path)| Path::new(path).is_file()), "{files:?}");
        fs::remove_dir_all(root).unwrap();
    }

    #[test]
    fn mistakes_are_told() {
        let root = root("mistakes", &["0001-a.up.sql"]);
        let told = |folder: &str| found(&root, folder).unwrap_err();
        assert!(told("migrations/none").contains("cannot be read"), "{}", told("migrations/none"));
        assert!(told("migrations/app").ends_with("migrations/app/0001-a.up.sql"));
        assert!(told("..").contains("names the set"));
        assert!(told("migrations/My App").contains("not \"My App\""));
        fs::create_dir(root.join("migrations/empty")).unwrap();
        assert!(told("migrations/empty").contains("no file that ends with .sql"));
        fs::remove_dir_all(root).unwrap();
    }

    #[test]
    fn names_tell_version_title_engine_and_direction() {
        for name in ["1_a.up.sql", "0002_add_fees.postgres.down.sql", "0002_.sqlite.up.sql"] {
            assert!(is_name(name), "{name}");
        }
        for name in
            ["a_a.up.sql", "_a.up.sql", "1.up.sql", "1_a.sql", "1_a.mysql.up.sql", "1_a.x.up.sql"]
        {
            assert!(!is_name(name), "{name}");
        }
    }
}

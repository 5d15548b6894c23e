use super::*;

/// The text of a file with that version and parent.
fn text(id: &str, parent: Option<&str>, title: &str) -> String {
    MigrationFile::new("", id, title, parent.map(str::to_owned), true, "SELECT 1;").text()
}

fn line(files: &[(&str, &str, Option<&str>)]) -> Result<MigrationSet> {
    let file =
        |&(name, id, parent): &(&str, &str, Option<&str>)| (name.to_owned(), text(id, parent, "x"));
    MigrationSet::new("app", files.iter().map(file))
}

#[test]
fn versions_stand_in_order_whatever_the_order_of_the_files() {
    let set = line(&[
        ("a/0010_x.up.sql", "0010", Some("0002")),
        ("a/0002_x.up.sql", "0002", Some("0001")),
        ("a/0001_x.down.sql", "0001", None),
        ("a/0001_x.up.sql", "0001", None),
    ])
    .unwrap();
    let ids: Vec<_> = set.versions.iter().map(|version| version.id.as_str()).collect();
    assert_eq!(ids, ["0001", "0002", "0010"]);
    assert_eq!(set.next_id(), "0011");
    assert_eq!(set.later_id(2).as_deref(), Some("0013"));
    assert_eq!(set.version("2").unwrap().parent(), Some("0001"));
    assert!(set.version("3").is_none());
}

#[test]
fn a_set_of_nothing_begins_with_the_first_version() {
    let none: [(&str, &str); 0] = [];
    assert_eq!(MigrationSet::new("app", none).unwrap().next_id(), "0001");
    let last = "9".repeat(18);
    let set = line(&[(&format!("{last}_x.up.sql"), &last, None)]).unwrap();
    assert_eq!(set.next_id().len(), 19);
}

#[test]
fn two_versions_that_follow_one_are_a_fork_that_names_both_files() {
    for files in [
        [("0001_x.up.sql", "0001", None), ("0002_y.up.sql", "0002", None)],
        [("0001_x.up.sql", "0001", None), ("1_y.up.sql", "1", None)],
    ] {
        let error = line(&files).unwrap_err();
        assert_eq!(error.code(), Code::MigrationFork);
        let names = [files[0].0, files[1].0];
        assert!(names.iter().all(|name| error.message().contains(name)), "{error}");
        assert!(error.message().contains("is forked"), "{error}");
    }
}

#[test]
fn one_id_with_two_titles_is_a_fork() {
    let files =
        [("0001_a.up.sql", text("0001", None, "a")), ("0001_b.up.sql", text("0001", None, "b"))];
    let error = MigrationSet::new("app", files).unwrap_err();
    assert_eq!(error.code(), Code::MigrationFork);
}

#[test]
fn files_of_one_name_that_say_different_things_are_named() {
    for other in ["0001_a.down.sql", "0001_a.sqlite.up.sql"] {
        let files = [("0001_a.up.sql", text("0001", None, "a")), (other, text("0001", None, "b"))];
        let error = MigrationSet::new("app", files).unwrap_err();
        assert_eq!(error.code(), Code::MigrationFile);
        let want =
            format!("the files of 0001 differ in title, parent or needs: 0001_a.up.sql, {other}");
        assert_eq!(error.message(), want);
    }
}

#[test]
fn a_gap_or_a_wrong_parent_is_refused_with_both_versions() {
    for (files, parent, before) in [
        (vec![("0002_x.up.sql", "0002", Some("0001"))], "0001", "none"),
        (
            vec![("0001_x.up.sql", "0001", None), ("0003_x.up.sql", "0003", Some("0002"))],
            "0002",
            "0001",
        ),
        (
            vec![
                ("0001_x.up.sql", "0001", None),
                ("0002_x.up.sql", "0002", Some("0001")),
                ("0003_x.up.sql", "0003", None),
            ],
            "none",
            "0002",
        ),
    ] {
        let error = line(&files).unwrap_err();
        assert_eq!(error.code(), Code::MigrationFork);
        let want = format!("its parent is {parent}, but the version before is {before}");
        assert!(error.message().contains(&want), "{error}");
    }
}

#[test]
fn names_of_files_say_version_engine_and_direction() {
    let set = line(&[
        ("a\\0001_x.sqlite.up.sql", "0001", None),
        ("0001_x.up.sql", "0001", None),
        ("0001_x.postgres.down.sql", "0001", None),
    ])
    .unwrap();
    let version = &set.versions[0];
    let name = |engine, direction| version.file(engine, direction).map(|f| f.name.as_str());
    assert_eq!(name(Dialect::Sqlite, Direction::Up), Some("a\\0001_x.sqlite.up.sql"));
    assert_eq!(name(Dialect::Postgres, Direction::Up), Some("0001_x.up.sql"));
    assert_eq!(name(Dialect::Sqlite, Direction::Down), None);
    let error = version.down(Dialect::Sqlite).unwrap_err();
    assert!(error.message().contains("0001_….sqlite.down.sql"), "{error}");
}

#[test]
fn bad_names_of_files_and_sets_are_refused() {
    for name in ["0001.up.sql", "0001_x.sql", "0001_x.mysql.up.sql", "0001_x.up.txt", "x"] {
        let error = line(&[(name, "0001", None)]).unwrap_err();
        assert_eq!(error.code(), Code::MigrationFile, "{name}");
        assert!(error.message().contains("0002_add_fees.up.sql"), "{error}");
    }
    let error = line(&[("0002_x.up.sql", "0001", None)]).unwrap_err();
    assert!(error.message().contains("the header says id 0001"), "{error}");
    let error =
        line(&[("a/0001_x.up.sql", "0001", None), ("b/0001_x.up.sql", "0001", None)]).unwrap_err();
    assert!(error.message().contains("another file for the same version"), "{error}");
    let none: [(&str, &str); 0] = [];
    for name in ["", "a b", "../app"] {
        let error = MigrationSet::new(name, none).unwrap_err();
        assert_eq!(error.code(), Code::MigrationFile, "{name}");
    }
}

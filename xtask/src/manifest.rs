//! Just enough TOML to read the manifests and `deny.toml` of this checkout.
//!
//! A full parser costs more compile time than all the rest of this program. The reader knows
//! sections, keys, values over several lines, strings and comments; nothing else is used here.

/// One `key = value` line.
#[derive(Debug, PartialEq, Eq)]
pub struct Entry {
    /// The section it stands in, e.g. `workspace.dependencies`.
    pub section: String,
    /// The key as written, e.g. `tokio` or `tokio.workspace`.
    pub key: String,
    /// The value as written, without comments.
    pub value: String,
}

impl Entry {
    /// All strings of the value, in order.
    pub fn strings(&self) -> Vec<&str> {
        self.value.split('"').skip(1).step_by(2).collect()
    }
}

/// Reads all entries.
pub fn entries(text: &str) -> Vec<Entry> {
    let mut found = Vec::new();
    let mut section = String::new();
    let mut lines = text.lines();
    while let Some(line) = lines.next() {
        let line = without_comment(line).trim();
        if line.starts_with('[') {
            section = line.trim_matches(|c| c == '[' || c == ']').trim().to_owned();
        } else if let Some((key, value)) = line.split_once('=') {
            let mut value = value.trim().to_owned();
            while depth(&value) > 0 {
                let Some(next) = lines.next() else { break };
                value.push(' ');
                value.push_str(without_comment(next).trim());
            }
            let key = key.trim().trim_matches('"').to_owned();
            found.push(Entry { section: section.clone(), key, value });
        }
    }
    found
}

/// The strings of one list.
pub fn list(text: &str, section: &str, key: &str) -> Option<Vec<String>> {
    let entries = entries(text);
    let entry = entries.iter().find(|entry| entry.section == section && entry.key == key)?;
    Some(entry.strings().into_iter().map(str::to_owned).collect())
}

/// A dependency that a manifest declares.
#[derive(Debug, PartialEq, Eq)]
pub struct Declared {
    pub name: String,
    /// Taken from the workspace, so the workspace gives the reason.
    pub inherited: bool,
    /// A crate of this checkout.
    pub ours: bool,
}

/// The dependencies of a manifest, of all kinds and targets, and of the workspace.
pub fn dependencies(text: &str) -> Vec<Declared> {
    let mut found: Vec<Declared> = Vec::new();
    for entry in entries(text) {
        let (name, rest) = match after_dependencies(&entry.section) {
            Some("") => entry.key.split_once('.').unwrap_or((&entry.key, "")),
            Some(name) => (name, entry.key.as_str()),
            None => continue,
        };
        let declared = Declared {
            name: name.trim_matches('"').to_owned(),
            inherited: rest == "workspace" || entry.value.contains("workspace = true"),
            ours: rest == "path" || entry.value.contains("path = "),
        };
        match found.iter_mut().find(|known| known.name == declared.name) {
            Some(known) => {
                known.inherited |= declared.inherited;
                known.ours |= declared.ours;
            }
            None => found.push(declared),
        }
    }
    found
}

/// `""` for a section of dependencies, the name for the section of one dependency.
fn after_dependencies(section: &str) -> Option<&str> {
    for kind in ["dependencies", "dev-dependencies", "build-dependencies"] {
        if section == kind || section.ends_with(&format!(".{kind}")) {
            return Some("");
        }
        let one = format!("{kind}.");
        if let Some(name) = section.strip_prefix(&one) {
            return Some(name);
        }
        if let Some((_, name)) = section.split_once(&format!(".{one}")) {
            return Some(name);
        }
    }
    None
}

fn without_comment(line: &str) -> &str {
    let mut in_string = false;
    for (at, c) in line.char_indices() {
        match c {
            '"' => in_string = !in_string,
            '#' if !in_string => return &line[..at],
            _ => {}
        }
    }
    line
}

fn depth(value: &str) -> i32 {
    let mut in_string = false;
    let mut depth = 0;
    for c in value.chars() {
        match c {
            '"' => in_string = !in_string,
            '[' | '{' if !in_string => depth += 1,
            ']' | '}' if !in_string => depth -= 1,
            _ => {}
        }
    }
    depth
}

#[cfg(test)]
mod tests {
    use super::*;

    const DENY: &str = r##"
        # allow = ["GPL-3.0"]
        [licenses]
        allow = [
            "MIT", # the usual one
            "Apache-2.0",
            "A#B",
        ]
        private = { ignore = true }
        [bans]
        allow = []
    "##;

    #[test]
    fn a_list_over_several_lines_is_read_without_its_comments() {
        let allow = list(DENY, "licenses", "allow").unwrap();
        assert_eq!(allow, ["MIT", "Apache-2.0", "A#B"]);
        assert_eq!(list(DENY, "bans", "allow").unwrap(), Vec::<String>::new());
        assert_eq!(list(DENY, "bans", "deny"), None);
    }

    #[test]
    fn dependencies_of_all_forms_are_found() {
        let text = r#"
            [dependencies]
            tokio.workspace = true
            sha2 = "0.11"
            core = { path = "../core" }
            duckdb = { workspace = true, features = ["x"] }
            [dependencies.long]
            version = "1"
            features = [
                "a",
            ]
            [target.'cfg(unix)'.dev-dependencies]
            libc = "0.2"
            [lints]
            workspace = true
        "#;
        let found = dependencies(text);
        let names: Vec<_> = found.iter().map(|found| found.name.as_str()).collect();
        assert_eq!(names, ["tokio", "sha2", "core", "duckdb", "long", "libc"]);
        let inherited: Vec<_> = found.iter().map(|found| found.inherited).collect();
        assert_eq!(inherited, [true, false, false, true, false, false]);
        assert!(found[2].ours && !found[1].ours);
    }
}

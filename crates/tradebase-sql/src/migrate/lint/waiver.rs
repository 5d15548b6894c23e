//! What a person allows, with a reason, above a statement.

use tradebase_core::Result;

use super::rules::{LINT_RULES, WAIVERS};
use super::scene::Scene;
use super::unread;
use crate::raw::{TokenKind, Tokens};

/// `-- allow: M003, M014 because nothing was ever written to it`.
#[derive(Debug)]
pub(super) struct Waiver {
    /// Its line in the file.
    pub(super) line: usize,
    /// The statement below; none if there is none.
    step: Option<usize>,
    /// What it allows.
    pub(super) codes: Vec<&'static str>,
    /// What is wrong with how it is written.
    pub(super) wrong: Option<String>,
    /// The codes that were found and allowed.
    pub(super) used: Vec<&'static str>,
}

impl Waiver {
    /// Whether it allows that code at that statement.
    pub(super) fn waives(&mut self, code: &'static str, step: usize) -> bool {
        let allows = self.step.unwrap_or(0) == step && self.codes.contains(&code);
        if allows && !self.used.contains(&code) {
            self.used.push(code);
        }
        allows
    }
}

/// The waivers of a file, each on a line of its own.
pub(super) fn waivers(scene: &Scene<'_>) -> Result<Vec<Waiver>> {
    let mut found = Vec::new();
    let mut line = scene.file.body_line;
    // Whether something stands in front on the line.
    let mut begun = false;
    for token in Tokens::new(scene.engine, &scene.file.body) {
        let token = token.map_err(|e| unread(scene.file, line, &e))?;
        let text = token.text.strip_prefix("--").filter(|_| token.kind == TokenKind::Blank);
        if let Some(text) = text.and_then(|text| text.trim().strip_prefix("allow:")) {
            let mut waiver = waiver(scene, line, text);
            if begun {
                waiver.wrong = Some("a line that allows something stands above it".to_owned());
            }
            found.push(waiver);
        }
        line += token.text.matches('\n').count();
        begun = match token.kind {
            TokenKind::Blank => begun && !token.text.contains('\n'),
            _ => true,
        };
    }
    Ok(found)
}

fn waiver(scene: &Scene<'_>, line: usize, text: &str) -> Waiver {
    let (names, because) = text.split_once(" because ").unwrap_or((text, ""));
    let mut codes = Vec::new();
    let mut wrong = None;
    for name in names.split(',').map(str::trim) {
        let name = name.strip_suffix(" because").unwrap_or(name);
        match LINT_RULES.iter().find(|rule| rule.code == name && rule.code != WAIVERS.code) {
            Some(rule) => codes.push(rule.code),
            None => wrong = Some(format!("there is no such rule to be allowed: {name}")),
        }
    }
    if wrong.is_none() && because.trim().is_empty() {
        wrong = Some(format!("the reason is missing: allow: {} because …", names.trim()));
    }
    let inside = scene.steps.iter().any(|step| (step.line..=step.last_line()).contains(&line));
    if inside {
        wrong = Some("a line that allows something stands above the statement".to_owned());
    }
    if wrong.is_some() {
        codes.clear();
    }
    let step = scene.steps.iter().position(|step| step.line > line);
    Waiver { line, step, codes, wrong, used: Vec::new() }
}

//! Whether the stores answer.

use std::fmt;
use std::time::Duration;

use serde::Serialize;
use tokio::time::timeout;
use tradebase_core::clock::Tick;
use tradebase_core::{Code, Error, Table};

use crate::rooms::{AnyRoom, as_ms};

/// How long a room may take to answer before it counts as away.
pub const ANSWER_DEADLINE: Duration = Duration::from_secs(5);

/// How well a room, or all of them together, does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Status {
    /// Everything answers.
    Healthy,
    /// Something is amiss, and the truth is safe: a cache is away, a file is only in memory.
    Degraded,
    /// The relational store, which is the truth, does not answer.
    Unhealthy,
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Status::Healthy => "healthy",
            Status::Degraded => "degraded",
            Status::Unhealthy => "unhealthy",
        })
    }
}

/// The health of all rooms.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct Health {
    /// Unhealthy if the relational room is, degraded if anything else is amiss.
    pub status: Status,
    /// Room by room.
    pub rooms: Vec<RoomHealth>,
}

/// The health of a room.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct RoomHealth {
    /// `sql`, `cache`, `analytics` or `series`.
    pub room: &'static str,
    /// The engine: `sqlite`, `postgres` …
    pub engine: &'static str,
    /// Where it is, without secrets.
    pub address: String,
    /// How well it does.
    pub status: Status,
    /// How long it took to answer.
    #[serde(rename = "latency_ms", serialize_with = "as_ms")]
    pub latency: Duration,
    /// What is amiss.
    pub issues: Vec<Issue>,
}

/// Something that is amiss.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct Issue {
    /// What was looked at: `answer`, `file_locked`, `default_part`.
    pub check: &'static str,
    /// How bad it is.
    pub severity: Status,
    /// The stable code of the error, where it is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub code: Option<&'static str>,
    /// For people.
    pub message: String,
}

impl Health {
    pub(crate) fn of(rooms: Vec<RoomHealth>) -> Self {
        let status = rooms.iter().map(|room| room.status).max().unwrap_or(Status::Healthy);
        Self { status, rooms }
    }

    /// Whether nothing is amiss.
    pub fn is_healthy(&self) -> bool {
        self.status == Status::Healthy
    }
}

impl RoomHealth {
    fn of(room: &AnyRoom, latency: Duration, issues: Vec<Issue>) -> Self {
        Self {
            room: room.name(),
            engine: room.capabilities().engine,
            address: room.address(),
            status: issues.iter().map(|issue| issue.severity).max().unwrap_or(Status::Healthy),
            latency,
            issues,
        }
    }

    /// A room that does not answer.
    pub(crate) fn away(room: &AnyRoom, error: &Error) -> Self {
        Self::of(room, Duration::ZERO, vec![no_answer(room, error)])
    }
}

/// Asks a room whether it answers, and whether the parts of these tables are kept.
pub(crate) async fn ask(room: AnyRoom, tables: Vec<&'static Table>) -> RoomHealth {
    let start = Tick::now();
    let answer = timeout(ANSWER_DEADLINE, room.ping()).await.unwrap_or_else(|_| {
        let message = format!("no answer came within {ANSWER_DEADLINE:?}");
        Err(Error::new(Code::TimedOut, message))
    });
    let latency = start.elapsed();
    let mut issues = match answer {
        Ok(()) => unkept_parts(&room, &tables).await,
        Err(error) => vec![no_answer(&room, &error)],
    };
    if let Some(file) = room.instead_of() {
        issues.push(Issue {
            check: "file_locked",
            severity: Status::Degraded,
            code: Some(Code::FileLocked.as_str()),
            message: format!(
                "another process holds the file, rows are kept in memory and end with this \
                 process: {}",
                file.display()
            ),
        });
    }
    RoomHealth::of(&room, latency, issues)
}

/// Tables whose rows came to their default part, because nobody made their own in time.
async fn unkept_parts(room: &AnyRoom, tables: &[&'static Table]) -> Vec<Issue> {
    let AnyRoom::Sql(sql) = room else { return Vec::new() };
    let looked = timeout(ANSWER_DEADLINE, sql.default_parts_in_use(tables)).await;
    let found = looked.unwrap_or_else(|_| {
        let message = format!("the default parts could not be looked at in {ANSWER_DEADLINE:?}");
        Err(Error::new(Code::TimedOut, message))
    });
    let issue =
        |code, message| Issue { check: "default_part", severity: Status::Degraded, code, message };
    match found {
        Ok(tables) => tables
            .iter()
            .map(|table| {
                let name = table.name;
                issue(
                    None,
                    format!(
                        "rows came to the default part, as their own was missing; run tradebase \
                         partitions --table {name}, and do so in time: {name}"
                    ),
                )
            })
            .collect(),
        // Behind PgBouncer nobody can look.
        Err(error) if error.code() == Code::Unsupported => Vec::new(),
        Err(error) => vec![issue(Some(error.code().as_str()), error.to_string())],
    }
}

fn no_answer(room: &AnyRoom, error: &Error) -> Issue {
    // Everything but the truth can be made again.
    let severity = match room {
        AnyRoom::Sql(_) => Status::Unhealthy,
        _ => Status::Degraded,
    };
    let (code, message) = (Some(error.code().as_str()), error.to_string());
    Issue { check: "answer", severity, code, message }
}

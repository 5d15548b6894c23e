//! Writing: requests of bounded size, and an account of every row.

use std::ops::Range;

use bytes::Bytes;
use reqwest::Method;
use tradebase_core::{Code, Error, Record, Result};

use super::Influx;
use crate::error::{self, Refusal, Verdict};
use crate::identity;
use crate::line::Lines;
use crate::plan::Plan;
use crate::written::{ROWS_NAMED_MAX, Tally, Written};

/// How often the same lines are sent when the connection goes away. A kept connection may have
/// been closed by a server that is well, so a second try is worth it. It is safe: the lines are
/// the same, byte by byte, so what was stored the first time is stored again as it is.
const SENDS_MAX: usize = 2;

/// How often a partly refused request is halved, to find the refused lines. The server counts
/// refused lines of one shard only, so its count is no answer. The halves are the same lines
/// again, inside the same call, which changes nothing in what is stored.
const HALVINGS_MAX: usize = 64;

impl Influx {
    /// Writes rows, in as many requests as their number and size needs.
    pub async fn write<T: Record>(&self, plan: &'static Plan, rows: &[T]) -> Result<Written> {
        let mut checked = identity::check(plan, rows, self.bounds())?;
        let mut work = Work { plan, rows, tally: Tally::default(), halvings: 0 };
        work.tally.accepted = rows.len();
        if let Err(failed) = self.connect().await {
            return Err(work.broken_off(0..0, failed));
        }
        let lines = std::mem::take(&mut checked.lines);
        let mut first = Some(Bytes::from(lines)).filter(|lines| !lines.is_empty());
        let mut code = None;
        // The last is taken first.
        let mut waiting: Vec<_> = checked.runs.into_iter().rev().collect();
        while let Some(run) = waiting.pop() {
            let lines = match first.take() {
                Some(lines) => lines,
                None => work.lines(run.clone())?,
            };
            match self.send_lines(lines).await {
                Ok(verdict) => work.settle(run, verdict, &mut waiting, &mut code),
                Err(failed) => return Err(work.broken_off(run, failed)),
            }
        }
        work.close(code)
    }

    /// Sends lines until there is an answer to them.
    async fn send_lines(&self, lines: Bytes) -> Result<Verdict> {
        let sends = async {
            let mut sent = 1;
            loop {
                match self.send_once(lines.clone()).await {
                    Err(failed) if is_lost(&failed) && sent < SENDS_MAX => sent += 1,
                    answer => return answer,
                }
            }
        };
        // Both sends together have the time of one.
        self.timed(sends).await
    }

    async fn send_once(&self, lines: Bytes) -> Result<Verdict> {
        let mut query = vec![("db", self.options.database.as_str()), ("precision", "ns")];
        if let Some(policy) = &self.options.retention_policy {
            query.push(("rp", policy));
        }
        let request = self.request(Method::POST, "/write", &query).body(lines);
        let response = self.send(request).await?;
        let status = response.status().as_u16();
        let body = self.small(response).await?;
        match error::verdict(status, &body) {
            Verdict::Failed(failed) => Err(failed),
            verdict => Ok(verdict),
        }
    }
}

fn is_lost(error: &Error) -> bool {
    matches!(error.code(), Code::ConnectionLost | Code::ConnectionFailed)
}

/// A write under way.
struct Work<'a, T> {
    plan: &'static Plan,
    rows: &'a [T],
    tally: Tally,
    halvings: usize,
}

impl<T: Record> Work<'_, T> {
    fn lines(&self, run: Range<usize>) -> Result<Bytes> {
        let (mut lines, mut writer) = (Vec::new(), Lines::new(self.plan));
        for row in self.rows.get(run).unwrap_or_default() {
            writer.write(row, &mut lines)?;
        }
        Ok(lines.into())
    }

    /// Notes what became of a run, or halves it, to be sent again.
    fn settle(
        &mut self,
        run: Range<usize>,
        verdict: Verdict,
        waiting: &mut Vec<Range<usize>>,
        code: &mut Option<Code>,
    ) {
        match verdict {
            Verdict::Stored => self.tally.stored += run.len(),
            Verdict::Refused(refusal) => self.refuse(run, &refusal, code),
            Verdict::Partly { dropped, refusal } if run.len() <= dropped.max(1) => {
                self.refuse(run, &refusal, code);
            }
            Verdict::Partly { dropped, refusal } if self.halvings >= HALVINGS_MAX => {
                self.tally.rejected += dropped;
                self.tally.unknown += run.len() - dropped;
                note(&mut self.tally, &refusal, code);
            }
            Verdict::Partly { .. } => {
                self.halvings += 1;
                halve(run, waiting);
            }
            Verdict::TooLarge if run.len() > 1 => halve(run, waiting),
            Verdict::TooLarge => {
                let words = "a single row is larger than the server takes".to_owned();
                self.refuse(run, &Refusal { code: Code::StorageFull, words }, code);
            }
            // Never comes here: it ends the call.
            Verdict::Failed(_) => self.tally.unknown += run.len(),
        }
    }

    fn refuse(&mut self, run: Range<usize>, refusal: &Refusal, code: &mut Option<Code>) {
        self.tally.rejected += run.len();
        let room = ROWS_NAMED_MAX.saturating_sub(self.tally.rows.len());
        self.tally.rows.extend(run.take(room));
        note(&mut self.tally, refusal, code);
    }

    fn close(self, code: Option<Code>) -> Result<Written> {
        let Some(code) = code else {
            return Ok(Written { accepted: self.tally.accepted, stored: self.tally.stored });
        };
        Err(Error::new(code, "the server refused rows").because(self.tally))
    }

    /// The call ends early: what was sent last is not known, unless the server took nothing.
    fn broken_off(mut self, run: Range<usize>, failed: Error) -> Error {
        let none_taken = matches!(
            failed.code(),
            Code::ConnectionFailed
                | Code::AuthenticationRefused
                | Code::AccessDenied
                | Code::SchemaMismatch
                | Code::PoolExhausted
                | Code::Config
        );
        if !none_taken {
            self.tally.unknown += run.len();
        }
        let tally = &mut self.tally;
        let known = tally.stored + tally.rejected + tally.unknown;
        tally.unsent = tally.accepted.saturating_sub(known);
        tally.reason = failed.to_string();
        Error::new(failed.code(), "not all rows were written").because(self.tally)
    }
}

/// The first refusal is the one that is told.
fn note(tally: &mut Tally, refusal: &Refusal, code: &mut Option<Code>) {
    if code.is_none() {
        *code = Some(refusal.code);
        tally.reason = refusal.shown();
    }
}

fn halve(run: Range<usize>, waiting: &mut Vec<Range<usize>>) {
    let middle = run.start + run.len() / 2;
    waiting.push(middle..run.end);
    waiting.push(run.start..middle);
}

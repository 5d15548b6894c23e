//! What keeps points apart: their tags and time.
//!
//! Writing a record again gives the same point. Two different records of equal tags and time
//! would give one point too, and one of them would be lost; inside one batch that is refused.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::hash::{DefaultHasher, Hasher};
use std::ops::Range;

use tradebase_core::{Code, Error, Record, Result, rule};

use crate::line::Lines;
use crate::plan::Plan;

/// What is known of rows before any of them is written.
#[derive(Debug, Default)]
// An engine that is not built in needs some.
#[allow(dead_code)]
pub struct Checked {
    /// Rows that say the same as an earlier row, in rising order.
    pub repeated: Vec<usize>,
    /// The rows in runs that fit the bounds of a request.
    pub runs: Vec<Range<usize>>,
    /// The lines, if all rows are one run.
    pub lines: Vec<u8>,
}

/// The bounds of one request.
#[derive(Clone, Copy, Debug)]
pub struct Bounds {
    /// The most lines.
    pub lines: usize,
    /// The most bytes, unless a single line has more.
    pub bytes: usize,
}

/// Checks every row against its rules and limits, and all of them against each other.
///
/// Memory is bounded: the lines of one run, and two words a row.
pub fn check<T: Record>(plan: &'static Plan, rows: &[T], bounds: Bounds) -> Result<Checked> {
    let mut checked = Checked::default();
    let mut seen = Seen { plan, rows, first: HashMap::with_capacity(rows.len()) };
    let (mut first, mut lines, mut writer) = (0, Vec::new(), Lines::new(plan));
    for (i, row) in rows.iter().enumerate() {
        rule::check(row).map_err(|e| e.at_row(i))?;
        let start = lines.len();
        let line = writer.write(row, &mut lines).map_err(|e| rule::explain(row, e).at_row(i))?;
        if seen.repeats(i, &lines[start..line.tags_end], &lines[line.tags_end..], line.time)? {
            checked.repeated.push(i);
        }
        if i > first && (i - first >= bounds.lines || lines.len() > bounds.bytes) {
            checked.runs.push(first..i);
            first = i;
            lines.drain(..start);
        }
    }
    if first < rows.len() {
        checked.runs.push(first..rows.len());
    }
    if checked.runs.len() == 1 {
        checked.lines = lines;
    }
    Ok(checked)
}

/// The first row of each series and time.
struct Seen<'a, T> {
    plan: &'static Plan,
    rows: &'a [T],
    first: HashMap<u64, usize>,
}

impl<T: Record> Seen<'_, T> {
    /// Whether an earlier row is the same; an error if one is different at the same place.
    fn repeats(&mut self, i: usize, tags: &[u8], rest: &[u8], time: i64) -> Result<bool> {
        let mut hasher = DefaultHasher::new();
        hasher.write(tags);
        hasher.write_i64(time);
        let mut hash = hasher.finish();
        loop {
            let earlier = match self.first.entry(hash) {
                Entry::Vacant(place) => {
                    place.insert(i);
                    return Ok(false);
                }
                Entry::Occupied(place) => *place.get(),
            };
            let mut other = Vec::new();
            let line = Lines::new(self.plan).write(&self.rows[earlier], &mut other)?;
            let (other_tags, other_rest) = other.split_at(line.tags_end);
            if line.time == time && other_tags == tags {
                return if other_rest == rest { Ok(true) } else { Err(collision(earlier, i)) };
            }
            // Different points of equal hash: the next free place is as good.
            hash = hash.wrapping_add(1);
        }
    }
}

#[cold]
fn collision(earlier: usize, later: usize) -> Error {
    let message = format!(
        "two different records have equal tags and time, so they would be one point: rows \
         {earlier} and {later}"
    );
    Error::new(Code::NotUnique, message)
}

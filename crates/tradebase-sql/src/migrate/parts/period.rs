//! The stretches of time that parts hold.

use tradebase_core::chrono::{DateTime, Datelike, Days, Months, NaiveDate, NaiveTime};
use tradebase_core::{PartitionStep, Timestamp};

use super::Keep;

/// A stretch of time that a part holds: whole days in UTC, from the first moment of one to that of
/// another, which is not part of it. In microseconds since 1970.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Period {
    pub(super) from: i64,
    pub(super) to: i64,
}

impl Period {
    /// The one that holds this moment; none beyond the calendar.
    pub(super) fn of(moment: Timestamp, step: PartitionStep) -> Option<Self> {
        Self::from_day(first_day(moment, step)?, step)
    }

    /// The one behind it.
    pub(super) fn next(self, step: PartitionStep) -> Option<Self> {
        Self::from_day(day(self.to)?, step)
    }

    fn from_day(from: NaiveDate, step: PartitionStep) -> Option<Self> {
        Some(Self { from: micros(from), to: micros(later(from, step, 1)?) })
    }

    /// What tells its part from others in the name: `2026_11`, `2026_11_21`.
    pub(super) fn label(self, step: PartitionStep) -> String {
        let Some(day) = day(self.from) else { return self.from.to_string() };
        let month = format!("{:04}_{:02}", day.year(), day.month());
        match step {
            PartitionStep::Day => format!("{month}_{:02}", day.day()),
            _ => month,
        }
    }
}

/// From when on rows are kept: the beginning of a part. None if all of them are.
pub(super) fn kept_from(now: Timestamp, keep: Keep, step: PartitionStep) -> Option<Timestamp> {
    let from = match keep {
        Keep::Parts(parts) => {
            let day = first_day(now, step)?;
            match step {
                PartitionStep::Day => day.checked_sub_days(Days::new(parts.into()))?,
                _ => day.checked_sub_months(Months::new(parts))?,
            }
        }
        Keep::For(time) => {
            let time = i64::try_from(time.as_micros()).ok()?;
            let since = now.as_micros().checked_sub(time)?;
            first_day(Timestamp::from_micros(since), step)?
        }
    };
    Some(Timestamp::from_micros(micros(from)))
}

/// A moment as PostgreSQL reads it: the beginning of its day.
pub(super) fn text(micros: i64) -> Option<String> {
    let day = day(micros)?;
    Some(format!("{:04}-{:02}-{:02} 00:00:00+00", day.year(), day.month(), day.day()))
}

fn first_day(moment: Timestamp, step: PartitionStep) -> Option<NaiveDate> {
    let day = day(moment.as_micros())?;
    match step {
        PartitionStep::Day => Some(day),
        _ => day.with_day(1),
    }
}

fn later(day: NaiveDate, step: PartitionStep, by: u32) -> Option<NaiveDate> {
    match step {
        PartitionStep::Day => day.checked_add_days(Days::new(by.into())),
        _ => day.checked_add_months(Months::new(by)),
    }
}

fn day(micros: i64) -> Option<NaiveDate> {
    DateTime::from_timestamp_micros(micros).map(|moment| moment.date_naive())
}

fn micros(day: NaiveDate) -> i64 {
    day.and_time(NaiveTime::MIN).and_utc().timestamp_micros()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn moment(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    #[test]
    fn a_period_holds_its_moment_and_is_followed_by_the_next() {
        for (at, step, label, from, to) in [
            ("2026-11-21T23:59:59Z", PartitionStep::Day, "2026_11_21", "2026-11-21", "2026-11-22"),
            ("2026-12-01T00:00:00Z", PartitionStep::Month, "2026_12", "2026-12-01", "2027-01-01"),
            ("1969-12-31T23:59:59Z", PartitionStep::Month, "1969_12", "1969-12-01", "1970-01-01"),
            ("0001-01-01T00:00:00Z", PartitionStep::Day, "0001_01_01", "0001-01-01", "0001-01-02"),
            ("9999-12-31T23:59:59Z", PartitionStep::Month, "9999_12", "9999-12-01", "10000-01-01"),
        ] {
            let period = Period::of(moment(at), step).unwrap();
            assert_eq!(period.label(step), label);
            let day = |text: &str| Some(format!("{text} 00:00:00+00"));
            assert_eq!((text(period.from), text(period.to)), (day(from), day(to)));
            assert!((period.from..period.to).contains(&moment(at).as_micros()), "{at}");
            let next = period.next(step).unwrap();
            assert_eq!(next.from, period.to);
        }
    }

    #[test]
    fn what_is_kept_begins_with_a_whole_part() {
        let now = moment("2026-03-31T10:00:00Z");
        let day = Duration::from_secs(86_400);
        for (keep, step, want) in [
            (Keep::Parts(0), PartitionStep::Month, "2026-03-01T00:00:00Z"),
            (Keep::Parts(1), PartitionStep::Month, "2026-02-01T00:00:00Z"),
            (Keep::Parts(30), PartitionStep::Day, "2026-03-01T00:00:00Z"),
            (Keep::For(day * 30), PartitionStep::Month, "2026-03-01T00:00:00Z"),
            (Keep::For(day * 31), PartitionStep::Month, "2026-02-01T00:00:00Z"),
            (Keep::For(Duration::ZERO), PartitionStep::Day, "2026-03-31T00:00:00Z"),
        ] {
            assert_eq!(kept_from(now, keep, step), Some(moment(want)), "{keep:?}");
        }
        assert_eq!(kept_from(now, Keep::Parts(u32::MAX), PartitionStep::Month), None);
        assert_eq!(kept_from(now, Keep::For(Duration::MAX), PartitionStep::Day), None);
    }
}

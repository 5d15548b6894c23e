//! Moments and days: UTC, exact, with their text forms.

mod civil;
mod text;

use std::fmt;
use std::str::FromStr;

use chrono::{DateTime, NaiveDate, Utc};

pub use text::ParseTimeError;

/// A moment in UTC, counted in microseconds from 1970.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(i64);

/// A moment in UTC, counted in nanoseconds from 1970.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TimestampNs(i64);

/// A calendar day, counted from 1970-01-01.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Date(i32);

impl Timestamp {
    /// The first moment a table holds: year 1.
    pub const MIN: Timestamp = Timestamp(-62_135_596_800_000_000);
    /// The last moment a table holds: the end of the year 9999.
    pub const MAX: Timestamp = Timestamp(253_402_300_799_999_999);
    /// The first moment a time series holds: the first whole day of the range of nanoseconds,
    /// in 1677.
    pub const SERIES_MIN: Timestamp = Timestamp(-9_223_286_400_000_000);
    /// The last moment a time series holds, in 2262.
    pub const SERIES_MAX: Timestamp = Timestamp(9_223_372_036_854_775);

    /// So many microseconds after 1970.
    pub const fn from_micros(micros: i64) -> Self {
        Self(micros)
    }

    /// The microseconds since 1970.
    pub const fn as_micros(self) -> i64 {
        self.0
    }

    /// The moment of a [`DateTime`], with the nanoseconds below a microsecond cut off.
    pub fn truncated(moment: DateTime<Utc>) -> Self {
        Self(moment.timestamp_micros())
    }

    /// The same moment in nanoseconds; none before 1677 and after 2262.
    pub const fn to_ns(self) -> Option<TimestampNs> {
        match self.0.checked_mul(1000) {
            Some(ns) => Some(TimestampNs(ns)),
            None => None,
        }
    }

    /// Writes it as RFC 3339 with six digits of a second and `Z`.
    pub fn write(self, out: &mut Vec<u8>) {
        text::moment(out, self.0.div_euclid(1_000_000), self.0.rem_euclid(1_000_000), 6);
    }
}

impl TimestampNs {
    /// The first moment a table or series holds: the first whole day of the range of nanoseconds,
    /// in 1677. DuckDB keeps the hours before it, but cannot show them as text.
    pub const MIN: TimestampNs = TimestampNs(-9_223_286_400_000_000_000);
    /// The last moment a table or series holds.
    pub const MAX: TimestampNs = TimestampNs(i64::MAX - 1);

    /// So many nanoseconds after 1970.
    pub const fn from_nanos(nanos: i64) -> Self {
        Self(nanos)
    }

    /// The nanoseconds since 1970.
    pub const fn as_nanos(self) -> i64 {
        self.0
    }

    /// The same moment, with the nanoseconds below a microsecond cut off.
    pub const fn truncated(self) -> Timestamp {
        Timestamp(self.0.div_euclid(1000))
    }

    /// Writes it as RFC 3339 with nine digits of a second and `Z`.
    pub fn write(self, out: &mut Vec<u8>) {
        text::moment(out, self.0.div_euclid(1_000_000_000), self.0.rem_euclid(1_000_000_000), 9);
    }
}

impl Date {
    /// The first day a table holds.
    pub const MIN: Date = Date(-719_162);
    /// The last day a table holds.
    pub const MAX: Date = Date(2_932_896);

    /// So many days after 1970-01-01.
    pub const fn from_days(days: i32) -> Self {
        Self(days)
    }

    /// The days since 1970-01-01.
    pub const fn as_days(self) -> i32 {
        self.0
    }

    /// The day of the calendar; none if there is no such day.
    pub fn new(year: i32, month: u32, day: u32) -> Option<Self> {
        let days = civil::days(year.into(), month, day)?;
        i32::try_from(days).ok().map(Self)
    }

    /// Writes it as `2026-11-20`.
    pub fn write(self, out: &mut Vec<u8>) {
        text::day(out, self.0.into());
    }
}

macro_rules! written {
    ($($type:ty: $parse:path;)+) => {$(
        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                let mut out = Vec::with_capacity(32);
                self.write(&mut out);
                f.write_str(&String::from_utf8_lossy(&out))
            }
        }

        impl FromStr for $type {
            type Err = ParseTimeError;

            /// Reads RFC 3339; a text without a zone is UTC.
            fn from_str(text: &str) -> Result<Self, ParseTimeError> {
                $parse(text.as_bytes()).map(Self)
            }
        }

        impl serde::Serialize for $type {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> serde::Deserialize<'de> for $type {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = <std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
                text.parse().map_err(serde::de::Error::custom)
            }
        }
    )+};
}

written! {
    Timestamp: text::parse_micros;
    TimestampNs: text::parse_nanos;
    Date: text::parse_days;
}

impl From<Timestamp> for TimeParts {
    fn from(moment: Timestamp) -> Self {
        Self {
            secs: moment.0.div_euclid(1_000_000),
            nanos: small(moment.0.rem_euclid(1_000_000) * 1000),
        }
    }
}

impl From<TimestampNs> for TimeParts {
    fn from(moment: TimestampNs) -> Self {
        Self {
            secs: moment.0.div_euclid(1_000_000_000),
            nanos: small(moment.0.rem_euclid(1_000_000_000)),
        }
    }
}

/// A moment as whole seconds since 1970 and nanoseconds, as many formats want it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TimeParts {
    /// Seconds since 1970, rounded down.
    pub secs: i64,
    /// Nanoseconds of the second.
    pub nanos: u32,
}

impl TimeParts {
    /// The moment to the microsecond; none if it has nanoseconds below, or does not fit.
    pub fn to_micros(self) -> Option<Timestamp> {
        if !self.nanos.is_multiple_of(1000) {
            return None;
        }
        self.secs.checked_mul(1_000_000)?.checked_add(i64::from(self.nanos / 1000)).map(Timestamp)
    }

    /// The moment to the nanosecond; none if it does not fit.
    pub fn to_nanos(self) -> Option<TimestampNs> {
        let ns = i128::from(self.secs) * 1_000_000_000 + i128::from(self.nanos);
        i64::try_from(ns).ok().map(TimestampNs)
    }
}

/// Nanoseconds of a second fit 32 bits.
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
const fn small(nanos: i64) -> u32 {
    nanos as u32
}

impl From<Timestamp> for TimestampNs {
    /// Saturates at the ends of the range; use [`Timestamp::to_ns`] to see them.
    fn from(moment: Timestamp) -> Self {
        Self(moment.0.saturating_mul(1000))
    }
}

impl TryFrom<Timestamp> for DateTime<Utc> {
    type Error = ParseTimeError;

    fn try_from(moment: Timestamp) -> Result<Self, ParseTimeError> {
        DateTime::from_timestamp_micros(moment.0).ok_or(ParseTimeError::OUT_OF_RANGE)
    }
}

impl TryFrom<DateTime<Utc>> for Timestamp {
    type Error = ParseTimeError;

    /// Exact: a moment between two microseconds is refused.
    fn try_from(moment: DateTime<Utc>) -> Result<Self, ParseTimeError> {
        if !moment.timestamp_subsec_nanos().is_multiple_of(1000) {
            return Err(ParseTimeError::TOO_FINE);
        }
        Ok(Self::truncated(moment))
    }
}

impl From<TimestampNs> for DateTime<Utc> {
    fn from(moment: TimestampNs) -> Self {
        DateTime::from_timestamp_nanos(moment.0)
    }
}

impl TryFrom<DateTime<Utc>> for TimestampNs {
    type Error = ParseTimeError;

    fn try_from(moment: DateTime<Utc>) -> Result<Self, ParseTimeError> {
        moment.timestamp_nanos_opt().map(Self).ok_or(ParseTimeError::OUT_OF_RANGE)
    }
}

impl TryFrom<Date> for NaiveDate {
    type Error = ParseTimeError;

    fn try_from(day: Date) -> Result<Self, ParseTimeError> {
        NaiveDate::from_epoch_days(day.0).ok_or(ParseTimeError::OUT_OF_RANGE)
    }
}

impl From<NaiveDate> for Date {
    fn from(day: NaiveDate) -> Self {
        Self(day.to_epoch_days())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_written_and_read_back() {
        for moment in
            [Timestamp::MIN, Timestamp::MAX, Timestamp(0), Timestamp(-1), Timestamp(i64::MAX)]
        {
            assert_eq!(moment.to_string().parse(), Ok(moment), "{moment}");
        }
        for moment in [TimestampNs::MIN, TimestampNs::MAX, TimestampNs(-1)] {
            assert_eq!(moment.to_string().parse(), Ok(moment), "{moment}");
        }
        assert_eq!(Timestamp::MIN.to_string(), "0001-01-01T00:00:00.000000Z");
        assert_eq!(Timestamp::MAX.to_string(), "9999-12-31T23:59:59.999999Z");
        assert_eq!(Date::MIN.to_string(), "0001-01-01");
        assert_eq!(Date::MAX.to_string(), "9999-12-31");
    }

    #[test]
    fn days_agree_with_chrono() {
        for days in (-800_000..3_000_000).step_by(97) {
            let ours = Date(days);
            let theirs = NaiveDate::from_epoch_days(days).unwrap();
            assert_eq!(Date::from(theirs), ours);
            if (0..=9999).contains(&chrono::Datelike::year(&theirs)) {
                assert_eq!(ours.to_string(), theirs.to_string());
            }
        }
    }
}

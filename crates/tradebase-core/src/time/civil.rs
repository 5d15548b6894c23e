//! The Gregorian calendar, forwards and backwards without a table.
//!
//! Days are counted in eras of 400 years that begin in March, so that the leap day is the last
//! day of a year.

const DAYS_PER_ERA: i64 = 146_097;
/// From 0000-03-01 to 1970-01-01.
const EPOCH: i64 = 719_468;

/// The day's number since 1970-01-01; none if the calendar has no such day.
pub(super) fn days(year: i64, month: u32, day: u32) -> Option<i64> {
    if !(1..=12).contains(&month) || day == 0 || day > month_length(year, month) {
        return None;
    }
    let (month, day) = (i64::from(month), i64::from(day));
    let year = year.checked_sub(i64::from(month <= 2))?;
    let (era, of_era) = (year.div_euclid(400), year.rem_euclid(400));
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let day_of_era = of_era * 365 + of_era / 4 - of_era / 100 + day_of_year;
    era.checked_mul(DAYS_PER_ERA)?.checked_add(day_of_era - EPOCH)
}

/// Year, month and day of the day's number.
pub(super) fn from_days(days: i64) -> (i64, u8, u8) {
    let shifted = days + EPOCH;
    let (era, day_of_era) = (shifted.div_euclid(DAYS_PER_ERA), shifted.rem_euclid(DAYS_PER_ERA));
    let of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * of_era + of_era / 4 - of_era / 100);
    let from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * from_march + 2) / 5 + 1;
    let month = if from_march < 10 { from_march + 3 } else { from_march - 9 };
    (of_era + era * 400 + i64::from(month <= 2), small(month), small(day))
}

/// Months and days fit a byte.
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
const fn small(value: i64) -> u8 {
    value as u8
}

fn month_length(year: i64, month: u32) -> u32 {
    match month {
        4 | 6 | 9 | 11 => 30,
        2 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
        2 => 28,
        _ => 31,
    }
}

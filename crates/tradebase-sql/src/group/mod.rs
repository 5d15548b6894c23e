//! Counts, sums and extremes, over all rows that a find finds and over groups of them.

mod builder;
mod cells;
mod key;
mod measure;
mod total;
mod whole;

pub use builder::{GroupOrder, Groups, Having, MeasuredGroups};
pub use key::{By, Keys, by_day, by_hour, by_minute};
pub use measure::{
    Compared, Counted, Extreme, Mean, Measure, Measures, Reading, Summed, avg, count,
    count_distinct, count_of, max, min, sum,
};
pub use total::{MEAN_DIGITS, Total};

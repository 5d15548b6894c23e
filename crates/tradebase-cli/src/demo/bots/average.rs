//! An average that forgets.

/// An average over about so much time, in thousandths.
#[derive(Clone, Copy, Debug)]
pub(super) struct Average {
    span_us: i64,
    at_us: i64,
    fine: Option<i128>,
}

const FINE: i128 = 1000;

impl Average {
    pub(super) const fn over(span_us: i64) -> Self {
        Self { span_us, at_us: 0, fine: None }
    }

    /// Takes a value, with the more weight the longer the last one is ago, and answers with the
    /// average.
    pub(super) fn take(&mut self, at_us: i64, value: i128) -> i128 {
        let passed = (at_us - self.at_us).clamp(0, self.span_us);
        self.at_us = at_us;
        let before = self.fine.unwrap_or(value * FINE);
        let now = before + (value * FINE - before) * i128::from(passed) / i128::from(self.span_us);
        self.fine = Some(now);
        now / FINE
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_average_begins_with_its_first_value_and_follows_the_others() {
        let mut average = Average::over(100);
        assert_eq!(average.take(1000, 50), 50);
        assert_eq!(average.take(1050, 100), 75);
        assert_eq!(average.take(5000, 20), 20);
    }
}

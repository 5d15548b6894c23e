//! What a bot holds of one symbol, by average cost.

use super::exact::divide;

/// A quantity with the money that it took, both signed.
///
/// The money is the sum of the cash flows that opened it, fees among them: below zero for what was
/// bought, above for what was sold short. Closing a part releases that part of the money, rounded
/// half to even; the last part releases all that is left. So the profits add up to the cash flows
/// without a remainder.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Position {
    quantity: i128,
    cash: i128,
}

impl Position {
    /// What is held: above zero if it was bought, below if it was sold short.
    pub(crate) const fn quantity(self) -> i128 {
        self.quantity
    }

    /// How much of a signed quantity closes what is held; the rest would open.
    pub(crate) fn closing(self, quantity: i128) -> i128 {
        if self.quantity.signum() * quantity.signum() < 0 {
            quantity.abs().min(self.quantity.abs())
        } else {
            0
        }
    }

    /// Takes a signed quantity and its signed cash flow, and answers with what closing won.
    ///
    /// # Panics
    ///
    /// If it would close and open at once: that is two trades.
    pub(crate) fn trade(&mut self, quantity: i128, cash: i128) -> Option<i128> {
        let closing = self.closing(quantity);
        assert!(closing == 0 || closing == quantity.abs(), "one trade closes or opens");
        if closing == 0 {
            self.quantity += quantity;
            self.cash += cash;
            return None;
        }
        let released = divide(self.cash * closing, self.quantity.abs());
        self.quantity += quantity;
        self.cash -= released;
        Some(released + cash)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::demo::random::Random;

    #[test]
    fn a_profit_is_what_the_closed_part_brought_over_its_average_cost() {
        let mut position = Position::default();
        assert_eq!(position.trade(2, -200), None);
        assert_eq!(position.trade(1, -130), None);
        assert_eq!(position.trade(-1, 150), Some(40));
        assert_eq!(position.trade(-2, 180), Some(-40));
        assert_eq!(position, Position::default());
    }

    #[test]
    fn a_short_position_wins_when_it_is_bought_back_lower() {
        let mut position = Position::default();
        assert_eq!(position.trade(-3, 300), None);
        assert_eq!(position.closing(5), 3);
        assert_eq!(position.trade(3, -270), Some(30));
    }

    #[test]
    fn profits_add_up_to_the_cash_flows_whatever_is_rounded() {
        let mut random = Random::new(1, 1);
        for _ in 0..500 {
            let (mut position, mut flows, mut profits) = (Position::default(), 0, 0);
            let sign = if random.one_in(2) { 1 } else { -1 };
            for _ in 0..random.below(20) {
                let opens = position.quantity == 0 || random.one_in(2);
                let most = if opens { 1000 } else { position.quantity.abs() };
                let size = 1 + i128::from(random.below(u32::try_from(most).unwrap()));
                let quantity = if opens { size * sign } else { -size.min(most) * sign };
                let cash = -quantity * 977 - i128::from(random.below(50));
                flows += cash;
                profits += position.trade(quantity, cash).unwrap_or_default();
            }
            let cash = position.quantity * 991;
            if position.quantity != 0 {
                flows += cash;
                profits += position.trade(-position.quantity, cash).unwrap();
            }
            assert_eq!(position, Position::default());
            assert_eq!(profits, flows);
        }
    }
}

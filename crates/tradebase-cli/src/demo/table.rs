//! The figures as a table for people.

use tradebase::Decimal;

use super::report::{Figures, Report};

/// How a table looks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Style {
    /// Losses in red and profits in green, by the codes of a terminal.
    pub colour: bool,
}

/// The widest name that is shown whole.
const NAME_MAX: usize = 20;

const HEADING: [&str; 8] =
    ["bot", "fills", "trades", "win rate", "PnL", "fees", "max drawdown", "Sharpe"];

const RED: &str = "\x1b[31m";
const GREEN: &str = "\x1b[32m";
const PLAIN: &str = "\x1b[0m";

/// A text in a column, and the colour it has if there are colours.
struct Cell {
    text: String,
    colour: Option<&'static str>,
}

impl Report {
    /// The figures as aligned columns, at most 100 wide, one line for each bot and one for all.
    pub(crate) fn table(&self, style: Style) -> String {
        let heading = HEADING.map(|text| Cell { text: text.to_owned(), colour: None });
        let bots = self.bots.iter().map(cells);
        let rows: Vec<_> = [heading].into_iter().chain(bots).chain([cells(&self.total)]).collect();
        let widths = std::array::from_fn(|at| {
            rows.iter().map(|row| row[at].text.chars().count()).max().unwrap_or(0)
        });
        let rule = "-".repeat(widths.iter().sum::<usize>() + 2 * (widths.len() - 1));
        let mut lines: Vec<_> = rows.iter().map(|row| line(row, &widths, style)).collect();
        lines.insert(1, rule.clone());
        lines.insert(lines.len() - 1, rule);
        lines.join("\n")
    }
}

fn cells(figures: &Figures) -> [Cell; 8] {
    let plain = |text| Cell { text, colour: None };
    let sharpe = figures.sharpe.map(|ratio| (format!("{ratio:+.2}"), sign(ratio < 0.0)));
    let (sharpe, sharpe_colour) = sharpe.unwrap_or_else(|| ("none".to_owned(), None));
    [
        plain(short(&figures.name)),
        plain(grouped(&figures.fills.to_string())),
        plain(grouped(&figures.trades.to_string())),
        plain(format!("{:.1} %", figures.win_rate)),
        Cell {
            text: money(figures.pnl, true),
            colour: sign(figures.pnl.is_sign_negative()).filter(|_| !figures.pnl.is_zero()),
        },
        plain(money(figures.fees, false)),
        plain(money(figures.max_drawdown, false)),
        Cell { text: sharpe, colour: sharpe_colour },
    ]
}

const fn sign(is_loss: bool) -> Option<&'static str> {
    Some(if is_loss { RED } else { GREEN })
}

/// The first column to the left, numbers to the right.
fn line(row: &[Cell; 8], widths: &[usize; 8], style: Style) -> String {
    let mut line = String::new();
    for (at, (cell, &width)) in row.iter().zip(widths).enumerate() {
        let text = &cell.text;
        let padded = if at == 0 { format!("{text:<width$}") } else { format!("  {text:>width$}") };
        match cell.colour.filter(|_| style.colour) {
            Some(colour) => {
                line.push_str(&padded.replace(text, &format!("{colour}{text}{PLAIN}")));
            }
            None => line.push_str(&padded),
        }
    }
    line
}

fn short(name: &str) -> String {
    if name.chars().count() <= NAME_MAX {
        return name.to_owned();
    }
    name.chars().take(NAME_MAX - 1).chain(['…']).collect()
}

/// Money to two digits, with its thousands apart, and with the sign of a profit if that is asked.
pub(crate) fn money(value: Decimal, signed: bool) -> String {
    let value = value.round_dp(2);
    let sign = match (value.is_sign_negative() && !value.is_zero(), signed && !value.is_zero()) {
        (true, _) => "-",
        (false, true) => "+",
        (false, false) => "",
    };
    let text = format!("{:.2}", value.abs());
    let (whole, cents) = text.split_once('.').unwrap_or((&text, "00"));
    format!("{sign}{}.{cents}", grouped(whole))
}

/// Digits in groups of three.
pub(crate) fn grouped(digits: &str) -> String {
    let mut text = String::with_capacity(digits.len() * 4 / 3);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::demo::fixture;

    fn report(name: &str, pnls: &[Option<&str>]) -> Report {
        let (mut bot, fills) = fixture::fills(pnls);
        bot.name = name.to_owned();
        Report::new(fixture::DAY, &[bot], &fills)
    }

    #[test]
    fn columns_are_aligned_and_losses_have_their_sign() {
        let table = report("coin flip", &[None, Some("-1234.567")]).table(Style::default());
        let lines: Vec<_> = table.lines().collect();
        assert_eq!(
            lines,
            [
                "bot        fills  trades  win rate        PnL  fees  max drawdown  Sharpe",
                "-------------------------------------------------------------------------",
                "coin flip      2       1     0.0 %  -1,234.57  2.00      1,234.57  -19.10",
                "-------------------------------------------------------------------------",
                "total          2       1     0.0 %  -1,234.57  2.00      1,234.57  -19.10",
            ]
        );
    }

    #[test]
    fn no_table_is_wider_than_100_columns() {
        let large = "9999999999.99999999";
        let table = report(&"ä".repeat(40), &[Some(large), Some("-9999999999"), Some(large)]);
        let table = table.table(Style::default());
        assert!(table.lines().all(|line| line.chars().count() <= 100), "{table}");
        assert!(table.contains("…"));
    }

    #[test]
    fn colours_are_there_only_if_asked_for() {
        let report = report("bot", &[Some("-1.5"), Some("0.5")]);
        let (plain, coloured) =
            (report.table(Style::default()), report.table(Style { colour: true }));
        assert!(!plain.contains('\x1b') && coloured.contains("\x1b[31m-1.00\x1b[0m"));
        let bare = [RED, GREEN, PLAIN].iter().fold(coloured, |text, code| text.replace(code, ""));
        assert_eq!(bare, plain);
    }

    #[test]
    fn money_has_its_thousands_apart() {
        for (value, signed, text) in [
            ("0", true, "0.00"),
            ("-0.001", true, "0.00"),
            ("1234567.891", true, "+1,234,567.89"),
            ("-999.995", false, "-1,000.00"),
            ("12", false, "12.00"),
        ] {
            assert_eq!(money(value.parse().unwrap(), signed), text);
        }
    }
}

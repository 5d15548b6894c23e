//! The equity curves of a day as one SVG picture, without any other file.

use std::fmt::{self, Write};

use tradebase::Date;

use super::curve::{Curve, Point, TOTAL};
use super::exact::{ONE, decimal, units};
use super::market::{DAY_US, MINUTE_US, begin_us};
use super::table::money;

/// The size of the picture and the place of the curves in it, in pixels.
const WIDTH: i128 = 960;
const HEIGHT: i128 = 420;
const LEFT: i128 = 84;
const RIGHT: i128 = 786;
const TOP: i128 = 66;
const BOTTOM: i128 = 380;

/// Where the legend stands, and how far apart its entries are.
const LEGEND_LEFT: i128 = 814;
const LEGEND_STEP: i128 = 42;

/// The most corners of a curve.
const CORNERS_MAX: usize = 600;

/// How many lines go across, about.
const LINES: i128 = 8;

/// The smallest step between two lines, in units of money: one cent.
const STEP_MIN: i128 = ONE / 100;

/// Colours that differ for the colour-blind too, in the order of the bots.
const COLOURS: [&str; 6] = ["#0072b2", "#d55e00", "#009e73", "#aa4499", "#b8860b", "#56b4e9"];
const TOTAL_COLOUR: &str = "#111827";

/// The form of what is drawn. The ground is painted, so that it reads on a dark page too.
const STYLE: &str = "\
text{font:12px system-ui,-apple-system,'Segoe UI',Roboto,'DejaVu Sans',sans-serif;fill:#4b5563;\
font-variant-numeric:tabular-nums}\
.title{font-size:16px;font-weight:600;fill:#111827}\
.name{fill:#111827}.profit{font-weight:600}.loss{fill:#b91c1c}.gain{fill:#047857}\
.grid{stroke:#e5e7eb;stroke-width:1}.zero{stroke:#6b7280;stroke-width:1}\
polyline{fill:none;stroke-width:1.5;stroke-linejoin:round}.total{stroke-width:2}";

/// Draws the curves of a day, as [`curves`](super::curve::curves) makes them. The remark stands
/// under the title.
pub(crate) fn equity(day: Date, remark: &str, curves: &[Curve]) -> String {
    let mut svg = String::new();
    // Writing to a string cannot fail.
    let _ = draw(&mut svg, day, remark, curves);
    svg
}

fn draw(svg: &mut String, day: Date, remark: &str, curves: &[Curve]) -> fmt::Result {
    let frame = Frame::around(day, curves);
    writeln!(
        svg,
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{WIDTH}\" height=\"{HEIGHT}\" \
         viewBox=\"0 0 {WIDTH} {HEIGHT}\" role=\"img\" aria-label=\"equity curves of {day}\">"
    )?;
    writeln!(svg, "<style>{STYLE}</style>")?;
    writeln!(
        svg,
        "<rect x=\"0.5\" y=\"0.5\" width=\"{}\" height=\"{}\" rx=\"8\" fill=\"#ffffff\" \
         stroke=\"#d1d5db\"/>",
        WIDTH - 1,
        HEIGHT - 1
    )?;
    writeln!(svg, "<text class=\"title\" x=\"20\" y=\"28\">Realised profit, {day}</text>")?;
    writeln!(svg, "<text x=\"20\" y=\"47\">{}</text>", Escaped(remark))?;
    frame.draw_hours(svg)?;
    frame.draw_money(svg)?;
    // All bots together lie on top of each of them.
    for (at, curve) in curves.iter().enumerate() {
        frame.draw_curve(svg, curve, colour(at, curve))?;
    }
    legend(svg, curves)?;
    svg.push_str("</svg>\n");
    Ok(())
}

fn colour(at: usize, curve: &Curve) -> &'static str {
    if is_total(curve) { TOTAL_COLOUR } else { COLOURS[at % COLOURS.len()] }
}

fn is_total(curve: &Curve) -> bool {
    curve.name == TOTAL
}

fn legend(svg: &mut String, curves: &[Curve]) -> fmt::Result {
    for (at, curve) in curves.iter().enumerate() {
        let line = i128::try_from(at).unwrap_or_default();
        let y = TOP + 6 + line * LEGEND_STEP;
        let (x, end) = (LEGEND_LEFT, LEGEND_LEFT + 18);
        let thick = if is_total(curve) { "3" } else { "2" };
        let profit = curve.last();
        let class = match (profit.is_zero(), profit.is_sign_negative()) {
            (true, _) => "name",
            (false, true) => "loss",
            (false, false) => "gain",
        };
        writeln!(
            svg,
            "<path d=\"M{x} {}H{end}\" stroke=\"{}\" stroke-width=\"{thick}\"/>\
             <text class=\"name\" x=\"{}\" y=\"{y}\">{}</text>\
             <text class=\"profit {class}\" x=\"{}\" y=\"{}\">{}</text>",
            y - 4,
            colour(at, curve),
            end + 8,
            Escaped(&short(&curve.name)),
            end + 8,
            y + 16,
            money(profit, true),
        )?;
    }
    Ok(())
}

/// A name as long as the legend is wide.
fn short(name: &str) -> String {
    const CHARS_MAX: usize = 16;
    if name.chars().count() <= CHARS_MAX {
        return name.to_owned();
    }
    name.chars().take(CHARS_MAX - 1).chain(['…']).collect()
}

/// Where moments and money stand in the picture.
#[derive(Debug)]
struct Frame {
    begin_us: i64,
    /// The lowest and the highest line, and the step between lines, in units of money.
    low: i128,
    high: i128,
    step: i128,
}

impl Frame {
    fn around(day: Date, curves: &[Curve]) -> Self {
        let profits = curves.iter().flat_map(|curve| &curve.points);
        let profits = profits.map(|point| units(point.profit));
        let (low, high) =
            profits.fold((0, 0), |(low, high), one: i128| (one.min(low), one.max(high)));
        let step = round_step((high - low) / LINES);
        let low = low.div_euclid(step) * step;
        let high = -(-high).div_euclid(step) * step;
        // Where nothing was won or lost, nothing is in the middle.
        let (low, high) = if low == high { (-step, step) } else { (low, high) };
        Self { begin_us: begin_us(day), low, high, step }
    }

    fn x(&self, at_us: i64) -> Tenths {
        let passed = i128::from(at_us - self.begin_us).clamp(0, DAY_US.into());
        Tenths(LEFT * 10 + (RIGHT - LEFT) * 10 * passed / i128::from(DAY_US))
    }

    fn y(&self, money: i128) -> Tenths {
        Tenths(BOTTOM * 10 - (BOTTOM - TOP) * 10 * (money - self.low) / (self.high - self.low))
    }

    fn draw_hours(&self, svg: &mut String) -> fmt::Result {
        for hour in (0..=24).step_by(3) {
            let x = self.x(self.begin_us + hour * 60 * MINUTE_US);
            writeln!(
                svg,
                "<path class=\"grid\" d=\"M{x} {TOP}V{BOTTOM}\"/>\
                 <text x=\"{x}\" y=\"{}\" text-anchor=\"middle\">{hour:02}:00</text>",
                BOTTOM + 20
            )?;
        }
        writeln!(svg, "<text x=\"{}\" y=\"{}\">UTC</text>", RIGHT + 22, BOTTOM + 20)
    }

    fn draw_money(&self, svg: &mut String) -> fmt::Result {
        let mut line = self.low;
        while line <= self.high {
            let y = self.y(line);
            let class = if line == 0 { "zero" } else { "grid" };
            let label = money(decimal(line), true);
            // Cents only where lines are closer than a dollar.
            let label = if self.step % ONE == 0 { label.trim_end_matches(".00") } else { &label };
            writeln!(
                svg,
                "<path class=\"{class}\" d=\"M{LEFT} {y}H{RIGHT}\"/>\
                 <text x=\"{}\" y=\"{}\" text-anchor=\"end\">{label}</text>",
                LEFT - 8,
                Tenths(y.0 + 40),
            )?;
            line += self.step;
        }
        Ok(())
    }

    fn draw_curve(&self, svg: &mut String, curve: &Curve, colour: &str) -> fmt::Result {
        let class = if is_total(curve) { " class=\"total\"" } else { "" };
        write!(svg, "<polyline{class} stroke=\"{colour}\" points=\"")?;
        for (at, (at_us, money)) in self.corners(curve).into_iter().enumerate() {
            let gap = if at == 0 { "" } else { " " };
            write!(svg, "{gap}{},{}", self.x(at_us), self.y(money))?;
        }
        writeln!(svg, "\"/>")
    }

    /// The corners of a curve from the begin of the day to its end: steps, or where there are too
    /// many of them, lines between the points that are kept.
    fn corners(&self, curve: &Curve) -> Vec<(i64, i128)> {
        let kept = thin(&curve.points, self.begin_us);
        let is_stepped = kept.len() < CORNERS_MAX / 2;
        let mut money = 0;
        let mut corners = vec![(self.begin_us, money)];
        for point in kept {
            let at_us = point.at.as_micros();
            if is_stepped {
                corners.push((at_us, money));
            }
            money = units(point.profit);
            corners.push((at_us, money));
        }
        corners.push((self.begin_us + DAY_US, money));
        corners
    }
}

/// All points if they are few, or else the lowest, the highest and the last of each share of the
/// day.
fn thin(points: &[Point], begin_us: i64) -> Vec<Point> {
    const SHARES: i64 = 199;
    if points.len() < CORNERS_MAX / 2 {
        return points.to_vec();
    }
    let share = |point: &Point| (point.at.as_micros() - begin_us) * SHARES / DAY_US;
    let mut kept = Vec::with_capacity(CORNERS_MAX);
    for group in points.chunk_by(|a, b| share(a) == share(b)) {
        let by_profit = |at: &usize| group[*at].profit;
        let low = (0..group.len()).min_by_key(by_profit);
        let high = (0..group.len()).max_by_key(by_profit);
        let mut chosen: Vec<_> = [low, high, group.len().checked_sub(1)].into();
        chosen.sort_unstable();
        chosen.dedup();
        kept.extend(chosen.into_iter().flatten().map(|at| group[at]));
    }
    kept
}

/// The first round step that is not smaller: 1, 2 or 5 with zeros.
fn round_step(least: i128) -> i128 {
    let mut step = STEP_MIN;
    for factor in [2, 5, 10].into_iter().cycle() {
        if step >= least {
            break;
        }
        // From 1 to 2, from 2 to 5, from 5 to 10.
        step = if factor == 5 { step / 2 * 5 } else { step * 2 };
    }
    step
}

/// A length in tenths of a pixel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Tenths(i128);

impl fmt::Display for Tenths {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.0 < 0 { "-" } else { "" };
        let tenths = self.0.abs();
        match tenths % 10 {
            0 => write!(f, "{sign}{}", tenths / 10),
            rest => write!(f, "{sign}{}.{rest}", tenths / 10),
        }
    }
}

/// A text that stands in XML as it is.
struct Escaped<'a>(&'a str);

impl fmt::Display for Escaped<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for char in self.0.chars() {
            match char {
                '&' => f.write_str("&amp;")?,
                '<' => f.write_str("&lt;")?,
                '>' => f.write_str("&gt;")?,
                '"' => f.write_str("&quot;")?,
                '\'' => f.write_str("&#39;")?,
                // XML has no way to write these.
                '\u{fffe}' | '\u{ffff}' => f.write_char('\u{fffd}')?,
                char if char.is_control() => f.write_char('\u{fffd}')?,
                char => f.write_char(char)?,
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::demo::fixture::DAY;
    use crate::demo::random::Random;
    use tradebase::{Decimal, Timestamp};

    fn curve(name: &str, count: u32) -> Curve {
        let mut random = Random::new(1, count.into());
        let mut profit = Decimal::ZERO;
        let points = (0..count).map(|at| {
            profit += Decimal::from(random.below(201)) - Decimal::ONE_HUNDRED;
            let passed = DAY_US * i64::from(at) / i64::from(count);
            Point { at: Timestamp::from_micros(begin_us(DAY) + passed), profit }
        });
        Curve { name: name.to_owned(), points: points.collect() }
    }

    /// Checks that every element is closed in its turn, and that no text has a bare `<` or `&`.
    fn elements(svg: &str) -> Vec<String> {
        let (mut open, mut all) = (Vec::new(), Vec::new());
        let mut rest = svg;
        while let Some((text, after)) = rest.split_once('<') {
            check_text(text);
            let (tag, after) = after.split_once('>').expect("an element that ends");
            rest = after;
            assert_eq!(tag.matches('"').count() % 2, 0, "{tag}");
            check_text(tag);
            let name = tag.trim_start_matches('/').split([' ', '/']).next().unwrap();
            if tag.starts_with('/') {
                assert_eq!(open.pop().as_deref(), Some(name), "{tag}");
            } else {
                all.push(name.to_owned());
                if !tag.ends_with('/') {
                    open.push(name.to_owned());
                }
            }
        }
        assert!(open.is_empty() && rest.trim().is_empty(), "{open:?} {rest:?}");
        all
    }

    fn check_text(text: &str) {
        for (_, entity) in text.match_indices('&').map(|(at, _)| text.split_at(at)) {
            let known = ["&amp;", "&lt;", "&gt;", "&quot;", "&#39;"];
            assert!(known.iter().any(|one| entity.starts_with(one)), "{entity}");
        }
        let is_bad = |char: char| char == '<' || (char.is_control() && char != '\n');
        assert!(!text.contains(is_bad), "{text:?}");
    }

    fn corners_of(svg: &str) -> Vec<usize> {
        let lines = svg.lines().filter(|line| line.starts_with("<polyline"));
        lines.map(|line| line.matches(',').count()).collect()
    }

    #[test]
    fn the_picture_is_well_formed_and_has_one_line_for_each_curve() {
        let curves = [curve("a", 40), curve("b", 5000), curve("c", 0), curve(TOTAL, 9000)];
        let svg = equity(DAY, "seed 42", &curves);
        let all = elements(&svg);
        assert_eq!(all.iter().filter(|name| *name == "polyline").count(), curves.len());
        let corners = corners_of(&svg);
        assert_eq!((corners[0], corners[2]), (82, 2));
        assert!(corners.iter().all(|count| *count <= CORNERS_MAX), "{corners:?}");
    }

    #[test]
    fn names_cannot_break_the_picture() {
        let curves = [curve("<b>&\"'\u{1}\u{ffff}", 3)];
        let svg = equity(DAY, "</text><script>", &curves);
        assert!(!elements(&svg).contains(&"script".to_owned()));
        assert!(svg.contains("&lt;b&gt;&amp;&quot;&#39;\u{fffd}\u{fffd}"), "{svg}");
    }

    #[test]
    fn a_day_without_trades_is_a_line_at_nothing() {
        for curves in [Vec::new(), vec![curve(TOTAL, 0)]] {
            let svg = equity(DAY, "", &curves);
            elements(&svg);
            assert_eq!(corners_of(&svg).len(), curves.len());
            assert_eq!(svg.matches("class=\"zero\"").count(), 1);
        }
    }

    #[test]
    fn thinning_keeps_the_extremes_and_the_end() {
        let points = curve("a", 20_000).points;
        let kept = thin(&points, begin_us(DAY));
        assert!(kept.len() <= CORNERS_MAX - 2 && kept.is_sorted_by_key(|point| point.at));
        let profits = |points: &[Point]| {
            let all = points.iter().map(|point| point.profit);
            (all.clone().min(), all.max(), points.last().map(|point| point.profit))
        };
        assert_eq!(profits(&kept), profits(&points));
    }

    #[test]
    fn lines_are_at_round_steps() {
        let cent = STEP_MIN;
        for (least, step) in
            [(0, 1), (1, 1), (2, 2), (3, 5), (6, 10), (11, 20), (21, 50), (120, 200), (999, 1000)]
        {
            assert_eq!(round_step(least * cent), step * cent, "{least}");
        }
        assert_eq!(Tenths(-5).to_string(), "-0.5");
        assert_eq!(Tenths(123).to_string(), "12.3");
        assert_eq!(Tenths(120).to_string(), "12");
    }
}

//! The name that was perhaps meant.

/// Names up to this length must be nearer, since short names are near to many.
const SHORT: usize = 7;

/// The name closest to a mistyped one, if it is close.
pub(crate) fn closest<'a>(typed: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let far = if typed.len() <= SHORT { 1 } else { 2 };
    known
        .filter(|name| name.len().abs_diff(typed.len()) <= far)
        .map(|name| (distance(typed, name), name))
        .min()
        .and_then(|(distance, name)| (distance <= far && typed.len() > far).then_some(name))
}

/// How many letters must be changed, added, left out, or swapped with the next one.
fn distance(a: &str, b: &str) -> usize {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    let mut rows: Vec<Vec<usize>> = vec![(0..=b.len()).collect()];
    for i in 1..=a.len() {
        let mut row = vec![i];
        for k in 1..=b.len() {
            let change = rows[i - 1][k - 1] + usize::from(a[i - 1] != b[k - 1]);
            let mut best = change.min(rows[i - 1][k] + 1).min(row[k - 1] + 1);
            if i > 1 && k > 1 && a[i - 1] == b[k - 2] && a[i - 2] == b[k - 1] {
                best = best.min(rows[i - 2][k - 2] + 1);
            }
            row.push(best);
        }
        rows.push(row);
    }
    rows[a.len()][b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slips_are_counted() {
        assert_eq!(distance("debug", "debug"), 0);
        assert_eq!(distance("debgu", "debug"), 1);
        assert_eq!(distance("REDIS_PASWORD", "REDIS_PASSWORD"), 1);
        assert_eq!(distance("", "warn"), 4);
        assert_eq!(closest("wran", ["info", "warn"].into_iter()), Some("warn"));
        assert_eq!(closest("loud", ["info", "warn"].into_iter()), None);
    }
}

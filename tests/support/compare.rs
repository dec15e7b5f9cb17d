//! The one comparator of numbers. It checks lengths first, fails on anything that is not finite, and
//! names the worst position, both values and the bound.

/// How far an actual value may be from the expected one.
#[derive(Debug, Clone, Copy)]
pub enum Bound<'b> {
    /// |actual − expected| ≤ bound, whatever the values' size.
    Absolute(f64),
    /// |actual − expected| ≤ bound · max(1, |expected|).
    Relative(f64),
    /// A bound of its own for every value, absolute.
    Each(&'b [f64]),
    /// The same bits, but for the sign of zero.
    Exact,
}

impl Bound<'_> {
    fn allowed(self, position: usize, expected: f64) -> f64 {
        match self {
            Bound::Absolute(bound) => bound,
            Bound::Relative(bound) => bound * expected.abs().max(1.0),
            Bound::Each(bounds) => bounds[position],
            Bound::Exact => 0.0,
        }
    }
}

/// Compares `actual` with `expected`; the text of a mismatch says what, where and by how much.
pub fn compare(what: &str, actual: &[f64], expected: &[f64], bound: Bound<'_>) -> Result<(), String> {
    if actual.len() != expected.len() {
        return Err(format!("{what}: {} values where {} were expected", actual.len(), expected.len()));
    }
    if let Bound::Each(bounds) = bound
        && bounds.len() != expected.len()
    {
        return Err(format!("{what}: {} bounds for {} values", bounds.len(), expected.len()));
    }
    if let Some(i) = (0..actual.len()).find(|&i| !(actual[i].is_finite() && expected[i].is_finite())) {
        return Err(format!("{what}[{i}] is {:?}, expected {:?}: not finite", actual[i], expected[i]));
    }
    let excess = |i: usize| {
        let gap = (actual[i] - expected[i]).abs();
        let allowed = bound.allowed(i, expected[i]);
        // A bound that is NaN allows nothing.
        if gap <= allowed { 0.0 } else { (gap / allowed).max(1.0) }
    };
    let outside = (0..actual.len()).filter(|&i| excess(i) > 0.0).count();
    match (0..actual.len()).max_by(|&a, &b| excess(a).total_cmp(&excess(b))) {
        Some(worst) if outside > 0 => Err(format!(
            "{what}: {outside} of {} values are off; worst [{worst}]: {:?}, expected {:?}, off by {:.3e}, allowed {:.3e}",
            actual.len(),
            actual[worst],
            expected[worst],
            (actual[worst] - expected[worst]).abs(),
            bound.allowed(worst, expected[worst]),
        )),
        _ => Ok(()),
    }
}

/// [`compare`] that fails the test.
#[track_caller]
pub fn assert_close(what: &str, actual: &[f64], expected: &[f64], bound: Bound<'_>) {
    if let Err(mismatch) = compare(what, actual, expected, bound) {
        panic!("{mismatch}");
    }
}

/// Fails unless `distance` is a number within `bound`; NaN never is.
pub fn within(what: &str, distance: f64, bound: f64) -> Result<(), String> {
    if distance <= bound { Ok(()) } else { Err(format!("{what} is {distance:.3e}, allowed {bound:.1e}")) }
}

/// Largest of `values`; NaN if any is NaN (`f64::max` would hide it). 0 of none.
pub fn largest(values: impl IntoIterator<Item = f64>) -> f64 {
    values.into_iter().fold(0.0, |worst, v| if v.is_nan() || v > worst { v } else { worst })
}

mod tests {
    use super::*;

    const EXPECTED: [f64; 4] = [1.0, -2.0, 0.0, 1e6];

    #[test]
    fn right_answers_pass() {
        compare("x", &EXPECTED, &EXPECTED, Bound::Exact).unwrap();
        compare("x", &[1.0 + 1e-9, -2.0, 1e-9, 1e6], &EXPECTED, Bound::Absolute(1e-8)).unwrap();
        compare("x", &[1.0, -2.0, 0.0, 1e6 + 1e-3], &EXPECTED, Bound::Relative(1e-8)).unwrap();
    }

    #[test]
    fn planted_wrong_answers_are_rejected() {
        let planted: [(&str, Vec<f64>); 7] = [
            ("short", EXPECTED[..3].to_vec()),
            ("empty", vec![]),
            ("long", [&EXPECTED[..], &[0.0]].concat()),
            ("NaN", vec![1.0, f64::NAN, 0.0, 1e6]),
            ("infinite", vec![1.0, -2.0, 0.0, f64::INFINITY]),
            ("one entry off", vec![1.0, -2.0, 0.1, 1e6]),
            ("swapped", vec![-2.0, 1.0, 0.0, 1e6]),
        ];
        for (name, actual) in planted {
            for bound in [Bound::Absolute(1e-2), Bound::Relative(1e-2), Bound::Each(&[1e-2; 4]), Bound::Exact]
            {
                assert!(compare("x", &actual, &EXPECTED, bound).is_err(), "{name} passed under {bound:?}");
            }
        }
        // Not even two equal NaN, or an infinite bound.
        assert!(compare("x", &[f64::NAN], &[f64::NAN], Bound::Exact).is_err());
        assert!(compare("x", &[f64::NAN], &[1.0], Bound::Absolute(f64::INFINITY)).is_err());
        assert!(compare("x", &[1.0], &[1.0 + f64::EPSILON], Bound::Exact).is_err());
        assert!(compare("x", &[1.0], &[1.0], Bound::Absolute(f64::NAN)).is_err());
        assert!(compare("x", &[1.0], &[1.0], Bound::Each(&[f64::NAN])).is_err());
        assert!(compare("x", &[1.0], &[1.0], Bound::Each(&[])).is_err());
        // Each value answers to its own bound.
        assert!(compare("x", &[1.0, 2.0], &[1.1, 2.0], Bound::Each(&[0.0, 1.0])).is_err());
        compare("x", &[1.0, 2.0], &[1.1, 2.0], Bound::Each(&[0.2, 0.0])).unwrap();
    }

    #[test]
    fn the_message_names_the_worst_place() {
        let message = compare("means", &[1.1, -2.0, 5.0, 1e6], &EXPECTED, Bound::Absolute(1e-3)).unwrap_err();
        for part in ["means", "2 of 4", "[2]", "5.0", "0.0", "1.000e-3"] {
            assert!(message.contains(part), "{part:?} is not in {message:?}");
        }
    }

    #[test]
    fn a_nan_distance_is_outside_every_bound() {
        within("d", 1e-3, 1e-3).unwrap();
        assert!(within("d", 1.1e-3, 1e-3).is_err());
        assert!(within("d", f64::NAN, 1e9).is_err() && within("d", 0.0, f64::NAN).is_err());
        assert!(largest([0.0, f64::NAN, 3.0]).is_nan() && largest([f64::NAN, 3.0]).is_nan());
        assert_eq!(largest([1.0, 3.0, 2.0]), 3.0);
    }
}

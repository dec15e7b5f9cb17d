//! Agreement of two labellings, against scikit-learn 1.9.1 (`adjusted_rand_score`) and SciPy 1.17.1
//! (`linear_sum_assignment`).

use wgmm::Error;
use wgmm::internals::infer::agreement::Contingency;

const TOLERANCE: f64 = 1e-14; // one rounding per operation of a formula of ten

fn rand(first: &[u32], second: &[u32]) -> f64 {
    Contingency::new(first, second).unwrap().adjusted_rand_index()
}

fn accuracy(first: &[u32], second: &[u32]) -> f64 {
    Contingency::new(first, second).unwrap().matching_accuracy().unwrap()
}

const X: [u32; 24] = [2, 0, 0, 0, 0, 2, 2, 1, 0, 0, 0, 1, 1, 1, 0, 0, 2, 2, 0, 0, 1, 1, 2, 1];
const Y: [u32; 24] = [2, 0, 1, 2, 0, 2, 2, 1, 0, 3, 0, 1, 0, 1, 0, 3, 2, 1, 0, 0, 1, 3, 2, 1];

#[test]
fn the_adjusted_rand_index_is_scikit_learns() {
    for (x, y, expected) in [
        (&X[..], &Y[..], 0.3498440185904374),
        (&[0, 0, 1, 1], &[0, 0, 1, 2], 0.5714285714285714),
        (&[0, 0, 1, 1], &[0, 1, 0, 1], -0.5),
        (&[0, 0, 0, 0], &[0, 1, 2, 3], 0.0),
        (&[0, 0, 1, 1], &[7, 7, 3, 3], 1.0),
        (&[5], &[9], 1.0),
        (&[1, 1, 1], &[2, 2, 2], 1.0),
        (&[1, 2, 3], &[6, 5, 4], 1.0),
    ] {
        assert!((rand(x, y) - expected).abs() <= TOLERANCE, "{x:?} {y:?}: {}", rand(x, y));
        assert_eq!(rand(x, y), rand(y, x), "the index is symmetric");
    }
}

#[test]
fn the_matching_ignores_names_and_order() {
    assert_eq!(accuracy(&X, &Y), 17.0 / 24.0);
    assert_eq!(accuracy(&Y, &X), accuracy(&X, &Y));
    assert_eq!(accuracy(&[0, 0, 1, 1], &[9, 9, 4, 4]), 1.0);
    // The greedy choice (2 with 5) would reach 3 of 7; the best matching reaches 4.
    let (first, second) = ([0, 0, 0, 0, 0, 1, 1], [5, 5, 5, 6, 6, 5, 5]);
    assert_eq!(accuracy(&first, &second), 4.0 / 7.0);
    // More groups than the other has: the rest matches nothing.
    assert_eq!(accuracy(&[0, 1, 2, 3], &[0, 0, 0, 0]), 0.25);
}

#[test]
fn large_counts_do_not_overflow() {
    // 200 000 samples in one group each way: 2·10^10 pairs, squared by careless formulas.
    let first: Vec<u32> = (0..200_000).map(|i| u32::from(i % 4 == 0)).collect();
    let second: Vec<u32> = (0..200_000).map(|i| i % 2).collect();
    let index = rand(&first, &second);
    assert!(index > 0.0 && index < 1.0, "{index}");
    assert_eq!(accuracy(&first, &second), 0.75);
}

#[test]
fn labels_that_cannot_be_compared_are_refused() {
    assert!(matches!(Contingency::new(&[0, 1], &[0]), Err(Error::Shape { .. })));
    assert!(matches!(Contingency::new::<u32, u32>(&[], &[]), Err(Error::Shape { .. })));
    let ids: Vec<u32> = (0..20_000).collect();
    let error = Contingency::new(&ids, &ids).unwrap_err().to_string();
    assert!(error.contains("20000") && error.contains("ids"), "{error}");
}

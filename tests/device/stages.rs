//! Each shader against its twin over the edge sizes: tiles, workgroups, slices, lanes, blocks.

use std::collections::BTreeSet;

use wgmm::CovarianceType;

use super::case::{Case, run_all};

const SAMPLES: [usize; 11] = [1, 127, 128, 129, 257, 511, 512, 513, 4095, 4096, 4097];
const FEATURES: [usize; 11] = [1, 2, 3, 4, 5, 8, 16, 17, 32, 33, 64];
const COMPONENTS: [usize; 8] = [1, 2, 3, 31, 32, 33, 64, 65];

/// Samples, features, components, weighted: [`the_cover_covers`] says what of. Few, because a software
/// adapter needs a second or two to compile one kernel of many features.
const COVER: [(usize, usize, usize, bool); 21] = [
    (1, 1, 1, true),
    (129, 2, 3, false),
    (257, 3, 1, false),
    (4095, 4, 31, true),
    (512, 5, 64, true),
    (512, 8, 2, true),
    (4096, 16, 1, false),
    (511, 16, 2, true),
    (127, 16, 31, true),
    (512, 16, 31, true),
    (1, 16, 33, false),
    (513, 17, 1, true),
    (1, 17, 3, false),
    (4095, 17, 33, false),
    (127, 17, 65, true),
    (257, 32, 32, false),
    (4097, 33, 2, true),
    (1, 33, 31, false),
    (257, 33, 33, false),
    (513, 33, 33, false),
    (128, 64, 1, true),
];

/// The same for the other covariance types, whose kernels hold fewer branches.
const SHORT_COVER: [(usize, usize, usize, bool); 5] =
    [(1, 1, 1, false), (4097, 2, 33, true), (513, 5, 9, true), (300, 17, 3, false), (129, 40, 8, false)];

fn cases(covariance_type: CovarianceType, features: std::ops::Range<usize>) -> impl Iterator<Item = Case> {
    let cover: &[_] = if covariance_type == CovarianceType::Full { &COVER } else { &SHORT_COVER };
    let here = cover.iter().filter(move |c| features.contains(&c.1));
    here.map(move |&(n, d, k, weighted)| Case::new(covariance_type, n, d, k, weighted))
}

#[test]
fn full_up_to_8_features() {
    run_all(cases(CovarianceType::Full, 1..9));
}

/// Kernels that the table chooses for other sizes only.
#[test]
fn kernels_asked_for() {
    let cases = [(1, 1, 1, true), (129, 2, 3, false), (4097, 3, 8, true), (513, 4, 6, false)];
    run_all(cases.into_iter().flat_map(|(n, d, k, weighted)| {
        ["log_density_full", "fused"]
            .map(|kernel| Case::new(CovarianceType::Full, n, d, k, weighted).with_kernel(kernel))
    }));
    run_all([(300, 5, 9, true), (257, 16, 31, false), (129, 17, 3, false)].map(|(n, d, k, weighted)| {
        Case::new(CovarianceType::Full, n, d, k, weighted).with_kernel("log_density_full_tiled")
    }));
    // More sums than the table would take, and eight samples per invocation of few.
    run_all([Case::new(CovarianceType::Full, 700, 2, 33, true).with_kernel("fused")]);
    for (covariance_type, d, k) in
        [(CovarianceType::Full, 7, 5), (CovarianceType::Diag, 20, 9), (CovarianceType::Diag, 3, 40)]
    {
        let name =
            if covariance_type == CovarianceType::Full { "log_density_full" } else { "log_density_diag" };
        let mut case = Case::new(covariance_type, 1500, d, k, true).in_slabs(1).with_kernel(name);
        case.testing.tuning.iter_mut().for_each(|t| t.density_groups = 2);
        run_all([case]);
    }
}

#[test]
fn full_up_to_16_features() {
    run_all(cases(CovarianceType::Full, 9..17));
}

#[test]
fn full_up_to_32_features() {
    run_all(cases(CovarianceType::Full, 17..33));
}

#[test]
fn full_beyond_32_features() {
    run_all(cases(CovarianceType::Full, 33..65));
}

#[test]
fn tied() {
    run_all(cases(CovarianceType::Tied, 1..65));
}

#[test]
fn diag() {
    run_all(cases(CovarianceType::Diag, 1..65));
}

#[test]
fn spherical() {
    run_all(cases(CovarianceType::Spherical, 1..65));
}

/// Every combination of the three lists, weighted and not, for every type: hours on a software adapter.
#[test]
#[ignore = "hours on a software adapter; run it on a card"]
fn the_full_product() {
    for covariance_type in CovarianceType::ALL {
        for d in FEATURES {
            for k in COMPONENTS {
                let both = SAMPLES.into_iter().flat_map(|n| [(n, false), (n, true)]);
                run_all(both.map(|(n, weighted)| Case::new(covariance_type, n, d, k, weighted)));
            }
        }
    }
}

/// Every size on the lists occurs; every kernel (by features), with and without weights; every pair of
/// classes of sizes: features by kernel, components against 1 and the 32 lanes, samples against the
/// tile (128), the shortest slice (256) and the workgroup (512).
#[test]
fn the_cover_covers() {
    let class = |edges: &[usize], value: usize| edges.iter().filter(|e| value >= **e).count();
    let classes = |(n, d, k, _): &(usize, usize, usize, bool)| {
        [class(&[2, 200, 512, 1000], *n), class(&[9, 17, 33], *d), class(&[2, 31, 33], *k)]
    };
    let lists = [&SAMPLES[..], &FEATURES[..], &COMPONENTS[..]];
    let edges: [&[usize]; 3] = [&[2, 200, 512, 1000], &[9, 17, 33], &[2, 31, 33]];
    let mut missing = Vec::new();
    for (axis, list) in lists.iter().enumerate() {
        let used: BTreeSet<usize> = COVER.iter().map(|(n, d, k, _)| [*n, *d, *k][axis]).collect();
        missing.extend(list.iter().filter(|v| !used.contains(v)).map(|v| format!("size {v} of axis {axis}")));
        let all: BTreeSet<usize> = list.iter().map(|v| class(edges[axis], *v)).collect();
        for c in &all {
            for weighted in [false, true] {
                if !COVER.iter().any(|case| classes(case)[axis] == *c && case.3 == weighted) {
                    missing.push(format!("class {c} of axis {axis}, weighted {weighted}"));
                }
            }
            for (other, list) in lists.iter().enumerate().filter(|(other, _)| *other > axis) {
                let others: BTreeSet<usize> = list.iter().map(|v| class(edges[other], *v)).collect();
                let pairs = others.iter().filter(|o| {
                    !COVER.iter().any(|case| classes(case)[axis] == *c && classes(case)[other] == **o)
                });
                missing.extend(pairs.map(|o| format!("class {c} of axis {axis} with {o} of axis {other}")));
            }
        }
    }
    assert!(missing.is_empty(), "not covered: {missing:#?}");
}

//! Random fits with far too many components end without NaN: in a valid model, or in a typed error
//! where the policy allows one.

use rand::{Rng, RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use wgmm::{
    CovarianceCenter, CovarianceType, Error, FitOptions, GaussianMixture, Init, OnCollapse, Parameters,
    Samples,
};

use crate::support::engines::Kind;

const INITS: [Init; 5] =
    [Init::KMeans, Init::KMeansPlusPlus, Init::Random, Init::RandomFromData, Init::Notebook];

fn pick<T: Clone>(rng: &mut impl Rng, of: &[T]) -> T {
    of[rng.random_range(0..of.len())].clone()
}

/// Samples and options: duplicates, constant and repeated columns, outliers, weights, K up to N.
fn problem(seed: u64) -> (Samples<'static>, FitOptions) {
    let rng = &mut ChaCha8Rng::seed_from_u64(seed);
    // Small problems are as hard as big ones: squaring makes them frequent.
    let n = 5 + (195.99 * rng.random::<f64>().powi(2)) as usize;
    let d: usize = rng.random_range(1..=6);
    let scale = 10f64.powi(rng.random_range(-4..=4));
    let offset = pick(rng, &[0.0, 0.0, 1.0, 1e5]) * scale;
    let mut rows: Vec<Vec<f64>> =
        (0..n).map(|_| (0..d).map(|_| offset + scale * rng.random_range(-1.0..1.0)).collect()).collect();
    if rng.random_bool(0.4) {
        let distinct = rng.random_range(1..=n.div_ceil(3));
        (distinct..n).for_each(|i| rows[i] = rows[i % distinct].clone());
    }
    if rng.random_bool(0.3) {
        let (column, value) = (rng.random_range(0..d), pick(rng, &[0.0, offset]));
        rows.iter_mut().for_each(|row| row[column] = value);
    }
    if rng.random_bool(0.2) {
        let (from, to) = (rng.random_range(0..d), rng.random_range(0..d));
        rows.iter_mut().for_each(|row| row[to] = 2.0 * row[from]);
    }
    for _ in 0..pick(rng, &[0, 0, 1, 3]) {
        let (row, column) = (rng.random_range(0..n), rng.random_range(0..d));
        rows[row][column] += scale * 10f64.powi(rng.random_range(1..=8));
    }
    let samples = Samples::new(rows.concat(), d).unwrap();
    let samples = if rng.random_bool(0.2) {
        let weights: Vec<f64> =
            (0..n).map(|i| if i == 0 { 1.0 } else { f64::from(rng.random_range(0..4u8)) }).collect();
        samples.with_sample_weights(weights).unwrap()
    } else {
        samples
    };
    let k = rng.random_range(1..=samples.n_effective());
    let options = FitOptions {
        covariance_type: pick(rng, &CovarianceType::ALL),
        max_iter: rng.random_range(0..=30),
        tol: pick(rng, &[0.0, 1e-3]),
        n_init: pick(rng, &[1, 1, 1, 2]),
        init: pick(rng, &INITS),
        reg_covar: pick(rng, &[0.0, 1e-6]),
        covariance_center: pick(
            rng,
            &[CovarianceCenter::NewMean, CovarianceCenter::NewMean, CovarianceCenter::OldMean],
        ),
        seed,
        ..FitOptions::new(k)
    };
    (samples, options)
}

/// What is wrong with a model; nothing if all is well.
fn fault(model: &GaussianMixture, options: &FitOptions) -> Option<String> {
    let p = &model.parameters;
    let parts = (p.weights().to_vec(), p.means().to_vec(), p.covariances().to_vec());
    if let Err(error) = Parameters::new(p.covariance_type(), parts.0, parts.1, parts.2) {
        return Some(error.to_string());
    }
    let r = model.report.as_ref()?;
    let k = p.n_components();
    let kept = k == options.n_components || (options.on_collapse == OnCollapse::Drop && k >= 1);
    let numbers = [r.final_mean_log_likelihood, r.bic, r.aic, r.total_weight];
    let mut text = Vec::new();
    model.write_json(&mut text).ok();
    let text = String::from_utf8_lossy(&text).into_owned();
    if !kept {
        Some(format!("{k} components"))
    } else if r.log_likelihood_trace.iter().chain(&numbers).any(|v| !v.is_finite()) {
        Some(format!("{r:?}"))
    } else if GaussianMixture::from_json(&text, "written").ok().as_ref() != Some(model) {
        Some("the file is not the model".into())
    } else {
        None
    }
}

/// Fits problems `seeds` under every policy.
fn fit_all(kind: Kind, seeds: std::ops::Range<u64>) {
    let (mut models, mut errors, mut collapses, mut wrong) = (0, 0, 0, Vec::new());
    for seed in seeds {
        let (samples, options) = problem(seed);
        for on_collapse in OnCollapse::ALL {
            let options = FitOptions { on_collapse, ..options.clone() };
            let complaint = match kind.fit(&samples, &options) {
                Ok(model) => {
                    models += 1;
                    collapses += model.report.as_ref().unwrap().collapses.len();
                    fault(&model, &options)
                }
                Err(
                    Error::ComponentCollapsed { .. } | Error::NotPositiveDefinite { iteration: Some(_), .. },
                ) if matches!(on_collapse, OnCollapse::Error | OnCollapse::Drop) => {
                    errors += 1;
                    None
                }
                Err(error) => Some(error.to_string()),
            };
            wrong.extend(complaint.map(|what| format!("{seed}, {on_collapse:?}: {what}\n{options:?}")));
        }
    }
    assert!(wrong.is_empty(), "{} of {}:\n{}", wrong.len(), models + errors, wrong.join("\n"));
    // The problems are as hard as they are meant to be, and not hopeless.
    assert!(errors > models / 20 && collapses > models / 2, "{models} models, {errors} errors, {collapses}");
}

#[test]
fn a_thousand_fits_end_well_on_all_cores() {
    fit_all(Kind::Cpu, 0..250);
}

#[test]
fn a_hundred_fits_end_well_on_the_reference() {
    fit_all(Kind::Reference, 250..275);
}

#[test]
#[ignore = "minutes"]
fn twenty_thousand_fits_end_well() {
    fit_all(Kind::Cpu, 1000..6000);
    fit_all(Kind::Reference, 6000..6500);
}

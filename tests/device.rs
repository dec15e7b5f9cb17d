use wgmm::gpu::{GpuEngine, GpuOptions, Testing};
use wgmm::reference::ReferenceEngine;
use wgmm::{CovarianceType, Engine, Samples};

fn sampled(n: usize, d: usize, k: usize) -> (Vec<f64>, wgmm::Parameters) {
    let m = wgmm::sample::random_mixture(k, d, CovarianceType::Full, 7).unwrap();
    let mut s = wgmm::sample::Sampler::new(&m, 1).unwrap();
    let mut x = vec![0.0; n * d];
    for row in x.chunks_exact_mut(d) {
        s.draw(row);
    }
    (x, m)
}

#[test]
fn quick() {
    for (n, d, k) in [
        (1, 1, 1),
        (1000, 2, 3),
        (700, 1, 2),
        (5000, 3, 8),
        (3000, 5, 33),
        (2000, 8, 32),
        (4097, 16, 5),
        (3000, 16, 64),
        (900, 17, 3),
        (1000, 32, 4),
        (800, 33, 2),
        (1000, 40, 33),
        (600, 64, 3),
        (300, 100, 2),
    ] {
        let (x, m) = sampled(n, d, k);
        let samples = Samples::new(&x, d).unwrap();
        let t = std::time::Instant::now();
        let options = GpuOptions {
            allow_software: true,
            testing: Testing { poison: true, ..Default::default() },
            ..Default::default()
        };
        let mut gpu = GpuEngine::new(&samples, &options).unwrap();
        let mut reference = ReferenceEngine::new(&samples);
        let a = gpu.e_step(&m).unwrap();
        let dt = t.elapsed().as_secs_f64();
        let b = reference.e_step(&m).unwrap();
        let da = gpu.weighted_log_densities(&m, 0..n).unwrap();
        let db = reference.weighted_log_densities(&m, 0..n).unwrap();
        let e = |a: &[f64], b: &[f64]| {
            assert_eq!(a.len(), b.len());
            let scale = b.iter().fold(0.0f64, |m, v| m.max(v.abs()));
            a.iter().zip(b).fold(0.0f64, |m, (x, y)| if x.is_nan() { f64::NAN } else { m.max((x - y).abs()) })
                / scale
        };
        println!(
            "{n} {d} {k}: {dt:.2}s dens {:.1e} ll {:.1e} N {:.1e} first {:.1e} second {:.1e} origins {:.1e}",
            e(&da, &db),
            (a.log_likelihood - b.log_likelihood).abs() / n as f64,
            e(&a.effective_counts, &b.effective_counts),
            e(&a.first_moments, &b.first_moments),
            e(&a.second_moments, &b.second_moments),
            e(&a.origins, &b.origins)
        );
    }
}

//! Data far from the origin, in single precision: the table on which scikit-learn 1.9.1 in float32 loses
//! the covariances (errors up to 0.2 at 1e3 standard deviations, ValueError at 1e4, for tied, diag and
//! spherical).

mod device {
    use wgmm::internals::mixture::sample::Sampler;
    use wgmm::{CovarianceType, FitOptions, Init, Parameters, Samples};

    use crate::support::compare::largest;
    use crate::support::engines::Kind;

    const N: usize = 2000;
    const D: usize = 3;
    const K: usize = 4;
    const OFFSETS: [f64; 5] = [0.0, 1e2, 3e2, 1e3, 1e4];
    /// Largest error of a covariance relative to the largest entry. f32 sums of centered values reach about
    /// 1e-6; sums about the origin lose 1e-7 · offset².
    const ALLOWED: f64 = 1e-5;

    /// Unit variance within components, means a few standard deviations apart.
    fn truth(covariance_type: CovarianceType, offset: f64) -> Parameters {
        let corners = [[0.0, 0.0, 0.0], [4.0, 0.0, 1.0], [0.0, 5.0, -1.0], [3.0, 4.0, 4.0]];
        let means = corners.iter().flatten().map(|m| m + offset).collect();
        let identity = |i: usize| if i / D % D == i % D { 1.0 } else { 0.0 };
        let covariances = match covariance_type {
            CovarianceType::Full => (0..K * D * D).map(|i| identity(i % (D * D))).collect(),
            CovarianceType::Tied => (0..D * D).map(identity).collect(),
            CovarianceType::Diag => vec![1.0; K * D],
            CovarianceType::Spherical => vec![1.0; K],
        };
        Parameters::new(covariance_type, vec![0.25; K], means, covariances).unwrap()
    }

    /// The same f32 values, fitted in f32 on the device and in f64 on the processor from the same start.
    #[test]
    fn covariances_keep_their_digits_at_every_offset() {
        let mut lines = Vec::new();
        let mut wrong = 0;
        for covariance_type in CovarianceType::ALL {
            for offset in OFFSETS {
                let start = truth(covariance_type, offset);
                let (mut sampler, mut x) = (Sampler::new(&start, 5).unwrap(), [0.0; D]);
                let values: Vec<f32> = (0..N)
                    .flat_map(|_| {
                        sampler.draw(&mut x);
                        x.map(|v| v as f32)
                    })
                    .collect();
                let samples = Samples::new(&values, D).unwrap();
                let options = FitOptions {
                    covariance_type,
                    init: Init::Given(start),
                    tol: 0.0,
                    max_iter: 20,
                    ..FitOptions::new(K)
                };
                let device = Kind::Gpu.fit(&samples, &options).unwrap().parameters;
                let exact = Kind::Cpu.fit(&samples, &options).unwrap().parameters;
                let scale = largest(exact.covariances().iter().map(|v| v.abs()));
                let pairs = device.covariances().iter().zip(exact.covariances());
                let error = largest(pairs.map(|(a, b)| (a - b).abs())) / scale;
                wrong += usize::from(error.is_nan() || error > ALLOWED);
                lines.push(format!("{covariance_type:>9}, offset {offset:>7}: {error:.1e}"));
            }
        }
        println!("{}", lines.join("\n"));
        assert_eq!(wrong, 0, "above {ALLOWED:e}:\n{}", lines.join("\n"));
    }
}

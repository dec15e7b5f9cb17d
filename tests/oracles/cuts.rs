//! How the work is cut for a graphics card: into slabs by the device's speed, into chunks by its
//! limits. Neither may change a bit of the answer.

mod device {
    use wgmm::internals::engine::gpu::{GpuEngine, GpuOptions, Testing};
    use wgmm::internals::fit::em::{self, NoObserver};
    use wgmm::{CovarianceType, GaussianMixture};

    use crate::support::engines::testing_of_suite;
    use crate::support::problem::Problem;

    /// Rows that fill three slices of 4096 and leave a remainder.
    const ROWS: usize = 3 * 4096 + 777;

    fn fit(problem: &Problem, chunk_rows: Option<usize>, slab: Option<usize>) -> GaussianMixture {
        let samples = problem.samples();
        let testing = Testing { slab, ..testing_of_suite() };
        let options = GpuOptions { allow_software: true, chunk_rows, testing, ..Default::default() };
        let mut engine = GpuEngine::new(&samples, &options).unwrap();
        em::fit(&mut engine, &problem.steps(3), &mut NoObserver).unwrap().into_model()
    }

    #[test]
    fn cuts_change_no_bit() {
        let full = [2, 5, 20].map(|d| (CovarianceType::Full, d));
        let others = CovarianceType::ALL.map(|t| (t, 3));
        for (covariance_type, d) in full.into_iter().chain(others) {
            let problem = Problem::new(covariance_type, ROWS, d, 3, 17);
            let whole = fit(&problem, None, None);
            for (chunk_rows, slab) in [
                (None, Some(4096)),
                (None, Some(8192)),
                (Some(4096), None),
                (Some(1), None),
                (Some(8192), Some(4096)),
            ] {
                let cut = fit(&problem, chunk_rows, slab);
                assert_eq!(cut, whole, "{covariance_type}, D {d}, chunk_rows {chunk_rows:?}, slab {slab:?}");
            }
        }
    }
}

//! Models as NPZ archives with scikit-learn's names, and the schema of the model file.

mod hostile;
pub mod schema;
mod sklearn;

use std::io::{Cursor, Read};
use std::path::Path;

use npyz::{DType, NpyFile};
use wgmm::{CovarianceType, FitOptions, GaussianMixture, Parameters};
use zip::ZipArchive;

use crate::support::engines::Kind;
use crate::support::problem::Problem;

/// A fitted model with everything a model can hold.
fn fitted(covariance_type: CovarianceType) -> GaussianMixture {
    let problem = Problem::medium(covariance_type);
    let names = vec!["length \"cm\"".to_string(), "größe, 2".into(), "\u{1f600}\\n".into()];
    let samples = problem.samples().with_feature_names(names).unwrap();
    let options = FitOptions { n_init: 2, reg_covar: 1e-6, ..problem.steps(3) };
    Kind::Reference.fit(&samples, &options).unwrap()
}

fn write(model: &GaussianMixture) -> Vec<u8> {
    let mut bytes = Vec::new();
    model.write_npz(&mut bytes, Path::new("model.npz")).unwrap();
    bytes
}

/// One array of an archive, read by `zip` and `npyz`.
fn entry(bytes: &[u8], name: &str) -> Vec<u8> {
    let mut archive = ZipArchive::new(Cursor::new(bytes)).unwrap();
    let mut array = Vec::new();
    archive.by_name(&format!("{name}.npy")).unwrap().read_to_end(&mut array).unwrap();
    array
}

#[test]
fn a_model_comes_back_to_the_bit() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("model.any");
    for covariance_type in CovarianceType::ALL {
        let model = fitted(covariance_type);
        let bytes = write(&model);
        assert_eq!(GaussianMixture::from_npz(&bytes, "model").unwrap(), model, "{covariance_type}");
        assert_eq!(write(&model), bytes, "equal models are equal files");
        // The content tells the format, in every place that reads a model.
        std::fs::write(&path, &bytes).unwrap();
        assert_eq!(GaussianMixture::read(&path).unwrap(), model);
        assert_eq!(GaussianMixture::from_bytes(&bytes, "-").unwrap(), model);
        assert_eq!(Parameters::read_start(&path, covariance_type).unwrap(), model.parameters);
        let bare = GaussianMixture::from(model.parameters);
        assert_eq!(GaussianMixture::from_npz(&write(&bare), "model").unwrap(), bare);
    }
    // As a start, full matrices serve every type.
    std::fs::write(&path, write(&fitted(CovarianceType::Full))).unwrap();
    let start = Parameters::read_start(&path, CovarianceType::Diag).unwrap();
    assert_eq!(start.covariance_type(), CovarianceType::Diag);
}

/// Names, types and shapes as scikit-learn has them, seen by other code than ours.
#[test]
fn the_arrays_are_scikit_learns() {
    for (covariance_type, covariances) in
        CovarianceType::ALL.into_iter().zip([&[4u64, 3, 3][..], &[3, 3], &[4, 3], &[4]])
    {
        let model = fitted(covariance_type);
        let bytes = write(&model);
        let floats: [(&str, &[u64]); 7] = [
            ("weights_", &[4]),
            ("means_", &[4, 3]),
            ("covariances_", covariances),
            ("precisions_", covariances),
            ("precisions_cholesky_", covariances),
            ("lower_bound_", &[]),
            ("lower_bounds_", &[3]),
        ];
        for (name, shape) in floats {
            let array = entry(&bytes, name);
            let npy = NpyFile::new(&array[..]).unwrap();
            assert_eq!((npy.shape(), npy.order()), (shape, npyz::Order::C), "{name}");
            let values: Vec<f64> = npy.into_vec().unwrap();
            let expected: Vec<f64> = match name {
                "weights_" => model.parameters.weights().to_vec(),
                "means_" => model.parameters.means().to_vec(),
                "covariances_" => model.parameters.covariances().to_vec(),
                "precisions_" => model.parameters.precisions().unwrap(),
                "precisions_cholesky_" => model.parameters.precisions_cholesky().unwrap(),
                "lower_bound_" => model.report.as_ref().unwrap().log_likelihood_trace[2..].to_vec(),
                _ => model.report.as_ref().unwrap().log_likelihood_trace.clone(),
            };
            assert_eq!(values, expected, "{name}");
        }
        let texts = [("covariance_type", "<U9"), ("feature_names_in_", "<U11"), ("converged_", "|b1")];
        for (name, dtype) in texts.into_iter().chain([("n_iter_", "<i8"), ("n_features_in_", "<i8")]) {
            let array = entry(&bytes, name);
            let npy = NpyFile::new(&array[..]).unwrap();
            let DType::Plain(found) = npy.dtype() else { panic!("{name}") };
            if name != "covariance_type" {
                assert_eq!(found.to_string(), dtype, "{name}");
            }
            assert_eq!(npy.shape().len(), usize::from(name == "feature_names_in_"), "{name}");
        }
    }
}

//! Samples from views of the crate ndarray (feature `ndarray`).

use ndarray::{Array2, ArrayView2, ShapeBuilder, array, s};
use wgmm::internals::data::Values;
use wgmm::internals::error::Error;
use wgmm::{FitOptions, Samples};

/// The rows as f64.
fn rows(samples: &Samples<'_>) -> Vec<Vec<f64>> {
    let values: Vec<f64> = match samples.values() {
        Values::F64(values) => values.to_vec(),
        Values::F32(values) => values.iter().map(|&x| f64::from(x)).collect(),
    };
    values.chunks(samples.n_features()).map(<[f64]>::to_vec).collect()
}

fn of_view(view: ArrayView2<'_, f64>) -> Vec<Vec<f64>> {
    view.rows().into_iter().map(|row| row.to_vec()).collect()
}

/// Where the values of `samples` lie.
fn address(samples: &Samples<'_>) -> *const u8 {
    match samples.values() {
        Values::F64(values) => values.as_ptr().cast(),
        Values::F32(values) => values.as_ptr().cast(),
    }
}

#[test]
fn contiguous_views_are_borrowed() {
    let table = array![[1.0, 2.0, 3.0], [4.0, 5.0, 6.0], [7.0, 8.0, 9.0], [10.0, 11.0, 12.0]];
    for view in [table.view(), table.slice(s![1..3, ..])] {
        let samples = Samples::from_view(view).unwrap();
        assert_eq!((samples.n_samples(), samples.n_features()), view.dim());
        assert_eq!(rows(&samples), of_view(view));
        assert_eq!(address(&samples), view.as_ptr().cast());
    }
    let single = table.mapv(|x| x as f32);
    let samples = Samples::from_view(single.view()).unwrap();
    assert!(matches!(samples.values(), Values::F32(_)));
    assert_eq!((address(&samples), rows(&samples)), (single.as_ptr().cast(), of_view(table.view())));
}

/// Columns first, some of the columns, every second row, backwards, transposed: the rows are those of the view.
#[test]
fn other_views_are_copied_in_the_order_of_their_rows() {
    let table = array![[1.0, 2.0, 3.0], [4.0, 5.0, 6.0], [7.0, 8.0, 9.0], [10.0, 11.0, 12.0]];
    let mut columns_first = Array2::zeros((4, 3).f());
    columns_first.assign(&table);
    let views = [
        columns_first.view(),
        table.slice(s![.., 1..]),
        table.slice(s![..;2, ..]),
        table.slice(s![..;-1, ..]),
        table.t(),
    ];
    for view in views {
        let samples = Samples::from_view(view).unwrap();
        assert_eq!((samples.n_samples(), samples.n_features()), view.dim());
        assert_eq!(rows(&samples), of_view(view));
        assert_ne!(address(&samples), view.as_ptr().cast());
    }
}

#[test]
fn a_view_is_fitted_as_its_values_are() {
    let values = [0.0, 0.1, 0.2, 0.1, 5.0, 5.1, 5.2, 5.1, 0.3, 5.3];
    let table = Array2::from_shape_vec((2, 5), values.to_vec()).unwrap();
    let transposed: Vec<f64> = table.t().iter().copied().collect();
    let options = FitOptions { reg_covar: 0.01, ..FitOptions::new(2) };
    let of_view = wgmm::fit(&Samples::from_view(table.t()).unwrap(), &options).unwrap();
    let of_values = wgmm::fit(&Samples::new(&transposed[..], 2).unwrap(), &options).unwrap();
    assert_eq!(of_view.model.parameters, of_values.model.parameters);
}

#[test]
fn views_that_are_no_samples_are_refused() {
    let bad = array![[1.0, 2.0], [3.0, f64::NAN]];
    for view in [bad.view(), bad.t()] {
        let error = Samples::from_view(view).unwrap_err();
        assert!(matches!(error, Error::NonFinite { .. }), "{error}");
    }
    for shape in [(0, 2), (2, 0)] {
        assert!(Samples::from_view(Array2::<f64>::zeros(shape).view()).is_err(), "{shape:?}");
    }
}

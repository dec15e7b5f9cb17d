//! [`Scaling`]: what is done to samples in f64 before they are rounded to f32.

/// Affine map of every feature between data units and the device's: x' = (x − center)/scale.
#[derive(Debug, Clone, PartialEq)]
pub struct Scaling {
    /// Mean of every feature, `[D]`.
    pub center: Vec<f64>,
    /// Standard deviation of every feature, `[D]`; 1 if it is 0.
    pub scale: Vec<f64>,
}

impl Scaling {
    /// A data-unit vector on the device's scale, still f64.
    pub fn to_device<'s>(&'s self, x: &'s [f64]) -> impl Iterator<Item = f64> + 's {
        x.iter().zip(&self.center).zip(&self.scale).map(|((x, c), s)| (x - c) / s)
    }

    /// Feature `i` of a device value in data units.
    pub fn to_data(&self, i: usize, x: f64) -> f64 {
        self.center[i] + x * self.scale[i]
    }
}

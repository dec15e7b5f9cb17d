//! Colours that people with a colour vision deficiency can tell apart, on a light background.

/// sRGB, 0 to 255.
pub(super) type Rgb = [f64; 3];

/// Okabe & Ito, *Color Universal Design* (2008), without black and with yellow last, which is faint on white;
/// then Paul Tol's *muted* scheme (technical note, 2021).
const FIRST: &[u32] = &[
    0x0072B2, 0xE69F00, 0x009E73, 0xCC79A7, 0x56B4E9, 0xD55E00, 0xF0E442, 0x332288, 0x882255, 0x999933,
    0x44AA99, 0xCC6677, 0x117733, 0xAA4499, 0xDDCC77, 0x88CCEE,
];

/// Axes, text and lines that belong to no component.
pub(super) const INK: Rgb = [51.0, 51.0, 51.0];
/// Frames and ticks.
pub(super) const GREY: Rgb = [150.0, 150.0, 150.0];
/// Bars of histograms.
pub(super) const PALE: Rgb = [218.0, 218.0, 218.0];

/// The colour of component or class `index`.
pub(super) fn colour(index: usize) -> Rgb {
    if let Some(&rgb) = FIRST.get(index) {
        return [rgb >> 16, rgb >> 8 & 255, rgb & 255].map(f64::from);
    }
    // Beyond these: hues a golden angle apart, in three lightnesses.
    let n = (index - FIRST.len()) as f64;
    let hue = (n * 137.507_764 + 20.0) % 360.0;
    let lightness: f64 = [0.42, 0.58, 0.30][(index - FIRST.len()) % 3];
    let chroma = 0.6 * lightness.min(1.0 - lightness);
    // CSS Color 4, hsl to rgb.
    [0.0, 8.0, 4.0].map(|shift| {
        let k: f64 = (shift + hue / 30.0) % 12.0;
        (255.0 * (lightness - chroma * (k - 3.0).min(9.0 - k).clamp(-1.0, 1.0))).round()
    })
}

/// `rgb` with `share` of black.
pub(super) fn darker(rgb: Rgb, share: f64) -> Rgb {
    rgb.map(|c| c * (1.0 - share))
}

/// Σ share_k · colour_k; `shares` sum to 1.
pub(super) fn blend(shares: &[f64], colours: &[Rgb]) -> Rgb {
    let mut sum = [0.0; 3];
    for (share, colour) in shares.iter().zip(colours) {
        for (s, c) in sum.iter_mut().zip(colour) {
            *s += share * c;
        }
    }
    sum
}

/// `#rrggbb`.
pub(super) fn hex(rgb: Rgb) -> String {
    let [r, g, b] = rgb.map(|c| c.round().clamp(0.0, 255.0) as u8);
    format!("#{r:02x}{g:02x}{b:02x}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hundred_colours_differ_and_none_is_white() {
        let mut seen: Vec<String> = (0..100).map(|k| hex(colour(k))).collect();
        assert_eq!(seen[0], "#0072b2");
        assert!((0..100).all(|k| colour(k).iter().sum::<f64>() < 680.0));
        seen.sort();
        seen.dedup();
        assert_eq!(seen.len(), 100);
        assert_eq!(hex(blend(&[0.5, 0.5], &[[0.0, 10.0, 255.0], [100.0, 20.0, 255.0]])), "#320fff");
    }
}

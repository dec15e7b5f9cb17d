//! The examples of `examples/` do what they say.

use crate::support::files;

#[cfg(feature = "gpu")]
#[allow(dead_code)]
#[path = "../examples/gpu_vs_cpu.rs"]
mod gpu_vs_cpu;
#[allow(dead_code)]
#[path = "../examples/outliers.rs"]
mod outliers;
#[allow(dead_code)]
#[path = "../examples/segment_image.rs"]
mod segment_image;

/// Line 43 of iris holds the one setosa with a sepal width of 2.3, its species' well-known outlier.
#[test]
fn outliers_are_the_least_likely_rows() {
    let found = outliers::outliers(&files::data("iris.csv"), 0.05).unwrap();
    assert_eq!(found.len(), 8, "5 % of 150");
    assert!(found.is_sorted_by(|a, b| a.1 <= b.1), "{found:?}");
    assert!(found.iter().any(|(line, _)| *line == 43), "{found:?}");
}

#[test]
fn an_image_is_segmented() {
    let folder = tempfile::tempdir().unwrap();
    let output = folder.path().join("out.png");
    segment_image::segment(&files::data("landscape.png"), &output, 5).unwrap();
    let decode = |path: &std::path::Path| {
        let file = std::io::BufReader::new(std::fs::File::open(path).unwrap());
        let mut reader = png::Decoder::new(file).read_info().unwrap();
        let mut bytes = vec![0; reader.output_buffer_size().unwrap()];
        let info = reader.next_frame(&mut bytes).unwrap();
        (info.width, info.height, bytes)
    };
    let (before, after) = (decode(&files::data("landscape.png")), decode(&output));
    assert_eq!((after.0, after.1), (96, 64));
    let colours: std::collections::BTreeSet<&[u8]> = after.2.chunks_exact(3).collect();
    assert_eq!(colours.len(), 5);
    // Every pixel keeps about its colour: the noise has a standard deviation of 6.
    let error: f64 = before.2.iter().zip(&after.2).map(|(a, b)| f64::from(a.abs_diff(*b))).sum();
    assert!(error / (before.2.len() as f64) < 12.0, "{}", error / before.2.len() as f64);
    assert!(segment_image::segment(&files::data("iris.csv"), &output, 5).is_err());
}

#[cfg(feature = "gpu")]
mod device {
    #[test]
    fn gpu_and_cpu_agree() {
        let [(gpu, _), (cpu, _)] = super::gpu_vs_cpu::compare(5000).unwrap();
        for (a, b) in gpu.parameters.means().iter().zip(cpu.parameters.means()) {
            assert!((a - b).abs() < 1e-3, "{a} {b}");
        }
        assert_ne!(gpu.parameters, cpu.parameters, "two engines of different precision");
    }
}

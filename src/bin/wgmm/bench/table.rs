//! The bench's figures for people.

use std::fmt::Write;

use wgmm::internals::bench::case::Case;
use wgmm::internals::bench::report::{CaseReport, Ratio, Report};

use crate::output::{Align, align, short};

/// The named cases.
pub(super) fn list(cases: &[Case]) -> String {
    let header = ["case", "samples", "features", "components", "covariance", "data"];
    let mut rows = vec![header.map(str::to_owned).to_vec()];
    rows.extend(cases.iter().map(|case| {
        vec![
            case.name.clone(),
            case.n_samples.to_string(),
            case.n_features.to_string(),
            case.n_components.to_string(),
            case.covariance_type.to_string(),
            bytes(case.data_bytes()),
        ]
    }));
    align(&rows, Align::Left) + "\n"
}

/// What the figures were measured on.
pub(super) fn head(report: &Report) -> String {
    let machine = &report.machine;
    let memory = machine.memory_bytes.map_or(String::new(), |b| format!(", {}", bytes(b)));
    let commit = report.commit.as_ref().map_or(String::new(), |commit| format!(" ({commit})"));
    let gpu = report.wgpu_version.as_ref().map_or(String::new(), |version| format!(", wgpu {version}"));
    format!(
        "wgmm {}{commit}{gpu}, {}\n{}, {} cores, {} threads{memory}, {}\n\
         {} untimed and {} timed iterations from K rows of the data; useful FLOP = {}\n",
        report.version,
        report.date,
        machine.cpu,
        machine.cores,
        machine.threads,
        machine.system,
        report.warmup,
        report.iters,
        report.useful_flops
    )
}

/// One case: a few lines. The first one names the device, too.
pub(super) fn case(report: &CaseReport, first: bool) -> String {
    let (case, engine, ceiling) = (&report.case, &report.engine, &report.ceiling);
    let mut text = String::new();
    // Writing to a string never fails.
    let mut line = |words: String| {
        let _ = writeln!(text, "{words}");
    };
    if first {
        let parts = [Some(&engine.device), engine.backend.as_ref(), engine.driver.as_ref()];
        let device: Vec<&str> = parts.into_iter().flatten().map(String::as_str).collect();
        let copy = ceiling.copy.map_or(String::new(), |copy| format!(", copy {}B/s", rate(copy)));
        line(format!(
            "{} engine: {}; ceilings FMA {} {}FLOP/s{copy}",
            engine.kind,
            device.join(", "),
            engine.precision,
            rate(ceiling.fma)
        ));
    }
    let marks: String = report.marks.iter().map(|mark| format!(" [{mark}]")).collect();
    line(format!(
        "\n{}: {} x {}, {} components, {}{}{marks}",
        case.name,
        case.n_samples,
        case.n_features,
        case.n_components,
        case.covariance_type,
        engine.kernels.as_ref().map_or(String::new(), |kernels| format!("; {kernels}")),
    ));
    let iteration = &report.iteration;
    line(format!(
        "  iteration  {} ms median, {} min, {} MAD, of {}; E {} + M {} ms",
        ms(iteration.median),
        ms(iteration.min),
        ms(iteration.mad),
        iteration.count,
        ms(report.e_step.median),
        ms(report.m_step.median)
    ));
    line(format!(
        "  rate       {} samples/s, {}FLOP/s useful = {} of the FMA ceiling",
        rate(report.samples_per_second),
        rate(report.flops),
        percent(ceiling.share_of_fma)
    ));
    if let Some(device) = &report.device {
        let kernels: Vec<String> =
            device.kernels.iter().map(|k| format!("{} {}", k.name, ms(k.median))).collect();
        let share = |share: Option<f64>| share.map_or("?".into(), percent);
        line(format!(
            "  device     {} ms = {}; {} of FMA, {} of copy; host: parameters {}, submit and readback {}, unpack {} ms",
            ms(device.total.median),
            kernels.join(" + "),
            share(ceiling.device_share_of_fma),
            share(ceiling.device_share_of_copy),
            ms(device.parameters),
            ms(device.readback),
            ms(device.unpack)
        ));
    }
    if let (Some(before), Some(after)) = (ceiling.fma_before, ceiling.fma_after) {
        let share = |rate: f64| percent(rate / ceiling.fma);
        line(format!("  clocks     {} of the FMA ceiling before, {} after", share(before), share(after)));
    }
    let setup = &report.setup;
    let upload = match setup.open + setup.upload {
        0.0 => String::new(),
        _ => format!(
            ", open {}, scaling {}, upload {}, pipelines {}",
            ms(setup.open),
            ms(setup.scaling),
            ms(setup.upload),
            ms(setup.prepare)
        ),
    };
    line(format!(
        "  set-up     data {}{upload}, first iteration {}, check {} ms",
        ms(setup.data),
        ms(setup.first_iteration),
        ms(setup.check)
    ));
    if let Some(peak) = report.memory.peak {
        let beyond =
            report.memory.beyond_data.map_or(String::new(), |b| format!(", {} beyond the data", bytes(b)));
        line(format!("  memory     {} at most{beyond}", bytes(peak)));
    }
    let check = &report.check;
    let verdict = if check.within { "passed" } else { "FAILED" };
    let parts: Vec<String> =
        check.distances.parts().iter().map(|(name, v)| format!("{name} {v:.1e}")).collect();
    let scope = if check.whole_run { "the whole run" } else { "one iteration from its end" };
    line(format!(
        "  check      {verdict}, {scope} against {} on {} samples: {}; {} of {} components solid; mean log-likelihood {}",
        check.oracle,
        check.n_samples,
        parts.join(", "),
        check.solid_components,
        case.n_components,
        short(report.mean_log_likelihood)
    ));
    for failure in &check.failures {
        line(format!("             {failure}"));
    }
    text
}

/// A failed check, for the error message.
pub(super) fn wrong(report: &CaseReport) -> String {
    let check = &report.check;
    format!(
        "{}: the result of the {} engine is wrong against {} on {} samples: {}",
        report.case.name,
        report.engine.kind,
        check.oracle,
        check.n_samples,
        check.failures.join(", ")
    )
}

/// This run against the baseline.
pub(super) fn ratios(ratios: &[Ratio]) -> String {
    if ratios.is_empty() {
        return "\nno case of this run is in the baseline\n".into();
    }
    let header = ["case", "baseline", "ms", "now", "ms", "times faster"];
    let mut rows = vec![header.map(str::to_owned).to_vec()];
    rows.extend(ratios.iter().map(|r| {
        vec![
            r.name.clone(),
            r.engines.0.name().to_owned(),
            ms(r.seconds.0),
            r.engines.1.name().to_owned(),
            ms(r.seconds.1),
            format!("{:.3}", r.speedup),
        ]
    }));
    format!("\n{}\n", align(&rows, Align::Right))
}

/// Seconds as milliseconds.
fn ms(seconds: f64) -> String {
    short(seconds * 1e3)
}

fn percent(share: f64) -> String {
    format!("{:.1} %", share * 100.0)
}

/// A rate with its prefix: `12.3 G`.
fn rate(value: f64) -> String {
    scaled(value, 1e3, &["", "k", "M", "G", "T", "P"])
}

fn bytes(value: u64) -> String {
    scaled(value as f64, 1024.0, &["B", "KiB", "MiB", "GiB", "TiB"])
}

fn scaled(value: f64, step: f64, prefixes: &[&str]) -> String {
    let mut value = value;
    let mut prefix = 0;
    while value >= step && prefix + 1 < prefixes.len() {
        value /= step;
        prefix += 1;
    }
    let digits = if prefix == 0 || value >= 100.0 {
        0
    } else if value >= 10.0 {
        1
    } else {
        2
    };
    format!("{value:.digits$} {}", prefixes[prefix])
}

//! What a run of the bench reports: the JSON object, and ratios against an earlier one.

use std::path::Path;

use serde::{Deserialize, Serialize};

use super::case::Case;
use super::machine::Machine;
use super::timing::Spread;
use crate::compare::judge::Check;
use crate::error::{Error, Remedy, Result};
use crate::report::{EngineInfo, EngineKind};

/// Name and version of the JSON object.
pub const SCHEMA: &str = "wgmm.bench/1";

/// One run of the bench. Times are seconds, rates are per second, shares are fractions of 1.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Report {
    /// [`SCHEMA`].
    pub schema: String,
    /// Version of this crate.
    pub version: String,
    /// Commit it was built from, if known.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub commit: Option<String>,
    /// Version of wgpu, in builds that have it.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub wgpu_version: Option<String>,
    /// When the run started, UTC.
    pub date: String,
    /// The command line.
    pub command: Vec<String>,
    /// What it ran on.
    pub machine: Machine,
    /// Untimed iterations at the start of every run.
    pub warmup: usize,
    /// Timed iterations of every run.
    pub iters: usize,
    /// Seed of the data and the start.
    pub seed: u64,
    /// Added to the variances in every M-step.
    pub reg_covar: f64,
    /// How `flops_per_sample` is counted.
    pub useful_flops: String,
    /// Every case that was timed, in order.
    pub cases: Vec<CaseReport>,
    /// Cases that could not be timed.
    #[serde(default)]
    pub errors: Vec<CaseError>,
}

/// A case that could not be timed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CaseError {
    /// Its name.
    pub name: String,
    /// Why.
    pub error: String,
}

/// What one case took on one engine.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CaseReport {
    /// The case.
    #[serde(flatten)]
    pub case: Case,
    /// Source of the data: `generated`, or a file.
    pub data: String,
    /// What computed.
    pub engine: EngineInfo,
    /// Reasons to distrust the figures: `smoke, not speed`, `cold`, `clocks fell`.
    pub marks: Vec<String>,
    /// Runs of `warmup + iters` iterations that were timed: more than one if an iteration is short.
    pub repeats: usize,
    /// A whole iteration: E-step, check of its sums, M-step; wall time.
    pub iteration: Spread,
    /// Its E-step.
    pub e_step: Spread,
    /// Its M-step, on the host.
    pub m_step: Spread,
    /// The E-step on the device, from timestamps of E-steps apart from the timed ones.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub device: Option<DeviceTimes>,
    /// One-off work.
    pub setup: Setup,
    /// Samples per second of wall time.
    pub samples_per_second: f64,
    /// Useful operations per sample and iteration.
    pub flops_per_sample: f64,
    /// Useful operations per second of wall time.
    pub flops: f64,
    /// Ceilings of the device and what was reached.
    pub ceiling: Ceiling,
    /// Memory of the process.
    pub memory: Memory,
    /// Mean log-likelihood after the last iteration, nats per sample.
    pub mean_log_likelihood: f64,
    /// The check of this result.
    pub check: Check,
}

/// Device time of one E-step.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DeviceTimes {
    /// All kernels.
    pub total: Spread,
    /// Each kernel: its work and its median.
    pub kernels: Vec<KernelTime>,
    /// Median wall time of the same E-steps less their device time: recording, submission, readback.
    pub readback: f64,
    /// Factorising, packing and queueing the parameters of an E-step.
    pub parameters: f64,
    /// Sums in f64 of what was read.
    pub unpack: f64,
}

/// Device time of one kernel.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct KernelTime {
    /// Its name.
    pub name: String,
    /// Median over E-steps.
    pub median: f64,
}

/// One-off work before the timed iterations, wall time.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub struct Setup {
    /// Making or reading the data and the start.
    pub data: f64,
    /// Finding and opening the adapter.
    pub open: f64,
    /// Centre and scale of the samples.
    pub scaling: f64,
    /// Upload of the samples.
    pub upload: f64,
    /// Plan, pipelines and buffers.
    pub prepare: f64,
    /// The whole first iteration, `prepare` included.
    pub first_iteration: f64,
    /// Runs of the check.
    pub check: f64,
}

/// Ceilings that probes of the same run reached, and shares of them.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub struct Ceiling {
    /// Fused multiply-adds in registers, operations per second: f32 on a graphics device, f64 on all
    /// threads of the processor.
    pub fma: f64,
    /// The same just before the timed iterations (graphics device).
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub fma_before: Option<f64>,
    /// The same just after them.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub fma_after: Option<f64>,
    /// A copy in device memory, bytes read and written per second.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub copy: Option<f64>,
    /// Useful operations per second of wall time over `fma`.
    pub share_of_fma: f64,
    /// The same per second of device time.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub device_share_of_fma: Option<f64>,
    /// The samples read once per iteration (4·N·D bytes) per second of device time, over `copy`.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub device_share_of_copy: Option<f64>,
}

impl CaseReport {
    /// Adds ceilings, and the shares of them that follow from the times.
    pub(super) fn with_ceiling(mut self, ceiling: Ceiling) -> CaseReport {
        let (n, d) = (self.case.n_samples as f64, self.case.n_features as f64);
        let device = self.device.as_ref().map(|device| device.total.median);
        self.ceiling = Ceiling {
            share_of_fma: self.flops / ceiling.fma,
            device_share_of_fma: device.map(|seconds| n * self.flops_per_sample / seconds / ceiling.fma),
            device_share_of_copy: device.zip(ceiling.copy).map(|(s, copy)| 4.0 * n * d / s / copy),
            ..ceiling
        };
        self
    }
}

/// Memory of the process, bytes; `None` if the system does not tell.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Memory {
    /// The most it held during the case, before the check.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub peak: Option<u64>,
    /// The same less what it held with the data made and no engine open.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub beyond_data: Option<u64>,
}

/// A case in two runs.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Ratio {
    /// The case.
    pub name: String,
    /// Kinds of the engines, the baseline's first.
    pub engines: (EngineKind, EngineKind),
    /// Median iterations, the baseline's first.
    pub seconds: (f64, f64),
    /// How many times faster this run is than the baseline.
    pub speedup: f64,
}

impl Report {
    /// Reads a report that was saved.
    ///
    /// # Errors
    /// [`Error::Io`]; [`Error::Format`] for anything else than a report of this schema.
    pub fn read(path: &Path) -> Result<Report> {
        let text = std::fs::read_to_string(path).map_err(|e| Error::read(path, e))?;
        let refuse = |what: String| {
            Error::format(path, format!("is no saved report of a bench: {what}"))
                .with_remedy(Remedy::BenchReport)
        };
        let value: serde_json::Value = serde_json::from_str(&text).map_err(|e| refuse(e.to_string()))?;
        match value.get("schema").and_then(|schema| schema.as_str()) {
            Some(SCHEMA) => serde_json::from_value(value).map_err(|e| refuse(e.to_string())),
            other => Err(refuse(format!("its schema is {other:?}, not {SCHEMA:?}"))),
        }
    }

    /// Whether every case was timed and passed its check.
    pub fn passed(&self) -> bool {
        self.errors.is_empty() && self.cases.iter().all(|case| case.check.within)
    }

    /// This run's cases that `baseline` has, too: of the same sizes and covariance type.
    pub fn ratios(&self, baseline: &Report) -> Vec<Ratio> {
        let same = |a: &Case, b: &Case| Case { name: b.name.clone(), ..a.clone() } == *b;
        let ratio = |new: &CaseReport| {
            // The same kind of engine, if the baseline has several.
            let mut old = baseline.cases.iter().filter(|old| same(&old.case, &new.case));
            let first = old.clone().next()?;
            let old = old.find(|old| old.engine.kind == new.engine.kind).unwrap_or(first);
            let seconds = (old.iteration.median, new.iteration.median);
            Some(Ratio {
                name: new.case.name.clone(),
                engines: (old.engine.kind, new.engine.kind),
                seconds,
                speedup: seconds.0 / seconds.1,
            })
        };
        self.cases.iter().filter_map(ratio).collect()
    }
}

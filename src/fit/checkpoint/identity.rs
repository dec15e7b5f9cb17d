//! Whose fit a checkpoint belongs to.

use std::fmt::{self, Debug, Write};

use serde::{Deserialize, Serialize};
use serde_json::json;
use twox_hash::XxHash3_128;

use crate::data::{Samples, Values};
use crate::fit::options::{CheckedOptions, Init};
use crate::report::EngineInfo;

/// Everything that decides the bits of a fit, by name: program, samples (as checksums), options, engine. Nothing in
/// it may differ when a fit goes on, except the device, of which a program can only warn.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Identity {
    facts: Vec<(String, String)>,
    device: String,
}

impl Identity {
    /// Of a fit of `samples` with `options` on `engine`. Reads all samples once.
    pub fn new(samples: &Samples<'_>, options: &CheckedOptions, engine: &EngineInfo) -> Self {
        let mut facts = vec![
            ("version of wgmm", env!("CARGO_PKG_VERSION").into()),
            ("engine", engine.kind.clone()),
            ("n_samples", samples.n_samples().to_string()),
            ("n_features", samples.n_features().to_string()),
            ("feature names", json!(samples.feature_names()).to_string()),
            ("checksum of the values", checksum_of_values(samples)),
            ("checksum of the sample weights", checksum_of_weights(samples)),
            ("n_components", options.n_components.to_string()),
            ("covariance_type", options.covariance_type.to_string()),
            ("checksum of the given start", checksum_of_start(options)),
        ];
        let options = options.to_map();
        facts.extend(options.iter().map(|(name, value)| (name.as_str(), value.to_string())));
        let facts = facts.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
        Identity { facts, device: engine.device_line() }
    }

    /// Adds something else that must not differ.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl ToString) -> Self {
        self.facts.push((name.into(), value.to_string()));
        self
    }

    /// The engine may go on in f64 where f32 leaves few digits
    /// ([`EngineRequest::switches`](crate::engine::choose::EngineRequest::switches)).
    #[must_use]
    pub fn switching(mut self) -> Self {
        if let Some((_, kind)) = self.facts.iter_mut().find(|(name, _)| name == "engine") {
            kind.push_str(", f64 where digits are few");
        }
        self
    }

    /// From here on the fit runs on `engine`, if that took over from one that failed. One that took over because
    /// digits were few changes nothing: a fit that goes on begins on the first engine, too.
    pub fn set_engine(&mut self, engine: &EngineInfo) {
        if engine.failed.is_none() {
            return;
        }
        if let Some((_, kind)) = self.facts.iter_mut().find(|(name, _)| name == "engine") {
            kind.clone_from(&engine.kind);
        }
        self.device = engine.device_line();
    }

    /// The device by name, with its interface and driver.
    pub fn device(&self) -> &str {
        &self.device
    }

    /// What differs in `now`, as `name was …, is …`.
    pub(super) fn differences(&self, now: &Identity) -> Vec<String> {
        let value = |identity: &Identity, name: &str| {
            let found = identity.facts.iter().find(|(other, _)| other == name);
            found.map_or("not given".to_owned(), |(_, value)| value.clone())
        };
        let added = now.facts.iter().filter(|(name, _)| self.facts.iter().all(|(other, _)| other != name));
        let names = self.facts.iter().chain(added).map(|(name, _)| name);
        let pairs = names.map(|name| (name, value(self, name), value(now, name)));
        pairs
            .filter(|(_, was, is)| was != is)
            .map(|(name, was, is)| format!("{name} was {was}, is {is}"))
            .collect()
    }
}

/// XXH3-128 of what `fill` writes.
pub(super) fn digest(fill: impl FnOnce(&mut XxHash3_128)) -> u128 {
    let mut hash = XxHash3_128::new();
    fill(&mut hash);
    hash.finish_128()
}

fn checksum(fill: impl FnOnce(&mut XxHash3_128)) -> String {
    format!("{:032x}", digest(fill))
}

/// Numbers whose bytes are gathered before they are hashed.
const BLOCK: usize = 1024;

fn checksum_of<T: Copy, const SIZE: usize>(values: &[T], bytes: impl Fn(T) -> [u8; SIZE]) -> String {
    let mut gathered = Vec::with_capacity(BLOCK * SIZE);
    checksum(|hash| {
        for block in values.chunks(BLOCK) {
            gathered.clear();
            block.iter().for_each(|value| gathered.extend_from_slice(&bytes(*value)));
            hash.write(&gathered);
        }
    })
}

fn checksum_of_values(samples: &Samples<'_>) -> String {
    match samples.values() {
        Values::F64(values) => checksum_of(values, f64::to_le_bytes),
        Values::F32(values) => format!("{} (f32)", checksum_of(values, f32::to_le_bytes)),
    }
}

fn checksum_of_weights(samples: &Samples<'_>) -> String {
    samples.sample_weights().map_or("none".into(), |weights| checksum_of(weights, f64::to_le_bytes))
}

fn checksum_of_start(options: &CheckedOptions) -> String {
    let start: &dyn Debug = match &options.init {
        Init::Given(start) => start,
        _ if options.start.is_empty() => return "none".into(),
        _ => &options.start,
    };
    // The text of a number is exact.
    checksum(|hash| {
        let _ = write!(Hashed(hash), "{start:?}");
    })
}

/// Text goes into a hash.
struct Hashed<'a>(&'a mut XxHash3_128);

impl Write for Hashed<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.0.write(text.as_bytes());
        Ok(())
    }
}

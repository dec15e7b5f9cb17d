//! Whose fit a checkpoint belongs to.

use std::fmt::{self, Debug, Write};

use serde::{Deserialize, Serialize};
use serde_json::json;
use twox_hash::XxHash3_128;

use crate::data::{Dataset, Scratch, chunks};
use crate::error::Result;
use crate::fit::options::{CheckedOptions, FitOptions, Init};
use crate::report::EngineInfo;

/// Everything that decides the bits of a fit, by name: program, samples (as checksums), options, engine. All of it must
/// be the same when a fit goes on, except the device: if that differs, a program can only warn.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Identity {
    facts: Vec<(String, String)>,
    device: String,
}

impl Identity {
    /// Of a fit of `data` with `options` on `engine`. Reads all samples once.
    ///
    /// # Errors
    /// As [`FitOptions::check`] and [`Dataset::read`].
    pub fn new(data: &dyn Dataset, options: &FitOptions, engine: &EngineInfo) -> Result<Self> {
        let known = data.facts();
        let options = options.check(known)?;
        let (values, weights) = checksums(data)?;
        let mut facts = vec![
            ("version of wgmm", env!("CARGO_PKG_VERSION").into()),
            ("engine", engine.kind.name().to_owned()),
            ("n_samples", known.n_samples.to_string()),
            ("n_features", known.n_features.to_string()),
            ("feature names", json!(known.feature_names).to_string()),
            ("checksum of the values", values),
            ("checksum of the sample weights", weights),
            ("n_components", options.n_components.to_string()),
            ("covariance_type", options.covariance_type.to_string()),
            ("checksum of the given start", checksum_of_start(&options)),
        ];
        let options = options.to_map();
        facts.extend(options.iter().map(|(name, value)| (name.as_str(), value.to_string())));
        let facts = facts.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
        Ok(Identity { facts, device: engine.device_line() })
    }

    /// Adds another fact that must not differ.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl ToString) -> Self {
        self.facts.push((name.into(), value.to_string()));
        self
    }

    /// Records that the engine may go on in f64 if f32 leaves few digits
    /// ([`EngineRequest::switches`](crate::engine::choose::EngineRequest::switches)).
    #[must_use]
    pub fn switching(mut self) -> Self {
        if let Some((_, kind)) = self.facts.iter_mut().find(|(name, _)| name == "engine") {
            kind.push_str(", f64 where digits are few");
        }
        self
    }

    /// Records `engine` if it took over from an engine that failed. An engine that took over because digits were few
    /// changes nothing: a fit that goes on begins on the first engine again.
    pub fn set_engine(&mut self, engine: &EngineInfo) {
        if engine.failed.is_none() {
            return;
        }
        if let Some((_, kind)) = self.facts.iter_mut().find(|(name, _)| name == "engine") {
            engine.kind.name().clone_into(kind);
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

/// Of the values and the sample weights of `data`, as f64.
fn checksums(data: &dyn Dataset) -> Result<(String, String)> {
    let (mut values, mut weights) = (XxHash3_128::new(), XxHash3_128::new());
    let (mut scratch, mut bytes) = (Scratch::default(), Vec::new());
    let mut write = |hash: &mut XxHash3_128, numbers: &[f64]| {
        // Hashed as one piece: number by number takes several times as long.
        bytes.clear();
        numbers.iter().for_each(|number| bytes.extend_from_slice(&number.to_le_bytes()));
        hash.write(&bytes);
    };
    for rows in chunks(data.rows()) {
        let rows = data.read(rows, &mut scratch)?;
        write(&mut values, rows.values());
        write(&mut weights, rows.weights().unwrap_or_default());
    }
    let text = |hash: XxHash3_128| format!("{:032x}", hash.finish_128());
    let weights = if data.facts().is_weighted { text(weights) } else { "none".into() };
    Ok((text(values), weights))
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

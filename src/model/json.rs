//! The model file: one JSON object, numbers that round-trip exactly, no null, NaN or infinity.
//!
//! Required when reading a model: `format`, `version`, `covariance_type`, `weights`, `means`,
//! `covariances`; when reading a start only the last three. `n_components`, `n_features` must agree
//! if they are given; everything else is optional.

use std::collections::BTreeMap;
use std::fmt;
use std::io::Write;

use serde::de::{self, DeserializeSeed, Deserializer, SeqAccess, Visitor};
use serde_json::value::RawValue;

use super::{GaussianMixture, Parameters};
use crate::error::{Error, Result, printable, shorten};
use crate::mixture::shape::CovarianceType;
use crate::report::FitReport;

/// The value of `format` in every model file.
pub const FORMAT: &str = "wgmm";
/// The newest version this crate reads and the one it writes.
pub const VERSION: u64 = 1;

impl GaussianMixture {
    /// Parses the text of a model file; `origin` names it in errors.
    ///
    /// # Errors
    /// As [`GaussianMixture::read`].
    #[doc(hidden)]
    pub fn from_json(text: &str, origin: &str) -> Result<Self> {
        let fields = Fields::parse(text, origin)?;
        let format: String = fields.required("format")?;
        if format != FORMAT {
            return Err(
                fields.invalid("format", format!("is {:?}; a model file says {FORMAT:?}", shorten(&format)))
            );
        }
        fields.check_version()?;
        let covariance_type: CovarianceType = fields.required("covariance_type")?;
        let parameters = fields.parameters(covariance_type)?;
        let feature_names: Option<Vec<String>> = fields.optional("feature_names")?;
        if let Some(names) = feature_names.as_ref().filter(|n| n.len() != parameters.n_features()) {
            return Err(fields.invalid(
                "feature_names",
                format!("has {} names for {} features", names.len(), parameters.n_features()),
            ));
        }
        let report = fields.report();
        Ok(GaussianMixture { parameters, feature_names, report })
    }

    /// Writes the model file: one field a line, arrays compact.
    ///
    /// # Errors
    /// Whatever `out` reports.
    pub fn write_json(&self, out: &mut dyn Write) -> std::io::Result<()> {
        let p = &self.parameters;
        let (k, d) = (p.n_components(), p.n_features());
        let mut fields: Vec<(&str, String)> = vec![
            ("format", to_json(&FORMAT)?),
            ("version", to_json(&VERSION)?),
            ("covariance_type", to_json(&p.covariance_type())?),
            ("n_components", to_json(&k)?),
            ("n_features", to_json(&d)?),
        ];
        if let Some(names) = &self.feature_names {
            fields.push(("feature_names", to_json(names)?));
        }
        fields.push(("weights", to_json(&p.weights())?));
        fields.push(("means", nested(p.means(), &[k, d])?));
        fields.push(("covariances", nested(p.covariances(), &p.covariance_type().shape(k, d))?));
        let report = match &self.report {
            Some(report) => serde_json::to_value(report)?,
            None => serde_json::Value::Null,
        };
        for (name, value) in report.as_object().into_iter().flatten() {
            fields.push((name, value.to_string()));
        }
        let lines: Vec<String> =
            fields.iter().map(|(name, value)| format!("  \"{name}\": {value}")).collect();
        writeln!(out, "{{\n{}\n}}", lines.join(",\n"))
    }
}

fn to_json(value: &impl serde::Serialize) -> std::io::Result<String> {
    Ok(serde_json::to_string(value)?)
}

fn nested(values: &[f64], shape: &[usize]) -> std::io::Result<String> {
    match shape {
        [] | [_] => to_json(&values),
        [n, rest @ ..] => {
            let parts: std::io::Result<Vec<String>> =
                values.chunks_exact((values.len() / n).max(1)).map(|part| nested(part, rest)).collect();
            Ok(format!("[{}]", parts?.join(",")))
        }
    }
}

/// The top-level fields of a JSON object, each kept as text until asked for, so that every error can
/// name its field; a field given twice is refused.
pub(super) struct Fields<'t> {
    origin: &'t str,
    fields: BTreeMap<String, &'t RawValue>,
}

impl<'t> Fields<'t> {
    pub(super) fn parse(text: &'t str, origin: &'t str) -> Result<Self> {
        let mut deserializer =
            serde_json::Deserializer::from_str(text.strip_prefix('\u{feff}').unwrap_or(text));
        let fields = deserializer.deserialize_map(UniqueKeys).and_then(|f| deserializer.end().map(|()| f));
        let fields = fields.map_err(|e| {
            Error::format(
                origin,
                format!(
                    "is not a JSON object of a mixture: {}. Check that the file is complete",
                    shorten(&e.to_string())
                ),
            )
        })?;
        Ok(Fields { origin, fields })
    }

    pub(super) fn invalid(&self, field: &str, what: impl Into<String>) -> Error {
        let what = printable(&what.into());
        Error::InvalidParameters { origin: self.origin.into(), field: field.into(), what }
    }

    pub(super) fn optional<T: de::DeserializeOwned>(&self, field: &str) -> Result<Option<T>> {
        let Some(raw) = self.fields.get(field) else { return Ok(None) };
        let parsed = serde_json::from_str(raw.get());
        parsed
            .map(Some)
            .map_err(|e| self.invalid(field, format!("cannot be read: {}", shorten(&e.to_string()))))
    }

    pub(super) fn required<T: de::DeserializeOwned>(&self, field: &str) -> Result<T> {
        self.optional(field)?.ok_or_else(|| self.invalid(field, "is missing"))
    }

    pub(super) fn check_version(&self) -> Result<()> {
        let version: u64 = self.required("version")?;
        if version == VERSION {
            return Ok(());
        }
        let advice = "Use the wgmm that wrote it, or a newer one";
        Err(self.invalid("version", format!("is {version}; this program reads version {VERSION}. {advice}")))
    }

    /// A start may come from any program, but one that says it is a model file is held to it.
    pub(super) fn check_version_of_models(&self) -> Result<()> {
        let format: Option<String> = self.optional("format").unwrap_or_default();
        if format.as_deref() == Some(FORMAT) { self.check_version() } else { Ok(()) }
    }

    /// K and D of `means`.
    pub(super) fn shape_of_means(&self, means: &Nested) -> Result<(usize, usize)> {
        match means.shape.as_slice() {
            &[k, d] => Ok((k, d)),
            other => Err(self.invalid("means", format!("should have the shape [K, D], but has {other:?}"))),
        }
    }

    pub(super) fn parameters(&self, covariance_type: CovarianceType) -> Result<Parameters> {
        let weights: Vec<f64> = self.required("weights")?;
        let means: Nested = self.required("means")?;
        let covariances: Nested = self.required("covariances")?;
        let k = weights.len();
        let (rows, d) = self.shape_of_means(&means)?;
        if k == 0 || d == 0 {
            let field = if k == 0 { "weights" } else { "means" };
            return Err(self.invalid(field, "is empty: a mixture has at least one component and one feature"));
        }
        if rows != k {
            return Err(self.invalid("means", format!("has {rows} rows for {k} weights")));
        }
        let expected = covariance_type.shape(k, d);
        if covariances.shape != expected {
            return Err(self.invalid(
                "covariances",
                format!(
                    "of type {covariance_type} should have the shape {expected:?}, but has {:?}",
                    covariances.shape
                ),
            ));
        }
        for (field, actual) in [("n_components", k), ("n_features", d)] {
            match self.optional::<u64>(field)? {
                Some(claimed) if claimed != actual as u64 => {
                    return Err(self.invalid(field, format!("is {claimed}, but the arrays have {actual}")));
                }
                _ => {}
            }
        }
        Parameters::new(covariance_type, weights, means.values, covariances.values)
            .map_err(|e| e.with_origin(self.origin))
    }

    /// The fit's report, if all of it is there and readable; a hand-written model has none.
    fn report(&self) -> Option<FitReport> {
        let text: Vec<String> = self
            .fields
            .iter()
            .filter(|(name, _)| !matches!(name.as_str(), "weights" | "means" | "covariances"))
            .map(|(name, raw)| Ok(format!("{}:{}", serde_json::to_string(name)?, raw.get())))
            .collect::<serde_json::Result<_>>()
            .ok()?;
        serde_json::from_str(&format!("{{{}}}", text.join(","))).ok()
    }
}

struct UniqueKeys;

impl<'de> Visitor<'de> for UniqueKeys {
    type Value = BTreeMap<String, &'de RawValue>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON object")
    }

    fn visit_map<A: de::MapAccess<'de>>(self, mut map: A) -> std::result::Result<Self::Value, A::Error> {
        let mut fields = BTreeMap::new();
        while let Some((key, value)) = map.next_entry::<String, &'de RawValue>()? {
            if fields.contains_key(&key) {
                return Err(de::Error::custom(format!("the field {:?} is given twice", shorten(&key))));
            }
            fields.insert(key, value);
        }
        Ok(fields)
    }
}

/// Levels of arrays in the deepest field (`covariances` of type full).
pub(super) const MAX_DEPTH: usize = 3;

/// A rectangular array of numbers of up to three levels, flattened.
pub(super) struct Nested {
    pub(super) shape: Vec<usize>,
    pub(super) values: Vec<f64>,
}

impl<'de> de::Deserialize<'de> for Nested {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
        let mut reader = NestedReader::default();
        Level { reader: &mut reader, depth: 0 }.deserialize(deserializer)?;
        let shape: Vec<usize> = reader.lengths.into_iter().map_while(|n| n).collect();
        if shape.iter().product::<usize>() != reader.values.len() {
            return Err(de::Error::custom("the rows are ragged"));
        }
        Ok(Nested { shape, values: reader.values })
    }
}

#[derive(Default)]
struct NestedReader {
    /// Length of the lists at each depth; every list of a depth must agree.
    lengths: [Option<usize>; MAX_DEPTH],
    /// Depth of the numbers; every number must agree.
    leaf: Option<usize>,
    values: Vec<f64>,
}

/// Reads whatever stands at `depth`.
struct Level<'a> {
    reader: &'a mut NestedReader,
    depth: usize,
}

impl<'de> DeserializeSeed<'de> for Level<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> std::result::Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Level<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.depth == 0 { "an array of numbers" } else { "a number or an array of numbers" })
    }

    fn visit_f64<E: de::Error>(self, value: f64) -> std::result::Result<(), E> {
        if self.depth == 0 || *self.reader.leaf.get_or_insert(self.depth) != self.depth {
            return Err(E::custom("numbers and arrays are mixed at one level"));
        }
        self.reader.values.push(value);
        Ok(())
    }

    fn visit_u64<E: de::Error>(self, value: u64) -> std::result::Result<(), E> {
        self.visit_f64(value as f64)
    }

    fn visit_i64<E: de::Error>(self, value: i64) -> std::result::Result<(), E> {
        self.visit_f64(value as f64)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> std::result::Result<(), A::Error> {
        if self.depth == MAX_DEPTH {
            return Err(de::Error::custom("more than three levels of arrays"));
        }
        let mut length = 0;
        while seq.next_element_seed(Level { reader: &mut *self.reader, depth: self.depth + 1 })?.is_some() {
            length += 1;
        }
        match self.reader.lengths[self.depth].replace(length) {
            Some(other) if other != length => Err(de::Error::custom(format!(
                "the rows are ragged: one has {length} entries, another {other}"
            ))),
            _ => Ok(()),
        }
    }
}

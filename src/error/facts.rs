//! The texts of errors: what is wrong and what is to be repaired, and the remedies.

use std::fmt;

use super::{Error, Remedy};

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.worded(ToString::to_string))
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Error::Io { source, .. } => Some(source),
            _ => None,
        }
    }
}

/// An iteration as messages name it.
fn when(iteration: usize) -> String {
    if iteration == 0 { "at the start".into() } else { format!("in iteration {iteration}") }
}

impl Error {
    /// What is wrong, without the [remedies](Error::remedies).
    pub fn facts(&self) -> String {
        match self {
            Error::Io { path, action, source, hint } => {
                format!("{}: cannot {action}: {source}. {hint}", path.display())
            }
            Error::Format { path, what, .. } => format!("{}: {what}", path.display()),
            Error::Cell { path, line, column, name, found, hint, .. } => {
                let hint = if hint.is_empty() { String::new() } else { format!(". {hint}") };
                let path = path.display();
                format!(
                    "{path}, line {line}, column {column} ({name}): {found:?} is not a finite number{hint}"
                )
            }
            Error::RaggedRow { path, line, expected, found } => format!(
                "{}, line {line}: {found} cells where {expected} were expected. Repair or remove the row; every row needs \
                 the same number of cells",
                path.display()
            ),
            Error::NonFinite { origin, row, column, value } => format!(
                "{origin}: the value at row {row}, column {column} (counted from 0) is {value}, but a mixture is defined on \
                 finite numbers only"
            ),
            Error::Option { name, value, allowed } => format!("{name} = {value}: {allowed}"),
            Error::UnknownColumn { path, name, hint, .. } => {
                format!("{}: there is no column {name:?}. {hint}", path.display())
            }
            Error::TooFewSamples { n_samples, n_components } => format!(
                "Expected n_samples >= n_components but got n_components = {n_components}, n_samples = {n_samples}. Ask for \
                 fewer components or bring more samples"
            ),
            Error::Shape { what, expected, found } => format!("{what}: expected {expected}, found {found}"),
            Error::InvalidParameters { origin, field, what } => format!("{origin}: field `{field}` {what}"),
            Error::NoDevice { requested, available } => {
                format!("no graphics adapter fits the request {requested:?}. Adapters found: {available}")
            }
            Error::LimitExceeded { limit, required, available } => {
                format!("this problem needs {limit} = {required}, but the adapter allows {available}")
            }
            Error::OutOfMemory { label, bytes } => format!(
                "the graphics device has no room for {label} ({bytes} bytes), nor for smaller pieces where the work can be \
                 cut. Close other programs that use the card"
            ),
            Error::DeviceLost { stage, message } => format!(
                "the graphics device was lost during {stage}: {message}. The driver was probably reset; run again"
            ),
            Error::Timeout { stage, seconds } => format!(
                "the graphics device did not finish {stage} within {seconds} s. It hangs, or its driver does: restart it"
            ),
            Error::Shader { stage, message } => {
                format!("{stage}: the graphics driver refused the work: {message}")
            }
            Error::ComponentCollapsed { component, iteration, effective_count } => format!(
                "component {component} collapsed {}: its effective count is {effective_count:e}",
                when(*iteration)
            ),
            Error::NotPositiveDefinite { component, pivot, value, iteration } => format!(
                "the covariance of component {component} is not positive definite{} (pivot {pivot} is {value:e}): Fitting \
                 the mixture model failed because {}",
                iteration.map_or(String::new(), |i| format!(" {}", when(i))),
                if value.is_finite() {
                    "some components have ill-defined empirical covariance (for instance caused by singleton or collapsed \
                     samples)"
                } else {
                    "squares of the samples are too large for its arithmetic. Scale the input data, or leave out the \
                     column or rows of such values"
                },
            ),
            Error::Checkpoint { path, differences } => format!(
                "{}: the checkpoint belongs to another fit: {}. Repeat the data and options of the fit that wrote it, or \
                 begin anew without it",
                path.display(),
                differences.join("; ")
            ),
            Error::NonFiniteResult { stage, iteration, what } => {
                let when =
                    iteration.map(|iteration| format!(" in iteration {iteration}")).unwrap_or_default();
                format!("{stage} gave a result that cannot be right{when}: {what}")
            }
        }
    }
}

impl Error {
    /// What can be done about it, best first, apart from what [`Error::facts`] says.
    pub fn remedies(&self) -> Vec<Remedy> {
        match self {
            Error::Format { remedies, .. }
            | Error::Cell { remedies, .. }
            | Error::UnknownColumn { remedies, .. } => remedies.to_vec(),
            Error::NonFinite { .. } => vec![Remedy::DropRows],
            Error::NoDevice { .. } => vec![Remedy::InstallDriver, Remedy::CpuEngine],
            Error::LimitExceeded { .. } => vec![Remedy::LargerAdapter, Remedy::CpuEngine],
            Error::OutOfMemory { .. } | Error::DeviceLost { .. } | Error::Timeout { .. } => {
                vec![Remedy::CpuEngine]
            }
            Error::Shader { .. } => vec![Remedy::ReportBug, Remedy::CpuEngine],
            Error::ComponentCollapsed { .. } => {
                vec![Remedy::EasierFit, Remedy::MoreStarts, Remedy::OnCollapse]
            }
            Error::NotPositiveDefinite { value, .. } if !value.is_finite() => Vec::new(),
            Error::NotPositiveDefinite { iteration: Some(_), .. } => {
                vec![Remedy::EasierFit, Remedy::OnCollapse]
            }
            Error::NotPositiveDefinite { .. } => vec![Remedy::EasierFit],
            Error::NonFiniteResult { .. } => vec![Remedy::ReportBugOfDevice],
            Error::Io { .. }
            | Error::RaggedRow { .. }
            | Error::Option { .. }
            | Error::TooFewSamples { .. }
            | Error::Shape { .. }
            | Error::InvalidParameters { .. }
            | Error::Checkpoint { .. } => Vec::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn facts_and_remedies_are_sentences() {
        let error = Error::LimitExceeded { limit: "max_buffer_size", required: 9, available: 4 };
        assert_eq!(
            error.to_string(),
            "this problem needs max_buffer_size = 9, but the adapter allows 4. Take an adapter with a larger limit. The cpu \
             engine needs no graphics device"
        );
        let command = error.worded(|remedy| match remedy {
            Remedy::CpuEngine => "FLAG".into(),
            other => other.to_string(),
        });
        assert!(command.ends_with("larger limit. FLAG"), "{command}");
        assert!(!error.facts().contains("engine"), "{}", error.facts());
    }
}

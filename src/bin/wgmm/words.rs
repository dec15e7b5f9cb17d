//! How the command words what the library says: options by their flags, remedies as what to type.

use wgmm::Error;
use wgmm::internals::error::Remedy;
use wgmm::internals::report::{FitReport, Warning};

/// The flag of an option of the library.
pub(crate) fn flag(name: &str) -> String {
    match name {
        "n_components" | "components" => "-k".into(),
        "sample_weights" => "--weights".into(),
        _ => format!("--{}", name.replace('_', "-")),
    }
}

/// A word as a POSIX shell takes it, for the commands that messages advise.
pub(crate) fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./,:=+@%".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', r"'\''"))
    }
}

/// A remedy as a sentence that says what to type.
pub(crate) fn remedy(remedy: &Remedy) -> String {
    let text = match remedy {
        Remedy::CpuEngine => "`--engine cpu` needs no graphics card",
        Remedy::SumsInF64 => "`--engine cpu` has f64 sums",
        Remedy::FitInF64 => "Fit again with `--engine cpu`",
        Remedy::SumsInF32 => "`--engine gpu` stays with f32",
        Remedy::ReportBug => "Please report this with the output of `wgmm devices`",
        Remedy::ReportBugOfDevice => {
            "Try `--engine cpu`; if that works, please report this with the output of `wgmm devices`"
        }
        Remedy::EasierFit => {
            "Try to decrease the number of components (-k), increase reg_covar (--reg-covar), or scale the input data"
        }
        Remedy::FewerComponents { simpler_type: true } => {
            "Try fewer components, --covariance diag, a larger --reg-covar, or --n-init"
        }
        Remedy::FewerComponents { simpler_type: false } => {
            "Try fewer components, a larger --reg-covar, or --n-init"
        }
        Remedy::MoreStarts => "`--n-init` tries other starts",
        Remedy::OnCollapse => "`--on-collapse reseed` (or floor, drop) goes on",
        Remedy::DropRows => "Repair such rows, or leave them out with `--missing drop`",
        Remedy::DropRowsOrColumn(column) => {
            return format!(
                "Repair the cell, leave such rows out with `--missing drop`, or the column with {}",
                drop_column(column)
            );
        }
        Remedy::DropColumn(column) => {
            return format!("If the column is no number, leave it out with {}", drop_column(column));
        }
        Remedy::FewerColumns => "Give fewer columns (`--columns`) or rows",
        Remedy::HeaderIsThere => "If the first row holds the names, say so with `--header yes`",
        Remedy::HeaderIsNotDenied => "If this line is the header, leave `--header no` out",
        Remedy::HeaderOrNot => "`--header yes` takes it as the header; `--header no` says that it is data",
        Remedy::HeaderOrColumn(column) => {
            return format!(
                "If it is the header, say so with `--header yes`; if it is data, repair the cell or leave the column out \
                 with {}",
                drop_column(column)
            );
        }
        Remedy::ModelFile => "Give a file that `wgmm fit --output` wrote",
        Remedy::JsonObject => "Give what a command printed with --json",
        Remedy::BenchReport => "Save a new one with `wgmm bench --save`",
        other => return other.to_string(),
    };
    text.into()
}

fn drop_column(column: &str) -> String {
    format!("`--drop-columns {}`", quoted(column))
}

/// An error in the words of the command.
pub(crate) fn error(error: &Error) -> String {
    match error {
        Error::Option { name, value, allowed } => format!("{} {value}: {allowed}", flag(name)),
        _ => error.worded(remedy),
    }
}

/// The warnings of a finished fit that were not told before. That it did not converge is no warning if an error tells it.
pub(crate) fn at_the_end(report: &FitReport, convergence_is_told: bool) -> impl Iterator<Item = &Warning> {
    report.warnings.iter().filter(move |warning| match warning {
        Warning::NotConverged { .. } => !convergence_is_told,
        // The exit tells of a signal, and rows were counted when they were read.
        Warning::Interrupted { .. } | Warning::DroppedRows { .. } => false,
        other => !other.is_told_at_once(),
    })
}

/// A warning in the words of the command.
pub(crate) fn warning(warning: &Warning) -> String {
    warning.worded(remedy)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_quoted_for_the_shell() {
        let text = |column: &str| remedy(&Remedy::DropColumn(column.into()));
        assert!(text("b").ends_with("`--drop-columns b`"));
        assert!(text("it's").ends_with(r"`--drop-columns 'it'\''s'`"));
    }
}

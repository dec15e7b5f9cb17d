//! [`Remedy`]: what can be done about an error or a warning, as a value. The library words it in neutral English; a
//! front end says it in its own terms, such as the flags of a command.

use std::fmt;

/// A next step that is a matter of options, engines or files.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Remedy {
    /// The cpu engine: it needs no graphics device.
    CpuEngine,
    /// Sums in f64: they hold the digits that f32 loses.
    SumsInF64,
    /// Fit again with sums in f64.
    FitInF64,
    /// A card that is asked for stays with sums in f32.
    SumsInF32,
    /// A graphics adapter with a larger limit.
    LargerAdapter,
    /// A driver for the graphics card.
    InstallDriver,
    /// A report to the authors: it is a bug of this crate or of a driver.
    ReportBug,
    /// A report to the authors if the cpu engine does better.
    ReportBugOfDevice,
    /// scikit-learn's advice about an ill-defined covariance.
    EasierFit,
    /// scikit-learn's advice about a fit that did not converge.
    EasierConvergence,
    /// Fewer components, a larger `reg_covar`, more restarts.
    FewerComponents {
        /// Whether a covariance type with fewer parameters helps, too.
        simpler_type: bool,
    },
    /// More restarts.
    MoreStarts,
    /// Another answer to a collapse than an error.
    OnCollapse,
    /// Leave out the rows with missing values.
    DropRows,
    /// Leave out such rows, or this column (a name, or a number from 1).
    DropRowsOrColumn(String),
    /// Leave out this column (a name, or a number from 1) if it holds no numbers.
    DropColumn(String),
    /// Read fewer columns or rows.
    FewerColumns,
    /// Say that the first row is the header.
    HeaderIsThere,
    /// Do not say that there is no header.
    HeaderIsNotDenied,
    /// Say whether the first row is the header.
    HeaderOrNot,
    /// Say that the first row is the header, or leave out this column (a number from 1).
    HeaderOrColumn(String),
    /// A model file that this program wrote.
    ModelFile,
    /// The JSON object that this program printed.
    JsonObject,
    /// A new report of a bench.
    BenchReport,
}

impl fmt::Display for Remedy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = match self {
            Remedy::CpuEngine => "The cpu engine needs no graphics device",
            Remedy::SumsInF64 => "The cpu engine has f64 sums, which hold these digits",
            Remedy::FitInF64 => "Fit again on the cpu engine",
            Remedy::SumsInF32 => "A gpu engine that is asked for by name stays with f32",
            Remedy::LargerAdapter => "Take an adapter with a larger limit",
            Remedy::InstallDriver => {
                "Install a Vulkan, Metal or DX12 driver (Debian/Ubuntu: `apt-get install mesa-vulkan-drivers libvulkan1`, \
                 or the NVIDIA driver's Vulkan package)"
            }
            Remedy::ReportBug => "Please report this, with the list of graphics adapters",
            Remedy::ReportBugOfDevice => {
                "Try the cpu engine; if that works, please report this with the list of graphics adapters"
            }
            Remedy::EasierFit => {
                "Try to decrease the number of components, increase reg_covar, or scale the input data"
            }
            Remedy::EasierConvergence => {
                "Try different init parameters, or increase max_iter, tol, or check for degenerate data"
            }
            Remedy::FewerComponents { simpler_type: true } => {
                "Try fewer components, the covariance type diag, a larger reg_covar, or a larger n_init"
            }
            Remedy::FewerComponents { simpler_type: false } => {
                "Try fewer components, a larger reg_covar, or a larger n_init"
            }
            Remedy::MoreStarts => "A larger n_init tries other starts",
            Remedy::OnCollapse => "A fit with on_collapse = reseed (or floor, drop) goes on",
            Remedy::DropRows => "Repair such rows, or leave them out",
            Remedy::DropRowsOrColumn(column) => {
                return write!(f, "Repair the cell, or leave out such rows, or the column {column}");
            }
            Remedy::DropColumn(column) => {
                return write!(f, "If the column is no number, leave out the column {column}");
            }
            Remedy::FewerColumns => "Give fewer columns or rows",
            Remedy::HeaderIsThere => "If the first row holds the names, say that it is the header",
            Remedy::HeaderIsNotDenied => "If this line is the header, do not say that there is none",
            Remedy::HeaderOrNot => "The option `header` says whether it is the header or data",
            Remedy::HeaderOrColumn(column) => {
                return write!(
                    f,
                    "If it is the header, say so; if it is data, repair the cell or leave out the column {column}"
                );
            }
            Remedy::ModelFile => "Give a model file that this program wrote",
            Remedy::JsonObject => "Give the JSON object that this program printed",
            Remedy::BenchReport => "Save a new one",
        };
        f.write_str(text)
    }
}

/// `facts`, then every remedy in the words of `word`, each a sentence.
pub fn worded(facts: String, remedies: &[Remedy], word: impl Fn(&Remedy) -> String) -> String {
    let mut text = facts;
    for remedy in remedies {
        text += ". ";
        text += &word(remedy);
    }
    text
}

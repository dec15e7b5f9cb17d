//! Whether and how a fit's result is checked in f64.

use clap::Args;
use wgmm::internals::fit::verify::{Verify, VerifyOptions};
use wgmm::internals::report::{FitReport, Precision};

use super::{EngineArgs, parse};
use crate::exit::{Failure, Outcome};

#[derive(Debug, Args)]
#[command(next_help_heading = "Fit")]
pub(crate) struct VerifyArgs {
    /// Check the mean log-likelihood in f64: sample checks up to 65536 rows after a fit in f32, all checks every row
    /// after any fit
    #[arg(long, default_value = "sample", value_name = "ROWS", value_parser = parse::named::<Verify>())]
    verify: Verify,
    /// End with exit code 6 if the check finds the result outside its bound (the model is written all the same)
    #[arg(long)]
    require_verified: bool,
    /// Multiplies the bound of the check; tests of the check itself need it
    #[arg(long, hide = true, default_value = "1", value_parser = parse::non_negative)]
    bounds_factor: f64,
}

impl VerifyArgs {
    /// The options of the library.
    ///
    /// # Errors
    /// Exit 2 if a check is both required and forbidden.
    pub(crate) fn options(&self, engine: &EngineArgs) -> Outcome<VerifyOptions> {
        if self.require_verified && self.verify == Verify::None {
            return Err(Failure::usage("--require-verified needs the check that --verify none leaves out"));
        }
        let threads = engine.device.threads;
        Ok(VerifyOptions { which: self.verify, threads, bounds_factor: self.bounds_factor })
    }

    /// Exit 6 for a result that had to be verified and is not.
    pub(crate) fn judge(&self, report: &FitReport) -> Outcome {
        if !self.require_verified {
            return Ok(());
        }
        let v = match report.verification {
            Some(v) if v.within => return Ok(()),
            Some(v) => v,
            None if report.engine.precision == Precision::F64 => return Ok(()),
            None => return Err(Failure::outside("the result could not be checked; the reason stands above")),
        };
        let off = v.difference.map_or("is not finite".into(), |d| format!("differs by {d:.1e}"));
        Err(Failure::outside(format!(
            "the result of the {} engine is not verified: the mean log-likelihood of {} samples {off} from f64 \
             arithmetic, {:.0e} is allowed. Fit again with --engine cpu",
            report.engine.kind, v.n_samples, v.bound
        )))
    }
}

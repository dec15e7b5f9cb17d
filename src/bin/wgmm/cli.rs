//! The command line: the subcommands.

use clap::{Parser, Subcommand};

use crate::{
    bench, compare, completions, condition, devices, fit, man, plot, predict, report, sample, score, select,
    synth,
};

/// Gaussian mixtures by expectation-maximization, on any graphics card or on all cores.
#[derive(Debug, Parser)]
#[command(name = "wgmm", version, propagate_version = true, after_help = EXIT_CODES)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
}

const EXIT_CODES: &str = "\
Exit codes:
  0  done
  1  failed while running
  2  wrong usage
  3  bad data, model or start
  4  no suitable graphics device
  5  not converged with --require-convergence
  6  outside the bound: compare, or fit and select with --require-verified
  130, 143  interrupted by SIGINT, SIGTERM; fit and select write what they have so far

Files: `-` is standard input or output. Results go to stdout, everything else to stderr.";

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Fit a mixture to a table
    Fit(Box<fit::FitArgs>),
    /// Find the most probable component of every row
    Predict(Box<predict::PredictArgs>),
    /// Compute how probable a table is under a model
    Score(Box<score::ScoreArgs>),
    /// Choose the number of components and the covariance type
    Select(Box<select::SelectArgs>),
    /// Check whether engines agree with each other, or a fit with a model
    Compare(Box<compare::CompareArgs>),
    /// Draw samples with the mixture that was fitted to them, or the course of a fit
    Plot(Box<plot::PlotArgs>),
    /// Write one HTML page about a fit: summary, figures, components, how to do it again
    Report(Box<report::ReportArgs>),
    /// Reduce a model to some of its features
    Marginal(condition::MarginalArgs),
    /// Reduce a model to what it says once some features are known
    Conditional(condition::ConditionalArgs),
    /// Make clustered test data with true labels
    Synth(synth::SynthArgs),
    /// Draw new rows from a model
    Sample(sample::SampleArgs),
    /// Time iterations on fresh data, and check their result
    Bench(Box<bench::BenchArgs>),
    /// List the graphics adapters
    Devices(devices::DevicesArgs),
    /// Print a completion script for a shell
    Completions(completions::CompletionsArgs),
    /// Print the manual page
    Man(man::ManArgs),
}

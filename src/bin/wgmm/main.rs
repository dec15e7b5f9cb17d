//! The `wgmm` command: reads options, calls the library, writes results. No mathematics here.

mod args;
mod bench;
mod cli;
mod compare;
mod completions;
mod condition;
mod devices;
mod exit;
mod fit;
mod input;
mod interrupt;
mod man;
mod output;
mod plot;
mod predict;
mod progress;
mod report;
mod sample;
mod score;
mod select;
mod synth;
mod talk;
mod words;

use std::process::ExitCode;

use clap::{CommandFactory, Parser};

use cli::{Cli, Command};

fn main() -> ExitCode {
    interrupt::listen();
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            // A closed stdout or stderr is no reason to fail.
            let _ = error.print();
            return ExitCode::from(error.exit_code().clamp(0, 255) as u8);
        }
    };
    let outcome = match &cli.command {
        Command::Fit(args) => fit::run(args),
        Command::Predict(args) => predict::run(args),
        Command::Score(args) => score::run(args),
        Command::Select(args) => select::run(args),
        Command::Compare(args) => compare::run(args),
        Command::Plot(args) => plot::run(args),
        Command::Report(args) => report::run(args),
        Command::Marginal(args) => condition::marginal(args),
        Command::Conditional(args) => condition::conditional(args),
        Command::Synth(args) => synth::run(args),
        Command::Sample(args) => sample::run(args),
        Command::Bench(args) => bench::run(args),
        Command::Devices(args) => devices::run(args),
        Command::Completions(args) => completions::run(args, Cli::command()),
        Command::Man(_) => man::run(Cli::command()),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => failure.report(),
    }
}

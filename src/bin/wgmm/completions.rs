//! `wgmm completions`: a completion script.

use clap::{Args, Command};
use clap_complete::Shell;

use crate::exit::Outcome;
use crate::output;

#[derive(Debug, Args)]
#[command(after_help = "Example: wgmm completions bash > ~/.local/share/bash-completion/completions/wgmm")]
pub(crate) struct CompletionsArgs {
    /// The shell
    shell: Shell,
}

pub(crate) fn run(args: &CompletionsArgs, mut command: Command) -> Outcome {
    // Into memory first: the generator panics if the reader of a pipe went away.
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut command, "wgmm", &mut script);
    output::print(&script)
}

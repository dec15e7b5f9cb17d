//! `wgmm man`: the manual, one page per subcommand after the first.

use clap::{Args, Command};
use clap_mangen::Man;

use crate::exit::{Failure, Outcome};
use crate::output;

#[derive(Debug, Args)]
#[command(after_help = "Example: wgmm man > ~/.local/share/man/man1/wgmm.1")]
pub(crate) struct ManArgs {}

pub(crate) fn run(mut command: Command) -> Outcome {
    // Gives every subcommand its full name, `wgmm-fit` and so on.
    command.build();
    let subcommands: Vec<_> = command.get_subcommands().filter(|c| c.get_name() != "help").cloned().collect();
    let mut pages = Vec::new();
    for page in std::iter::once(command).chain(subcommands) {
        Man::new(page).render(&mut pages).map_err(Failure::stdout)?;
    }
    output::print(&pages)
}

//! `policyc completions`: scripts with which shells complete our verbs and flags.

use super::{Config, Exit, Io, cli};
use clap_complete::Shell;

/// Print a script that completes verbs and flags in a shell.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Exit codes: 0 fine; 1 usage.

Example:
  policyc completions bash > ~/.local/share/bash-completion/completions/policyc")]
pub(super) struct Args {
    /// The shell
    #[arg(value_name = "SHELL", value_enum)]
    shell: Shell,
}

pub(super) fn run(args: &Args, io: &mut Io<'_>, _: &Config) -> Exit {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut cli::command(), "policyc", &mut script);
    let _ = io.out.write_all(&script);
    Exit::Fine
}

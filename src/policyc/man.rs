//! `policyc man`: the manual page, of the whole tool or of one verb.

use super::{Config, Exit, Io, cli, config::did_you_mean, style::failed};
use clap::Command;
use clap_mangen::Man;
use std::io;

/// Print the manual page, for `man -l -`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Exit codes: 0 fine; 1 usage.

Example:
  policyc man > policyc.1
  policyc man check | man -l -")]
pub(super) struct Args {
    /// Only what is said about this verb
    #[arg(value_name = "VERB")]
    verb: Option<String>,
}

pub(super) fn run(args: &Args, io: &mut Io<'_>, _: &Config) -> Exit {
    let mut command = cli::command();
    // Verbs learn the flags that all of them have.
    command.build();
    let page = match &args.verb {
        None => whole(&command),
        Some(verb) => match command.find_subcommand(verb) {
            Some(found) => one(found),
            None => {
                let help = did_you_mean(verb, command.get_subcommands().map(Command::get_name));
                return failed(io, &format!("unknown verb `{verb}`"), help.as_deref());
            }
        },
    };
    match page {
        Ok(page) => {
            let _ = io.out.write_all(exit_status(&String::from_utf8_lossy(&page)).as_bytes());
            Exit::Fine
        }
        Err(error) => failed(io, &format!("cannot write the manual page: {error}"), None),
    }
}

fn one(verb: &Command) -> io::Result<Vec<u8>> {
    let mut page = Vec::new();
    let name = format!("policyc-{}", verb.get_name());
    manual(verb.clone().display_name(&name)).title(name).render(&mut page)?;
    Ok(page)
}

/// The tool's own page, and a section about each verb.
fn whole(command: &Command) -> io::Result<Vec<u8>> {
    let mut page = Vec::new();
    let tool = manual(command.clone());
    tool.render_title(&mut page)?;
    tool.render_name_section(&mut page)?;
    tool.render_synopsis_section(&mut page)?;
    tool.render_description_section(&mut page)?;
    tool.render_options_section(&mut page)?;
    for verb in command.get_subcommands().filter(|verb| verb.get_name() != "help") {
        let mut about = Vec::new();
        let manual = manual(verb.clone());
        manual.render_synopsis_section(&mut about)?;
        manual.render_description_section(&mut about)?;
        manual.render_options_section(&mut about)?;
        manual.render_extra_section(&mut about)?;
        page.extend(format!(".SH POLICYC {}\n", verb.get_name().to_uppercase()).bytes());
        page.extend(
            String::from_utf8_lossy(&about).replace("\n.SH ", "\n.SS ").trim_start_matches(".SH SYNOPSIS\n").bytes(),
        );
    }
    tool.render_extra_section(&mut page)?;
    tool.render_version_section(&mut page)?;
    Ok(page)
}

/// What our help ends with, under the headings that manual pages have for it.
fn exit_status(page: &str) -> String {
    ["SH", "SS"].iter().fold(page.to_owned(), |page, heading| {
        page.replace(&format!(".{heading} EXTRA\nExit codes: "), &format!(".{heading} EXIT STATUS\n"))
            .replace("\n\nExample:\n", "\n.PP\nExample:\n")
    })
}

fn manual(command: Command) -> Man {
    Man::new(command).manual("policyc").source(concat!("policyc ", env!("CARGO_PKG_VERSION")))
}

//! `policyc import`: documents of other systems to policies.

use super::{
    Config, Exit, Io,
    replace::replace,
    style::{Style, failed},
};
use crate::{
    ast::{Ast, print::print},
    request::Refusal,
    wire::acl::{self, Imported},
};
use std::{
    fs,
    path::{Path, PathBuf},
};

/// Turn documents of other systems into policies
///
/// The policy is complete: it declares what it names. What it says less exactly than the documents is noted on standard
/// error.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Exit codes: 0 written; 1 usage, reading or writing failed, or a document says what is not understood.

Example:
  policyc import acl qwen3.json -o policies/qwen3.policy
  policyc import grant grant.json --user alice@company.com")]
pub(super) struct Args {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, clap::Subcommand)]
enum What {
    /// Access-control lists of models: one JSON document, an array of them, or one a line
    #[command(after_help = "\
Exit codes: 0 written; 1 usage, reading or writing failed, or a document says what is not understood.

Example:
  policyc import acl qwen3.json -o policies/qwen3.policy")]
    Acl {
        #[command(flatten)]
        files: Files,
    },
    /// Grants of models to one user: one JSON document, an array of them, or one a line
    #[command(after_help = "\
Exit codes: 0 written; 1 usage, reading or writing failed, or a document says what is not understood.

Example:
  policyc import grant grant.json --user alice@company.com")]
    Grant {
        #[command(flatten)]
        files: Files,
        /// The id of the user whom the documents are about
        #[arg(long, env = "POLICYC_IMPORT_USER", value_name = "ID")]
        user: String,
    },
}

#[derive(Debug, clap::Args)]
struct Files {
    /// The documents; `-` is standard input
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// Where to write the policy, instead of to standard output
    #[arg(long, short, env = "POLICYC_IMPORT_OUTPUT", value_name = "FILE")]
    output: Option<PathBuf>,
}

pub(super) fn run(args: &Args, io: &mut Io<'_>, _: &Config) -> Exit {
    let files = match &args.what {
        What::Acl { files } | What::Grant { files, .. } => files,
    };
    let text = match read(&files.file, io) {
        Ok(text) => text,
        Err(error) => return failed(io, &format!("cannot read `{}`: {error}", files.file.display()), None),
    };
    let imported = match &args.what {
        What::Acl { .. } => acl::import(&text),
        What::Grant { user, .. } => acl::import_grant(&text, user),
    };
    match imported {
        Ok(imported) => write(imported, files.output.as_deref(), io),
        Err(refusal) => refused(&refusal, &files.file, io),
    }
}

fn read(file: &Path, io: &mut Io<'_>) -> std::io::Result<String> {
    if file != Path::new("-") {
        return fs::read_to_string(file);
    }
    let mut text = String::new();
    io.input.read_to_string(&mut text)?;
    Ok(text)
}

fn write(imported: Imported, output: Option<&Path>, io: &mut Io<'_>) -> Exit {
    let style = Style::new(io.color_err);
    for note in &imported.notes {
        let _ = writeln!(io.err, "{} {note}", style.warning("warning:"));
    }
    let text = print(&Ast { items: imported.items, ..Ast::default() }, None);
    let Some(output) = output else {
        let _ = io.out.write_all(text.as_bytes());
        return Exit::Fine;
    };
    match replace(output, text.as_bytes()) {
        Ok(()) => Exit::Fine,
        Err(error) => failed(io, &format!("cannot write `{}`: {error}", output.display()), None),
    }
}

fn refused(refusal: &Refusal, file: &Path, io: &mut Io<'_>) -> Exit {
    failed(io, &format!("`{}`: {refusal}", file.display()), None)
}

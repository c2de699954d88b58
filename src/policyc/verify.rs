//! `policyc verify`: whether a bundle is what it says.

use super::{
    Exit, Io, set,
    style::{Style, cause, complain, failed},
};
use crate::{
    engine::Engine,
    load::bundle::{PublicKey, is_bundle},
};
use std::{fs, io, path::PathBuf};

/// Check that a bundle is whole, signed, and what its texts compile to
///
/// Its digests and all that its numbers lead to are looked at, then its signature if a key is given; at last the texts that
/// it comes with are checked and compiled again: that must give the same bundle.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Exit codes: 0 all is as it should be; 1 usage, or reading failed; 2 the signature is missing, another key's or wrong, or \
the bundle is not what its texts compile to; 3 the bundle is damaged or was built with other time-zone rules.

Example:
  openssl pkey -in key.pem -pubout -out public.pem
  policyc verify policies.bundle --key public.pem")]
pub(super) struct Args {
    /// The bundle
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// The public key that it must be signed by, in a PEM file
    #[arg(long, env = "POLICYC_VERIFY_KEY", value_name = "KEY")]
    key: Option<PathBuf>,
}

pub(super) fn run(args: &Args, io: &mut Io<'_>) -> Exit {
    match try_run(args, io) {
        Ok(exit) | Err(exit) => exit,
    }
}

fn try_run(args: &Args, io: &mut Io<'_>) -> Result<Exit, Exit> {
    let unreadable = |path: &PathBuf, io: &mut Io<'_>, error: &io::Error| {
        failed(io, &format!("cannot read `{}`: {}", path.display(), cause(error)), None)
    };
    let mut builder = Engine::builder();
    if let Some(path) = &args.key {
        let text = fs::read_to_string(path).map_err(|error| unreadable(path, io, &error))?;
        let key = PublicKey::from_pem(&text)
            .map_err(|expected| failed(io, &format!("`{}` is not a public key", path.display()), Some(&expected)))?;
        builder = builder.trusted_key(key);
    }
    if args.file.is_file() && !is_bundle(&args.file) {
        let message = format!("`{}` is not a bundle", args.file.display());
        return Err(failed(io, &message, Some("`policyc build PATH… -o FILE` makes one")));
    }
    let engine = builder.open(&args.file).map_err(|error| set::not_loaded(error, io))?;
    let again = set::load(Engine::builder().path(&args.file), io)?;
    let [own, compiled] = [&engine, &again].map(|engine| {
        let mut bytes = Vec::new();
        engine.bundle(None, &mut bytes).map(|()| bytes).unwrap_or_default()
    });
    let style = Style::new(io.color_out);
    if own.is_empty() || own != compiled {
        let help = "build it anew; who made this one put something else into it";
        complain(io, "the bundle is not what its texts compile to", Some(help));
        return Ok(Exit::Negative);
    }
    let signed = if args.key.is_some() { "signed by that key, and " } else { "" };
    let _ = writeln!(io.out, "{}: whole, {signed}what its texts compile to", style.good("verified"));
    Ok(Exit::Fine)
}

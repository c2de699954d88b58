//! `policyc build`: a policy set as one file.

use super::{
    Config, Exit, Io,
    replace::replace,
    set::{self, key_text},
    style::{cause, counted, failed},
};
use crate::{
    clock::{Clock, SystemClock},
    engine::Claims,
    load::bundle::SecretKey,
};
use std::{env, fs, path::PathBuf};

/// Compile policies into one file
///
/// A bundle is a policy set that was checked and compiled, with the texts that it was built from. It opens without parsing,
/// decides as its texts do, and stands for them wherever a command takes policies. The same texts with the same counter give the
/// same bytes.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Exit codes: 0 written; 1 usage, reading or writing failed; 3 the policy set is not valid, or a claim of it is not proved.

Example:
  policyc build policies -o policies.bundle
  openssl genpkey -algorithm ed25519 -out key.pem
  policyc build policies -o policies.bundle --sign key.pem
  policyc build policies -o policies.bundle --sign key.pem --counter 42")]
pub(super) struct Args {
    /// Policy files, folders and bundles; `-` is standard input
    #[arg(value_name = "PATH")]
    paths: Vec<PathBuf>,
    /// The file to write
    #[arg(long, short, env = "POLICYC_BUILD_OUTPUT", value_name = "FILE")]
    output: PathBuf,
    /// Sign it with an Ed25519 key in a PEM file
    #[arg(long, env = "POLICYC_BUILD_SIGN", value_name = "KEY")]
    sign: Option<PathBuf>,
    /// Which release of the set it is, and more than the one before: whoever follows releases takes no older one. Without it,
    /// the present second since 1970, or what `SOURCE_DATE_EPOCH` says
    #[arg(long, env = "POLICYC_BUILD_COUNTER", value_name = "N")]
    counter: Option<u64>,
    /// Resources and principals with their attributes: JSON, JSON Lines or CSV
    #[arg(long, env = "POLICYC_BUILD_CATALOG", value_name = "FILE")]
    catalog: Vec<PathBuf>,
}

pub(super) fn run(args: &Args, io: &mut Io<'_>, config: &Config) -> Exit {
    match try_run(args, io, config) {
        Ok(exit) | Err(exit) => exit,
    }
}

fn try_run(args: &Args, io: &mut Io<'_>, config: &Config) -> Result<Exit, Exit> {
    let key = match &args.sign {
        None => None,
        Some(path) => {
            let text = fs::read_to_string(path)
                .map_err(|error| failed(io, &format!("cannot read `{}`: {}", path.display(), cause(&error)), None))?;
            let key = SecretKey::from_pem(&text).map_err(|expected| {
                failed(io, &format!("`{}` is not a key to sign with", path.display()), Some(&expected))
            })?;
            Some(key)
        }
    };
    let counter = counter(args, io)?;
    let set = set::one(&args.paths, &args.catalog, io, config)?;
    let engine = set::load(set.builder().claims(Claims::default()), io)?;
    let cannot = |io: &mut Io<'_>, error: &std::io::Error| {
        failed(io, &format!("cannot write `{}`: {}", args.output.display(), cause(error)), None)
    };
    let mut bytes = Vec::new();
    engine.counted_bundle(counter, key.as_ref(), &mut bytes).map_err(|error| cannot(io, &error))?;
    replace(&args.output, &bytes).map_err(|error| cannot(io, &error))?;
    let rules = counted(engine.ir().rules.len(), "rule");
    let files = counted(engine.sources().len(), "file");
    let signed = key.map(|key| format!(", signed by {}", key_text(&key.public().bytes()))).unwrap_or_default();
    let _ = writeln!(
        io.out,
        "built {}: {rules} of {files}, {}, counter {counter}{signed}",
        args.output.display(),
        engine.revision()
    );
    Ok(Exit::Fine)
}

/// What programs that build are told to take for the present, so that they build the same again.
const EPOCH: &str = "SOURCE_DATE_EPOCH";

/// Which release it is. The times of sources are no measure of it: a release that goes back to older texts is newer, too.
fn counter(args: &Args, io: &mut Io<'_>) -> Result<u64, Exit> {
    let now = || u64::try_from(SystemClock.now().timestamp()).unwrap_or_default();
    match (args.counter, env::var_os(EPOCH)) {
        (Some(counter), _) => Ok(counter),
        (None, None) => Ok(now()),
        (None, Some(said)) => said.to_str().and_then(|said| said.parse().ok()).ok_or_else(|| {
            let help = format!("`{EPOCH}` is the number of seconds since 1970; `--counter N` goes before it");
            failed(io, &format!("`{EPOCH}` says `{}`", said.display()), Some(&help))
        }),
    }
}

//! `policyc hub`: many repositories of a hub, as one file wants them.

mod endpoint;
mod table;
mod told;
mod wanted;

use super::{
    Exit, Io,
    style::{cause, complain, failed},
};
use crate::source::Source;
use clap::{ValueEnum, value_parser};
use endpoint::{Endpoint, Found, Refused};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use rayon::{
    ThreadPoolBuilder,
    prelude::{IntoParallelRefIterator, ParallelIterator},
};
use serde_json::json;
use std::{
    env, fs,
    path::{Path, PathBuf},
};
use told::{Change, Done, Row};
use wanted::Wanted;

/// Where clients of a hub have their token.
const TOKEN: &str = "HF_TOKEN";
/// Where they have the address of theirs.
const ENDPOINT: &str = "HF_ENDPOINT";

/// Bring many repositories of a model hub to the gates that a file wants
///
/// The hub is that of `policyc serve`, or any with the interface of the Hugging Face Hub. The file says of each repository
/// how it is to be gated, who may know of it, and whether it is made where it is not there.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Exit codes: 0 fine; 1 usage, or a repository could not be read or changed; 2 (`drift`) one differs.

Example:
  policyc hub plan gates.toml --endpoint https://hub.example.com
  policyc hub plan gates.toml --endpoint https://hub.example.com --format markdown
  policyc hub apply gates.toml --endpoint https://hub.example.com --jobs 16")]
pub(super) struct Args {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, clap::Subcommand)]
enum What {
    /// Show what `apply` would change
    #[command(after_help = "\
Exit codes: 0 shown; 1 usage, or a repository could not be read.

Example:
  policyc hub plan gates.toml --endpoint https://hub.example.com")]
    Plan(Asked),
    /// Change what is not as the file wants it, and show what was changed
    ///
    /// Each change is looked at afterwards. To apply a file twice is to apply it once.
    #[command(after_help = "\
Exit codes: 0 all is as the file wants it; 1 usage, or a repository could not be read or changed.

Example:
  policyc hub apply gates.toml --endpoint https://hub.example.com --token-file token")]
    Apply(Asked),
    /// Fail if something is not as the file wants it
    #[command(after_help = "\
Exit codes: 0 all is as the file wants it; 1 usage, or a repository could not be read; 2 something is not.

Example:
  policyc hub drift gates.csv --endpoint https://hub.example.com --format json")]
    Drift(Asked),
}

/// What each of them is told.
#[derive(Debug, clap::Args)]
struct Asked {
    /// What is wanted: TOML, JSON or CSV; `-` is standard input, in JSON
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// The hub's address; else that of `HF_ENDPOINT`, as the Hub's own clients have it
    #[arg(long, env = "POLICYC_HUB_ENDPOINT", value_name = "URL")]
    endpoint: Option<String>,
    /// A file with the token of whoever asks, instead of `HF_TOKEN` in the environment
    #[arg(long, env = "POLICYC_HUB_TOKEN_FILE", value_name = "FILE")]
    token_file: Option<PathBuf>,
    /// Who signs the hub's certificate, besides those whom the system knows: PEM
    #[arg(long, env = "POLICYC_HUB_CA", value_name = "FILE")]
    ca: Option<PathBuf>,
    /// How often a call is tried again that the hub is too busy for
    #[arg(long, env = "POLICYC_HUB_RETRIES", value_name = "N", default_value_t = 5)]
    retries: u32,
    /// How many repositories are asked for or changed at a time
    #[arg(long, env = "POLICYC_HUB_JOBS", value_name = "N", default_value_t = 4, value_parser = value_parser!(u8).range(1..=64))]
    jobs: u8,
    /// How repositories are shown
    #[arg(long, env = "POLICYC_HUB_FORMAT", value_enum, default_value_t = Format::Pretty)]
    format: Format,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// For people
    Pretty,
    /// One JSON object with every repository that differs or could not be read or changed
    Json,
    /// For a pull request
    Markdown,
}

pub(super) fn run(args: &Args, io: &mut Io<'_>) -> Exit {
    let result = match &args.what {
        What::Plan(asked) => plan(asked, io).map(|_| Exit::Fine),
        What::Drift(asked) => plan(asked, io).map(|differing| if differing > 0 { Exit::Negative } else { Exit::Fine }),
        What::Apply(asked) => apply(asked, io),
    };
    match result {
        Ok(exit) | Err(exit) => exit,
    }
}

/// Shows what differs, and says how many repositories do.
fn plan(asked: &Asked, io: &mut Io<'_>) -> Result<usize, Exit> {
    let (endpoint, all) = asked.read(io)?;
    let rows =
        asked.each(&all, io, |wanted| Row::of(wanted, found(&endpoint, wanted).map(|found| changes(wanted, found))))?;
    told::tell(&rows, asked.format, Done::Planned, io)?;
    Ok(rows.iter().filter(|row| !row.changes.is_empty()).count())
}

/// Changes what differs, and shows it.
fn apply(asked: &Asked, io: &mut Io<'_>) -> Result<Exit, Exit> {
    let (endpoint, all) = asked.read(io)?;
    let rows = asked.each(&all, io, |wanted| bring(&endpoint, wanted))?;
    told::tell(&rows, asked.format, Done::Applied, io)?;
    Ok(Exit::Fine)
}

/// What a repository is like; none if it is not there, and is to be made.
fn found(endpoint: &Endpoint, wanted: &Wanted) -> Result<Option<Found>, String> {
    match endpoint.find(&wanted.repo) {
        Ok(found) => Ok(Some(found)),
        Err(refused) if refused.is_missing && wanted.create => Ok(None),
        Err(refused) if refused.is_missing => Err(format!("{refused}; with `create = true` it is made")),
        Err(refused) => Err(refused.to_string()),
    }
}

/// Makes a repository what it is wanted to be, and says what that changed.
fn bring<'a>(endpoint: &Endpoint, wanted: &'a Wanted) -> Row<'a> {
    let before = match found(endpoint, wanted) {
        Ok(found) => changes(wanted, found),
        Err(error) => return Row::of(wanted, Err(error)),
    };
    if before.is_empty() {
        return Row::of(wanted, Ok(before));
    }
    let left = match settle(endpoint, wanted, &before) {
        Ok(left) => left,
        Err(refused) => return Row::of(wanted, Err(refused.to_string())),
    };
    // A hub may have gates that its settings cannot take away: the policy files of `policyc serve` are such.
    let error = left.first().map(|left| {
        format!("the hub has taken the settings, but `{}` is still {}", left.setting, told::word(&left.before))
    });
    let is_done = |change: &Change| left.iter().all(|left| left.setting != change.setting);
    Row::of(wanted, Ok(before.into_iter().filter(is_done).collect())).but(error)
}

/// Makes what differs as it is wanted, looks at it afterwards, and says what differs still.
fn settle(endpoint: &Endpoint, wanted: &Wanted, before: &[Change]) -> Result<Vec<Change>, Refused> {
    let mut left = before.to_vec();
    if before.iter().any(|change| change.setting == EXISTS) {
        endpoint.create(wanted)?;
        left = changes(wanted, Some(endpoint.find(&wanted.repo)?));
    }
    if left.is_empty() {
        return Ok(left);
    }
    endpoint.configure(wanted)?;
    Ok(changes(wanted, Some(endpoint.find(&wanted.repo)?)))
}

/// What a repository is not yet that is to be made.
const EXISTS: &str = "exists";

/// Where a repository is not what it is wanted to be; none: it is not there.
fn changes(wanted: &Wanted, found: Option<Found>) -> Vec<Change> {
    let change = |setting, before, after| Change { setting, before, after };
    let made = found.is_none().then(|| change(EXISTS, json!(false), json!(true)));
    let gated = wanted.gated.filter(|gated| found.is_none_or(|found| found.gated != *gated));
    let gated = gated.map(|after| change("gated", json!(found.map(|found| found.gated)), json!(after)));
    let visibility = wanted.visibility.filter(|after| found.is_none_or(|found| found.visibility != *after));
    let visibility =
        visibility.map(|after| change("visibility", json!(found.map(|found| found.visibility)), json!(after)));
    made.into_iter().chain(gated).chain(visibility).collect()
}

fn bar(count: usize) -> ProgressBar {
    let bar = ProgressBar::with_draw_target(u64::try_from(count).ok(), ProgressDrawTarget::stderr_with_hz(4));
    match ProgressStyle::with_template("{bar:40} {pos} of {len} repositories, {elapsed}") {
        Ok(style) => bar.with_style(style),
        Err(_) => bar,
    }
}

impl Asked {
    /// One row for each repository, in the order of the file, some at a time; a person is shown how far it is.
    fn each<'a>(
        &self,
        all: &'a [Wanted],
        io: &mut Io<'_>,
        one: impl Fn(&'a Wanted) -> Row<'a> + Send + Sync,
    ) -> Result<Vec<Row<'a>>, Exit> {
        let jobs = ThreadPoolBuilder::new().num_threads(self.jobs.into()).build();
        let jobs = jobs.map_err(|error| failed(io, &format!("cannot begin: {error}"), None))?;
        let bar = if io.interactive { bar(all.len()) } else { ProgressBar::hidden() };
        let rows = jobs.install(|| all.par_iter().map(one).inspect(|_| bar.inc(1)).collect());
        bar.finish_and_clear();
        Ok(rows)
    }

    /// The hub, and what is wanted of it.
    fn read(&self, io: &mut Io<'_>) -> Result<(Endpoint, Vec<Wanted>), Exit> {
        let text = if self.file == Path::new("-") {
            let mut text = String::new();
            io.input.read_to_string(&mut text).map(|_| text)
        } else {
            fs::read_to_string(&self.file)
        };
        let text = text.map_err(|error| unread(&self.file, &error, io))?;
        let all = self.wanted(&text, io)?;
        let token = self.token(io)?;
        let ca = self.ca.as_deref().map(|file| fs::read(file).map_err(|error| unread(file, &error, io))).transpose()?;
        let endpoint = Endpoint::new(&self.endpoint(io)?, token, self.retries, ca.as_deref());
        Ok((endpoint.map_err(|error| failed(io, &error, None))?, all))
    }

    /// What the file wants. All that is wrong with it is said.
    fn wanted(&self, text: &str, io: &mut Io<'_>) -> Result<Vec<Wanted>, Exit> {
        let name = self.file.display().to_string();
        let Some(format) = table::Format::of(&self.file) else {
            let message = format!("it is not known what `{name}` is written in");
            return Err(failed(io, &message, Some("its name must end in `.toml`, `.json` or `.csv`")));
        };
        let source = Source::new(&name, &name, text);
        wanted::read(format, &source).map_err(|faults| {
            for fault in &faults {
                let (line, column) = wanted::place(&source, fault.at);
                complain(io, &format!("{name}:{line}:{column}: {}", fault.message), fault.help.as_deref());
            }
            Exit::Failed
        })
    }

    /// The hub's address: that of the command before that of its own variable, and the clients' variable last.
    fn endpoint(&self, io: &mut Io<'_>) -> Result<String, Exit> {
        let own = self.endpoint.clone().filter(|own| !own.is_empty());
        let known = own.or_else(|| env::var(ENDPOINT).ok().filter(|theirs| !theirs.is_empty()));
        known.ok_or_else(|| failed(io, "there is no hub", Some("name it with `--endpoint`, or set `HF_ENDPOINT`")))
    }

    fn token(&self, io: &mut Io<'_>) -> Result<String, Exit> {
        let token = match &self.token_file {
            Some(file) => fs::read_to_string(file).map_err(|error| unread(file, &error, io))?,
            None => env::var(TOKEN).unwrap_or_default(),
        };
        let token = token.trim();
        if token.is_empty() || !token.chars().all(|character| character.is_ascii_graphic()) {
            let help = "the hub wants to know who asks: set `HF_TOKEN`, or name a file with `--token-file`";
            return Err(failed(io, "there is no token", Some(help)));
        }
        Ok(token.to_owned())
    }
}

fn unread(file: &Path, error: &std::io::Error, io: &mut Io<'_>) -> Exit {
    failed(io, &format!("cannot read `{}`: {}", file.display(), cause(error)), None)
}

//! `policyc hub`: many repositories of a hub, as one file wants them.

mod endpoint;
mod wanted;

use super::{
    Exit, Io,
    style::{Style, cause, failed, printable},
};
use clap::ValueEnum;
use endpoint::{Endpoint, Found};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde::Serialize;
use serde_json::{Value, json};
use std::{
    env, fs,
    path::{Path, PathBuf},
};
use wanted::Wanted;

/// Where clients of a hub have their token.
const TOKEN: &str = "HF_TOKEN";

/// Bring many repositories of a model hub to the gates that a file wants
///
/// The hub is that of `policyc serve`, or any with the interface of the Hugging Face Hub. The file says of each repository
/// how it is to be gated, and who may know of it.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Exit codes: 0 fine; 1 usage, or a repository could not be read or changed; 2 (`drift`) one differs.

Example:
  policyc hub plan gates.toml --endpoint https://hub.example.com
  policyc hub apply gates.toml --endpoint https://hub.example.com")]
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
    /// The hub's address
    #[arg(long, env = "POLICYC_HUB_ENDPOINT", value_name = "URL")]
    endpoint: String,
    /// A file with the token of whoever asks, instead of `HF_TOKEN` in the environment
    #[arg(long, env = "POLICYC_HUB_TOKEN_FILE", value_name = "FILE")]
    token_file: Option<PathBuf>,
    /// Who signs the hub's certificate, besides those whom the system knows: PEM
    #[arg(long, env = "POLICYC_HUB_CA", value_name = "FILE")]
    ca: Option<PathBuf>,
    /// How often a call is tried again that the hub is too busy for
    #[arg(long, env = "POLICYC_HUB_RETRIES", value_name = "N", default_value_t = 5)]
    retries: u32,
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
}

/// What is said of a repository.
#[derive(Serialize)]
struct Row<'a> {
    r#type: &'a str,
    id: &'a str,
    /// What differs, or what `apply` has changed.
    changes: Vec<Change>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
}

/// A setting that is, or was, another than is wanted.
#[derive(Debug, Serialize)]
struct Change {
    setting: &'static str,
    before: Value,
    after: Value,
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
    let rows = each(&all, io, |wanted| match endpoint.find(&wanted.repo) {
        Ok(found) => row(wanted, Ok(changes(wanted, found))),
        Err(error) => row(wanted, Err(error)),
    });
    tell(&rows, asked.format, "differ", io)?;
    Ok(rows.iter().filter(|row| !row.changes.is_empty()).count())
}

/// Changes what differs, and shows it.
fn apply(asked: &Asked, io: &mut Io<'_>) -> Result<Exit, Exit> {
    let (endpoint, all) = asked.read(io)?;
    let rows = each(&all, io, |wanted| bring(&endpoint, wanted));
    tell(&rows, asked.format, "changed", io)?;
    Ok(Exit::Fine)
}

/// Makes a repository what it is wanted to be, and says what that changed.
fn bring<'a>(endpoint: &Endpoint, wanted: &'a Wanted) -> Row<'a> {
    let before = match endpoint.find(&wanted.repo) {
        Ok(found) => changes(wanted, found),
        Err(error) => return row(wanted, Err(error)),
    };
    if before.is_empty() {
        return row(wanted, Ok(before));
    }
    let after = endpoint.configure(wanted).and_then(|()| endpoint.find(&wanted.repo));
    let left = match after {
        Ok(found) => changes(wanted, found),
        Err(error) => return row(wanted, Err(error)),
    };
    // A hub may have gates that its settings cannot take away: the policy files of `policyc serve` are such.
    let error = left
        .first()
        .map(|left| format!("the hub has taken the settings, but `{}` is still {}", left.setting, word(&left.before)));
    let is_done = |change: &Change| left.iter().all(|left| left.setting != change.setting);
    Row { error, ..row(wanted, Ok(before.into_iter().filter(is_done).collect())) }
}

/// Where a repository is not what it is wanted to be.
fn changes(wanted: &Wanted, found: Found) -> Vec<Change> {
    let gated = wanted.gated.filter(|gated| *gated != found.gated);
    let gated = gated.map(|after| Change { setting: "gated", before: json!(found.gated), after: json!(after) });
    let visibility = wanted.visibility.filter(|visibility| *visibility != found.visibility);
    let visibility =
        visibility.map(|after| Change { setting: "visibility", before: json!(found.visibility), after: json!(after) });
    gated.into_iter().chain(visibility).collect()
}

fn row(wanted: &Wanted, outcome: Result<Vec<Change>, String>) -> Row<'_> {
    let (changes, error) = match outcome {
        Ok(changes) => (changes, None),
        Err(error) => (Vec::new(), Some(error)),
    };
    Row { r#type: wanted.repo.kind, id: &wanted.repo.id, changes, error }
}

/// One row for each repository; a person is shown how far it is.
fn each<'a>(all: &'a [Wanted], io: &Io<'_>, one: impl Fn(&'a Wanted) -> Row<'a>) -> Vec<Row<'a>> {
    let bar = if io.interactive { bar(all.len()) } else { ProgressBar::hidden() };
    let rows = all.iter().map(one).inspect(|_| bar.inc(1)).collect();
    bar.finish_and_clear();
    rows
}

fn bar(count: usize) -> ProgressBar {
    let bar = ProgressBar::with_draw_target(u64::try_from(count).ok(), ProgressDrawTarget::stderr_with_hz(4));
    match ProgressStyle::with_template("{bar:40} {pos} of {len} repositories, {elapsed}") {
        Ok(style) => bar.with_style(style),
        Err(_) => bar,
    }
}

impl Asked {
    /// The hub, and what is wanted of it.
    fn read(&self, io: &mut Io<'_>) -> Result<(Endpoint, Vec<Wanted>), Exit> {
        let text = if self.file == Path::new("-") {
            let mut text = String::new();
            io.input.read_to_string(&mut text).map(|_| text)
        } else {
            fs::read_to_string(&self.file)
        };
        let text = text.map_err(|error| unread(&self.file, &error, io))?;
        let all = wanted::read(&self.file, &text)
            .map_err(|error| failed(io, &format!("`{}`: {error}", self.file.display()), None))?;
        let token = self.token(io)?;
        let ca = self.ca.as_deref().map(|file| fs::read(file).map_err(|error| unread(file, &error, io))).transpose()?;
        let endpoint = Endpoint::new(&self.endpoint, token, self.retries, ca.as_deref());
        Ok((endpoint.map_err(|error| failed(io, &error, None))?, all))
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

/// Shows what was found or done. Fails, if a repository could not be read or changed.
fn tell(rows: &[Row<'_>], format: Format, verb: &str, io: &mut Io<'_>) -> Result<(), Exit> {
    let differing = rows.iter().filter(|row| !row.changes.is_empty()).count();
    let wrong = rows.iter().filter(|row| row.error.is_some()).count();
    match format {
        Format::Pretty => {
            let style = Style::new(io.color_out);
            for row in rows.iter().filter(|row| !row.changes.is_empty()) {
                let _ = writeln!(io.out, "{} {}: {}", row.r#type, style.bold(row.id), words(&row.changes));
            }
            let _ = writeln!(io.out, "{differing} of {} {verb}", rows.len());
            let style = Style::new(io.color_err);
            for (row, error) in rows.iter().filter_map(|row| Some((row, row.error.as_deref()?))) {
                let (kind, id) = (row.r#type, row.id);
                let _ = writeln!(io.err, "{} {kind} {id}: {}", style.error("error:"), printable(error));
            }
        }
        Format::Json => {
            let shown: Vec<&Row<'_>> =
                rows.iter().filter(|row| !row.changes.is_empty() || row.error.is_some()).collect();
            let report = json!({ "repositories": shown, "all": rows.len(), "differing": differing, "failed": wrong });
            let _ = writeln!(io.out, "{report}");
        }
    }
    if wrong == 0 { Ok(()) } else { Err(failed(io, &format!("{wrong} of {} failed", rows.len()), None)) }
}

fn words(changes: &[Change]) -> String {
    let words = changes.iter().map(|change| {
        let (before, after) = (word(&change.before), word(&change.after));
        format!("{} {before} → {after}", change.setting)
    });
    words.collect::<Vec<_>>().join(", ")
}

/// A setting as people write it.
fn word(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

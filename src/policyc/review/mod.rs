//! `policyc review`: what whoever answers for a policy set wants to look at once a month.
//!
//! What there is to look at is for [`examine::review`](crate::examine::review); here it is told.

mod pretty;

use super::{
    Config, Exit, Io,
    check::MOST_RULES,
    claims,
    replace::replace,
    requests, set,
    style::{Style, cause, complain, failed},
};
use crate::{
    check::vocabulary::Vocabulary,
    engine::Engine,
    examine::review::{self, Kind, Review, json, table},
    query::{Budget, Progress},
};
use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use clap::ValueEnum;
use std::path::PathBuf;

/// Review a policy set: what has expired, is not needed, is broad, or belongs to nobody
///
/// For a monthly review of access: rules that time has ended or ends soon, rules that never decide or that others make
/// needless, grants to anyone, of any action or on any resource, principals that one rule names and nothing else, rules
/// without `/// @owner`, rules whose `/// @review` date has passed or is none, and whom gates ask for a grant. What time ends
/// and what is not needed is certain, over all requests.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Exit codes: 0 reviewed, whatever was found; 1 usage, or reading or writing failed; 3 the policy set is not valid; 4 not all \
was found out within the budget.

Example:
  policyc review policies --at 2026-12-01
  policyc review policies --within 90d --only expired,expiring --format csv -o review.csv")]
pub(super) struct Args {
    /// Policy files, folders and bundles; `-` is standard input
    #[arg(value_name = "PATH")]
    paths: Vec<PathBuf>,
    /// When the review is; a date is its first instant, in the zone of the policies; now unless told otherwise
    #[arg(long, env = "POLICYC_REVIEW_AT", value_name = "INSTANT|DATE", value_parser = at)]
    at: Option<At>,
    /// How soon is soon: `30d`, `12h`
    #[arg(long, env = "POLICYC_REVIEW_WITHIN", value_name = "DURATION", default_value = "30d", value_parser = within)]
    within: TimeDelta,
    /// Only findings of these kinds
    #[arg(long, env = "POLICYC_REVIEW_ONLY", value_name = "KIND", value_parser = kind, value_delimiter = ',')]
    only: Vec<Kind>,
    /// How many steps each question about time may cost
    #[arg(long, env = "POLICYC_REVIEW_BUDGET", value_name = "N", default_value_t = Budget::USUAL.left())]
    budget: u64,
    /// How it is shown
    #[arg(long, env = "POLICYC_REVIEW_FORMAT", value_enum, default_value_t = Format::Pretty)]
    format: Format,
    /// Write it to a file
    #[arg(short, long, env = "POLICYC_REVIEW_OUTPUT", value_name = "FILE")]
    output: Option<PathBuf>,
    /// Resources and principals with their attributes: JSON, JSON Lines or CSV
    #[arg(long, env = "POLICYC_REVIEW_CATALOG", value_name = "FILE")]
    catalog: Vec<PathBuf>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// For people, by kind
    Pretty,
    /// One JSON document
    Json,
    /// A table for spreadsheets
    Csv,
}

/// The instant of a review.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum At {
    /// This one.
    Instant(DateTime<Utc>),
    /// The first one of a day.
    Day(NaiveDate),
}

impl At {
    pub(super) fn instant(self, vocabulary: &Vocabulary) -> DateTime<Utc> {
        match self {
            Self::Instant(at) => at,
            Self::Day(day) => vocabulary.zone.start_of_day(day),
        }
    }
}

/// The value of `--at`.
///
/// # Errors
/// If it is neither an instant nor a date.
pub(super) fn at(text: &str) -> Result<At, String> {
    let instant = requests::at(text).map(At::Instant);
    instant
        .or_else(|_| text.parse().map(At::Day))
        .map_err(|_| "expected a date such as `2026-12-01` or an instant such as `2026-12-01T00:00:00Z`".to_owned())
}

/// The value of `--within`.
fn within(text: &str) -> Result<TimeDelta, String> {
    let wrong = || "expected a duration such as `30d`, `12h`, `45m` or `90s`".to_owned();
    let (last, _) = text.char_indices().next_back().ok_or_else(wrong)?;
    let (count, unit) = text.split_at_checked(last).ok_or_else(wrong)?;
    let seconds = match unit {
        "s" => 1,
        "m" => 60,
        "h" => 3_600,
        "d" => 86_400,
        _ => return Err(wrong()),
    };
    let count: u32 = count.parse().map_err(|_| wrong())?;
    TimeDelta::try_seconds(i64::from(count).saturating_mul(seconds)).ok_or_else(wrong)
}

/// A value of `--only`.
fn kind(text: &str) -> Result<Kind, String> {
    let names = || Kind::ALL.map(Kind::name).join(", ");
    Kind::ALL.into_iter().find(|kind| kind.name() == text).ok_or_else(|| format!("expected one of {}", names()))
}

pub(super) fn run(args: &Args, io: &mut Io<'_>, config: &Config) -> Exit {
    match try_run(args, io, config) {
        Ok(exit) | Err(exit) => exit,
    }
}

fn try_run(args: &Args, io: &mut Io<'_>, config: &Config) -> Result<Exit, Exit> {
    let mut found = Review::default();
    for set in set::sets(&args.paths, &args.catalog, io, config)? {
        let engine = set::load(set.builder(), io)?;
        let of_set = of_set(args, &engine, io);
        found.findings.extend(of_set.findings);
        found.inconclusive.extend(of_set.inconclusive);
    }
    found.findings.retain(|finding| args.only.is_empty() || args.only.contains(&finding.kind));
    // Those of one kind stand together, whichever set they are of.
    found.findings.sort_by_key(|finding| finding.kind);
    let text = match args.format {
        Format::Pretty => pretty::render(&found, Style::new(io.color_out && args.output.is_none())),
        Format::Json => json::render(&found),
        Format::Csv => table::render(&found),
    };
    match &args.output {
        None => drop(io.out.write_all(text.as_bytes())),
        Some(path) => replace(path, text.as_bytes())
            .map_err(|error| failed(io, &format!("cannot write `{}`: {}", path.display(), cause(&error)), None))?,
    }
    if found.inconclusive.is_empty() {
        return Ok(Exit::Fine);
    }
    let rules = found.inconclusive.join(", ");
    complain(io, &format!("it was not found out whether time ends {rules}"), Some("give it more `--budget`"));
    Ok(Exit::Inconclusive)
}

/// Reviews one policy set; a person is shown how far it is.
fn of_set(args: &Args, engine: &Engine, io: &mut Io<'_>) -> Review {
    let at = args.at.unwrap_or_else(|| At::Instant(requests::default_time(None)));
    let asked = review::Asked {
        at: at.instant(&engine.ir().vocabulary),
        within: args.within,
        budget: Budget::new(args.budget),
        idle: engine.ir().rules.len() <= MOST_RULES,
    };
    if !asked.idle {
        let style = Style::new(io.color_err);
        let message = format!("rules that change nothing are not looked for: there are more than {MOST_RULES}");
        let _ = writeln!(io.err, "{} {message}", style.warning("warning:"));
    }
    let bar = claims::bar("reviewing", io);
    let review = review::review(engine, asked, |Progress { done, all }| {
        let count = |count: usize| u64::try_from(count).unwrap_or(u64::MAX);
        bar.set_length(count(all));
        bar.set_position(count(done));
    });
    bar.finish_and_clear();
    review
}

#[cfg(test)]
mod tests {
    use super::{At, at, kind, within};
    use chrono::TimeDelta;

    #[test]
    fn values_of_flags_are_read() {
        assert_eq!(within("30d"), Ok(TimeDelta::days(30)));
        assert_eq!(within("0s"), Ok(TimeDelta::zero()));
        assert!(["", "d", "30", "-1d", "1w", "4294967296d", "3é"].into_iter().all(|text| within(text).is_err()));
        assert!(matches!(at("2026-12-01"), Ok(At::Day(_))));
        assert!(matches!(at("2026-12-01T00:00:00Z"), Ok(At::Instant(_))));
        assert!(["", "2026-13-01", "soon"].into_iter().all(|text| at(text).is_err()));
        assert!(kind("broad").is_ok() && kind("Broad").is_err());
    }
}

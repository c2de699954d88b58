//! Small mistakes in policies that no test notices, shown.
//!
//! ```text
//! mutation           killed  survived  equivalent
//! policies/tiers    120/122         2           7   98.3 %
//!
//! SURVIVED  policies/tiers/limits.policy:14  one more
//!   - limit tier == seed to infer at most 3 per minute;
//!   + limit tier == seed to infer at most 4 per minute;
//! this test notices:
//!   test "limits.policy:14: 3" { … }
//! ```

use super::{
    super::{
        Exit, Io,
        style::{Style, complain, printable},
    },
    Args, progress_of,
};
use crate::{
    engine::Engine,
    examine::mutate::{Fate, MutantReport, Mutation, mutate},
    query::Budget,
};
use serde::Serialize;

/// What a comparison of two sets may cost.
const BUDGET: Budget = Budget::new(200_000);

/// Which small mistakes the tests of a policy set notice.
#[derive(Debug)]
pub(super) struct Mutated {
    /// Its folder, where it is one of several; else empty.
    name: String,
    mutation: Mutation,
    /// The files' names of those mutants that are shown.
    shown: Vec<(String, MutantReport)>,
}

impl Mutated {
    pub(super) fn new(name: &str, engine: &Engine, mutation: Mutation) -> Self {
        let shown =
            mutation.mutants.iter().filter(|mutant| matches!(mutant.fate, Fate::Survived(_) | Fate::Inconclusive));
        let file = |mutant: &MutantReport| {
            engine.sources().get(mutant.at.file).map(|source| source.name().to_owned()).unwrap_or_default()
        };
        let shown = shown.map(|mutant| (file(mutant), mutant.clone())).collect();
        Self { name: name.to_owned(), mutation, shown }
    }

    /// How many mutants count: those that were killed, and those that survived.
    fn counted(&self) -> usize {
        self.mutation.killed().saturating_add(self.mutation.survived())
    }

    /// The share of those that were killed, in percent; of none 100.
    #[expect(clippy::cast_precision_loss, reason = "counts of what people have written are small")]
    fn percent(&self) -> f64 {
        let counted = self.counted();
        if counted == 0 { 100.0 } else { self.mutation.killed() as f64 * 100.0 / counted as f64 }
    }
}

/// Tries the mutants of a policy set; a person is shown how far it is.
pub(super) fn try_all(args: &Args, engine: &Engine, io: &mut Io<'_>) -> Result<Mutation, Exit> {
    let bar = progress_of("mutants", io);
    let tried = mutate(
        engine,
        |name| args.chooses(name),
        BUDGET,
        |all| {
            bar.set_length(u64::try_from(all).unwrap_or(u64::MAX));
            bar.inc(1);
        },
    );
    bar.finish_and_clear();
    tried.map_err(|error| {
        complain(io, &error.to_string(), None);
        Exit::Negative
    })
}

/// Whether the tests of each set notice enough, as far as that was found out.
pub(super) fn enough(threshold: Option<f64>, mutated: &[Mutated], io: &mut Io<'_>) -> Exit {
    let is_open = |set: &Mutated| set.mutation.count(|fate| *fate == Fate::Inconclusive) > 0;
    let mut exit = if mutated.iter().any(is_open) { Exit::Inconclusive } else { Exit::Fine };
    let Some(threshold) = threshold else { return exit };
    for set in mutated.iter().filter(|set| set.percent() < threshold) {
        let of = if set.name.is_empty() { String::new() } else { format!(" of `{}`", set.name) };
        let message = format!("the tests{of} notice {} of mistakes, below {threshold} %", percent(set));
        complain(io, &message, Some("add the tests that are proposed, or better ones"));
        exit = Exit::Negative;
    }
    exit
}

/// Rounded down, so that 100 is all.
fn percent(set: &Mutated) -> String {
    format!("{:.1} %", (set.percent() * 10.0).floor() / 10.0)
}

/// For people.
pub(super) fn text(mutated: &[Mutated], style: Style) -> String {
    let name = |set: &Mutated| if set.name.is_empty() { "policies" } else { &set.name }.to_owned();
    let width = mutated.iter().map(|set| name(set).len()).max().unwrap_or_default().max("mutation".len());
    let head = format!("{:width$}  {:>9}  survived  equivalent  inconclusive", "mutation", "killed");
    let mut out = format!("{}\n", style.bold(&head));
    for set in mutated {
        let killed = format!("{}/{}", set.mutation.killed(), set.counted());
        let survived = set.mutation.survived();
        let (equivalent, open) = (
            set.mutation.count(|fate| *fate == Fate::Equivalent),
            set.mutation.count(|fate| *fate == Fate::Inconclusive),
        );
        let share = format!("{:>7}", percent(set));
        let share = if survived == 0 { style.good(&share) } else { style.bad(&share) };
        out.push_str(&format!(
            "{:width$}  {killed:>9}  {survived:>8}  {equivalent:>10}  {open:>12}  {share}\n",
            name(set)
        ));
    }
    for (file, mutant) in mutated.iter().flat_map(|set| &set.shown) {
        out.push('\n');
        survivor(file, mutant, style, &mut out);
    }
    out
}

fn survivor(file: &str, mutant: &MutantReport, style: Style, out: &mut String) {
    let open = mutant.fate == Fate::Inconclusive;
    let word = if open { style.warning("INCONCLUSIVE") } else { style.error("SURVIVED") };
    out.push_str(&format!("{word}  {}:{}  {}\n", printable(file), mutant.line, style.dim(mutant.what)));
    for (mark, lines, paint) in
        [("-", &mutant.before, Style::bad as fn(Style, &str) -> String), ("+", &mutant.after, Style::good)]
    {
        for line in lines {
            out.push_str(&format!("  {}\n", paint(style, &format!("{mark} {}", printable(line)))));
        }
    }
    match &mutant.fate {
        Fate::Survived(Some(test)) => {
            out.push_str(&style.dim("this test notices it:"));
            out.push('\n');
            test.lines().for_each(|line| out.push_str(&format!("  {}\n", printable(line))));
        }
        Fate::Survived(None) => out.push_str(&style.dim("no single test was found that notices it\n")),
        Fate::Killed | Fate::Equivalent | Fate::Inconclusive => {}
    }
}

#[derive(Serialize)]
pub(super) struct SetShape<'a> {
    /// Absent where there is only one.
    #[serde(skip_serializing_if = "str::is_empty")]
    set: &'a str,
    killed: usize,
    survived: usize,
    equivalent: usize,
    inconclusive: usize,
    percent: f64,
    survivors: Vec<MutantShape<'a>>,
}

#[derive(Serialize)]
struct MutantShape<'a> {
    file: &'a str,
    line: usize,
    what: &'a str,
    before: &'a [String],
    after: &'a [String],
    verdict: &'static str,
    /// Absent where none was found.
    #[serde(skip_serializing_if = "Option::is_none")]
    test: Option<&'a str>,
}

/// For the JSON document.
pub(super) fn sets(mutated: &[Mutated]) -> Vec<SetShape<'_>> {
    mutated.iter().map(set).collect()
}

fn set(set: &Mutated) -> SetShape<'_> {
    SetShape {
        set: &set.name,
        killed: set.mutation.killed(),
        survived: set.mutation.survived(),
        equivalent: set.mutation.count(|fate| *fate == Fate::Equivalent),
        inconclusive: set.mutation.count(|fate| *fate == Fate::Inconclusive),
        percent: (set.percent() * 100.0).round() / 100.0,
        survivors: set.shown.iter().map(|(file, mutant)| shape(file, mutant)).collect(),
    }
}

fn shape<'a>(file: &'a str, mutant: &'a MutantReport) -> MutantShape<'a> {
    let (verdict, test) = match &mutant.fate {
        Fate::Survived(test) => ("survived", test.as_deref()),
        Fate::Inconclusive => ("inconclusive", None),
        Fate::Killed => ("killed", None),
        Fate::Equivalent => ("equivalent", None),
    };
    let MutantReport { what, line, before, after, .. } = mutant;
    MutantShape { file, line: *line, what, before, after, verdict, test }
}

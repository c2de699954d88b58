//! The tables, on the terminal and in `benches/RESULTS.md`.

use crate::{
    engines::{self, About, Row},
    loading::Loaded,
    timing::Measured,
};
use comfy_table::{CellAlignment, Table, TableStyle, presets};
use std::{collections::BTreeMap, fmt::Write, fs};

/// Everything that was measured.
#[derive(Default)]
pub struct Report {
    pub tables: Vec<Measurements>,
    pub hashers: Vec<(String, Vec<(&'static str, f64)>)>,
    pub loading: Vec<Loaded>,
}

/// What was measured with one workload.
pub struct Measurements {
    pub workload: String,
    pub rows: Vec<Measured>,
    /// Engines that pass, and why.
    pub passed_on: Vec<(&'static str, &'static str)>,
}

/// What was measured with some workloads; these are named in the first column, unless a heading names them.
pub fn decisions(tables: &[Measurements], named: bool, preset: TableStyle) -> Table {
    let headings = ["workload", "engine", "asked", "ns", "p50", "p99", "× floor", "× policyc", "requests"];
    let skipped = usize::from(!named);
    let mut table = new_table(preset, &headings[skipped..], 3 - skipped);
    for measurements in tables {
        let times =
            |engine| measurements.rows.iter().filter(move |row| row.engine == engine).map(|row: &Measured| row.mean);
        let (floor, policyc) = (times("floor").next(), times("policyc").min_by(f64::total_cmp));
        for row in &measurements.rows {
            let ratio = |base: Option<f64>| base.map_or("–".to_owned(), |base| figures(row.mean / base));
            let requests = if row.checked == row.timed {
                thousands(row.timed)
            } else {
                format!("{} of {}", thousands(row.timed), thousands(row.checked))
            };
            let row = [
                measurements.workload.clone(),
                row.engine.to_owned(),
                row.form.to_owned(),
                figures(row.mean),
                figures(row.p50),
                figures(row.p99),
                ratio(floor),
                ratio(policyc),
                requests,
            ];
            table.add_row(row.into_iter().skip(skipped));
        }
    }
    table
}

/// What loading costs.
pub fn loading(report: &Report, preset: TableStyle) -> Table {
    let headings = ["engine", "models", "rules", "s", "CPU s", "CPU µs/rule", "bytes/rule", "peak MiB"];
    let mut table = new_table(preset, &headings, 1);
    for loaded in &report.loading {
        let rules = loaded.rules as f64;
        table.add_row([
            loaded.engine.to_owned(),
            thousands(loaded.models),
            thousands(loaded.rules),
            format!("{:.2}", loaded.seconds),
            format!("{:.2}", loaded.processor_seconds),
            figures(loaded.processor_seconds * 1e6 / rules),
            thousands((loaded.kept / rules) as usize),
            thousands((loaded.peak / 1_048_576.0) as usize),
        ]);
    }
    table
}

/// What a lookup costs, by hasher.
pub fn hashers(report: &Report, preset: TableStyle) -> Table {
    let mut table = new_table(preset, &["hasher", "models", "ns"], 2);
    for (models, measured) in &report.hashers {
        for (hasher, time) in measured {
            table.add_row([(*hasher).to_owned(), models.clone(), figures(*time)]);
        }
    }
    table
}

/// The page.
pub fn page(report: &Report) -> String {
    let mut page = String::from(HEAD);
    let mut line = |text: &str| writeln!(page, "{text}").expect("a text takes all");
    line(&format!("Measured on {}, {} cores, with:", processor(), cores()));
    line("");
    let versions = versions();
    for about in engines::ALL {
        if let Some((package, version)) = about.package.and_then(|package| versions.get_key_value(package)) {
            line(&format!("- {package} {version}"));
        }
    }
    line("\n## Decisions\n");
    line(DECISIONS);
    for measurements in &report.tables {
        line(&format!("### {}\n", measurements.workload));
        line(&format!("{}\n", decisions(std::slice::from_ref(measurements), false, presets::ASCII_MARKDOWN)));
        for (engine, why) in &measurements.passed_on {
            line(&format!("{engine} is left out: {why}.\n"));
        }
    }
    line("## Ways of asking\n");
    for about in engines::ALL {
        explain(&mut line, about);
    }
    line("## Loading\n");
    line(LOADING);
    line(&format!("{}\n", loading(report, presets::ASCII_MARKDOWN)));
    line("## Hash maps of the floor\n");
    line(HASHERS);
    line(&hashers(report, presets::ASCII_MARKDOWN).to_string());
    page
}

impl Measurements {
    /// Before anything is measured.
    pub fn new(workload: String) -> Self {
        Self { workload, rows: Vec::new(), passed_on: Vec::new() }
    }

    /// The rows of the engines that do a workload; notes those that pass.
    pub fn rows_of<'w>(&mut self, workload: &'w crate::work::Workload, wanted: &[&'static About]) -> Vec<Row<'w>> {
        let mut rows = Vec::new();
        for about in wanted {
            match (about.passes_on)(workload) {
                Some(why) => self.passed_on.push((about.name, why)),
                None => rows.extend((about.rows)(workload)),
            }
        }
        rows
    }
}

fn explain(line: &mut impl FnMut(&str), about: &About) {
    for (form, meaning) in about.forms {
        line(&format!("- **{}, {form}**: {meaning}.", about.name));
    }
    if !about.limits.is_empty() {
        line(&format!("\n  {}", about.limits));
    }
    line("");
}

fn new_table(preset: TableStyle, headings: &[&str], texts: usize) -> Table {
    let mut table = Table::new();
    table.load_style(preset).set_header(headings);
    for column in table.column_iter_mut().skip(texts) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    table
}

/// Three figures, as many as the noise leaves.
fn figures(value: f64) -> String {
    if !value.is_finite() {
        return "–".to_owned();
    }
    match value {
        ..10.0 => format!("{value:.2}"),
        ..100.0 => format!("{value:.1}"),
        ..1_000.0 => format!("{value:.0}"),
        _ => {
            let scale = 10_f64.powf(value.log10().floor() - 2.0);
            thousands(((value / scale).round() * scale).round() as usize)
        }
    }
}

fn thousands(value: usize) -> String {
    let digits = value.to_string();
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

fn processor() -> String {
    let text = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let named = text.lines().find_map(|line| line.strip_prefix("model name")?.split_once(':'));
    named.map_or("an unknown processor".to_owned(), |(_, name)| name.trim().to_owned())
}

fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

/// The versions of all packages, by the lockfile.
fn versions() -> BTreeMap<&'static str, &'static str> {
    let mut versions = BTreeMap::new();
    let mut name = "";
    for line in include_str!("../Cargo.lock").lines() {
        let value = |key: &str| line.strip_prefix(key)?.strip_prefix(" = \"")?.strip_suffix('"');
        if let Some(value) = value("name") {
            name = value;
        } else if let Some(version) = value("version") {
            versions.insert(name, version);
        }
    }
    versions
}

const HEAD: &str = "\
# The same decisions, by several engines

Written by `benches/peers/run`, which builds and measures everything anew; `benches/peers/run --quick` takes a minute and
writes nothing. [INSTRUCTIONS.md](INSTRUCTIONS.md) counts instructions instead, which no other load on the machine disturbs.

";

const DECISIONS: &str = "\
All engines decide the same requests by the same rules, in one process, in turns. Before anything is timed, the answers are
held against an evaluator that shares nothing with any engine: the effect always, and the deciding rule where the engine tells
it.

- *ns*: nanoseconds of processor time for a decision, over the whole list of requests; the median of the passes.
- *p50*, *p99*: nanoseconds on the clock, of half and of 99 % of the samples. Where a decision takes less than 2 µs, a sample is
  the mean of 16 decisions one after the other.
- *× floor*: how many times the floor's time, with prepared ids; *× policyc*: how many times policyc's, asked its fastest way.
- *requests*: how many were timed. A slow engine gets only the first of the list; `A of B`: A of B whose answers were checked.

*model-acl*: each model has five rules: researchers call and see it from two networks; one named user uses it until a day; a
paid tier calls it; nobody downloads it from one network; administrators do anything. 65,536 requests, the model by Zipf's law
(s = 1), about half allowed. *same*: all models have the same networks and dates; *own*: each has its own.

*general*: rules of three to six conditions each, tied to no model, over 20 roles, 5 tiers, 100 organisations, 8 actions, 200
networks and 50 windows of local time in two zones; 35 % are prohibitions; half of the requests are allowed.
";

const LOADING: &str = "\
Rules of *model-acl*, own networks and dates, from text, on all cores; each engine in a process of its own. policyc loads up to
1,000 files; Cedar, regorus, cel and casbin get what their rows of decisions above were measured with (for Cedar a text for each
model, for regorus the data in JSON). *CPU s* is the time of all threads together. *bytes/rule* is what is kept, by an
allocator that counts; *peak MiB* what was allocated at most, without the texts. The floor is built from numbers and texts at hand,
without a parser.
";

const HASHERS: &str = "\
Looking a model up by its name, all with the table of `hashbrown`. The names come from the outside, so only a seeded hasher is
sound; the floor takes foldhash, of which neither form is faster throughout.
";

//! Measures policyc and its peers; `benches/peers/run` calls it.

use clap::Parser;
use comfy_table::presets;
use indicatif::{ProgressBar, ProgressStyle};
use policyc_peers::{
    engines::{self, About},
    hashers, loading,
    report::{self, Measurements, Report},
    timing::{self, Effort},
    work::{
        REQUESTS, Workload,
        acl::{self, Variant},
        general,
    },
};
use std::{path::PathBuf, process::ExitCode};

/// The same decisions by several engines, side by side.
#[derive(Parser)]
struct Arguments {
    /// Small workloads and few passes: about a minute
    #[arg(long)]
    quick: bool,
    /// These engines only: floor,policyc,cedar,regorus,cel,casbin
    #[arg(long, value_delimiter = ',', value_name = "ENGINE")]
    only: Vec<String>,
    /// model-acl with so many models only
    #[arg(long, value_delimiter = ',', value_name = "MODELS")]
    n: Option<Vec<usize>>,
    /// So many general rules only
    #[arg(long, value_delimiter = ',', value_name = "RULES")]
    rules: Option<Vec<usize>>,
    /// Writes the page too
    #[arg(long, value_name = "FILE")]
    write: Option<PathBuf>,
    /// Loads an engine, and says what that took
    #[arg(long, value_name = "ENGINE", hide = true)]
    measure_load: Option<String>,
    /// Decides by one row (`ENGINE: FORM`), for a profiler
    #[arg(long, value_name = "ROW", hide = true)]
    count: Option<String>,
}

impl Arguments {
    fn models(&self) -> &[usize] {
        match (&self.n, &self.rules, self.quick) {
            (Some(models), _, _) => models,
            (None, Some(_), _) => &[],
            (None, None, true) => &[10, 1_000],
            (None, None, false) => &[10, 1_000, 10_000, 100_000, 200_000],
        }
    }

    fn general_rules(&self) -> &[usize] {
        match (&self.rules, &self.n, self.quick) {
            (Some(rules), _, _) => rules,
            (None, Some(_), _) => &[],
            (None, None, true) => &[200],
            (None, None, false) => &[50, 200, 1_000, 10_000],
        }
    }

    /// How many models are loaded to see what that takes.
    fn loads(&self) -> &[usize] {
        match (&self.n, &self.rules, self.quick) {
            (Some(models), _, _) => models,
            (None, Some(_), _) => &[],
            (None, None, true) => &[1_000],
            (None, None, false) => &[10_000, 100_000],
        }
    }

    /// The number of models, where there is one.
    fn one_number(&self) -> Result<usize, &'static str> {
        self.n.as_ref().and_then(|models| models.first().copied()).ok_or("how many models?")
    }

    const fn effort(&self) -> Effort {
        if self.quick {
            Effort { rounds: 3, pass: 0.03, check: 0.2 }
        } else {
            Effort { rounds: 5, pass: 0.25, check: 4.0 }
        }
    }
}

fn main() -> ExitCode {
    match run(&Arguments::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("peers: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &Arguments) -> Result<(), String> {
    if let Some(engine) = &arguments.measure_load {
        let workload = acl::workload(arguments.one_number()?, Variant::Own, 0);
        let [seconds, processor] = loading::times(&workload, engine).ok_or("it cannot be measured here")?;
        println!("{seconds} {processor}");
        return Ok(());
    }
    if let Some(row) = &arguments.count {
        return count(arguments, row);
    }
    let wanted = wanted(&arguments.only)?;
    let report = measure(arguments, &wanted)?;
    println!("{}", report::decisions(&report.tables, true, presets::UTF8_FULL_CONDENSED));
    for measurements in &report.tables {
        for (engine, why) in &measurements.passed_on {
            println!("{}: {engine} is left out: {why}", measurements.workload);
        }
    }
    println!("{}", report::loading(&report, presets::UTF8_FULL_CONDENSED));
    println!("{}", report::hashers(&report, presets::UTF8_FULL_CONDENSED));
    if let Some(path) = &arguments.write {
        std::fs::write(path, report::page(&report)).map_err(|error| format!("{}: {error}", path.display()))?;
    }
    Ok(())
}

fn wanted(only: &[String]) -> Result<Vec<&'static About>, String> {
    if let Some(unknown) = only.iter().find(|name| engines::ALL.iter().all(|about| about.name != **name)) {
        let names: Vec<&str> = engines::ALL.iter().map(|about| about.name).collect();
        return Err(format!("there is no engine `{unknown}`; there are {}", names.join(", ")));
    }
    Ok(engines::ALL.iter().filter(|about| only.is_empty() || only.iter().any(|name| name == about.name)).collect())
}

/// A workload that is drawn when it is its turn.
type Draw = Box<dyn Fn() -> Workload>;

fn measure(arguments: &Arguments, wanted: &[&'static About]) -> Result<Report, String> {
    let mut draws: Vec<Draw> = Vec::new();
    for models in arguments.models().iter().copied() {
        draws.extend(Variant::ALL.map(|variant| Box::new(move || acl::workload(models, variant, REQUESTS)) as Draw));
    }
    draws.extend(arguments.general_rules().iter().map(|rules| {
        let rules = *rules;
        Box::new(move || general::workload(rules)) as Draw
    }));
    let loads = arguments.loads().iter().flat_map(|models| wanted.iter().map(move |about| (about, *models)));
    let loads: Vec<_> = loads.collect();
    let bar = ProgressBar::new((draws.len() + loads.len()) as u64);
    let style =
        ProgressStyle::with_template("{bar:24} {pos}/{len} {elapsed} {msg}").map_err(|error| error.to_string())?;
    bar.set_style(style);
    bar.enable_steady_tick(std::time::Duration::from_millis(250));
    // Where there is no terminal to draw a bar on, each part is a line.
    let part = |name: &str| {
        bar.set_message(name.to_owned());
        if bar.is_hidden() {
            eprintln!("peers: {name}");
        }
    };
    let mut report = Report::default();
    for draw in draws {
        bar.set_message("drawing rules and requests");
        let workload = draw();
        part(&workload.name);
        let mut measurements = Measurements::new(workload.name.clone());
        let rows = measurements.rows_of(&workload, wanted);
        let step = |what: &str| bar.set_message(format!("{}: {what}", workload.name));
        measurements.rows = timing::measure(&workload, &rows, arguments.effort(), &step)?;
        report.tables.push(measurements);
        bar.inc(1);
    }
    for (about, models) in loads {
        part(&format!("{}: loading {models} models", about.name));
        if (about.passes_on)(&acl::workload(models, Variant::Own, 0)).is_none() {
            report.loading.push(loading::measure(about, models)?);
        }
        bar.inc(1);
    }
    for models in arguments.loads().iter().copied() {
        let workload = acl::workload(models, Variant::Own, REQUESTS);
        report.hashers.push((models.to_string(), hashers::measure(&workload, arguments.effort().rounds)));
    }
    bar.finish_and_clear();
    Ok(report)
}

/// Decides the first requests by one row, within the function that a profiler looks for.
fn count(arguments: &Arguments, wanted: &str) -> Result<(), String> {
    /// How many: enough that the most popular models are not all there is.
    const COUNTED: usize = 4_096;
    let workload = match arguments.rules.as_ref().and_then(|rules| rules.first()) {
        Some(rules) => general::workload(*rules),
        None => acl::workload(arguments.one_number()?, Variant::Own, COUNTED),
    };
    let engine = wanted.split(':').next().unwrap_or_default();
    let about = engines::ALL.iter().find(|about| about.name == engine).ok_or("there is no such engine")?;
    let rows = (about.rows)(&workload);
    let row =
        rows.iter().find(|row| format!("{}: {}", row.engine, row.form) == wanted).ok_or("there is no such row")?;
    timing::counted(row, 0..COUNTED);
    println!("{COUNTED}");
    Ok(())
}

//! How long a policy set takes to load, stage by stage, and how much memory: access-control lists of many models, five
//! rules each, as `cargo bench --bench load` measures them. Each row is a process of its own, so that none profits from
//! what another has left. CPU time and memory come from `/proc`; elsewhere they are missing.
//!
//! `cargo bench --bench load -- STAGE RULES FILES` measures one row: for a profiler, say.
#![expect(
    clippy::arithmetic_side_effects,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a bench that panics has failed, as it should"
)]
#![expect(clippy::disallowed_methods, reason = "a bench asks the machine for the time")]

use policyc::{Engine, compile::compile, load::Loader};
use std::{
    env,
    fmt::Write,
    fs,
    hint::black_box,
    path::Path,
    process::Command,
    time::{Duration, Instant},
};

/// What is measured, for how many rules in how many files.
const ROWS: [(&str, usize, usize); 10] = [
    ("parse", 100_000, 1_000),
    ("check", 100_000, 1_000),
    ("compile", 100_000, 1_000),
    ("load", 100_000, 1_000),
    ("check", 1_000_000, 1_000),
    ("check", 1_000_000, 2),
    ("load", 1_000_000, 1_000),
    ("load", 1_000_000, 2),
    ("change", 100_000, 10_000),
    ("change", 1_000_000, 1_000),
];

const RULES_OF_A_MODEL: usize = 5;

/// A row is measured again until so much time is over; the quickest time counts.
const ENOUGH: Duration = Duration::from_secs(4);

fn main() {
    // `cargo bench` adds `--bench`.
    let arguments: Vec<String> = env::args().skip(1).filter(|argument| !argument.starts_with("--")).collect();
    if let [stage, rules, files] = arguments.as_slice() {
        return measure(stage, rules.parse().unwrap(), files.parse().unwrap());
    }
    println!("{:<8} {:>9} {:>7} {:>14} {:>14} {:>10}", "stage", "rules", "files", "wall", "CPU", "peak");
    for (stage, rules, files) in ROWS {
        let mut row = Command::new(env::current_exe().unwrap());
        assert!(row.args([stage, &rules.to_string(), &files.to_string()]).status().unwrap().success());
    }
}

/// Measures a row and writes it.
fn measure(stage: &str, rules: usize, files: usize) {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), rules, files);
    let loader = || {
        let mut loader = Loader::default();
        loader.path(folder.path());
        loader
    };
    let (time, each) = match stage {
        "parse" => (quickest(|| loader().parse().unwrap()), rules),
        "check" => (quickest(|| loader().load().unwrap().ir.unwrap()), rules),
        "compile" => {
            let ir = loader().load().unwrap().ir.unwrap();
            (quickest(|| compile(&ir).unwrap()), rules)
        }
        "load" => (quickest(|| Engine::load([folder.path()]).unwrap()), rules),
        "change" => {
            let mut space = loader().open().unwrap();
            let path = folder.path().join(name(files / 2));
            let file = space.file(&path.to_string_lossy()).unwrap();
            let text = fs::read_to_string(path).unwrap();
            let mut number = 0;
            let change = || {
                number += 1;
                space.change(file, &format!("{text}allow user \"guest-{number}\" to view;\n"));
                space.set().ir.unwrap()
            };
            (quickest(change), 1)
        }
        _ => panic!("there is no stage `{stage}`"),
    };
    let micros = |time: Duration| time.as_secs_f64() * 1e6 / each as f64;
    let what = if each == 1 { "µs" } else { "µs a rule" };
    let cpu = time.cpu.map_or_else(String::new, |cpu| format!("{:.2}", micros(cpu)));
    let peak = peak().map_or_else(String::new, |bytes| format!("{} MB", bytes / 1_000_000));
    println!("{stage:<8} {rules:>9} {files:>7} {:>9.2} {cpu:>9} {what:<9} {peak:>8}", micros(time.wall));
}

/// How long something took.
#[derive(Clone, Copy)]
struct Time {
    wall: Duration,
    /// Of all threads together.
    cpu: Option<Duration>,
}

/// How long something takes at least, without the time that it takes to be gone.
fn quickest<T>(mut work: impl FnMut() -> T) -> Time {
    let begun = Instant::now();
    let mut best: Option<Time> = None;
    while best.is_none() || begun.elapsed() < ENOUGH {
        let (start, spent) = (Instant::now(), cpu());
        let made = black_box(work());
        let wall = start.elapsed();
        let cpu = cpu().zip(spent).map(|(now, then)| now.saturating_sub(then));
        drop(made);
        let best = best.get_or_insert(Time { wall, cpu });
        *best = Time { wall: best.wall.min(wall), cpu: best.cpu.min(cpu) };
    }
    best.unwrap()
}

/// The CPU time of all threads so far.
fn cpu() -> Option<Duration> {
    let mut nanos = 0;
    for task in fs::read_dir("/proc/self/task").ok()? {
        let stat = fs::read_to_string(task.ok()?.path().join("schedstat")).ok()?;
        nanos += stat.split(' ').next()?.parse::<u64>().ok()?;
    }
    Some(Duration::from_nanos(nanos))
}

/// The most memory that was in use so far, in bytes.
fn peak() -> Option<usize> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    Some(line.trim().strip_suffix(" kB")?.parse::<usize>().ok()? * 1024)
}

fn name(file: usize) -> String {
    format!("models-{file:05}.policy")
}

/// Writes a vocabulary, and files of rules.
fn write(folder: &Path, rules: usize, files: usize) {
    let vocabulary = "tiers anonymous < seed < flower < nectar;\nactions view, infer, train, download, manage;\n\
                      role researcher;\nrole admin;\n";
    fs::write(folder.join("a.policy"), vocabulary).unwrap();
    let models = rules / RULES_OF_A_MODEL;
    for file in 0..files {
        let mut text = String::new();
        for number in models * file / files..models * (file + 1) / files {
            model(&mut text, number);
        }
        fs::write(folder.join(name(file)), text).unwrap();
    }
}

/// Writes the rules of one model.
fn model(text: &mut String, number: usize) {
    let mixed = |salt: usize| (number + salt * 7_919).wrapping_mul(0x9e37_79b9) >> 5;
    let net = |salt| format!("10.{}.{}.0/24", mixed(salt) % 256, mixed(salt) / 256 % 256);
    let (month, day) = (mixed(1) % 12 + 1, mixed(2) % 28 + 1);
    writeln!(
        text,
        "on model \"org-{:03}/model-{number:06}\" {{\n    \
         allow role researcher to infer, view when ip in [{}, {}];\n    \
         allow user \"owner-{number:06}@example.com\" to infer, train, download until 2025-{month:02}-{day:02};\n    \
         allow tier >= seed to infer;\n    \
         deny anyone to download when ip in [{}];\n    \
         allow role admin to any;\n}}",
        number % 997,
        net(3),
        net(4),
        net(5)
    )
    .unwrap();
}

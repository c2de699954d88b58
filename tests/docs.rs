//! The documentation, executed: what it shows as policy is policy, what it shows as output is what comes out.
//!
//! A fence in Markdown says how it is held to its word:
//!
//! | fence | in | promise |
//! | --- | --- | --- |
//! | `policy` | any page | parses and checks without an error, its claims hold and its tests pass |
//! | `policy,fragment` | any page | parses |
//! | `policy` | `docs/errors/P….md` | the first: has that page's finding, and no other |
//! | `text` | `docs/errors/P….md` | the first: how the terminal shows the finding |
//! | `policy,fixed` | `docs/errors/P….md` | has no finding at all |
//! | `console` | `README.md` | each command prints what is shown |
//!
//! `UPDATE_DOCS=1 cargo test --test docs` writes the shown outputs anew; read the difference before committing it.

#![expect(clippy::arithmetic_side_effects, clippy::unwrap_used, reason = "a test that panics has failed, as it should")]

use policyc::{
    Claims, Engine, examine,
    load::{Loader, PolicySet},
    query::{Budget, findings, idle, idle_findings, prove},
    report::{Diagnostic, codes, terminal},
};
use std::{
    env, fs,
    ops::Range,
    path::{Path, PathBuf},
    process::Command,
};

/// Codes whose finding no page can show, and why.
const NOT_SHOWN: &[(&str, &str)] = &[
    ("P0006", "a page is UTF-8, and the finding is that a file is not"),
    ("P0009", "a page of 64 MiB would be no page"),
    ("P0402", "a claim that takes too long would take too long here, too"),
];

#[test]
fn policies_in_the_documentation_hold() {
    let mut wrong = Vec::new();
    for page in pages().into_iter().filter(|page| !page.is_of_a_code()) {
        for fence in page.fences() {
            let place = format!("{}:{}", page.name, fence.line);
            let set = set(&fence.text);
            match fence.info {
                "policy" if set.diagnostics.iter().any(Diagnostic::is_error) => {
                    wrong.push(format!("{place}: {}", shown(&set)))
                }
                "policy" => {
                    wrong.extend(failures(&fence.text).into_iter().map(|failure| format!("{place}: {failure}")))
                }
                "policy,fragment" => {
                    // What is wrong with the names is wrong in pieces only; P00… is what the parser says.
                    let syntax: Vec<Diagnostic> =
                        set.diagnostics.iter().filter(|it| it.is_error() && it.code().id() < "P01").cloned().collect();
                    if !syntax.is_empty() {
                        wrong.push(format!("{place}: {}", terminal::render(&syntax, &set.sources, false, 80)));
                    }
                }
                info if info.starts_with("policy") => {
                    wrong.push(format!("{place}: `{info}` is no fence that tests/docs.rs knows"));
                }
                _ => {}
            }
        }
    }
    report(&wrong);
}

#[test]
fn each_page_of_a_code_shows_it_and_how_to_mend_it() {
    let mut wrong = Vec::new();
    for mut page in pages().into_iter().filter(Page::is_of_a_code) {
        let id = page.path.file_stem().unwrap().to_str().unwrap().to_owned();
        let excused = NOT_SHOWN.iter().any(|(code, _)| *code == id);
        let fences = page.fences();
        let find = |info: &str| fences.iter().find(|fence| fence.info == info);
        let (policy, text) = (find("policy"), find("text"));
        if excused != policy.is_none() {
            wrong.push(format!("{}: the first `policy` fence should show {id}", page.name));
        }
        if policy.is_some() && find("policy,fixed").is_none() {
            wrong.push(format!("{}: a `policy,fixed` fence should show what to write instead", page.name));
        }
        for fence in fences.iter().filter(|fence| fence.info == "policy,fixed") {
            let set = set(&fence.text);
            if !set.diagnostics.is_empty() {
                wrong.push(format!("{}:{}: {}", page.name, fence.line, shown(&set)));
            }
            wrong.extend(failures(&fence.text).into_iter().map(|it| format!("{}:{}: {it}", page.name, fence.line)));
        }
        let Some(policy) = policy else { continue };
        let mut set = set(&policy.text);
        // Other faults may make a rule idle, too; that is not what their pages are about.
        set.diagnostics.retain(|found| found.code().id() == id || !IDLE.contains(&found.code().id()));
        let found: Vec<&str> = set.diagnostics.iter().map(|diagnostic| diagnostic.code().id()).collect();
        if found.is_empty() || found.iter().any(|code| *code != id) {
            wrong.push(format!("{}:{}: should have {id} and no other code: {}", page.name, policy.line, shown(&set)));
        }
        match text {
            None => wrong.push(format!("{}: an empty `text` fence; UPDATE_DOCS=1 fills it in", page.name)),
            Some(text) => {
                let (range, expected) = (text.start..text.end, shown(&set));
                if let Err(message) = page.expect(range, &expected) {
                    wrong.push(message);
                }
            }
        }
    }
    report(&wrong);
}

/// The README's first `policy` fence is `lab.policy`, and its first `json` fence `request.json`, as it says.
#[test]
fn commands_in_the_readme_print_what_is_shown() {
    // Without the command line there is nothing to run.
    let Some(program) = option_env!("CARGO_BIN_EXE_policyc") else { return };
    let mut readme = pages().into_iter().find(|page| page.name == "README.md").unwrap();
    let folder = tempfile::tempdir().unwrap();
    for (info, file) in [("policy", "lab.policy"), ("json", "request.json")] {
        let text = readme.fences().into_iter().find(|fence| fence.info == info).unwrap().text;
        fs::write(folder.path().join(file), text).unwrap();
    }
    let fences = readme.fences().into_iter().filter(|fence| fence.info == "console");
    let consoles: Vec<(Range<usize>, String)> = fences.map(|fence| (fence.start..fence.end, fence.text)).collect();
    assert!(!consoles.is_empty(), "no `console` fence in README.md");
    let mut wrong = Vec::new();
    // From the last to the first, so that places stay right while the page is rewritten.
    for (range, text) in consoles.into_iter().rev() {
        let commands = text.lines().filter_map(|line| line.strip_prefix("$ "));
        let expected: String =
            commands.map(|command| format!("$ {command}\n{}", output(program, command, folder.path()))).collect();
        wrong.extend(readme.expect(range, &expected).err());
    }
    report(&wrong);
}

/// `docs/graph.svg` is the picture of the README's `lab.policy`.
#[test]
fn the_picture_in_the_readme_is_what_is_drawn() {
    let Some(program) = option_env!("CARGO_BIN_EXE_policyc") else { return };
    let readme = pages().into_iter().find(|page| page.name == "README.md").unwrap();
    let folder = tempfile::tempdir().unwrap();
    let policy = readme.fences().into_iter().find(|fence| fence.info == "policy").unwrap().text;
    fs::write(folder.path().join("lab.policy"), policy).unwrap();
    let drawn = output(program, "policyc graph lab.policy --format svg", folder.path());
    let path = root().join("docs/graph.svg");
    if env::var_os("UPDATE_DOCS").is_some() {
        fs::write(&path, &drawn).unwrap();
    }
    assert_eq!(fs::read_to_string(&path).unwrap(), drawn, "docs/graph.svg: UPDATE_DOCS=1 draws it anew");
}

/// What a command prints, results first.
fn output(program: &str, command: &str, folder: &Path) -> String {
    let mut words = command.split_whitespace();
    assert_eq!(words.next(), Some("policyc"), "`{command}`: only policyc can be run here");
    let settings = env::vars_os().map(|(name, _)| name).filter(|name| name.to_string_lossy().starts_with("POLICYC_"));
    let mut process = Command::new(program);
    settings.for_each(|name| {
        process.env_remove(name);
    });
    let output = process.args(words).current_dir(folder).env("NO_COLOR", "1").output().unwrap();
    [output.stdout, output.stderr].map(|text| String::from_utf8(text).unwrap()).concat()
}

#[test]
fn links_between_pages_lead_somewhere() {
    let mut wrong = Vec::new();
    for page in pages() {
        let outside = page.outside_of_fences();
        let targets = outside.match_indices("](").filter_map(|(at, _)| outside[at + 2..].split_once(')'));
        for (target, _) in targets.filter(|(target, _)| !target.contains("://")) {
            let (file, anchor) = target.split_once('#').unwrap_or((target, ""));
            let path = if file.is_empty() { page.path.clone() } else { page.path.parent().unwrap().join(file) };
            let found =
                fs::read_to_string(&path).map_or(path.exists(), |text| anchor.is_empty() || has_heading(&text, anchor));
            if !found {
                wrong.push(format!("{}: the link to `{target}` leads nowhere", page.name));
            }
        }
    }
    report(&wrong);
}

/// Whether a heading has this anchor: its words in small letters with `-` between them.
fn has_heading(text: &str, anchor: &str) -> bool {
    let slug = |heading: &str| {
        let kept = heading.trim().to_lowercase();
        let kept = kept.chars().filter(|char| char.is_alphanumeric() || matches!(char, ' ' | '-' | '_'));
        kept.collect::<String>().replace(' ', "-")
    };
    text.lines().filter(|line| line.starts_with('#')).any(|line| slug(line.trim_start_matches('#')) == anchor)
}

#[test]
fn every_code_that_is_not_shown_exists() {
    for (code, _) in NOT_SHOWN {
        assert!(codes::Code::find(code).is_some(), "{code} in NOT_SHOWN is no code");
    }
}

#[test]
fn shipped_policies_have_no_finding_and_pass_their_tests() {
    let mut wrong = Vec::new();
    let mut folders: Vec<PathBuf> =
        fs::read_dir(root().join("policies")).unwrap().map(|it| it.unwrap().path()).collect();
    folders.retain(|path| path.is_dir());
    folders.sort();
    assert!(!folders.is_empty(), "no policies");
    for folder in folders {
        let name = folder.file_name().unwrap().to_string_lossy();
        let engine = match Engine::load([&folder]) {
            Ok(engine) => engine,
            Err(error) => {
                wrong.push(format!("policies/{name} is not valid:\n{error}"));
                continue;
            }
        };
        if !engine.warnings().is_empty() {
            wrong.push(terminal::render(engine.warnings(), engine.sources(), false, 120));
        }
        if engine.ir().tests.is_empty() {
            wrong.push(format!("policies/{name} has no tests"));
        }
        wrong.extend(failed_cases(&engine));
    }
    report(&wrong);
}

/// A page of Markdown.
struct Page {
    path: PathBuf,
    /// Its path from the root of the repository.
    name: String,
    text: String,
}

/// A fenced block of a page.
struct Fence<'p> {
    /// What stands after the opening backticks.
    info: &'p str,
    /// Where its text is in the page, and on which line it starts.
    start: usize,
    end: usize,
    line: usize,
    text: String,
}

impl Page {
    fn is_of_a_code(&self) -> bool {
        self.name.starts_with("docs/errors/P")
    }

    fn fences(&self) -> Vec<Fence<'_>> {
        let (mut fences, mut open, mut at) = (Vec::new(), None, 0);
        for (number, line) in self.text.split_inclusive('\n').enumerate() {
            let next = at + line.len();
            match (line.strip_prefix("```"), open) {
                (Some(info), None) => open = Some((info.trim(), next, number + 2)),
                (Some(_), Some((info, start, line))) => {
                    let text = self.text[start..at].to_owned();
                    fences.push(Fence { info, start, end: at, line, text });
                    open = None;
                }
                (None, _) => {}
            }
            at = next;
        }
        assert!(open.is_none(), "{}: a fence is not closed", self.name);
        fences
    }

    /// The page without what stands in fences.
    fn outside_of_fences(&self) -> String {
        let mut text = self.text.clone();
        for fence in self.fences().into_iter().rev() {
            text.replace_range(fence.start..fence.end, "");
        }
        text
    }

    /// Holds a part of the page to what really comes out, or writes that down where it is asked to.
    fn expect(&mut self, range: Range<usize>, expected: &str) -> Result<(), String> {
        let expected = format!("{}\n", expected.trim_end());
        if self.text[range.clone()] == expected {
            return Ok(());
        }
        if env::var_os("UPDATE_DOCS").is_some() {
            self.text.replace_range(range, &expected);
            return fs::write(&self.path, &self.text).map_err(|error| format!("{}: {error}", self.name));
        }
        Err(format!("{}: what is shown is not what comes out (UPDATE_DOCS=1 writes it):\n{expected}", self.name))
    }
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The pages whose fences are executed.
fn pages() -> Vec<Page> {
    let folders = ["docs", "grammar"].into_iter().flat_map(|folder| {
        walkdir::WalkDir::new(root().join(folder))
            .sort_by_file_name()
            .into_iter()
            .map(|entry| entry.unwrap().into_path())
    });
    let single = ["README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "CHANGELOG.md"].map(|name| root().join(name));
    single
        .into_iter()
        .chain(folders.filter(|path| path.extension().is_some_and(|extension| extension == "md")))
        .map(|path| Page {
            name: path.strip_prefix(root()).unwrap().to_string_lossy().replace('\\', "/"),
            text: fs::read_to_string(&path).unwrap(),
            path,
        })
        .collect()
}

/// The codes of rules that change nothing.
const IDLE: [&str; 3] = ["P0114", "P0115", "P0116"];

fn set(text: &str) -> PolicySet {
    let mut loader = Loader::default();
    loader.text("example.policy", text);
    let mut set = loader.load().unwrap();
    if let Some(ir) = &set.ir {
        set.diagnostics.extend(findings(ir, &prove(ir, Budget::USUAL)));
        set.diagnostics.extend(idle_findings(ir, &idle(ir), &[]));
    }
    set
}

fn shown(set: &PolicySet) -> String {
    terminal::render(&set.diagnostics, &set.sources, false, 80)
}

/// The tests in a text that fail; none where it is not valid.
fn failures(text: &str) -> Vec<String> {
    let engine = Engine::builder().text("example.policy", text).claims(Claims::Unproved).load();
    engine.map(|engine| failed_cases(&engine)).unwrap_or_default()
}

fn failed_cases(engine: &Engine) -> Vec<String> {
    let mut failed = Vec::new();
    for test in examine::test::run(engine, |_| true, |_| {}) {
        for case in test.cases.iter().filter(|case| !case.pass) {
            let place = engine.sources().place(case.at);
            failed.push(format!("{place}: \"{}\": {}", test.name, case.why.join("; ")));
        }
    }
    failed
}

fn report(wrong: &[String]) {
    assert!(wrong.is_empty(), "{} to put right:\n{}\n", wrong.len(), wrong.join("\n"));
}

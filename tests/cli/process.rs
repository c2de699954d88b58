//! What only a process can show: the environment, colours, closed pipes, signals and files as the system sees them.

use std::{
    fs::{self, File},
    io::{BufRead, BufReader, Read, pipe},
    os::unix::fs::{MetadataExt, PermissionsExt, symlink},
    path::Path,
    process::{Command, Output, Stdio},
};
use tempfile::TempDir;

const GOOD: &str = "actions view;\nallow anyone to view;\ntest \"all\" { view on \"x\" => allow; }\n";
const BAD: &str = "actions view;\nallow anyone to see;\n";

fn folder(text: &str) -> TempDir {
    let folder = TempDir::new().unwrap();
    fs::write(folder.path().join("a.policy"), text).unwrap();
    folder
}

fn policyc(folder: &Path, args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_policyc"));
    command.args(args).current_dir(folder).stdin(Stdio::null());
    for name in ["NO_COLOR", "CLICOLOR", "CLICOLOR_FORCE", "POLICYC_COLOR"] {
        command.env_remove(name);
    }
    command
}

fn output(command: &mut Command) -> (i32, String, String) {
    let Output { status, stdout, stderr } = command.output().unwrap();
    (status.code().unwrap(), String::from_utf8(stdout).unwrap(), String::from_utf8(stderr).unwrap())
}

#[test]
fn exit_codes() {
    let (good, bad) = (folder(GOOD), folder(BAD));
    for (folder, args, code) in [
        (&good, ["check", "."].as_slice(), 0),
        (&good, &["--help"], 0),
        (&good, &["test", "--help"], 0),
        (&good, &["-V"], 0),
        (&good, &[], 1),
        (&good, &["check", "--nonsense"], 1),
        (&good, &["nonsense"], 1),
        (&good, &["check", "none"], 1),
        (&good, &["fmt", "--check", "."], 2),
        (&good, &["test", ".", "-r", "none", "--fail-on-empty"], 2),
        (&bad, &["check", "."], 3),
        (&bad, &["test", "."], 3),
        (&bad, &["check", ".", "none"], 1),
    ] {
        assert_eq!(output(&mut policyc(folder.path(), args)).0, code, "policyc {}", args.join(" "));
    }
}

#[test]
fn flags_from_the_environment() {
    let good = folder(GOOD);
    let run = |args: &[&str], name: &str, value: &str| output(policyc(good.path(), args).env(name, value));
    assert!(run(&["check", "."], "POLICYC_CHECK_FORMAT", "json").1.starts_with("{\"diagnostics\""));
    assert!(run(&["test", "."], "POLICYC_TEST_FORMAT", "tap").1.starts_with("TAP version 14"));
    assert_eq!(run(&["test", "."], "POLICYC_TEST_FAIL_ON_EMPTY", "1").0, 0);
    assert_eq!(run(&["test", ".", "-r", "none"], "POLICYC_TEST_FAIL_ON_EMPTY", "yes").0, 2);
    assert_eq!(run(&["test", ".", "-r", "none"], "POLICYC_TEST_FAIL_ON_EMPTY", "off").0, 0);
    assert_eq!(run(&["fmt", "."], "POLICYC_FMT_CHECK", "true").0, 2);
    assert_eq!(run(&["check", "."], "POLICYC_CHECK_DENY", "P0101,nonsense").0, 1);
    // A flag wins.
    assert!(run(&["test", ".", "--format", "json"], "POLICYC_TEST_FORMAT", "tap").1.starts_with('{'));
}

#[test]
fn colours() {
    let bad = folder(BAD);
    let colored = |args: &[&str], variables: &[(&str, &str)]| {
        let args: Vec<&str> = ["check", "."].iter().chain(args).copied().collect();
        output(policyc(bad.path(), &args).envs(variables.iter().copied())).2.contains('\u{1b}')
    };
    assert!(!colored(&[], &[]), "plain when piped");
    assert!(colored(&["--color", "always"], &[]));
    assert!(colored(&["--color=always"], &[("NO_COLOR", "1")]), "the flag wins");
    assert!(colored(&[], &[("CLICOLOR_FORCE", "1")]));
    assert!(!colored(&[], &[("CLICOLOR_FORCE", "1"), ("NO_COLOR", "1")]));
    assert!(!colored(&["--color=never"], &[("CLICOLOR_FORCE", "1")]));
    assert!(colored(&[], &[("POLICYC_COLOR", "always")]));
    assert!(colored(&["--nonsense", "--color=always"], &[]), "usage errors, too");
}

#[test]
fn a_reader_that_went_away_is_no_failure() {
    let (good, bad) = (folder(GOOD), folder(BAD));
    let run = |folder: &TempDir, args: &[&str]| {
        let (reader, writer) = pipe().unwrap();
        drop(reader);
        output(policyc(folder.path(), args).stdout(writer))
    };
    assert_eq!(run(&good, &["test", "."]), (0, String::new(), String::new()));
    assert_eq!(run(&good, &["--help"]).0, 0);
    let (code, _, stderr) = run(&bad, &["check", ".", "--format", "json"]);
    assert_eq!((code, stderr.as_str()), (3, ""), "the verdict stays");
}

#[test]
fn a_full_disk_is_a_failure() {
    let Ok(full) = File::options().write(true).open("/dev/full") else { return };
    let (code, _, stderr) = output(policyc(folder(GOOD).path(), &["test", "."]).stdout(full));
    assert_eq!(code, 1);
    assert!(stderr.starts_with("error: cannot write: "), "{stderr}");
}

#[test]
fn formatting_keeps_permissions_links_and_unchanged_files() {
    let folder = folder("allow   anyone to view;\n");
    let path = |name: &str| folder.path().join(name);
    fs::write(path("fine.policy"), "allow anyone to view;\n").unwrap();
    fs::set_permissions(path("a.policy"), fs::Permissions::from_mode(0o640)).unwrap();
    fs::create_dir(path("links")).unwrap();
    symlink("../a.policy", path("links/l.policy")).unwrap();
    let before = fs::metadata(path("fine.policy")).unwrap();
    assert_eq!(output(&mut policyc(folder.path(), &["fmt", "links", "fine.policy"])).0, 0);
    assert_eq!(fs::read_to_string(path("a.policy")).unwrap(), "allow anyone to view;\n");
    assert_eq!(fs::metadata(path("a.policy")).unwrap().mode() & 0o777, 0o640);
    assert!(fs::symlink_metadata(path("links/l.policy")).unwrap().is_symlink());
    let after = fs::metadata(path("fine.policy")).unwrap();
    assert_eq!(
        (before.ino(), before.mtime_nsec()),
        (after.ino(), after.mtime_nsec()),
        "an unchanged file is not touched"
    );
    let left: Vec<_> = fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(left.len(), 3, "nothing else is left behind: {left:?}");
}

#[test]
fn a_read_only_file_is_not_written() {
    let folder = folder("allow   anyone to view;\n");
    let path = folder.path().join("a.policy");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o444)).unwrap();
    let (code, _, stderr) = output(&mut policyc(folder.path(), &["fmt", "."]));
    assert_eq!(code, 1, "{stderr}");
    assert!(stderr.contains("cannot write `./a.policy`"), "{stderr}");
    assert_eq!(fs::read_to_string(&path).unwrap(), "allow   anyone to view;\n");
}

#[test]
fn a_report_is_written_for_others_to_read() {
    let folder = folder(GOOD);
    let path = folder.path().join("out.xml");
    let run = || output(&mut policyc(folder.path(), &["test", ".", "--format", "junit", "-o", "out.xml"])).0;
    assert_eq!(run(), 0);
    let plain = folder.path().join("plain");
    fs::write(&plain, "").unwrap();
    assert_eq!(fs::metadata(&path).unwrap().mode(), fs::metadata(&plain).unwrap().mode());
    assert_eq!(run(), 0, "it may be there already");
    let (code, stdout, _) = output(&mut policyc(folder.path(), &["test", ".", "-o", "/dev/null"]));
    assert_eq!((code, stdout.as_str()), (0, ""));
    assert!(!fs::metadata("/dev/null").unwrap().is_file(), "a device stays one");
}

#[test]
fn completions_and_manual_pages() {
    let folder = folder(GOOD);
    for shell in ["bash", "zsh", "fish", "powershell", "elvish"] {
        let (code, stdout, stderr) = output(&mut policyc(folder.path(), &["completions", shell]));
        assert_eq!((code, stderr.as_str()), (0, ""));
        assert!(stdout.contains("fail-on-empty"), "{shell}: {stdout}");
    }
    let (code, page, _) = output(&mut policyc(folder.path(), &["man"]));
    assert_eq!(code, 0);
    for heading in [".SH NAME", ".SH POLICYC CHECK", ".SH POLICYC TEST", ".SS OPTIONS", ".SS EXIT STATUS"] {
        assert!(page.contains(heading), "{heading}");
    }
}

#[test]
fn pages_about_codes() {
    let folder = folder(GOOD);
    let page = policyc::report::codes::MISSING_SEMICOLON.page();
    let (code, stdout, _) = output(&mut policyc(folder.path(), &["check", "--explain", "p0002"]));
    assert_eq!((code, stdout.as_str()), (0, page), "plain Markdown when piped");
    let (code, stdout, _) = output(&mut policyc(folder.path(), &["check", "--explain", "P0002", "--color=always"]));
    assert_eq!(code, 0);
    assert!(stdout.starts_with("\u{1b}[1mP0002"), "{stdout}");
}

#[test]
fn sarif_of_an_invalid_set() {
    let (code, stdout, _) = output(&mut policyc(folder(BAD).path(), &["check", ".", "--format", "sarif"]));
    assert_eq!(code, 3);
    let log: serde_json::Value = serde_json::from_str(&stdout).unwrap();
    let found: Vec<_> = log["runs"][0]["results"].as_array().unwrap().iter().map(|found| &found["ruleId"]).collect();
    assert_eq!(found, ["P0201"]);
}

/// The lines of a stream up to one that has a text.
fn until(lines: &mut impl Iterator<Item = std::io::Result<String>>, end: &str) -> String {
    let mut seen = String::new();
    for line in lines {
        let line = line.unwrap();
        seen.push_str(&line);
        seen.push('\n');
        if line.contains(end) {
            return seen;
        }
    }
    panic!("`{end}` never came:\n{seen}");
}

#[test]
fn watching() {
    let folder = folder(GOOD);
    let mut child = policyc(folder.path(), &["check", "--watch", "."]).stderr(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
    let first = until(&mut lines, "watching");
    assert!(first.starts_with("checked 1 file:"), "{first}");
    fs::write(folder.path().join("a.policy"), BAD).unwrap();
    let second = until(&mut lines, "watching");
    assert!(second.starts_with("a.policy changed\n") && second.contains("unknown action `see`"), "{second}");
    fs::write(folder.path().join(".policyc.toml"), "nonsense = 1\n").unwrap();
    let third = until(&mut lines, "watching");
    assert!(third.contains("unknown key `nonsense`"), "{third}");
    fs::remove_file(folder.path().join(".policyc.toml")).unwrap();
    until(&mut lines, "watching");
    assert!(Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap().success());
    assert_eq!(child.wait().unwrap().code(), Some(3), "it ends as the last run did");
}

#[test]
fn watching_tests_goes_on_until_nobody_reads() {
    let folder = folder(GOOD);
    let mut child = policyc(folder.path(), &["test", "--watch", "a.policy"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdout = BufReader::new(child.stdout.take().unwrap());
    let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
    until(&mut lines, "watching a.policy");
    let mut seen = [0; 8];
    stdout.read_exact(&mut seen).unwrap();
    drop(stdout);
    fs::write(folder.path().join("a.policy"), GOOD.replace("=> allow", "=> deny")).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(2));
}

/// Revisions of a git repository, from its root and from a folder in it; names that are options do nothing.
#[test]
fn revisions_are_compared() {
    let folder = TempDir::new().unwrap();
    let policies = folder.path().join("policies");
    fs::create_dir(&policies).unwrap();
    let git = |args: &[&str]| {
        let who = ["-c", "user.name=n", "-c", "user.email=n@example.com", "-c", "init.defaultBranch=main"];
        let status = Command::new("git").args(who).args(args).current_dir(folder.path()).stdout(Stdio::null()).status();
        assert!(status.unwrap().success(), "git {}", args.join(" "));
    };
    git(&["init", "--quiet"]);
    fs::write(policies.join("a.policy"), GOOD).unwrap();
    fs::write(policies.join("notes.txt"), "no policy").unwrap();
    git(&["add", "."]);
    git(&["commit", "--quiet", "-m", "one"]);
    fs::write(policies.join("a.policy"), GOOD.replace("allow anyone", "allow anonymous")).unwrap();
    let diff = |args: &[&str]| output(policyc(folder.path(), &["diff"]).args(args));
    let (code, out, _) = diff(&["HEAD:policies", "policies"]);
    assert!(code == 2 && out.contains("1 lost"), "{code} {out}");
    assert_eq!(diff(&["HEAD:policies", "HEAD:policies/a.policy"]).0, 0);
    assert_eq!(diff(&["HEAD:", "HEAD:./policies/"]).0, 0);
    for wrong in ["HEAD:none", "none:policies", "--output=x:policies", "HEAD:policies/notes.txt$(touch x)"] {
        let (code, _, err) = diff(&["--", wrong, "policies"]);
        assert!(code == 1 && err.contains("cannot read"), "{wrong}: {code} {err}");
    }
    assert!(!folder.path().join("x").exists());
}

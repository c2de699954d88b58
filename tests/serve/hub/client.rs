//! The clients that people use, in three major versions, unchanged.

use super::{Hub, sent};
use crate::python;
use std::process::Command;

/// What a script of a team does, from a new repository to its end, as maintainer, visitor and reviewer.
const SCRIPT: &str = include_str!("client.py");

fn runs(package: &str) {
    let Some(mut python) = python::with(package) else { return };
    let hub = Hub::start();
    let run = with_hub(&mut python, &hub).args(["-c", SCRIPT]).output().unwrap();
    let (printed, said) = (String::from_utf8_lossy(&run.stdout), String::from_utf8_lossy(&run.stderr));
    assert!(run.status.success() && printed.trim().ends_with("done"), "{package}:\n{printed}\n{said}");
}

/// Older clients ask some things only where the environment says.
fn with_hub<'a>(command: &'a mut Command, hub: &Hub) -> &'a mut Command {
    let home = hub.service.folder.path().join("home");
    command
        .env("HF_ENDPOINT", hub.service.url(""))
        .env("HF_HOME", home)
        .env("HF_HUB_DISABLE_TELEMETRY", "1")
        .env("HF_HUB_DISABLE_PROGRESS_BARS", "1")
        .env("ALICE", &hub.alice)
        .env("RITA", &hub.rita)
        .env("BOB", &hub.bob)
}

#[test]
fn version_0_36() {
    runs("huggingface_hub==0.36.0");
}

/// It still says `private` where later ones say `visibility`.
#[test]
fn version_1_0() {
    runs("huggingface_hub==1.0.1");
}

#[test]
fn version_1() {
    runs("huggingface_hub==1.29.0");
}

#[test]
fn the_newest_version() {
    runs("huggingface_hub");
}

/// What the `hf` program does with repositories, command by command: who, what, whether it succeeds, and what it says then.
#[test]
fn the_program_manages_repositories() {
    let Some(python) = python::with("huggingface_hub") else { return };
    let hub = Hub::start();
    let program = std::path::Path::new(python.get_program()).with_file_name("hf");
    let run = |token: &str, line: &str| {
        let mut command = Command::new(&program);
        with_hub(&mut command, &hub).args(line.split(' ')).env("HF_TOKEN", token).env("NO_COLOR", "1");
        let run = command.current_dir(hub.service.folder.path()).output().unwrap();
        let said = [run.stdout, run.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).concat();
        (run.status.success(), said)
    };
    let nobody = String::new();
    for (who, line, succeeds, says) in [
        (&hub.alice, "auth whoami --json", true, "\"user\": \"alice\""),
        // What the policy files declare of somebody, too.
        (&hub.alice, "auth whoami --json", true, "\"orgs\": \"acme\""),
        (&nobody, "auth whoami", false, "Not logged in"),
        (&hub.alice, "repos create acme/gate-a --json", true, "/acme/gate-a"),
        (&hub.alice, "repos create acme/gate-a", false, "You already created this repository"),
        (&hub.alice, "repos create acme/gate-a --exist-ok", true, "acme/gate-a"),
        (&hub.alice, "repos settings acme/gate-a --gated manual", true, "acme/gate-a"),
        (&hub.bob, "repos settings acme/gate-a --gated false", false, "403"),
        (&hub.bob, "models info acme/gate-a --json", true, "\"gated\": \"manual\""),
        (&hub.bob, "models ls --gated --quiet", true, "acme/gate-a\n"),
        (&hub.bob, "models ls acme/gate-a", false, "requires approval"),
        (&hub.bob, "download acme/gate-a config.json", false, "requires approval"),
        (&hub.alice, "repos settings acme/gate-a --private", true, "acme/gate-a"),
        // What a visitor is not told is there for those who may know of it.
        (&hub.alice, "models info acme/gate-a --json", true, "\"gated\": \"manual\""),
        (&hub.bob, "models info acme/gate-a", false, "not found"),
        (&hub.alice, "repos settings acme/gate-a --public", true, "acme/gate-a"),
        (&hub.alice, "models ls --author acme --search GATE-A --quiet", true, "acme/gate-a\n"),
        (&hub.alice, "models ls acme/gate-a -R --quiet", true, "weights/part-1.bin"),
        (&hub.alice, "download acme/gate-a --dry-run --json", true, "config.json"),
        (&hub.alice, "download acme/gate-a --include *.json --quiet", true, "snapshots"),
        (&hub.alice, "cp hf://acme/gate-a/config.json copy.json", true, "copy.json"),
        (&hub.alice, "repos tag list acme/gate-a", true, ""),
        (&hub.alice, "datasets info acme/dialogues --json", true, "acme/dialogues"),
        (&hub.alice, "datasets ls acme/dialogues", true, "train.csv"),
        (&hub.alice, "spaces ls --quiet", true, "acme/demo"),
        (&hub.alice, "repos create acme/corpus --type dataset --private", true, "/datasets/acme/corpus"),
        (&hub.alice, "repos delete acme/corpus --type dataset -y", true, "acme/corpus"),
        (&hub.bob, "repos delete acme/gate-a -y", false, "403"),
        (&hub.alice, "repos delete acme/gate-a -y", true, "acme/gate-a"),
        (&hub.alice, "repos delete acme/gate-a -y", false, "Repository not found"),
        (&hub.alice, "repos delete acme/gate-a -y --missing-ok", true, "acme/gate-a"),
    ] {
        let (succeeded, said) = run(who, line);
        assert!(succeeded == succeeds && said.contains(says), "hf {line}: {says}\n{said}");
    }
    sent(hub.post(&hub.alice, "/api/repos/create", &serde_json::json!({ "name": "acme/gate-a" })));
    let (_, said) = run(&hub.alice, "models ls acme/gate-a");
    assert!(said.contains("weights") && !said.contains("part-1.bin"), "a folder is told, not what is in it: {said}");
    let (succeeded, said) = run(&hub.alice, "models ls --filter pytorch --quiet");
    assert!(succeeded && !said.contains("acme/"), "nothing here has a tag: {said}");
}

/// The `hf` program downloads what its user may have.
#[test]
fn the_program() {
    let Some(python) = python::with("huggingface_hub") else { return };
    let hub = Hub::start();
    let program = std::path::Path::new(python.get_program()).with_file_name("hf");
    let download = |token: &str, repo: &str| {
        let mut command = Command::new(&program);
        let folder = hub.service.folder.path().join("download");
        with_hub(&mut command, &hub).args(["download", repo, "--local-dir"]).arg(folder);
        command.env("HF_TOKEN", token).output().unwrap()
    };
    let refused = download(&hub.bob, "acme/guard-7b");
    assert!(!refused.status.success());
    let taken = download(&hub.alice, "acme/guard-7b");
    assert!(taken.status.success(), "{}", String::from_utf8_lossy(&taken.stderr));
    let file = hub.service.folder.path().join("download/config.json");
    assert_eq!(std::fs::read_to_string(file).unwrap(), "{}");
}

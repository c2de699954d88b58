//! The clients that people use, in three major versions, unchanged.

use super::Hub;
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

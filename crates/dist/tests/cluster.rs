//! The example of a cluster does what it says, and what users deploy it with passes its linters.

#![cfg(test)]

use std::{
    net::TcpListener,
    path::{Path, PathBuf},
    process::{Command, Output},
};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().unwrap()
}

/// The first of so many ports in a row that are free.
fn free_ports(count: u16) -> u16 {
    let is_free = |port: &u16| TcpListener::bind(("127.0.0.1", *port)).is_ok();
    let some = || TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let first = std::iter::repeat_with(some).find(|first| (*first..).take(count.into()).all(|port| is_free(&port)));
    first.unwrap()
}

fn output(command: &mut Command) -> Output {
    let output = command.output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}: {}\n{said}", String::from_utf8_lossy(&output.stdout));
    output
}

#[test]
fn three_decision_points_are_as_one() {
    let port = free_ports(6).to_string();
    let run = output(
        Command::new(root().join("examples/cluster/run"))
            .arg("--check")
            .env("POLICYC", env!("CARGO_BIN_EXE_policyc-dist"))
            .env("CLUSTER_PORT", &port),
    );
    let said = String::from_utf8(run.stdout).unwrap().replace(&port, "PORT");
    assert_eq!(
        said,
        "cluster: three decision points behind http://127.0.0.1:PORT\n\
         cluster: of nine calls through nginx, all decision points together admit: 3\n\
         cluster: before the list, node 3 lets bob view the model: false\n\
         cluster: the list was put in force at node 1; node 3 lets bob view the model: true\n\
         cluster: node 2 was killed; of six calls through nginx are answered: 6\n\
         cluster: node 2 is back, and lets bob view the model: true\n\
         cluster: all as it should be\n"
    );
}

#[test]
fn chart_and_compose_file_pass_their_linters() {
    let python = root().join("target/python/lint");
    output(Command::new(root().join("scripts/python-venv")).arg(&python).args(["helm-binary", "yamllint"]));
    let example = root().join("examples/cluster");
    let chart = example.join("chart");
    output(Command::new(python.join("bin/helm")).args(["lint", "--strict"]).arg(&chart));
    let made = output(Command::new(python.join("bin/helm")).args(["template", "lab"]).arg(&chart));
    let made = String::from_utf8(made.stdout).unwrap();
    assert!(made.contains("kind: StatefulSet") && made.contains("name: POLICYC_SERVE_STORE"), "{made}");
    let rules = "{extends: relaxed, rules: {line-length: {max: 130}}}";
    let files = ["compose.yaml", "chart/Chart.yaml", "chart/values.yaml"].map(|file| example.join(file));
    output(Command::new(python.join("bin/yamllint")).args(["--strict", "-d", rules]).args(files));
}

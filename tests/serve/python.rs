//! Clients in Python.

use std::process::Command;

/// An interpreter that has a package from PyPI. A machine without Python has none, and says so.
pub(crate) fn with(package: &str) -> Option<Command> {
    if Command::new("python3").arg("--version").output().is_err() {
        eprintln!("not tried: there is no python3 on this machine");
        return None;
    }
    let root = env!("CARGO_MANIFEST_DIR");
    let folder = format!("{root}/target/python/{package}");
    let made = Command::new(format!("{root}/scripts/python-venv")).args([&folder, package]).status().unwrap();
    assert!(made.success(), "scripts/python-venv says why");
    Some(Command::new(format!("{folder}/bin/python")))
}

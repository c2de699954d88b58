//! Servers of a measurement: started on a core of their own, ended when dropped.

use std::{
    env,
    io::{BufRead, BufReader},
    net::SocketAddr,
    path::Path,
    process::{Child, Command, Stdio},
    thread,
};

/// The core of what is measured.
const CORE: &str = "1";

/// A server under measurement.
pub(crate) struct Server {
    child: Child,
    /// Where it listens.
    pub(crate) address: SocketAddr,
}

impl Server {
    /// This program as a server of another kind.
    pub(crate) fn own(kind: &str) -> Self {
        Self::start(Command::new("taskset").args(["-c", CORE]).arg(env::current_exe().unwrap()).arg(kind))
    }

    /// The service.
    pub(crate) fn policyc(folder: &Path, args: &[&str]) -> Self {
        let mut command = Command::new("taskset");
        command.args(["-c", CORE, env!("CARGO_BIN_EXE_policyc"), "serve", "--workers", "1", "--listen", "127.0.0.1:0"]);
        Self::start(command.args(args).current_dir(folder))
    }

    fn start(command: &mut Command) -> Self {
        let mut child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
        let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
        let mut said = String::new();
        let address = loop {
            let line = lines.next().and_then(Result::ok);
            assert!(line.is_some(), "it does not listen:\n{said}");
            let line = line.unwrap_or_default();
            if let Some(url) = line.split("listening on http://").nth(1) {
                break url.parse().unwrap();
            }
            said.push_str(&line);
            said.push('\n');
        };
        // What it says from now on is read and dropped, so that it never waits for a reader.
        thread::spawn(move || lines.for_each(drop));
        Self { child, address }
    }

    /// How much memory it holds, in MiB.
    pub(crate) fn memory(&self) -> f64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
        let kilobytes: f64 = line.trim().trim_end_matches("kB").trim().parse().unwrap();
        kilobytes / 1024.0
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

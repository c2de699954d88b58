//! A server for tests: started on a free port of this machine, ended with the test.

use std::{
    collections::BTreeMap,
    io::{BufRead, BufReader, Write},
    net::{TcpListener, TcpStream},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::LazyLock,
    thread,
    time::Duration,
};
use tempfile::TempDir;

/// How often a condition is looked at, a hundredth of a second apart, before it is held to be never true.
const LOOKS: u32 = 6_000;

/// The programs that there are, by name.
pub(crate) static PROGRAMS: LazyLock<BTreeMap<String, PathBuf>> = LazyLock::new(|| {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../scripts/redis");
    let output = Command::new(script).output().unwrap();
    let lines = String::from_utf8(output.stdout).unwrap();
    let programs = lines.lines().filter_map(|line| line.split_once('='));
    programs.map(|(name, path)| (name.to_owned(), PathBuf::from(path))).collect()
});

/// A running server. It is killed when it is dropped.
pub(crate) struct Server {
    program: PathBuf,
    child: Child,
    port: u16,
    folder: TempDir,
    keeps: bool,
}

impl Server {
    /// A Redis that keeps each change on disk before it says that it was made.
    pub(crate) fn start() -> Self {
        let program = PROGRAMS.get("redis-server");
        Self::of(program.expect("scripts/redis cannot install redis-server; target/redis/redis.log says why"), true)
    }

    /// A server that keeps what it holds on disk, or forgets it when it ends.
    pub(crate) fn of(program: &Path, keeps: bool) -> Self {
        let folder = TempDir::new().unwrap();
        let (child, port) = loop {
            // Another process may take the port in between.
            let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
            if let Some(child) = spawn(program, port, folder.path(), keeps) {
                break (child, port);
            }
        };
        Self { program: program.to_owned(), child, port, folder, keeps }
    }

    pub(crate) fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    pub(crate) const fn port(&self) -> u16 {
        self.port
    }

    /// Ends it in the middle of whatever it does.
    pub(crate) fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Starts it again, with what it kept, once it was killed.
    pub(crate) fn restart(&mut self) {
        let (program, folder, port, keeps) = (&self.program, self.folder.path(), self.port, self.keeps);
        until("the server starts again", || {
            let child = spawn(program, port, folder, keeps)?;
            self.child = child;
            Some(())
        });
    }

    /// Sends a signal: `STOP`, `CONT`.
    pub(crate) fn signal(&self, name: &str) {
        assert!(Command::new("kill").args(["-s", name, &self.child.id().to_string()]).status().unwrap().success());
    }

    /// The first line of what it answers to a command.
    pub(crate) fn ask(&self, command: &str) -> String {
        ask(self.port, command).unwrap()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Starts a server and waits until it answers; none if it ends before.
fn spawn(program: &Path, port: u16, folder: &Path, keeps: bool) -> Option<Child> {
    let mut child = Command::new(program)
        .args(["--bind", "127.0.0.1", "--port", &port.to_string(), "--save", ""])
        .args(["--appendfsync", "always", "--appendonly", if keeps { "yes" } else { "no" }])
        .current_dir(folder)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    until("the server answers or ends", || {
        if child.try_wait().unwrap().is_some() {
            return Some(false);
        }
        (ask(port, "PING").ok()? == "+PONG").then_some(true)
    })
    .then_some(child)
}

fn ask(port: u16, command: &str) -> std::io::Result<String> {
    let mut stream = TcpStream::connect(("127.0.0.1", port))?;
    write!(stream, "{command}\r\n")?;
    let mut line = String::new();
    BufReader::new(&stream).read_line(&mut line)?;
    Ok(line.trim_end().to_owned())
}

/// Looks until there is something.
pub(crate) fn until<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    for _ in 0..LOOKS {
        if let Some(found) = look() {
            return found;
        }
        thread::sleep(Duration::from_millis(10));
    }
    panic!("it never comes about that {what}");
}

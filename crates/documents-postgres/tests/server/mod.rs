//! A server for tests: started on a free port of this machine, ended with the test.

use std::{
    fs,
    net::TcpListener,
    os::unix::{fs::chown, process::CommandExt},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::LazyLock,
    thread,
    time::Duration,
};
use tempfile::TempDir;

/// How often a condition is looked at, a hundredth of a second apart, before it is held to be never true.
const LOOKS: u32 = 6_000;
/// The name and the secret of whoever may ask it.
const USER: &str = "policyc";
const SECRET: &str = "s3cret";

/// The folder of the programs.
static PROGRAMS: LazyLock<PathBuf> = LazyLock::new(|| {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../scripts/postgres");
    let output = Command::new(script).output().unwrap();
    let folder = PathBuf::from(String::from_utf8(output.stdout).unwrap().trim());
    assert!(
        folder.join("initdb").exists(),
        "scripts/postgres cannot install PostgreSQL; target/postgres/postgres.log says why"
    );
    folder
});

/// Who runs the server: it refuses to be run by root.
static OWNER: LazyLock<Option<(u32, u32)>> = LazyLock::new(|| {
    let whoami = Command::new("id").arg("-u").output().unwrap();
    let is_root = whoami.stdout.trim_ascii() == b"0";
    is_root.then(|| {
        let users = fs::read_to_string("/etc/passwd").unwrap();
        let user = users.lines().find(|line| line.starts_with("postgres:")).expect("the package makes a user");
        let mut numbers = user.split(':').skip(2).map(|number| number.parse().unwrap());
        (numbers.next().unwrap(), numbers.next().unwrap())
    })
});

/// A running server. It is killed when it is dropped.
pub(crate) struct Server {
    child: Child,
    port: u16,
    folder: TempDir,
}

impl Server {
    pub(crate) fn start() -> Self {
        let folder = folder();
        let secret = folder.path().join("secret");
        fs::write(&secret, SECRET).unwrap();
        if let Some((user, group)) = *OWNER {
            chown(&secret, Some(user), Some(group)).unwrap();
        }
        let made = program("initdb")
            .args(["--no-sync", "--no-instructions", "--encoding", "UTF8", "--locale", "C"])
            .args(["--auth", "scram-sha-256", "--username", USER, "--pwfile"])
            .arg(&secret)
            .arg("--pgdata")
            .arg(folder.path().join("data"))
            .current_dir(folder.path())
            .stdout(Stdio::null())
            .status();
        assert!(made.unwrap().success());
        Self::of(folder)
    }

    /// A server of the data in a folder.
    fn of(folder: TempDir) -> Self {
        let (child, port) = loop {
            // Another process may take the port in between.
            let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
            if let Some(child) = spawn(folder.path(), port) {
                break (child, port);
            }
        };
        Self { child, port, folder }
    }

    /// A replica, which has every write from now on before it is answered.
    pub(crate) fn replica(&self) -> Self {
        let folder = folder();
        let made = program("pg_basebackup")
            .args(["--write-recovery-conf", "--wal-method=stream", "--checkpoint=fast", "--no-sync"])
            .args(["--dbname", &format!("{}?application_name=replica", self.url()), "--pgdata"])
            .arg(folder.path().join("data"))
            .current_dir(folder.path())
            .status();
        assert!(made.unwrap().success());
        let replica = Self::of(folder);
        self.ask("ALTER SYSTEM SET synchronous_standby_names = 'replica'");
        self.ask("SELECT pg_reload_conf()");
        let state = "SELECT sync_state FROM pg_stat_replication";
        until("the replica has all", || (self.ask(state) == "sync").then_some(()));
        replica
    }

    /// Makes a replica the server that others write to.
    pub(crate) fn promote(&self) {
        assert_eq!(self.ask("SELECT pg_promote()"), "t");
    }

    pub(crate) const fn port(&self) -> u16 {
        self.port
    }

    pub(crate) fn url(&self) -> String {
        url(self.port)
    }

    /// What it is called where nobody is told a secret.
    pub(crate) fn name(&self) -> String {
        format!("postgres://127.0.0.1:{}/postgres", self.port)
    }

    /// Ends it in the middle of whatever it does.
    pub(crate) fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Starts it again, with what it kept, once it was killed.
    pub(crate) fn restart(&mut self) {
        let (folder, port) = (self.folder.path(), self.port);
        // What it had begun may still be ending.
        self.child = until("the server starts again", || spawn(folder, port));
    }

    /// Sends a signal to it and to all that it has begun: `STOP`, `CONT`.
    pub(crate) fn signal(&self, name: &str) {
        let parent = self.child.id().to_string();
        let _ = Command::new("pkill").args([&format!("-{name}"), "--parent", &parent]).status();
        assert!(Command::new("kill").args(["-s", name, &parent]).status().unwrap().success());
    }

    /// What it answers to a query, a row a line.
    pub(crate) fn ask(&self, query: &str) -> String {
        ask(self.port, query).expect("the server answers")
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A folder of whoever runs the server.
fn folder() -> TempDir {
    let folder = TempDir::new().unwrap();
    if let Some((user, group)) = *OWNER {
        chown(folder.path(), Some(user), Some(group)).unwrap();
    }
    folder
}

/// The address of whatever stands at a port.
pub(crate) fn url(port: u16) -> String {
    format!("postgres://{USER}:{SECRET}@127.0.0.1:{port}/postgres")
}

/// A program, run by whom it lets run it.
fn program(name: &str) -> Command {
    let mut command = Command::new(PROGRAMS.join(name));
    if let Some((user, group)) = *OWNER {
        command.uid(user).gid(group);
    }
    command.stdin(Stdio::null());
    command
}

/// Starts a server and waits until it answers; none if it ends before.
fn spawn(folder: &Path, port: u16) -> Option<Child> {
    let log = fs::OpenOptions::new().append(true).create(true).open(folder.join("log")).unwrap();
    let mut child = program("postgres")
        .args(["-c", "listen_addresses=127.0.0.1", "-c", "unix_socket_directories=", "-p", &port.to_string(), "-D"])
        .arg(folder.join("data"))
        .current_dir(folder)
        .stdout(log.try_clone().unwrap())
        .stderr(log)
        .spawn()
        .unwrap();
    until("the server answers or ends", || {
        if child.try_wait().unwrap().is_some() {
            return Some(false);
        }
        ask(port, "SELECT 1").map(|_| true)
    })
    .then_some(child)
}

fn ask(port: u16, query: &str) -> Option<String> {
    let mut psql = program("psql");
    psql.args(["--no-psqlrc", "--tuples-only", "--no-align", "--command", query]).arg(url(port)).current_dir("/");
    let output = psql.stderr(Stdio::null()).output().unwrap();
    output.status.success().then(|| String::from_utf8(output.stdout).unwrap().trim().to_owned())
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

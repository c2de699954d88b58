//! The program, started by a test and ended with it.

use reqwest::blocking::{Client, RequestBuilder, Response};
use serde_json::Value;
use std::{
    fs,
    io::{BufRead, BufReader, Read},
    mem,
    path::Path,
    process::{Child, Command, ExitStatus, Stdio},
    sync::mpsc::{self, Receiver},
    thread,
    time::Duration,
};
use tempfile::TempDir;

/// How long anything may take: far longer than it does, so that only what hangs is cut off.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// A running service. It is killed when it is dropped.
pub(crate) struct Service {
    child: Child,
    /// What it says, line by line.
    said: Receiver<String>,
    url: String,
    pub(crate) client: Client,
    settings: String,
    /// Its folder: settings, policies, state.
    pub(crate) folder: TempDir,
}

/// A service that is not started yet.
pub(crate) struct Setup {
    folder: TempDir,
    settings: String,
    args: Vec<String>,
}

impl Setup {
    /// With one policy text. State is kept in the folder of the test.
    pub(crate) fn new(policy: &str) -> Self {
        let folder = TempDir::new().unwrap();
        fs::create_dir(folder.path().join("policies")).unwrap();
        fs::write(folder.path().join("policies/main.policy"), policy).unwrap();
        let args = vec!["policies".to_owned()];
        Self { folder, settings: String::new(), args }
    }

    /// With a folder of policies that is shipped.
    pub(crate) fn shipped(name: &str) -> Self {
        let policies = Path::new(env!("CARGO_MANIFEST_DIR")).join("policies").join(name);
        Self {
            folder: TempDir::new().unwrap(),
            settings: String::new(),
            args: vec![policies.to_str().unwrap().to_owned()],
        }
    }

    /// With more in `serve.toml`; what does not stand in a table comes first.
    pub(crate) fn settings(mut self, toml: &str) -> Self {
        self.settings.push_str(toml);
        self.settings.push('\n');
        self
    }

    /// Its folder.
    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }

    /// With other policies than its own, and other arguments.
    pub(crate) fn only_args(mut self, args: &[&str]) -> Self {
        self.args.clear();
        self.args(args)
    }

    /// With more arguments.
    pub(crate) fn args(mut self, args: &[&str]) -> Self {
        self.args.extend(args.iter().map(|arg| (*arg).to_owned()));
        self
    }

    /// With a file in the folder of `serve.toml`.
    pub(crate) fn file(self, name: &str, text: &str) -> Self {
        fs::write(self.folder.path().join(name), text).unwrap();
        self
    }

    fn command(&self) -> Command {
        let config = self.folder.path().join("serve.toml");
        let preface = if self.settings.contains("listen =") { "" } else { "listen = \"127.0.0.1:0\"\n" };
        fs::write(&config, format!("{preface}{}", self.settings)).unwrap();
        let mut command = Command::new(crate::PROGRAM);
        command.arg("serve").args(&self.args).arg("--config").arg(config);
        command.current_dir(self.folder.path()).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    /// Starts it, and waits until it listens.
    pub(crate) fn start(self) -> Service {
        let mut child = self.command().spawn().unwrap();
        let stderr = child.stderr.take().unwrap();
        let (say, said) = mpsc::channel();
        thread::spawn(move || BufReader::new(stderr).lines().map_while(Result::ok).try_for_each(|line| say.send(line)));
        let mut before = String::new();
        let url = loop {
            let Ok(line) = said.recv_timeout(PATIENCE) else { panic!("it does not listen:\n{before}") };
            before.push_str(&line);
            before.push('\n');
            if let Some((_, url)) = line.split_once("listening on ") {
                break url.split('"').next().unwrap().to_owned();
            }
        };
        let client = Client::builder().timeout(PATIENCE).build().unwrap();
        Service { child, said, url, client, settings: self.settings, folder: self.folder }
    }

    /// Starts it where it must not start: its exit code and what it says.
    pub(crate) fn fails(self) -> (i32, String) {
        let output = self.command().output().unwrap();
        let folder = self.folder.path().to_str().unwrap();
        (output.status.code().unwrap(), String::from_utf8(output.stderr).unwrap().replace(folder, "."))
    }
}

impl Service {
    /// The address of a path.
    pub(crate) fn url(&self, path: &str) -> String {
        format!("{}{path}", self.url)
    }

    pub(crate) fn get(&self, path: &str) -> RequestBuilder {
        self.client.get(self.url(path))
    }

    pub(crate) fn post(&self, path: &str, json: &str) -> RequestBuilder {
        self.bare_post(path).header("content-type", "application/json").body(json.to_owned())
    }

    /// A POST that says nothing of its body's type.
    pub(crate) fn bare_post(&self, path: &str) -> RequestBuilder {
        self.client.post(self.url(path))
    }

    /// The host and port that it listens on.
    pub(crate) fn address(&self) -> &str {
        self.url.split_once("://").unwrap().1
    }

    /// What it answers to a GET, as JSON.
    pub(crate) fn json(&self, path: &str) -> Value {
        serde_json::from_str(&self.get(path).send().unwrap().text().unwrap()).unwrap()
    }

    /// Ends it as it should, and starts it again in the same folder, with other arguments.
    pub(crate) fn again(mut self, args: &[&str]) -> Self {
        self.signal("TERM");
        assert!(self.wait().success());
        let folder = mem::replace(&mut self.folder, TempDir::new().unwrap());
        let args = args.iter().map(|arg| (*arg).to_owned()).collect();
        Setup { folder, settings: mem::take(&mut self.settings), args }.start()
    }

    /// Kills it in the middle of whatever it does, and starts it again in the same folder.
    pub(crate) fn killed(self, args: &[&str]) -> Self {
        self.signal("KILL");
        self.restarted(args)
    }

    /// The number of its process.
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// Starts it again in the same folder, once it has ended somehow.
    pub(crate) fn restarted(mut self, args: &[&str]) -> Self {
        self.wait();
        let folder = mem::replace(&mut self.folder, TempDir::new().unwrap());
        let args = args.iter().map(|arg| (*arg).to_owned()).collect();
        Setup { folder, settings: mem::take(&mut self.settings), args }.start()
    }

    /// The revision of the running set, as it tells itself.
    pub(crate) fn revision(&self) -> String {
        let ready = self.get("/readyz").send().unwrap().text().unwrap();
        ready.trim().rsplit(' ').next().unwrap().to_owned()
    }

    /// Waits until it says a line with a text, and gives that line.
    pub(crate) fn says(&self, wanted: &str) -> String {
        loop {
            let line = self.said.recv_timeout(PATIENCE).unwrap_or_else(|_| panic!("the service says `{wanted}`"));
            if line.contains(wanted) {
                return line;
            }
        }
    }

    /// Sends a signal: `TERM`, `HUP`, `KILL`.
    pub(crate) fn signal(&self, name: &str) {
        let status = Command::new("kill").args(["-s", name, &self.child.id().to_string()]).status().unwrap();
        assert!(status.success());
    }

    /// Waits until it has ended by itself.
    pub(crate) fn wait(&mut self) -> ExitStatus {
        let mut rest = String::new();
        let _ = self.child.stdout.take().map(|mut out| out.read_to_string(&mut rest));
        self.child.wait().unwrap()
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// An answer as a snapshot shows it: status, the headers that are asked for, body.
pub(crate) fn show(response: Response, headers: &[&str]) -> String {
    let mut text = format!("{}\n", response.status().as_u16());
    for name in headers {
        for value in response.headers().get_all(*name) {
            text.push_str(&format!("{name}: {}\n", value.to_str().unwrap()));
        }
    }
    text.push_str(&response.text().unwrap());
    text
}

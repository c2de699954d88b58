//! The real proxies, with the configurations that the documentation shows.

use super::wire::Upstream;
use std::{
    collections::BTreeMap,
    fs,
    net::{SocketAddr, TcpListener, TcpStream},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::OnceLock,
    thread,
    time::Duration,
};
use tempfile::TempDir;

/// Where the programs are.
fn program(name: &str) -> &'static Path {
    static PROGRAMS: OnceLock<BTreeMap<String, PathBuf>> = OnceLock::new();
    let programs = PROGRAMS.get_or_init(|| {
        let output = Command::new(Path::new(env!("CARGO_MANIFEST_DIR")).join("scripts/proxies")).output().unwrap();
        let said = String::from_utf8(output.stdout).unwrap();
        said.lines().filter_map(|line| line.split_once('=')).map(|(name, path)| (name.into(), path.into())).collect()
    });
    programs.get(name).unwrap_or_else(|| panic!("scripts/proxies cannot install {name}; target/proxies/*.log says why"))
}

/// A proxy that runs. It is killed when it is dropped.
pub(super) struct Proxy {
    child: Child,
    pub(super) address: SocketAddr,
    _folder: TempDir,
}

/// Where policyc is.
pub(super) struct Ports {
    pub(super) http: u16,
    pub(super) grpc: u16,
}

impl Proxy {
    /// Starts a proxy with the configuration of the documentation, only with other ports, and waits until it takes connections.
    pub(super) fn start(config: &str, policyc: &Ports, upstream: &Upstream) -> Self {
        let text = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/deploy").join(config)).unwrap();
        let port = free_port();
        let ports = [("8080", port), ("8181", policyc.http), ("8182", policyc.grpc), ("8000", upstream.address.port())];
        // All at once, since a new port may look like an old one.
        let text = ports.iter().fold(text, |text, (known, _)| text.replace(known, &format!("<{known}>")));
        let text =
            ports.iter().fold(text, |text, (known, port)| text.replace(&format!("<{known}>"), &port.to_string()));
        // A machine that is busy with other tests may answer later than one that serves would.
        let text = text.replace("timeout: 1s", "timeout: 60s");
        let folder = TempDir::new().unwrap();
        let file = folder.path().join(config);
        fs::write(&file, text).unwrap();
        let mut child = command(config, &file, folder.path())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(fs::File::create(folder.path().join("stderr")).unwrap())
            .spawn()
            .unwrap();
        let address = SocketAddr::from(([127, 0, 0, 1], port));
        let mut tries = 0..1_500;
        while TcpStream::connect(address).is_err() {
            let ended = child.try_wait().unwrap();
            if ended.is_some() || tries.next().is_none() {
                let _ = child.kill();
                panic!(
                    "{config}: it does not listen ({ended:?})\n{}",
                    fs::read_to_string(folder.path().join("stderr")).unwrap()
                );
            }
            thread::sleep(Duration::from_millis(20));
        }
        Self { child, address, _folder: folder }
    }
}

fn command(config: &str, file: &Path, folder: &Path) -> Command {
    let file = file.to_str().unwrap();
    let name = config.split(['.', '-']).next().unwrap();
    match name {
        "nginx" => {
            let mut command = Command::new(program("nginx"));
            let also = format!("daemon off; master_process off; pid {}/nginx.pid;", folder.to_str().unwrap());
            command.args(["-e", "stderr", "-c", file, "-g", &also]);
            command
        }
        "Caddyfile" => {
            let mut command = Command::new(program("caddy"));
            command.args(["run", "--adapter", "caddyfile", "--config", file]);
            command.env("HOME", folder).env("XDG_DATA_HOME", folder).env("XDG_CONFIG_HOME", folder);
            command
        }
        _ => {
            let mut command = Command::new(program("envoy"));
            command.args(["-c", file, "--concurrency", "1", "--log-level", "error", "--disable-hot-restart"]);
            command
        }
    }
}

fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

impl Drop for Proxy {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

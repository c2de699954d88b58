//! The quickstart and the guides: every command of a page is run, and what it prints is held against what the page says.

use std::{
    fs,
    net::TcpListener,
    path::Path,
    process::{Command, Stdio},
};

/// What divides the output of one block from the next.
const MARK: &str = "@@@";

/// The blocks of a page: what is run, and what that prints.
fn blocks(page: &str) -> Vec<(String, String)> {
    let mut blocks: Vec<(String, String)> = Vec::new();
    for block in page.split("\n```").skip(1).step_by(2) {
        match (block.split_once('\n'), blocks.last_mut()) {
            (Some(("sh", commands)), _) => blocks.push((commands.to_owned(), String::new())),
            (Some(("text", printed)), Some((_, wanted))) => printed.clone_into(wanted),
            other => panic!("a block that is neither `sh` nor `text`: {other:?}"),
        }
    }
    blocks
}

/// Ports that are free, all at once.
fn free_ports<const N: usize>() -> [String; N] {
    let sockets: [TcpListener; N] = std::array::from_fn(|_| TcpListener::bind("127.0.0.1:0").unwrap());
    sockets.map(|socket| socket.local_addr().unwrap().port().to_string())
}

/// Runs all commands of a page, in one folder.
fn run(page: &str) {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let ports: [String; 3] = free_ports();
    let with_ports = |text: &str| {
        let places = ["127.0.0.1:8181", "127.0.0.1:8000", "127.0.0.1:8080"];
        let moved = places
            .iter()
            .zip(&ports)
            .fold(text.to_owned(), |text, (place, port)| text.replace(place, &format!("127.0.0.1:{port}")));
        moved.replace("(\"127.0.0.1\", 8000)", &format!("(\"127.0.0.1\", {})", ports[1]))
    };
    let folder = tempfile::TempDir::new().unwrap();
    let nginx = folder.path().join("nginx.conf");
    fs::write(&nginx, with_ports(&fs::read_to_string(root.join("docs/deploy/nginx.conf")).unwrap())).unwrap();
    let blocks = blocks(&fs::read_to_string(root.join(page)).unwrap());
    let mut script = String::from("set -euo pipefail\ntrap 'kill $(jobs -p) 2>/dev/null || true' EXIT\n");
    for (commands, _) in &blocks {
        let commands = commands.replace("$POLICYC/docs/deploy/nginx.conf", nginx.to_str().unwrap());
        script.push_str(&format!("{}\necho {MARK}\n", with_ports(&commands)));
    }
    let policyc = Path::new(env!("CARGO_BIN_EXE_policyc")).parent().unwrap();
    let path = format!("{}:{}", policyc.display(), std::env::var("PATH").unwrap());
    let run = Command::new("bash")
        .args(["-c", &script])
        .current_dir(folder.path())
        .env("PATH", path)
        .env("POLICYC", root)
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let (printed, said) = (String::from_utf8(run.stdout).unwrap(), String::from_utf8_lossy(&run.stderr).into_owned());
    let printed: Vec<&str> = printed.split(MARK).map(str::trim).collect();
    let wanted: Vec<&str> = blocks.iter().map(|(_, printed)| printed.trim()).chain([""]).collect();
    assert_eq!(printed, wanted, "{said}");
    assert!(run.status.success(), "{said}");
}

#[test]
fn the_quickstart_does_what_it_says() {
    run("docs/serve/quickstart.md");
}

#[test]
fn what_was_saved_comes_back() {
    run("docs/operations.md");
}

#[test]
fn the_guide_from_the_hub_does_what_it_says() {
    run("docs/guides/hugging-face.md");
}

#[test]
fn the_guide_from_tiers_does_what_it_says() {
    run("docs/guides/tiers.md");
}

#[test]
fn the_guide_from_roles_does_what_it_says() {
    run("docs/guides/studio.md");
}

#[test]
fn the_guide_from_access_lists_does_what_it_says() {
    run("docs/guides/model-acl.md");
}

//! `policyc init`: a new policy folder to learn from.

use super::{
    Config, Exit, Io,
    replace::replace,
    style::{Style, counted, failed},
};
use std::{
    fs, io,
    path::{Path, PathBuf},
};

/// What a new folder holds: paths with their texts.
const FILES: [(&str, &str); 7] = [
    ("README.md", include_str!("init/README.md")),
    (".policyc.toml", include_str!("init/policyc.toml")),
    ("vocabulary.policy", include_str!("init/vocabulary.policy")),
    ("access.policy", include_str!("init/access.policy")),
    ("access_test.policy", include_str!("init/access_test.policy")),
    ("testdata/request.json", include_str!("init/request.json")),
    (".github/workflows/policy.yml", include_str!("init/policy.yml")),
];

/// Make a new policy folder
///
/// With a vocabulary, one policy, one test file, a request to try, a workflow for GitHub and a README with the first
/// three commands. Nothing is overwritten.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Exit codes: 0 made; 1 usage, writing failed, or a file is already there (then nothing is written).

Example:
  policyc init policies")]
pub(super) struct Args {
    /// The folder; it is made if it is not there
    #[arg(value_name = "DIR")]
    folder: PathBuf,
}

pub(super) fn run(args: &Args, io: &mut Io<'_>, _: &Config) -> Exit {
    let there: Vec<&str> = FILES.iter().map(|(name, _)| *name).filter(|name| exists(&args.folder.join(name))).collect();
    if !there.is_empty() {
        let names: Vec<String> = there.iter().map(|name| format!("`{}`", args.folder.join(name).display())).collect();
        let is = if there.len() == 1 { "is" } else { "are" };
        let message = format!("{} {is} already there", names.join(", "));
        return failed(io, &message, Some("nothing was written; give a folder without these files"));
    }
    for (name, text) in FILES {
        let path = args.folder.join(name);
        if let Err(error) = write(&path, text) {
            return failed(io, &format!("cannot write `{}`: {error}", path.display()), None);
        }
    }
    say(&args.folder, io);
    Exit::Fine
}

/// Whether there is anything at a path, were it only a link to nowhere.
fn exists(path: &Path) -> bool {
    path.symlink_metadata().is_ok()
}

fn write(path: &Path, text: &str) -> io::Result<()> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    replace(path, text.as_bytes())
}

/// Says what there is now, and what to do next.
fn say(folder: &Path, io: &mut Io<'_>) {
    let style = Style::new(io.color_out);
    let _ = writeln!(io.out, "made {} in `{}`:", counted(FILES.len(), "file"), folder.display());
    for (name, _) in FILES {
        let _ = writeln!(io.out, "  {name}");
    }
    let _ = writeln!(io.out, "\nnext:");
    let path = show(folder);
    for command in ["check", "test"] {
        let _ = writeln!(io.out, "  {}", style.bold(&format!("policyc {command} {path}")));
    }
    let request = show(&folder.join("testdata/request.json"));
    let _ = writeln!(io.out, "  {}", style.bold(&format!("policyc explain {path} --request {request}")));
}

/// A path as an argument of a command.
fn show(path: &Path) -> String {
    let path = path.display().to_string();
    let plain = |character: char| character.is_alphanumeric() || matches!(character, '/' | '.' | '_' | '-');
    if path.chars().all(plain) { path } else { format!("'{}'", path.replace('\'', r"'\''")) }
}

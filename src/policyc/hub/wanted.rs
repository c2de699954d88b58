//! What a file wants of repositories: one entry for each, as TOML, JSON or CSV.
//!
//! ```toml
//! [[repository]]
//! type = "dataset"          # `model` where nothing is said
//! id = "acme/dialogues"
//! gated = "manual"          # or "auto", or false
//! visibility = "private"    # or "public"
//! ```
//!
//! JSON is an array of such entries. CSV has a line that names the columns, then an entry a line; what a cell leaves empty is
//! not wanted to be anything.

use crate::server::{
    hub::{KINDS, Repo},
    managed::Gated,
};
use serde::{Deserialize, Serialize};
use std::{collections::BTreeSet, fmt, path::Path};

/// What one repository is to be like. What is not said stays as it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Wanted {
    pub(super) repo: Repo,
    pub(super) gated: Option<Gated>,
    pub(super) visibility: Option<Visibility>,
}

/// Who knows of a repository.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Visibility {
    Public,
    Private,
}

impl fmt::Display for Visibility {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Public => "public",
            Self::Private => "private",
        })
    }
}

/// The formats of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Format {
    Toml,
    Json,
    Csv,
}

impl Format {
    /// By the name's ending; standard input is JSON.
    fn of(file: &Path) -> Option<Self> {
        if file == Path::new("-") {
            return Some(Self::Json);
        }
        match file.extension()?.to_str()?.to_ascii_lowercase().as_str() {
            "toml" => Some(Self::Toml),
            "json" => Some(Self::Json),
            "csv" => Some(Self::Csv),
            _ => None,
        }
    }
}

/// An entry as it is written.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    #[serde(rename = "type")]
    kind: Option<String>,
    id: String,
    gated: Option<Gated>,
    visibility: Option<Visibility>,
}

/// A file of TOML.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    repository: Vec<Entry>,
}

/// The entries of a file.
///
/// # Errors
/// It says something that is not understood, or wants two things of one repository.
pub(super) fn read(file: &Path, text: &str) -> Result<Vec<Wanted>, String> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let entries = match Format::of(file).ok_or("its name must end in `.toml`, `.json` or `.csv`")? {
        Format::Toml => toml::from_str::<Document>(text).map_err(|error| error.to_string())?.repository,
        Format::Json => serde_json::from_str(text).map_err(|error| error.to_string())?,
        Format::Csv => {
            let mut reader = csv::ReaderBuilder::new().trim(csv::Trim::All).from_reader(text.as_bytes());
            reader.deserialize().collect::<Result<_, _>>().map_err(|error| error.to_string())?
        }
    };
    let mut seen = BTreeSet::new();
    let mut all = Vec::new();
    for entry in entries {
        let wanted = entry.wanted()?;
        if !seen.insert((wanted.repo.kind, wanted.repo.id.clone())) {
            return Err(format!("{} `{}` is named twice", wanted.repo.kind, wanted.repo.id));
        }
        all.push(wanted);
    }
    Ok(all)
}

impl Entry {
    fn wanted(self) -> Result<Wanted, String> {
        let kind = self.kind.as_deref().filter(|kind| !kind.is_empty()).unwrap_or("model");
        let Some((kind, _)) = KINDS.iter().find(|(known, _)| *known == kind) else {
            return Err(format!("`{kind}` is no type of repository: `model`, `dataset` and `space` are"));
        };
        let repo = self.id.split_once('/').and_then(|(namespace, name)| Repo::new(kind, namespace, name));
        let repo = repo.ok_or_else(|| format!("`{}` is not the name of a repository", self.id))?;
        if self.gated.is_none() && self.visibility.is_none() {
            return Err(format!("nothing is wanted of {kind} `{}`: `gated` or `visibility`", repo.id));
        }
        Ok(Wanted { repo, gated: self.gated, visibility: self.visibility })
    }
}

#[cfg(test)]
mod tests {
    use super::{Visibility, Wanted, read};
    use crate::server::{hub::Repo, managed::Gated};
    use std::path::Path;

    fn wanted() -> Vec<Wanted> {
        let repo = |kind, name| Repo::new(kind, "acme", name).unwrap();
        vec![
            Wanted { repo: repo("model", "chat-7b"), gated: Some(Gated::No), visibility: None },
            Wanted {
                repo: repo("dataset", "notes"),
                gated: Some(Gated::Manual),
                visibility: Some(Visibility::Private),
            },
            Wanted { repo: repo("space", "demo"), gated: None, visibility: Some(Visibility::Public) },
        ]
    }

    #[test]
    fn the_three_formats_say_the_same() {
        for (name, text) in [
            (
                "a.toml",
                "[[repository]]\nid = \"acme/chat-7b\"\ngated = false\n[[repository]]\ntype = \"dataset\"\n\
                 id = \"acme/notes\"\ngated = \"manual\"\nvisibility = \"private\"\n[[repository]]\n\
                 type = \"space\"\nid = \"acme/demo\"\nvisibility = \"public\"\n",
            ),
            (
                "-",
                r#"[{"id": "acme/chat-7b", "gated": false},
                    {"type": "dataset", "id": "acme/notes", "gated": "manual", "visibility": "private"},
                    {"type": "space", "id": "acme/demo", "visibility": "public"}]"#,
            ),
            (
                "a.CSV",
                "type,id,gated,visibility\n,acme/chat-7b,false,\ndataset,acme/notes,manual, private\n\
                 space,acme/demo,,public\n",
            ),
        ] {
            assert_eq!(read(Path::new(name), text), Ok(wanted()), "{name}");
        }
    }

    #[test]
    fn what_is_not_understood_is_refused() {
        for (name, text) in [
            ("a.txt", ""),
            ("a.json", "{}"),
            ("a.json", r#"[{"id": "acme/a", "gated": "sometimes"}]"#),
            ("a.json", r#"[{"id": "acme/a", "gated": true}]"#),
            ("a.json", r#"[{"id": "acme/a"}]"#),
            ("a.json", r#"[{"id": "acme/../a", "gated": false}]"#),
            ("a.json", r#"[{"id": "a", "gated": false}]"#),
            ("a.json", r#"[{"id": "acme/a", "gated": false, "owner": "me"}]"#),
            ("a.json", r#"[{"id": "acme/a", "type": "bucket", "gated": false}]"#),
            ("a.json", r#"[{"id": "acme/a", "gated": false}, {"id": "acme/a", "gated": "auto"}]"#),
            ("a.csv", "id,gate\nacme/a,auto\n"),
            ("a.csv", "id,gated\nacme/a,auto,x\n"),
            ("a.toml", "[[repo]]\nid = \"acme/a\"\n"),
        ] {
            assert!(read(Path::new(name), text).is_err(), "{name}: {text}");
        }
    }
}

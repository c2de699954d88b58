//! What a file wants of repositories: one entry for each, as TOML, JSON or CSV.
//!
//! ```toml
//! [defaults]                # for every entry that does not say otherwise
//! gated = "manual"
//!
//! [[repository]]
//! type = "dataset"          # `model` where nothing is said
//! id = "acme/dialogues"
//! gated = "auto"            # or "manual", or false
//! visibility = "private"    # or "public"
//! create = true             # makes it where it is not there
//! ```
//!
//! JSON is `{"defaults": {…}, "repository": […]}`, or an array of entries alone. CSV has a line that names the columns, then an
//! entry a line; what a cell leaves empty is not wanted to be anything. Whatever is wrong is told at once, each in its place.

use super::{
    super::config::did_you_mean,
    table::{Entry, Fault, Format, Member, Table, Value, read as read_table},
};
use crate::{
    check::names::list,
    server::{
        hub::{KINDS, Repo},
        managed::Gated,
    },
    source::Source,
};
use serde::Serialize;
use std::collections::BTreeMap;

/// What one repository is to be like. What is not said stays as it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Wanted {
    pub(super) repo: Repo,
    pub(super) gated: Option<Gated>,
    pub(super) visibility: Option<Visibility>,
    /// Whether it is made where it is not there.
    pub(super) create: bool,
    /// What a space that is made is written with.
    pub(super) sdk: Option<String>,
}

/// Who knows of a repository.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Visibility {
    Public,
    Private,
}

/// What an entry can say.
const KEYS: [&str; 6] = ["type", "id", "gated", "visibility", "create", "sdk"];
/// What all of them can have in common.
const COMMON: [&str; 5] = ["type", "gated", "visibility", "create", "sdk"];
const GATES: [&str; 3] = ["auto", "manual", "false"];
const VISIBILITIES: [&str; 2] = ["public", "private"];
/// What spaces are written with.
const SDKS: [&str; 4] = ["gradio", "docker", "static", "streamlit"];

/// What is wanted, in the order of the file.
///
/// # Errors
/// Everything that is not understood, or wants two things of one repository.
pub(super) fn read(format: Format, source: &Source) -> Result<Vec<Wanted>, Vec<Fault>> {
    let Table { defaults, entries, faults } = read_table(format, source.text());
    let mut reader = Reader { source, faults, seen: BTreeMap::new() };
    let defaults = defaults.map(|entry| reader.said(&entry, &COMMON)).unwrap_or_default();
    let all: Vec<Wanted> = entries.iter().filter_map(|entry| reader.wanted(entry, &defaults)).collect();
    let mut faults = reader.faults;
    if faults.is_empty() {
        return Ok(all);
    }
    faults.sort_by_key(|fault| fault.at);
    // A column that nobody knows is wrong once, however many lines have it.
    faults.dedup();
    Err(faults)
}

/// The line and the column of a byte.
pub(super) fn place(source: &Source, at: usize) -> (usize, usize) {
    source.line_column(u32::try_from(at).unwrap_or(u32::MAX))
}

/// What an entry says, as far as it is understood.
#[derive(Debug, Default)]
struct Said {
    kind: Option<&'static str>,
    id: Option<(usize, String)>,
    gated: Option<Gated>,
    visibility: Option<Visibility>,
    create: Option<bool>,
    sdk: Option<String>,
    /// Whether something of it is not understood: then it is not known what it leaves out.
    is_faulty: bool,
}

struct Reader<'s> {
    source: &'s Source,
    faults: Vec<Fault>,
    /// The repositories that were named, and where.
    seen: BTreeMap<(&'static str, String), usize>,
}

impl Reader<'_> {
    fn said(&mut self, entry: &Entry, keys: &[&str]) -> Said {
        let mut said = Said::default();
        for member in &entry.members {
            if let Err(fault) = said.take(member, keys) {
                said.is_faulty = true;
                self.faults.push(fault);
            }
        }
        said
    }

    /// One repository; none if what is said of it is faulty.
    fn wanted(&mut self, entry: &Entry, defaults: &Said) -> Option<Wanted> {
        let said = self.said(entry, &KEYS);
        let kind = said.kind.or(defaults.kind).unwrap_or("model");
        let Some((at, id)) = said.id else {
            if !entry.members.iter().any(|member| member.name == "id") {
                self.faults.push(Fault::new(entry.at, "an entry without an `id`"));
            }
            return None;
        };
        let repo = id.split_once('/').and_then(|(namespace, name)| Repo::new(kind, namespace, name));
        let Some(repo) = repo else {
            let message = format!("`{}` is not the name of a repository", id.escape_debug());
            self.faults.push(Fault::new(at, message).help(meant(&id)));
            return None;
        };
        if let Some(first) = self.seen.get(&(kind, id.clone())) {
            let (line, _) = place(self.source, *first);
            let help = format!("line {line} names it already: keep one entry for each repository");
            self.faults.push(Fault::new(at, format!("{kind} `{}` is named twice", repo.id)).help(help));
            return None;
        }
        self.seen.insert((kind, id), at);
        let create = said.create.or(defaults.create).unwrap_or_default();
        let wanted = Wanted {
            repo,
            gated: said.gated.or(defaults.gated),
            visibility: said.visibility.or(defaults.visibility),
            create,
            sdk: said.sdk.or_else(|| defaults.sdk.clone()),
        };
        if said.is_faulty || defaults.is_faulty {
            return None;
        }
        if wanted.gated.is_none() && wanted.visibility.is_none() && !create {
            let message = format!("nothing is wanted of {kind} `{}`", wanted.repo.id);
            self.faults.push(Fault::new(at, message).help("say `gated`, `visibility` or `create`".to_owned()));
            return None;
        }
        if kind == "space" && create && wanted.sdk.is_none() {
            let help = format!("say `sdk`: {}", list(SDKS));
            let message = format!("what space `{}` is written with is not said", wanted.repo.id);
            self.faults.push(Fault::new(at, message).help(help));
            return None;
        }
        Some(wanted)
    }
}

impl Said {
    fn take(&mut self, member: &Member, keys: &[&str]) -> Result<(), Fault> {
        match member.name.as_str() {
            "type" => self.kind = Some(kind(member)?),
            "id" if keys.contains(&"id") => match &member.value {
                Value::Text(id) => self.id = Some((member.at, id.clone())),
                Value::Bool(_) | Value::Other(_) => return Err(mistyped(member, "a text, as in `acme/chat-7b`")),
            },
            "gated" => {
                self.gated = Some(match &member.value {
                    Value::Bool(false) => Gated::No,
                    Value::Text(text) if text == "auto" => Gated::Auto,
                    Value::Text(text) if text == "manual" => Gated::Manual,
                    Value::Bool(true) => {
                        let help = "`auto` lets in whoever asks, `manual` whom a reviewer accepts";
                        return Err(mistyped(member, "`auto`, `manual` or false").help(help.to_owned()));
                    }
                    Value::Text(text) => {
                        return Err(mistyped(member, "`auto`, `manual` or false").help(did_you_mean(text, GATES)));
                    }
                    Value::Other(_) => return Err(mistyped(member, "`auto`, `manual` or false")),
                });
            }
            "visibility" => {
                self.visibility = Some(match one_of(member, &VISIBILITIES)? {
                    "private" => Visibility::Private,
                    _ => Visibility::Public,
                });
            }
            "create" => match member.value {
                Value::Bool(value) => self.create = Some(value),
                Value::Text(_) | Value::Other(_) => return Err(mistyped(member, "true or false")),
            },
            "sdk" => self.sdk = Some(one_of(member, &SDKS)?.to_owned()),
            unknown => {
                let help = did_you_mean(unknown, keys.iter().copied());
                let help = help.unwrap_or_else(|| format!("known are {}", list(keys.iter().copied())));
                let message = format!("unknown key `{}`", unknown.escape_debug());
                return Err(Fault::new(member.named_at, message).help(help));
            }
        }
        Ok(())
    }
}

/// The kind that a `type` names.
fn kind(member: &Member) -> Result<&'static str, Fault> {
    let known = KINDS.map(|(kind, _)| kind);
    let Value::Text(text) = &member.value else { return Err(mistyped(member, &list(known))) };
    let found = KINDS.into_iter().find(|(kind, _)| kind == text).map(|(kind, _)| kind);
    found.ok_or_else(|| {
        let message = format!("`{}` is no type of repository", text.escape_debug());
        let help = did_you_mean(text, known).unwrap_or_else(|| format!("known are {}", list(known)));
        Fault::new(member.at, message).help(help)
    })
}

/// One of some words.
fn one_of<'k>(member: &Member, known: &[&'k str]) -> Result<&'k str, Fault> {
    let text = match &member.value {
        Value::Text(text) => Some(text),
        Value::Bool(_) | Value::Other(_) => None,
    };
    let found = text.and_then(|text| known.iter().copied().find(|known| known == text));
    let help = || text.and_then(|text| did_you_mean(text, known.iter().copied()));
    found.ok_or_else(|| mistyped(member, &either(known)).help(help()))
}

/// A value that the key cannot have.
fn mistyped(member: &Member, wanted: &str) -> Fault {
    let found = match &member.value {
        Value::Text(text) => format!("`{}`", text.escape_debug()),
        Value::Bool(value) => value.to_string(),
        Value::Other(kind) => (*kind).to_owned(),
    };
    Fault::new(member.at, format!("`{}` is {wanted}, not {found}", member.name))
}

/// What was probably meant by a name that is none.
fn meant(id: &str) -> String {
    let path = id.split_once("://").and_then(|(_, rest)| rest.split_once('/')).map_or(id, |(_, path)| path);
    let parts: Vec<&str> = path.split('/').filter(|part| !part.is_empty()).collect();
    let named = |kinds: &str| KINDS.into_iter().find(|(kind, plural)| *kind == kinds || *plural == kinds);
    match parts.as_slice() {
        [kinds, namespace, name]
            if let Some((kind, _)) = named(kinds)
                && Repo::new(kind, namespace, name).is_some() =>
        {
            format!("write `{namespace}/{name}`, and `{kind}` as its `type`")
        }
        [namespace, name, ..] if path != id && Repo::new("model", namespace, name).is_some() => {
            format!("write `{namespace}/{name}`")
        }
        _ => "write `NAMESPACE/NAME`: letters, digits, `-`, `_` and `.`".to_owned(),
    }
}

/// `a`, `b` or `c`
fn either(words: &[&str]) -> String {
    match words.split_last() {
        Some((last, rest)) if !rest.is_empty() => format!("{} or `{last}`", list(rest.iter().copied())),
        Some(_) | None => list(words.iter().copied()),
    }
}

#[cfg(test)]
mod tests {
    use super::{Fault, Format, Visibility, Wanted};
    use crate::{
        server::{hub::Repo, managed::Gated},
        source::Source,
    };

    fn read(format: Format, text: &str) -> Result<Vec<Wanted>, Vec<Fault>> {
        super::read(format, &Source::new("gates", "gates", text))
    }

    fn wanted() -> Vec<Wanted> {
        let repo = |kind, name| Repo::new(kind, "acme", name).unwrap();
        let plain = |repo, gated, visibility| Wanted { repo, gated, visibility, create: false, sdk: None };
        vec![
            plain(repo("model", "chat-7b"), Some(Gated::No), None),
            Wanted { create: true, ..plain(repo("dataset", "notes"), Some(Gated::Manual), Some(Visibility::Private)) },
            plain(repo("space", "demo"), None, Some(Visibility::Public)),
        ]
    }

    #[test]
    fn the_three_formats_say_the_same() {
        for (format, text) in [
            (
                Format::Toml,
                "[[repository]]\nid = \"acme/chat-7b\"\ngated = false\n[[repository]]\ntype = \"dataset\"\n\
                 id = \"acme/notes\"\ngated = \"manual\"\nvisibility = \"private\"\ncreate = true\n[[repository]]\n\
                 type = \"space\"\nid = \"acme/demo\"\nvisibility = \"public\"\n",
            ),
            (
                Format::Json,
                r#"[{"id": "acme/chat-7b", "gated": false},
                    {"type": "dataset", "id": "acme/notes", "gated": "manual", "visibility": "private", "create": true},
                    {"type": "space", "id": "acme/demo", "gated": null, "visibility": "public"}]"#,
            ),
            (
                Format::Csv,
                "type,id,gated,visibility,create\n,acme/chat-7b,false,,\ndataset,acme/notes,manual, private,true\n\
                 \nspace,acme/demo,,public,\n",
            ),
        ] {
            assert_eq!(read(format, text), Ok(wanted()), "{format:?}");
        }
    }

    #[test]
    fn an_entry_says_what_its_table_leaves_open() {
        let toml = "[defaults]\ngated = \"auto\"\nvisibility = \"private\"\ntype = \"dataset\"\n\
                    [[repository]]\nid = \"acme/a\"\n[[repository]]\nid = \"acme/b\"\ntype = \"model\"\ngated = false\n";
        let json = r#"{"defaults": {"gated": "auto", "visibility": "private", "type": "dataset"},
                       "repository": [{"id": "acme/a"}, {"id": "acme/b", "type": "model", "gated": false}]}"#;
        let read = [read(Format::Toml, toml).unwrap(), read(Format::Json, json).unwrap()];
        assert_eq!(read[0], read[1]);
        let said: Vec<_> = read[0].iter().map(|one| (one.repo.kind, one.gated, one.visibility)).collect();
        let private = Some(Visibility::Private);
        assert_eq!(said, [("dataset", Some(Gated::Auto), private), ("model", Some(Gated::No), private)]);
    }

    #[test]
    fn what_is_named_twice_was_named_on_a_line() {
        let faults = read(Format::Csv, "id,gated\nacme/a,auto\nacme/b,auto\nacme/a,false\n").unwrap_err();
        let help = "line 2 names it already: keep one entry for each repository";
        assert_eq!((faults.len(), faults[0].help.as_deref()), (1, Some(help)));
    }

    #[test]
    fn what_is_not_understood_is_refused() {
        for (format, text) in [
            (Format::Json, r#"{"repo": []}"#),
            (Format::Json, r#"[{"id": "acme/a", "gated": 1}]"#),
            (Format::Json, r#"[{"id": "acme/a"}, 1]"#),
            (Format::Json, r#"[{"id": "acme/a", "create": true}"#),
            (Format::Json, r#"[{"id": "acme/a", "create": "yes"}]"#),
            (Format::Json, r#"[{"id": "acme/../a", "gated": false}]"#),
            (Format::Json, r#"[{"id": "acme/a", "gated": false}, {"id": "acme/a", "gated": "auto"}]"#),
            (Format::Json, r#"[{"id": "acme/a", "type": "space", "create": true}]"#),
            (Format::Csv, "id,gated\nacme/a,auto,x\n"),
            (Format::Csv, "gated\nauto\n"),
            (Format::Toml, "[defaults]\nid = \"acme/a\"\n"),
            (Format::Toml, "repository = 1\ndefaults = 2\n"),
        ] {
            assert!(read(format, text).is_err(), "{format:?}: {text}");
        }
    }
}

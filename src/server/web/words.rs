//! What pages say, in each language: tables of words by name.

use std::{collections::BTreeMap, sync::LazyLock};

/// A language that pages speak.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Language {
    English,
    Chinese,
}

impl Language {
    pub(super) const ALL: [Self; 2] = [Self::English, Self::Chinese];

    /// Its tag (BCP 47).
    pub(super) const fn tag(self) -> &'static str {
        match self {
            Self::English => "en",
            Self::Chinese => "zh",
        }
    }

    /// What it calls itself.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::English => "English",
            Self::Chinese => "中文",
        }
    }

    pub(super) fn of(tag: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|language| language.tag() == tag)
    }

    /// The one that `Accept-Language` likes best; English where it names neither.
    pub(super) fn accepted(header: &str) -> Self {
        let mut best = (Self::English, 0.0);
        for range in header.split(',') {
            let (tag, rest) = range.split_once(';').unwrap_or((range, ""));
            let weight = rest.trim().strip_prefix("q=").map_or(Ok(1.0), str::parse::<f32>).unwrap_or(0.0);
            let primary = tag.trim().split('-').next().unwrap_or_default().to_ascii_lowercase();
            if let Some(language) = Self::of(&primary)
                && weight > best.1
            {
                best = (language, weight);
            }
        }
        best.0
    }

    /// The words by this name. A name without words stands for itself.
    pub(super) fn say(self, name: &'static str) -> &'static str {
        let table = match self {
            Self::English => &*ENGLISH,
            Self::Chinese => &*CHINESE,
        };
        table.get(name).map_or(name, String::as_str)
    }

    /// The words by this name, with texts in the places that are left for them: `{count}`.
    pub(super) fn fill(self, name: &'static str, texts: &[(&str, &str)]) -> String {
        let mut filled = String::new();
        let mut rest = self.say(name);
        // In one go, so that no place is found within a text.
        while let Some((before, after)) = rest.split_once('{') {
            let (place, behind) = after.split_once('}').unwrap_or((after, ""));
            filled.push_str(before);
            filled.push_str(texts.iter().find(|(name, _)| *name == place).map_or("", |(_, text)| text));
            rest = behind;
        }
        filled.push_str(rest);
        filled
    }
}

type Table = BTreeMap<String, String>;

static ENGLISH: LazyLock<Table> = LazyLock::new(|| read(include_str!("words/en.toml")));
static CHINESE: LazyLock<Table> = LazyLock::new(|| read(include_str!("words/zh.toml")));

/// Words by `table.name`.
fn read(text: &str) -> Table {
    let tables: BTreeMap<String, Table> = toml::from_str(text).unwrap_or_default();
    let words = tables
        .into_iter()
        .flat_map(|(table, words)| words.into_iter().map(move |(name, text)| (format!("{table}.{name}"), text)));
    words.collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::{collections::BTreeSet, fs, path::Path};

    fn places(text: &str) -> BTreeSet<&str> {
        text.split('{').skip(1).filter_map(|rest| rest.split('}').next()).collect()
    }

    #[test]
    fn both_languages_have_the_same_words() {
        assert!(!ENGLISH.is_empty());
        assert_eq!(ENGLISH.keys().collect::<Vec<_>>(), CHINESE.keys().collect::<Vec<_>>());
        for (name, text) in &*ENGLISH {
            assert_eq!(places(text), places(&CHINESE[name]), "{name}");
        }
    }

    /// Every name that a page asks for has words, and no words are there for nothing.
    #[test]
    fn words_are_used() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/server/web");
        let mut used = BTreeSet::new();
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.extension().is_some_and(|end| end == "rs") {
                let text = fs::read_to_string(path).unwrap();
                let quoted = text.split('"').filter(|text| ENGLISH.contains_key(*text));
                used.extend(quoted.map(str::to_owned));
                for asked in text.split(".say(\"").chain(text.split(".fill(\"")).skip(1) {
                    let name = asked.split('"').next().unwrap();
                    assert!(!name.contains('.') || name.contains(' ') || ENGLISH.contains_key(name), "{name}");
                }
            }
        }
        let unused: Vec<&String> = ENGLISH.keys().filter(|name| !used.contains(*name)).collect();
        assert!(unused.is_empty(), "{unused:?}");
    }

    #[test]
    fn the_best_language_is_taken() {
        let accepted = |header| Language::accepted(header).tag();
        assert_eq!(accepted(""), "en");
        assert_eq!(accepted("de, fr;q=0.5"), "en");
        assert_eq!(accepted("zh-CN,zh;q=0.9,en;q=0.8"), "zh");
        assert_eq!(accepted("en;q=0.3, zh-TW;q=0.7"), "zh");
        assert_eq!(accepted("en-GB, zh;q=0.9"), "en");
        assert_eq!(accepted("zh;q=x"), "en");
    }

    #[test]
    fn texts_are_filled_in_once() {
        let filled = Language::English.fill("pager.shown", &[("first", "{all}"), ("last", "2"), ("all", "3")]);
        assert!(filled.contains("{all}"), "{filled}");
    }
}

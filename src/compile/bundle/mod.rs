//! A compiled set as the sections of a bundle, and back.
//!
//! In goes a graph with its vocabulary, out come tables of words and bytes, and the other way round. What stands in them is
//! never trusted: every number that leads somewhere is looked at once, when a bundle is read, so that one that was damaged
//! or forged is an error then and never a decision. How sections make a file is for [`load::bundle`](crate::load::bundle).
//!
//! ```text
//! small:      all that there is little of, see `small`: words, and the texts that they speak of
//! texts, principals, resources:   rows of names, and the long ones
//! pool, blocks, lists, entities:  as in the graph
//! heads:      files, rows, words; their texts
//! ```

mod small;
mod validate;
mod vocabulary;

use super::{
    Graph,
    flat::{Reader, Texts, Writer},
    heads::Heads,
    names::{Kept, Names, TooLarge},
};
use crate::check::vocabulary::Vocabulary;
use std::{borrow::Cow, fmt};

/// A section of a bundle.
#[derive(Debug, Clone)]
pub(crate) enum Section<'a> {
    /// Words of 32 bits.
    Words(Cow<'a, [u32]>),
    /// Texts.
    Bytes(Cow<'a, [u8]>),
}

/// Whether each section has words, in their order.
const HAS_WORDS: [bool; SECTIONS] =
    [true, true, false, true, false, true, false, true, false, true, true, true, true, true, true, true, true, false];
/// How many sections a compiled set has.
pub(crate) const SECTIONS: usize = 18;

/// What stands in the sections of a bundle, in their order; the texts that it was built from come last.
pub(crate) const NAMES: [&str; SECTIONS + 1] = [
    "vocabulary",
    "vocabulary",
    "vocabulary",
    "texts",
    "texts",
    "principals",
    "principals",
    "resources",
    "resources",
    "constants",
    "blocks",
    "index",
    "declarations",
    "heads",
    "heads",
    "heads",
    "heads",
    "heads",
    "sources",
];

/// Why sections are not those of a compiled set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Fault {
    /// They were damaged, or made by something else: what is wrong.
    Damaged(&'static str),
    /// They were made with other time-zone rules: with which.
    OtherZones(String),
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Damaged(what) => f.write_str(what),
            Self::OtherZones(version) => {
                let own = crate::zone::tzdb_version();
                write!(f, "the bundle was built with the time-zone rules {version}, and this program has {own}")
            }
        }
    }
}

impl Section<'_> {
    /// Its bytes as they stand in a file: words with their lowest byte first.
    pub(crate) fn bytes(&self) -> Cow<'_, [u8]> {
        match self {
            Self::Bytes(bytes) => Cow::Borrowed(bytes),
            Self::Words(words) if cfg!(target_endian = "little") => Cow::Borrowed(bytemuck::cast_slice(words)),
            Self::Words(words) => Cow::Owned(words.iter().flat_map(|word| word.to_le_bytes()).collect()),
        }
    }
}

/// Room for the sections of a compiled set that have so many bytes; nothing if they are not as many as they should be.
pub(crate) fn blank(lengths: &[u64]) -> Option<Vec<Section<'static>>> {
    let room = |(length, has_words): (&u64, &bool)| {
        let length = usize::try_from(*length).ok()?;
        if !has_words {
            return Some(Section::Bytes(vec![0; length].into()));
        }
        (length & 3 == 0).then(|| Section::Words(vec![0; length >> 2].into()))
    };
    (lengths.len() == SECTIONS).then(|| lengths.iter().zip(&HAS_WORDS).map(room).collect())?
}

/// The room of sections, to be filled with the bytes of a file; then call [`filled`].
pub(crate) fn room<'s>(sections: &'s mut [Section<'static>]) -> Vec<&'s mut [u8]> {
    let bytes = |section: &'s mut Section<'static>| match section {
        Section::Bytes(bytes) => &mut **bytes.to_mut(),
        Section::Words(words) => bytemuck::cast_slice_mut(words.to_mut()),
    };
    sections.iter_mut().map(bytes).collect()
}

/// Puts the bytes of words into this machine's order.
pub(crate) fn filled(sections: &mut [Section<'static>]) {
    for section in sections {
        if let Section::Words(words) = section
            && cfg!(target_endian = "big")
        {
            words.to_mut().iter_mut().for_each(|word| *word = u32::from_le(*word));
        }
    }
}

/// The sections of a compiled set.
///
/// # Errors
/// Where something has more parts than a bundle can number.
pub(crate) fn write<'a>(graph: &'a Graph, vocabulary: &Vocabulary) -> Result<Vec<Section<'a>>, TooLarge> {
    let words = |words: &'a [u32]| Section::Words(words.into());
    let text = |text: &'a str| Section::Bytes(text.as_bytes().into());
    let mut writer = Writer::default();
    let small = small::write(graph, vocabulary, &mut writer)?;
    let heads = graph.heads.tables();
    Ok(vec![
        Section::Words(small.into()),
        Section::Words(writer.texts.ends.into()),
        Section::Bytes(writer.texts.text.into_bytes().into()),
        Section::Words(graph.tables.texts.rows().into()),
        text(graph.tables.texts.long()),
        Section::Words(graph.tables.principals.rows().into()),
        text(graph.tables.principals.long()),
        Section::Words(graph.tables.resources.rows().into()),
        text(graph.tables.resources.long()),
        words(&graph.tables.pool),
        words(&graph.blocks),
        words(&graph.lists),
        words(&graph.entities),
        Section::Words(heads.files.into()),
        words(heads.rows),
        words(heads.words),
        words(&heads.texts.ends),
        text(&heads.texts.text),
    ])
}

/// The set that sections say.
///
/// # Errors
/// Where they say none: something is missing, or leads nowhere.
pub(crate) fn read(sections: Vec<Section<'static>>) -> Result<(Vocabulary, Graph), Fault> {
    let mut sections = Sections(sections.into_iter());
    let small = (sections.words()?, sections.words()?, sections.text()?);
    let names = [(); 3].map(|()| Ok::<_, Fault>((sections.words()?, sections.text()?)));
    let [texts, principals, resources] = names;
    let (texts, principals, resources) = (texts?, principals?, resources?);
    let ((resources, principals), texts) =
        rayon::join(|| rayon::join(|| named(resources), || named(principals)), || named::<()>(texts));
    let mut graph = Graph::default();
    (graph.tables.texts, graph.tables.principals, graph.tables.resources) = (texts?, principals?, resources?);
    (graph.tables.pool, graph.blocks) = (sections.words()?, sections.words()?);
    (graph.lists, graph.entities) = (sections.words()?, sections.words()?);
    let (files, rows, words, ends) = (sections.words()?, sections.words()?, sections.words()?, sections.words()?);
    let heads = Heads::of_tables(&files, rows, words, Texts { text: sections.text()?, ends });
    graph.heads = heads.ok_or(Fault::Damaged("its table of rules is not one"))?;
    let (words, ends, text) = small;
    let texts = Texts { text, ends };
    let vocabulary = small::read(Reader { words: &words, texts: &texts }, &mut graph)?;
    validate::validate(&mut graph, &vocabulary)?;
    Ok((vocabulary, graph))
}

/// The names of some rows.
fn named<H: Kept>((rows, long): (Vec<u32>, String)) -> Result<Names<H>, Fault> {
    Names::of_rows(&rows, long).ok_or(Fault::Damaged("its table of names is not one"))
}

/// Sections that are taken one after the other.
struct Sections(std::vec::IntoIter<Section<'static>>);

impl Sections {
    fn words(&mut self) -> Result<Vec<u32>, Fault> {
        match self.0.next() {
            Some(Section::Words(words)) => Ok(words.into_owned()),
            Some(Section::Bytes(_)) | None => Err(Fault::Damaged("a section is missing")),
        }
    }

    fn text(&mut self) -> Result<String, Fault> {
        match self.0.next() {
            Some(Section::Bytes(bytes)) => {
                String::from_utf8(bytes.into_owned()).map_err(|_| Fault::Damaged("a text of it is not UTF-8"))
            }
            Some(Section::Words(_)) | None => Err(Fault::Damaged("a section is missing")),
        }
    }
}

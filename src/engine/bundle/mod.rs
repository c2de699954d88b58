//! Engines from bundles, and bundles from engines.

#[cfg(test)]
mod tests;

use super::{Claims, Compiled, Engine, EngineBuilder, LoadError};
use crate::{
    compile::bundle::{self as sections, Fault, NAMES, SECTIONS},
    load::bundle::{self, BadBundle, BundleError, PublicKey, SecretKey},
};
use std::{io, path::Path, sync::Arc};

impl EngineBuilder {
    /// With the key that a bundle must be signed by; without one, a bundle is taken as it is.
    #[must_use]
    pub const fn trusted_key(mut self, key: PublicKey) -> Self {
        self.trusted = Some(key);
        self
    }

    /// Opens a bundle, with these settings but without other files. Nothing is parsed, and no claim is proved again: all that
    /// it leads to is looked at once, and then it decides.
    ///
    /// # Errors
    /// If it cannot be read, is damaged, was built with other time-zone rules, or is not signed as it should be.
    pub fn open(self, path: impl AsRef<Path>) -> Result<Engine, LoadError> {
        let path = path.as_ref();
        let bad = |error| LoadError::Bundle(BadBundle { path: path.to_owned(), error });
        let damaged = |what: &str| bad(BundleError::Damaged(what.to_owned()));
        let opened = bundle::open(path, self.trusted.as_ref()).map_err(LoadError::Bundle)?;
        let lengths = opened.lengths();
        let (own, last) = match lengths.split_last_chunk::<1>() {
            Some((own, [last])) if own.len() == SECTIONS => (own, *last),
            _ => return Err(damaged("it has other sections than it should")),
        };
        let mut tables = sections::blank(own).ok_or_else(|| damaged("a section has another length than it should"))?;
        let mut packed = vec![0; usize::try_from(last).unwrap_or_default()];
        let mut room = sections::room(&mut tables);
        room.push(&mut packed);
        opened.read(room).map_err(LoadError::Bundle)?;
        sections::filled(&mut tables);
        let (vocabulary, graph) = sections::read(tables).map_err(|fault| match fault {
            Fault::Damaged(what) => damaged(what),
            Fault::OtherZones(_) => bad(BundleError::Foreign(fault.to_string())),
        })?;
        Ok(self.with(Compiled::opened(graph, vocabulary, opened.head.revision, packed)))
    }
}

impl Engine {
    /// Opens a bundle, as [`EngineBuilder::open`] does.
    ///
    /// # Errors
    /// If it cannot be read, is damaged, or was built with other time-zone rules.
    pub fn open(path: impl AsRef<Path>) -> Result<Self, LoadError> {
        Self::builder().open(path)
    }

    /// Writes the set as a bundle: one file that [`open`](Self::open) opens without parsing, and that decides as this set
    /// does. The same texts give the same bytes. Nobody counts its releases: its counter is 0.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn bundle(&self, key: Option<&SecretKey>, out: &mut dyn io::Write) -> io::Result<()> {
        self.counted_bundle(0, key, out)
    }

    /// Writes the set as a [bundle](Self::bundle) that says which release of the set it is: who takes bundles from elsewhere
    /// takes only such as have a higher `counter` than those before. The signature covers it.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn counted_bundle(&self, counter: u64, key: Option<&SecretKey>, out: &mut dyn io::Write) -> io::Result<()> {
        let graph = self.graph();
        if !self.set.is_whole {
            // What has followed its files has grown in another order, and has what is no longer needed.
            let loader = bundle::unpack(&self.set.packed()).ok_or_else(|| io::Error::other("the set has no texts"))?;
            let builder = Self::builder().claims(Claims::Unproved);
            return builder.of_loader(loader).map_err(io::Error::other)?.counted_bundle(counter, key, out);
        }
        let tables = sections::write(graph, self.set.set().vocabulary).map_err(io::Error::other)?;
        let packed = self.set.packed();
        let bytes: Vec<_> = tables.iter().map(sections::Section::bytes).collect();
        let all: Vec<&[u8]> = bytes.iter().map(|bytes| &**bytes).chain([&*packed]).collect();
        bundle::write(self.revision(), counter, &all, key, out)
    }
}

/// What a bundle is.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct About {
    /// The revision of its set.
    pub revision: Arc<str>,
    /// Which release of the set it is; 0 where nobody counts.
    pub counter: u64,
    /// How many rules it has.
    pub rules: usize,
    /// The key that signed it, if one did. Whether the signature is right is not said.
    pub key: Option<[u8; 32]>,
    /// Its bytes: what of, and how many.
    pub sections: Vec<(&'static str, u64)>,
}

/// What a bundle is; it is read as when it is opened.
///
/// # Errors
/// As [`EngineBuilder::open`].
pub fn inspect(path: impl AsRef<Path>) -> Result<About, LoadError> {
    let path = path.as_ref();
    let engine = Engine::open(path)?;
    let opened = bundle::open(path, None).map_err(LoadError::Bundle)?;
    let mut sections: Vec<(&'static str, u64)> = Vec::new();
    for (name, length) in NAMES.into_iter().zip(opened.lengths()) {
        match sections.last_mut() {
            Some((last, whole)) if *last == name => *whole = whole.saturating_add(length),
            _ => sections.push((name, length)),
        }
    }
    let bundle::Head { counter, key, .. } = opened.head;
    Ok(About { revision: engine.set.revision.clone(), counter, rules: engine.graph().heads.len(), key, sections })
}

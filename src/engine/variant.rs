//! The same set with other texts.

use super::{Claims, Engine, EngineBuilder, LoadError};
use crate::{
    load::Loader,
    source::{FileId, Source},
};

impl Engine {
    /// The set with some of its texts changed and others added, each by the name of its file. Its claims are not looked at.
    ///
    /// # Errors
    /// If it is not valid any more.
    pub(crate) fn variant(
        &self,
        change: impl Fn(FileId, &Source) -> Option<String>,
        added: &[(&str, &str)],
    ) -> Result<Self, LoadError> {
        let meaning = self.set.meaning();
        let mut loader = Loader::changed(&meaning.sources, meaning.catalogs, change);
        added.iter().for_each(|(name, text)| loader.text(name, text));
        Self::builder().claims(Claims::Unproved).of_loader(loader)
    }

    /// To load the set with other texts behind its own, each under a name, and with other catalogs. What limits have counted,
    /// and the clock, stay. Its claims are not looked at.
    #[cfg_attr(not(feature = "server"), expect(dead_code, reason = "only the service adds texts to a set"))]
    pub(crate) fn with_texts<'a>(
        &self,
        texts: impl IntoIterator<Item = (&'a str, &'a str)>,
        catalogs: impl IntoIterator<Item = (&'a str, &'a str)>,
    ) -> EngineBuilder {
        let meaning = self.set.meaning();
        let mut loader = Loader::changed(&meaning.sources, meaning.catalogs, |_, _| None);
        texts.into_iter().for_each(|(name, text)| loader.text(name, text));
        catalogs.into_iter().for_each(|(name, text)| loader.catalog_text(name, text));
        EngineBuilder {
            loader,
            clock: Some(self.clock.clone()),
            limits: Some(self.limits.clone()),
            strict: self.strict,
            trusted: None,
            claims: Claims::Unproved,
        }
    }
}

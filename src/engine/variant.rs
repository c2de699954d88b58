//! The same set with other texts.

use super::{Claims, Engine, LoadError};
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
}

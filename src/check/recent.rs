//! What was written lately and what it came to, so that it is not worked out again where it is written again.
//!
//! The rules of a file resemble each other: one selector, one list of actions, one refusal for many of them. Equal trees
//! have equal meanings wherever they stand, and the rules that come of them then share that meaning.

use super::{
    ir::{Cond, Duties, Refusal},
    lower::ActionSet,
};
use crate::ast;
use std::{
    hash::{DefaultHasher, Hasher},
    sync::Arc,
};

/// How many different trees are remembered; a power of two.
const REMEMBERED: usize = 32;

/// Trees of one kind and what each came to. A tree is looked for at one place only, where the last one was put whose text
/// has the same hash in its lowest bits.
pub(super) struct Recent<'a, T, M> {
    places: Vec<Option<(u64, &'a T, M)>>,
}

/// The hash of a tree's text.
#[derive(Clone, Copy)]
pub(super) struct Key(u64);

impl Key {
    /// That of a text. Equal trees are found if they are also written the same.
    pub(super) fn of(text: &str) -> Self {
        let mut hasher = DefaultHasher::new();
        hasher.write(text.as_bytes());
        Self(hasher.finish())
    }

    fn place(self) -> usize {
        usize::try_from(self.0 & (REMEMBERED as u64).wrapping_sub(1)).unwrap_or_default()
    }
}

impl<'a, T: PartialEq, M: Clone> Recent<'a, T, M> {
    /// What an equal tree came to.
    pub(super) fn find(&self, key: Key, tree: &T) -> Option<M> {
        let (hash, seen, meaning) = self.places.get(key.place())?.as_ref()?;
        (*hash == key.0 && **seen == *tree).then(|| meaning.clone())
    }

    /// Remembers what a tree came to.
    pub(super) fn add(&mut self, key: Key, tree: &'a T, meaning: M) {
        if self.places.is_empty() {
            self.places.resize_with(REMEMBERED, || None);
        }
        if let Some(place) = self.places.get_mut(key.place()) {
            *place = Some((key.0, tree, meaning));
        }
    }
}

impl<T, M> Default for Recent<'_, T, M> {
    fn default() -> Self {
        Self { places: Vec::new() }
    }
}

/// What is remembered while the rules of a file are lowered.
#[derive(Default)]
pub(super) struct Recents<'a> {
    pub(super) who: Recent<'a, ast::Who, Cond>,
    pub(super) actions: Recent<'a, ast::Actions, (ActionSet, Cond)>,
    pub(super) selectors: Recent<'a, ast::Selector, Cond>,
    pub(super) conditions: Recent<'a, ast::Cond, Cond>,
    pub(super) from: Recent<'a, ast::Instant, Cond>,
    pub(super) until: Recent<'a, ast::Instant, Cond>,
    /// Of effects that attach duties.
    pub(super) duties: Recent<'a, ast::Effect, Arc<Duties>>,
    /// By what is written, and by the status where that has none.
    pub(super) refusals: Recent<'a, ast::Else, (u16, Arc<Refusal>)>,
    /// Where nothing is written.
    pub(super) plain_refusals: Vec<Arc<Refusal>>,
    /// Tests that a principal or a resource is of a kind.
    pub(super) kinds: Vec<Cond>,
}

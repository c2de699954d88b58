//! What was written lately and what it came to, so that it is not worked out again where it is written again.
//!
//! The rules of a file resemble each other: one selector, one list of actions, one refusal for many of them. Equal trees
//! have equal meanings wherever they stand, and the rules that come of them then share that meaning.

use super::{
    ir::{Cond, Duties, Refusal},
    lower::ActionSet,
    vocabulary::RoleId,
};
use crate::ast;
use std::{
    collections::BTreeMap,
    hash::{DefaultHasher, Hasher},
    sync::Arc,
};

/// How many shelves there are for trees; a power of two.
const SHELVES: usize = 8;
/// How many trees a shelf holds.
const PLACES: usize = 4;

/// Trees of one kind and what each came to. The hash of its text says on which shelf a tree is; a new one there takes the
/// place of the oldest.
pub(super) struct Recent<'a, T, M> {
    shelves: Vec<[Option<Known<'a, T, M>>; PLACES]>,
}

/// A tree with the hash of its text, and what it came to.
struct Known<'a, T, M> {
    hash: u64,
    tree: &'a T,
    meaning: M,
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

    fn shelf(self) -> usize {
        usize::try_from(self.0 & (SHELVES as u64).wrapping_sub(1)).unwrap_or_default()
    }
}

impl<'a, T: PartialEq, M: Clone> Recent<'a, T, M> {
    /// What an equal tree came to.
    pub(super) fn find(&self, key: Key, tree: &T) -> Option<M> {
        let mut shelf = self.shelves.get(key.shelf())?.iter().flatten();
        shelf.find(|known| known.hash == key.0 && *known.tree == *tree).map(|known| known.meaning.clone())
    }

    /// Remembers what a tree came to.
    pub(super) fn add(&mut self, key: Key, tree: &'a T, meaning: M) {
        if self.shelves.is_empty() {
            self.shelves.resize_with(SHELVES, || [const { None }; PLACES]);
        }
        if let Some(shelf) = self.shelves.get_mut(key.shelf()) {
            shelf.rotate_right(1);
            let [first, ..] = shelf;
            *first = Some(Known { hash: key.0, tree, meaning });
        }
    }
}

impl<T, M> Default for Recent<'_, T, M> {
    fn default() -> Self {
        Self { shelves: Vec::new() }
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
    /// Tests that the principal holds a role.
    pub(super) roles: BTreeMap<RoleId, Cond>,
}

//! Clauses: of each, one literal is true.
//!
//! Two literals of each clause are *watched*: as long as neither is false, nothing follows from it, and it need not be
//! looked at.

use super::{
    Conflict, Reason, Search,
    lit::{ClauseId, Known, Lit},
};
use crate::ids::IdVec;

/// Clauses, and who watches what.
#[derive(Default, Clone)]
pub(super) struct Clauses {
    /// The literals of all clauses; the first two of each are the watched ones.
    lits: Vec<Lit>,
    spans: IdVec<ClauseId, (usize, usize)>,
    watching: IdVec<Lit, Vec<Watch>>,
}

/// A clause that watches a literal.
#[derive(Debug, Clone, Copy)]
struct Watch {
    clause: ClauseId,
    /// Another literal of it: if that is true, the clause need not be looked at.
    other: Lit,
}

/// What a clause does when a literal that it watches has become false.
enum Turn {
    /// It goes on watching it.
    Stays,
    /// It watches another instead.
    Moves,
    /// All but this one are false.
    Follows(Lit),
}

impl Clauses {
    /// Makes room for a variable.
    pub(super) fn variable(&mut self) {
        self.watching.push(Vec::new());
        self.watching.push(Vec::new());
    }

    /// Adds a clause of two literals or more; the first two are watched.
    pub(super) fn add(&mut self, lits: impl IntoIterator<Item = Lit>) -> ClauseId {
        let start = self.lits.len();
        self.lits.extend(lits);
        let clause = self.spans.push((start, self.lits.len()));
        if let Some([first, second, ..]) = self.lits.get(start..) {
            self.watching[*first].push(Watch { clause, other: *second });
            self.watching[*second].push(Watch { clause, other: *first });
        }
        clause
    }

    /// The literals of a clause.
    pub(super) fn lits(&self, clause: ClauseId) -> &[Lit] {
        let (start, end) = self.spans[clause];
        self.lits.get(start..end).unwrap_or_default()
    }

    /// What a clause does, a literal of which has become false.
    fn turn(&mut self, clause: ClauseId, lit: Lit, known: &IdVec<Lit, Known>) -> Turn {
        let (start, end) = self.spans[clause];
        let Some([first, second, rest @ ..]) = self.lits.get_mut(start..end) else { return Turn::Stays };
        if *first == lit {
            std::mem::swap(first, second);
        }
        if known[*first] == Known::True {
            return Turn::Stays;
        }
        let Some(other) = rest.iter_mut().find(|other| known[**other] != Known::False) else {
            return Turn::Follows(*first);
        };
        std::mem::swap(second, other);
        let watch = Watch { clause, other: *first };
        self.watching[*second].push(watch);
        Turn::Moves
    }
}

impl Search {
    /// Looks at the clauses that watch a literal which has become false.
    pub(super) fn spread_to_clauses(&mut self, lit: Lit) -> Option<Conflict> {
        let mut watching = std::mem::take(&mut self.clauses.watching[lit]);
        let mut conflict = None;
        let mut index = 0;
        while let Some(watch) = watching.get(index).copied() {
            if self.known(watch.other) == Known::True {
                index = index.saturating_add(1);
                continue;
            }
            match self.clauses.turn(watch.clause, lit, &self.known) {
                Turn::Stays => {}
                Turn::Moves => {
                    watching.swap_remove(index);
                    continue;
                }
                Turn::Follows(last) => {
                    conflict = self.assume(last, Reason::Clause(watch.clause));
                    if conflict.is_some() {
                        break;
                    }
                }
            }
            index = index.saturating_add(1);
        }
        // A clause moves to literals that are not false, so none has begun to watch this one.
        self.clauses.watching[lit] = watching;
        conflict
    }
}

//! What is learned where something is both true and false.

use super::{
    Conflict, Fact, Meaning, Reason, Search,
    lit::{DimId, Lit, Var},
};
use crate::query::classes::Classes;

impl Search {
    /// The literals that make a literal true for a reason: those that stood on the trail before a place.
    pub(super) fn why(&self, lit: Lit, reason: Reason, before: u32) -> Conflict {
        match reason {
            Reason::Decided => Vec::new(),
            Reason::Clause(clause) => {
                self.clauses.lits(clause).iter().filter(|other| **other != lit).map(|other| !*other).collect()
            }
            Reason::Whole(whole) => vec![Lit::of(whole)],
            Reason::Part(part) => vec![part],
            Reason::Cell(dim) | Reason::Late(dim) => {
                let excluded = match &self.meanings[lit.var()] {
                    Meaning::Within(_, place) => self.cells.classes(dim, *place, !lit.is_negative()),
                    Meaning::Constant | Meaning::All(_) => Classes::none(self.count(dim)),
                };
                self.excluding(dim, &excluded, before)
            }
        }
    }

    /// The literals before a place on the trail that have excluded some classes.
    fn excluding(&self, dim: DimId, excluded: &Classes, before: u32) -> Conflict {
        let earlier = |lit: Lit| self.places[lit.var()] < before;
        let place = |lit: Lit| self.classes_of(lit).map_or(usize::MAX, |(_, place)| place);
        self.cells.cover(dim, excluded, place, earlier)
    }

    /// Why no class of a dimension is left.
    pub(super) fn emptied(&self, dim: DimId) -> Conflict {
        self.excluding(dim, &Classes::all(self.count(dim)), u32::MAX)
    }

    /// Goes back from a conflict, and remembers what must not be tried again.
    pub(super) fn learn(&mut self, conflict: Conflict) {
        self.conflicts = self.conflicts.saturating_add(1);
        let conflict: Conflict = conflict.into_iter().flat_map(|lit| self.timely(lit)).collect();
        let level = conflict.iter().map(|lit| self.levels_of[lit.var()]).max().unwrap_or_default();
        if level == 0 {
            self.impossible = true;
            return;
        }
        self.back_to(level as usize);
        let (decisive, others) = self.blamed(conflict, level);
        let back = others.iter().map(|lit| self.levels_of[lit.var()]).max().unwrap_or_default();
        self.back_to(back as usize);
        let reason = if others.is_empty() {
            Reason::Decided
        } else {
            let mut lits: Vec<Lit> = others.iter().map(|lit| !*lit).collect();
            // The one that goes back to being open first is watched.
            lits.sort_by_key(|lit| std::cmp::Reverse(self.levels_of[lit.var()]));
            Reason::Clause(self.clauses.add([!decisive].into_iter().chain(lits)))
        };
        // It was true at a higher level, so it is open now.
        let _ = self.assume(!decisive, reason);
    }

    /// The literals that together lead to a conflict: the one at its level that all its reasons at that level go through,
    /// and those at lower levels.
    fn blamed(&mut self, conflict: Conflict, level: u32) -> (Lit, Vec<Lit>) {
        let mut blamed = Blamed { marked: Vec::new(), open: 0, lower: Vec::new() };
        conflict.into_iter().for_each(|lit| self.blame(lit, level, &mut blamed));
        let mut at = self.trail.len();
        let decisive = loop {
            at = at.saturating_sub(1);
            let Some(lit) = self.trail.get(at).copied() else { break Lit::TRUE };
            if !self.marks[lit.var()] || self.levels_of[lit.var()] != level {
                continue;
            }
            blamed.open = blamed.open.saturating_sub(1);
            if blamed.open == 0 {
                break lit;
            }
            let var = lit.var();
            let why = self.why(lit, self.reasons[var], self.places[var]);
            why.into_iter().for_each(|lit| self.blame(lit, level, &mut blamed));
        };
        for var in blamed.marked {
            self.marks[var] = false;
        }
        (decisive, blamed.lower)
    }

    fn blame(&mut self, lit: Lit, level: u32, blamed: &mut Blamed) {
        for lit in self.timely(lit) {
            let var = lit.var();
            if self.marks[var] || self.levels_of[var] == 0 {
                continue;
            }
            self.marks[var] = true;
            self.heat[var] = self.conflicts;
            blamed.marked.push(var);
            if self.levels_of[var] == level {
                blamed.open = blamed.open.saturating_add(1);
            } else {
                blamed.lower.push(lit);
            }
        }
    }

    /// A literal, or in place of one that was found late those that made it true in time.
    fn timely(&self, lit: Lit) -> Conflict {
        let var = lit.var();
        match self.reasons[var] {
            reason @ Reason::Late(_) => self.why(lit, reason, self.places[var]),
            Reason::Decided | Reason::Clause(_) | Reason::Whole(_) | Reason::Part(_) | Reason::Cell(_) => vec![lit],
        }
    }

    /// Excludes what a theory has found to be impossible.
    pub(super) fn exclude(&mut self, facts: Vec<Fact>) {
        let mut lits = Vec::new();
        for fact in facts {
            match fact {
                Fact::Within(dim, classes) => lits.push(self.within(dim, &classes)),
                Fact::Cell(dim) => lits.extend(self.cells.narrowed(dim)),
            }
        }
        lits.sort_unstable();
        lits.dedup();
        if lits.len() > 1 {
            // Those that go back to being open first are watched.
            lits.sort_by_key(|lit| std::cmp::Reverse(self.places[lit.var()]));
            self.clauses.add(lits.iter().map(|lit| !*lit));
        }
        self.learn(lits);
    }

    /// Gives up the point that the decisions have led to.
    pub(super) fn give_up(&mut self) {
        self.unsure = true;
        let decided = self.levels.iter().filter_map(|level| self.trail.get(level.trail)).copied();
        let decided = decided.collect();
        self.learn(decided);
    }
}

/// Who is to blame for a conflict, as far as it has been found out.
struct Blamed {
    /// Those that have been looked at.
    marked: Vec<Var>,
    /// How many of them at the conflict's level are not explained.
    open: usize,
    /// Those at lower levels.
    lower: Vec<Lit>,
}

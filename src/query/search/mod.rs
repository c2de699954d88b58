//! Is there a point where this is true? A search for one, or the certainty that there is none.
//!
//! A point has one class in each of some *dimensions*; what the dimensions and their classes stand for is nothing to the
//! search. It is asked about conditions: that a point lies in some classes of a dimension, joined by and, or and not.
//!
//! What is known grows and shrinks along a *trail* of literals. Each literal has consequences: a conjunction that is true
//! makes its parts true; a dimension of which some classes are left makes what speaks of those classes true or false. Where
//! nothing follows any more, something is *decided* and may be taken back. Only what must be decided is: one part of each
//! conjunction that is false. So what a question does not need stays open, and no product of choices is ever written out.
//!
//! Where something is both true and false, the search works out which decisions are to blame, remembers that in a
//! *clause*, and goes back just far enough. So it does not fail for the same reason twice, however far apart the two
//! halves of the reason lie. (The method is known as conflict-driven clause learning.)
//!
//! What dimensions cannot say is left to a [`Theory`], which looks at what was found and makes it a point or says what
//! stands in the way: a reason is a clause like any other.

mod cells;
mod clauses;
mod learn;
mod lit;
#[cfg(test)]
mod tests;

pub(super) use lit::{DimId, Known, Lit};

use super::{budget::Budget, classes::Classes};
use crate::ids::IdVec;
use cells::{Cells, Narrowed};
use clauses::Clauses;
use lit::{ClauseId, Var};
use std::collections::HashMap;

/// What looks at a cell in which everything that was asked for is true.
pub(super) trait Theory {
    /// What it makes of a cell.
    type Point;

    /// Classes that a dimension must be narrowed to before the cell can be looked at; none if nothing more is needed.
    fn open(&mut self, search: &Search) -> Option<(DimId, Classes)>;

    /// A point of the cell, or why there is none.
    fn look(&mut self, search: &Search) -> Look<Self::Point>;
}

/// What a theory says of a cell.
pub(super) enum Look<P> {
    /// This is a point of it.
    Point(P),
    /// There is none, because these are true.
    Nowhere(Vec<Fact>),
    /// It cannot say.
    Unsure,
}

/// Something that is true in a cell.
#[derive(Debug, Clone)]
pub(super) enum Fact {
    /// Only some classes of a dimension are left.
    Within(DimId, Classes),
    /// The cell of a dimension is what it is.
    Cell(DimId),
}

/// What a search comes to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Found<P> {
    /// A point.
    Point(P),
    /// There is none.
    Nothing,
    /// The budget was used up, or a theory could not say.
    Unsure,
}

/// Why a literal is true.
#[derive(Debug, Clone, Copy)]
enum Reason {
    /// It was decided, or is always true.
    Decided,
    /// All others of the clause are false.
    Clause(ClauseId),
    /// It is a part of this conjunction, which is true.
    Whole(Var),
    /// It is the opposite of a conjunction of which this is the opposite of a part.
    Part(Lit),
    /// The cell of its dimension says so.
    Cell(DimId),
    /// The same, but it was found to be true only later than it could have been.
    Late(DimId),
}

/// What a variable stands for.
#[derive(Debug, Clone)]
enum Meaning {
    /// Nothing else.
    Constant,
    /// The point is in some classes of a dimension; the place among the variables of that dimension.
    Within(DimId, usize),
    /// All of these are true.
    All(Box<[Lit]>),
}

/// Where a decision was made.
#[derive(Debug, Clone, Copy)]
struct Level {
    /// How long the trail was.
    trail: usize,
    /// Up to where on the trail every conjunction that is false had a part that is false.
    justified: usize,
}

/// A search. Conditions are added to it, then it is asked about some of them, one after the other; what it has learned
/// stays.
#[derive(Clone)]
pub(super) struct Search {
    meanings: IdVec<Var, Meaning>,
    known: IdVec<Lit, Known>,
    reasons: IdVec<Var, Reason>,
    levels_of: IdVec<Var, u32>,
    places: IdVec<Var, u32>,
    /// When a variable last took part in a conflict; the number of the conflict.
    heat: IdVec<Var, u64>,
    /// What has been looked at while a conflict is looked into.
    marks: IdVec<Var, bool>,
    /// The conjunctions that a literal is a part of.
    wholes: IdVec<Lit, Vec<Var>>,
    conjunctions: HashMap<Box<[Lit]>, Lit>,
    cells: Cells,
    clauses: Clauses,
    trail: Vec<Lit>,
    /// How much of the trail has had its consequences.
    spread: usize,
    justified: usize,
    levels: Vec<Level>,
    conflicts: u64,
    /// What is asked for cannot be, whatever is asked.
    impossible: bool,
    /// Some point of the question was given up because a theory could not say.
    unsure: bool,
}

/// Literals that cannot all be true, and are.
type Conflict = Vec<Lit>;

impl Search {
    pub(super) fn new() -> Self {
        let mut search = Self {
            meanings: IdVec::new(),
            known: IdVec::new(),
            reasons: IdVec::new(),
            levels_of: IdVec::new(),
            places: IdVec::new(),
            heat: IdVec::new(),
            marks: IdVec::new(),
            wholes: IdVec::new(),
            conjunctions: HashMap::new(),
            cells: Cells::default(),
            clauses: Clauses::default(),
            trail: Vec::new(),
            spread: 0,
            justified: 0,
            levels: Vec::new(),
            conflicts: 0,
            impossible: false,
            unsure: false,
        };
        let always = search.variable(Meaning::Constant);
        // Nothing is known yet that it could contradict.
        let _ = search.assume(Lit::of(always), Reason::Decided);
        search
    }

    fn variable(&mut self, meaning: Meaning) -> Var {
        let var = self.meanings.push(meaning);
        for _ in 0..2 {
            self.known.push(Known::Open);
            self.wholes.push(Vec::new());
        }
        self.clauses.variable();
        self.reasons.push(Reason::Decided);
        self.levels_of.push(0);
        self.places.push(0);
        self.heat.push(0);
        self.marks.push(false);
        var
    }

    // ---- What can be asked about -------------------------------------------------------------------------------------

    /// A dimension of so many classes, of which some are possible.
    pub(super) fn dimension(&mut self, possible: Classes, count: usize) -> DimId {
        self.impossible |= possible.is_empty();
        self.cells.add(possible, count)
    }

    /// How many classes a dimension has.
    pub(super) fn count(&self, dim: DimId) -> usize {
        self.cells.count(dim)
    }

    /// The point is in one of some classes of a dimension.
    pub(super) fn within(&mut self, dim: DimId, classes: &Classes) -> Lit {
        if self.levels.is_empty() {
            let cell = self.cells.cell(dim);
            if !cell.meets(classes) {
                return Lit::FALSE;
            }
            if cell.within(classes) {
                return Lit::TRUE;
            }
        }
        // Of some classes and all others, those have the variable that the first class is not among.
        let negative = classes.contains(0);
        let classes = if negative { &Classes::all(self.cells.count(dim)).without(classes) } else { classes };
        let var = self.cells.find(dim, classes).unwrap_or_else(|| self.name(dim, classes));
        if negative { !Lit::of(var) } else { Lit::of(var) }
    }

    /// A new variable for some classes of a dimension.
    fn name(&mut self, dim: DimId, classes: &Classes) -> Var {
        let var = self.variable(Meaning::Constant);
        let place = self.cells.name(dim, classes, var);
        self.meanings[var] = Meaning::Within(dim, place);
        let cell = self.cells.cell(dim);
        let lit = if cell.within(classes) {
            Some(Lit::of(var))
        } else if !cell.meets(classes) {
            Some(!Lit::of(var))
        } else {
            None
        };
        if let Some(lit) = lit {
            // It is new, so nothing contradicts it.
            let _ = self.assume(lit, Reason::Late(dim));
        }
        var
    }

    /// All are true.
    pub(super) fn all(&mut self, lits: impl IntoIterator<Item = Lit>) -> Lit {
        // Conditions are made between searches: what is known then is known for good.
        let mut parts: Vec<Lit> = lits.into_iter().filter(|lit| self.known(*lit) != Known::True).collect();
        self.join_dimensions(&mut parts);
        parts.sort_unstable();
        parts.dedup();
        let contradicts = |pair: &[Lit]| matches!(pair, [one, two] if *one == !*two);
        if parts.iter().any(|lit| self.known(*lit) == Known::False) || parts.windows(2).any(contradicts) {
            return Lit::FALSE;
        }
        match *parts {
            [] => return Lit::TRUE,
            [only] => return only,
            _ => {}
        }
        let parts: Box<[Lit]> = parts.into();
        if let Some(known) = self.conjunctions.get(&parts) {
            return *known;
        }
        let var = self.variable(Meaning::All(parts.clone()));
        let whole = Lit::of(var);
        for part in &parts {
            self.wholes[*part].push(var);
        }
        self.clauses.add([whole].into_iter().chain(parts.iter().map(|part| !*part)));
        self.conjunctions.insert(parts, whole);
        whole
    }

    /// One is true.
    pub(super) fn any(&mut self, lits: impl IntoIterator<Item = Lit>) -> Lit {
        !self.all(lits.into_iter().map(|lit| !lit))
    }

    /// Puts literals that speak of one dimension together: the point is in all of their classes.
    fn join_dimensions(&mut self, parts: &mut Vec<Lit>) {
        let mut speaking: Vec<(DimId, Lit)> =
            parts.iter().filter_map(|lit| Some((self.classes_of(*lit)?.0, *lit))).collect();
        speaking.sort_unstable();
        if !speaking.windows(2).any(|pair| matches!(pair, [one, two] if one.0 == two.0)) {
            return;
        }
        parts.retain(|lit| self.classes_of(*lit).is_none());
        for group in speaking.chunk_by(|one, two| one.0 == two.0) {
            let classes = group.iter().filter_map(|(_, lit)| {
                let (dim, place) = self.classes_of(*lit)?;
                Some(self.cells.classes(dim, place, lit.is_negative()))
            });
            if let (Some(common), Some((dim, _))) = (classes.reduce(|one, two| one.and(&two)), group.first()) {
                parts.push(self.within(*dim, &common));
            }
        }
    }

    /// The dimension that a literal speaks of, and its place among those that do.
    fn classes_of(&self, lit: Lit) -> Option<(DimId, usize)> {
        match self.meanings[lit.var()] {
            Meaning::Within(dim, place) => Some((dim, place)),
            Meaning::Constant | Meaning::All(_) => None,
        }
    }

    /// From now on one of these is true, whatever is asked.
    pub(super) fn require(&mut self, lits: &[Lit]) {
        let any = self.any(lits.iter().copied());
        self.impossible |= self.assume(any, Reason::Decided).is_some();
    }

    // ---- What is known -----------------------------------------------------------------------------------------------

    pub(super) fn known(&self, lit: Lit) -> Known {
        self.known[lit]
    }

    /// The classes of a dimension that are still possible.
    pub(super) fn cell(&self, dim: DimId) -> &Classes {
        self.cells.cell(dim)
    }

    /// The classes of a dimension that are possible at all.
    pub(super) fn possible(&self, dim: DimId) -> &Classes {
        self.cells.possible(dim)
    }

    /// The only class of a dimension that is still possible.
    pub(super) fn only(&self, dim: DimId) -> Option<usize> {
        let cell = self.cells.cell(dim);
        if cell.len() == 1 { cell.iter().next() } else { None }
    }

    // ---- The search --------------------------------------------------------------------------------------------------

    /// A point where a literal is true.
    pub(super) fn find<T: Theory>(&mut self, goal: Lit, theory: &mut T, budget: &mut Budget) -> Found<T::Point> {
        if self.known(goal) == Known::False {
            return Found::Nothing;
        }
        // That this is asked is a variable of its own, and the first thing that is decided. What is learned where a point
        // was given up speaks of it, and so of no other question.
        let goal = self.question(goal);
        self.unsure = false;
        let found = loop {
            if self.impossible {
                break Found::Nothing;
            }
            if !budget.spend() {
                break Found::Unsure;
            }
            if let Some(conflict) = self.spread() {
                self.learn(conflict);
            } else if self.known(goal) == Known::False {
                // Nothing was decided before it.
                break Found::Nothing;
            } else if let Some(next) = self.next(goal, theory) {
                self.decide(next);
            } else {
                match theory.look(self) {
                    Look::Point(point) => break Found::Point(point),
                    Look::Nowhere(facts) => self.exclude(facts),
                    Look::Unsure => self.give_up(),
                }
            }
        };
        self.back_to(0);
        match found {
            Found::Nothing if self.unsure => Found::Unsure,
            Found::Point(_) | Found::Nothing | Found::Unsure => found,
        }
    }

    /// What is known of other literals as soon as one is true; false of all where that one cannot be.
    pub(super) fn given(&mut self, lit: Lit, others: &[Lit]) -> Vec<Known> {
        if self.known(lit) == Known::Open {
            self.decide(lit);
        }
        let cannot_be = self.spread().is_some() || self.known(lit) == Known::False;
        let known = others.iter().map(|other| if cannot_be { Known::False } else { self.known(*other) }).collect();
        self.back_to(0);
        known
    }

    /// A new variable that makes a literal true where it is true itself.
    fn question(&mut self, goal: Lit) -> Lit {
        let asked = Lit::of(self.variable(Meaning::Constant));
        self.clauses.add([!asked, goal]);
        asked
    }

    /// What must be decided next.
    fn next<T: Theory>(&mut self, goal: Lit, theory: &mut T) -> Option<Lit> {
        if self.known(goal) == Known::Open {
            return Some(goal);
        }
        self.unjustified().or_else(|| {
            let (dim, classes) = theory.open(self)?;
            Some(self.within(dim, &classes))
        })
    }

    /// The opposite of a part of the first conjunction that is false and has no part that is false; of its parts, the one
    /// that took part in a conflict last.
    fn unjustified(&mut self) -> Option<Lit> {
        while let Some(lit) = self.trail.get(self.justified) {
            if let Meaning::All(parts) = &self.meanings[lit.var()]
                && lit.is_negative()
                && !parts.iter().any(|part| self.known(*part) == Known::False)
            {
                let open = parts.iter().rev().filter(|part| self.known(**part) == Known::Open);
                return open.max_by_key(|part| self.heat[part.var()]).map(|part| !*part);
            }
            self.justified = self.justified.saturating_add(1);
        }
        None
    }

    fn decide(&mut self, lit: Lit) {
        self.levels.push(Level { trail: self.trail.len(), justified: self.justified });
        // It was open.
        let _ = self.assume(lit, Reason::Decided);
    }

    /// Takes a literal for true; the conflict if it is known to be false.
    fn assume(&mut self, lit: Lit, reason: Reason) -> Option<Conflict> {
        match self.known(lit) {
            Known::True => None,
            Known::False => {
                let mut conflict = self.why(lit, reason, u32::MAX);
                conflict.push(!lit);
                Some(conflict)
            }
            Known::Open => {
                let var = lit.var();
                self.known[lit] = Known::True;
                self.known[!lit] = Known::False;
                self.reasons[var] = reason;
                self.levels_of[var] = self.level();
                self.places[var] = self.here();
                self.trail.push(lit);
                None
            }
        }
    }

    fn level(&self) -> u32 {
        u32::try_from(self.levels.len()).unwrap_or(u32::MAX)
    }

    /// The place of the next literal on the trail.
    fn here(&self) -> u32 {
        u32::try_from(self.trail.len()).unwrap_or(u32::MAX)
    }

    /// Draws the consequences of what has become true; the conflict, if there is one.
    fn spread(&mut self) -> Option<Conflict> {
        while let Some(lit) = self.trail.get(self.spread).copied() {
            let conflict = self
                .spread_meaning(lit)
                .or_else(|| self.spread_to_wholes(lit))
                .or_else(|| self.spread_to_clauses(!lit));
            if conflict.is_some() {
                return conflict;
            }
            self.spread = self.spread.saturating_add(1);
        }
        None
    }

    fn spread_meaning(&mut self, lit: Lit) -> Option<Conflict> {
        match &self.meanings[lit.var()] {
            Meaning::Within(dim, place) => {
                let (dim, place) = (*dim, *place);
                match self.cells.narrow(dim, place, lit, self.places[lit.var()]) {
                    Narrowed::Not => None,
                    Narrowed::Empty => Some(self.emptied(dim)),
                    Narrowed::Smaller => self.spread_cell(dim),
                }
            }
            Meaning::All(_) if !lit.is_negative() => {
                // Taken out while its parts are gone through; nothing asks for its meaning meanwhile.
                let meaning = std::mem::replace(&mut self.meanings[lit.var()], Meaning::Constant);
                let conflict = match &meaning {
                    Meaning::All(parts) => parts.iter().find_map(|part| self.assume(*part, Reason::Whole(lit.var()))),
                    Meaning::Constant | Meaning::Within(..) => None,
                };
                self.meanings[lit.var()] = meaning;
                conflict
            }
            Meaning::All(_) | Meaning::Constant => None,
        }
    }

    /// What a smaller cell makes true or false.
    fn spread_cell(&mut self, dim: DimId) -> Option<Conflict> {
        let mut settled = Vec::new();
        self.cells.settled(dim, |var, value| {
            let lit = if value { Lit::of(var) } else { !Lit::of(var) };
            if self.known[lit] != Known::True {
                settled.push(lit);
            }
        });
        settled.into_iter().find_map(|lit| self.assume(lit, Reason::Cell(dim)))
    }

    /// A part that is false makes its conjunctions false.
    fn spread_to_wholes(&mut self, lit: Lit) -> Option<Conflict> {
        let wholes = std::mem::take(&mut self.wholes[!lit]);
        let conflict = wholes.iter().find_map(|whole| self.assume(!Lit::of(*whole), Reason::Part(lit)));
        self.wholes[!lit] = wholes;
        conflict
    }

    fn back_to(&mut self, level: usize) {
        let Some(to) = self.levels.get(level).copied() else { return };
        for lit in self.trail.drain(to.trail..) {
            self.known[lit] = Known::Open;
            self.known[!lit] = Known::Open;
        }
        self.cells.widen(u32::try_from(to.trail).unwrap_or(u32::MAX));
        self.levels.truncate(level);
        self.spread = self.spread.min(to.trail);
        self.justified = self.justified.min(to.justified);
    }
}

//! The conditions of rules as they are written, each with its place and its meaning.
//!
//! The meaning of a set keeps clauses and not what they were written with. So the texts are parsed again, and what each
//! condition means is learned from the checker: it is said in a claim, in a text that is added to the set.

use crate::{
    ast::{self, Clause, ClauseKind, CondKind, Item, ItemKind, Selector, SelectorKind, WhoKind},
    check::ir::{Cond, Effect, Part, PartKind, Rule, RuleId},
    engine::{Engine, LoadError},
    eval::{facts::Facts, kleene::Kleene, reference::truth_of},
    source::Span,
};
use rayon::prelude::{IntoParallelIterator, ParallelIterator};
use std::collections::{BTreeMap, HashMap};

/// The conditions of the rules of a set.
pub(in crate::examine) type Conditions = BTreeMap<RuleId, Written>;

/// What a rule says, made of the conditions that it is written with.
#[derive(Debug, Clone, Default)]
pub(in crate::examine) struct Written {
    /// Its conditions, in source order.
    pub(in crate::examine) conditions: Vec<(Span, Cond)>,
    /// What must hold, all of it; its actions besides.
    shape: Vec<Shape>,
}

/// How conditions are joined.
#[derive(Debug, Clone)]
enum Shape {
    /// The condition at this place.
    Is(usize),
    Not(Box<Shape>),
    All(Vec<Shape>),
    Any(Vec<Shape>),
}

/// What stands for the file of the claims.
const FILE: &str = "conditions";

/// The conditions of the rules of a set.
///
/// # Errors
/// If the set cannot be loaded again.
pub(in crate::examine) fn conditions(engine: &Engine) -> Result<Conditions, LoadError> {
    let mut by_place: HashMap<Span, RuleId> = HashMap::new();
    for (id, rule) in engine.ir().rules.pairs() {
        // An `allow` with `at most` is two rules with the same conditions; they count for the first.
        by_place.entry(rule.at).or_insert(id);
    }
    let files: Vec<_> = engine.sources().iter().collect();
    let trees: Vec<ast::Ast> = files.into_par_iter().map(|(file, source)| ast::parse(file, source).0).collect();
    let mut found = Vec::new();
    for tree in &trees {
        rules(&tree.items, None, &mut |item, rule, on| {
            if let Some(id) = by_place.get(&item.at.0) {
                found.push((*id, Reader::read(rule, on)));
            }
        });
    }
    let slice = |span: Span| engine.sources().slice(span);
    let claims = found.iter().flat_map(|(_, reader)| &reader.terms).map(|(word, at)| match word {
        PartKind::Who => format!("never allow {}\n to any;\n", slice(*at)),
        PartKind::On => format!("never allow anyone to any on {}\n;\n", slice(*at)),
        PartKind::From | PartKind::Until => format!("never allow anyone to any {} {}\n;\n", word.word(), slice(*at)),
        PartKind::To | PartKind::When | PartKind::Unless | PartKind::Require => {
            format!("never allow anyone to any when ({}\n);\n", slice(*at))
        }
    });
    let claims: String = claims.collect();
    let asked = engine.variant(|_, _| None, &[(FILE, &claims)])?;
    let of_file = asked
        .ir()
        .claims
        .iter()
        .filter(|claim| asked.sources().get(claim.at.file).is_some_and(|source| source.name() == FILE));
    let mut meanings = of_file.map(|claim| {
        let parts = claim.parts.iter().filter(|part| part.kind != PartKind::To);
        Cond::all(parts.map(|part| part.cond.clone()))
    });
    let written = found.into_iter().map(|(id, Reader { terms, shape })| {
        let conditions = terms.iter().map(|(_, at)| (*at, meanings.next().unwrap_or_else(|| Cond::constant(true))));
        (id, Written { conditions: conditions.collect(), shape })
    });
    Ok(written.collect())
}

/// Sees each rule of a file with its statement and the selector that it inherits.
fn rules<'a>(
    items: &'a [Item],
    on: Option<&'a Selector>,
    see: &mut impl FnMut(&'a Item, &'a ast::Rule, Option<&'a Selector>),
) {
    for item in items {
        match &item.kind {
            ItemKind::Rule(rule) => see(item, rule, on),
            ItemKind::On { selector, items } => rules(items, Some(selector), see),
            ItemKind::Timezone(_)
            | ItemKind::Tiers(_)
            | ItemKind::Actions(_)
            | ItemKind::ActionGroup { .. }
            | ItemKind::Kinds { .. }
            | ItemKind::Role { .. }
            | ItemKind::Attribute { .. }
            | ItemKind::Set { .. }
            | ItemKind::Window { .. }
            | ItemKind::Condition { .. }
            | ItemKind::Declaration(_)
            | ItemKind::Invariant(_)
            | ItemKind::Test(_) => {}
        }
    }
}

/// Reads the conditions of a rule.
#[derive(Default)]
struct Reader {
    /// Each with the clause that it stands in.
    terms: Vec<(PartKind, Span)>,
    shape: Vec<Shape>,
}

impl Reader {
    fn read(rule: &ast::Rule, on: Option<&Selector>) -> Self {
        let mut reader = Self::default();
        if let ast::Effect::Require(cond) = &rule.effect {
            let required = reader.cond(cond);
            reader.shape.push(Shape::Not(required.into()));
        }
        if let Some(who) = &rule.scope.who {
            let is_test = |kind: &WhoKind| !matches!(kind, WhoKind::Anyone);
            let pick = |terms: &[Vec<ast::WhoTerm>]| -> Vec<Vec<Option<Span>>> {
                terms.iter().map(|row| row.iter().map(|t| is_test(&t.kind).then_some(t.at.0)).collect()).collect()
            };
            reader.scope(PartKind::Who, &pick(&who.any), &pick(&who.except));
        }
        if let Some(selector) = rule.scope.on.as_deref().or(on) {
            let is_test = |kind: &SelectorKind| !matches!(kind, SelectorKind::Any(None));
            let pick = |terms: &[Vec<ast::SelectorTerm>]| -> Vec<Vec<Option<Span>>> {
                terms.iter().map(|row| row.iter().map(|t| is_test(&t.kind).then_some(t.at.0)).collect()).collect()
            };
            reader.scope(PartKind::On, &pick(&selector.any), &pick(&selector.except));
        }
        for clause in &rule.clauses {
            let shape = reader.clause(clause);
            reader.shape.push(shape);
        }
        reader
    }

    /// Alternatives and exceptions of who or of `on`; what is always true has no place.
    fn scope(&mut self, kind: PartKind, any: &[Vec<Option<Span>>], except: &[Vec<Option<Span>>]) {
        let any = self.alternatives(kind, any);
        self.shape.push(any);
        if !except.is_empty() {
            let except = self.alternatives(kind, except);
            self.shape.push(Shape::Not(except.into()));
        }
    }

    fn alternatives(&mut self, kind: PartKind, any: &[Vec<Option<Span>>]) -> Shape {
        let rows = any.iter().map(|row| {
            let terms = row.iter().flatten().map(|at| self.term(kind, *at));
            Shape::All(terms.collect())
        });
        Shape::Any(rows.collect())
    }

    fn clause(&mut self, clause: &Clause) -> Shape {
        match &clause.kind {
            ClauseKind::When(cond) => self.cond(cond),
            ClauseKind::Unless(cond) => Shape::Not(self.cond(cond).into()),
            ClauseKind::From(instant) => self.term(PartKind::From, instant.at.0),
            ClauseKind::Until(instant) => self.term(PartKind::Until, instant.at.0),
        }
    }

    /// A condition; its depth is bounded by the parser.
    fn cond(&mut self, cond: &ast::Cond) -> Shape {
        match &cond.kind {
            CondKind::And(sides) => Shape::All(sides.iter().map(|side| self.cond(side)).collect()),
            CondKind::Or(sides) => Shape::Any(sides.iter().map(|side| self.cond(side)).collect()),
            CondKind::Not(inner) => Shape::Not(self.cond(inner).into()),
            CondKind::Compare { .. }
            | CondKind::In { .. }
            | CondKind::Like { .. }
            | CondKind::Overlaps { .. }
            | CondKind::Has(_)
            | CondKind::Path(_) => self.term(PartKind::When, cond.at.0),
        }
    }

    fn term(&mut self, kind: PartKind, at: Span) -> Shape {
        self.terms.push((kind, at));
        Shape::Is(self.terms.len().saturating_sub(1))
    }
}

impl Written {
    /// The conditions that a rule hangs on, each with its value; `closed` must hold for the rule besides.
    pub(super) fn hanging(&self, rule: &Rule, facts: &Facts<'_>, closed: Kleene) -> Vec<(usize, Kleene)> {
        let actions = rule.parts.iter().filter(|part| part.kind == PartKind::To);
        let rest = actions.fold(closed, |truth, part| truth.and(truth_of(&part.cond, facts)));
        if rest == Kleene::False {
            return Vec::new();
        }
        let values: Vec<Kleene> = self.conditions.iter().map(|(_, cond)| truth_of(cond, facts)).collect();
        let fires = |place: usize, as_if: Kleene| {
            let value = |at: usize| {
                if at == place { as_if } else { values.get(at).copied().unwrap_or(Kleene::Unknown) }
            };
            let truth = self.shape.iter().fold(rest, |truth, shape| truth.and(shape.truth(&value)));
            if matches!(rule.effect, Effect::Allow) { truth == Kleene::True } else { truth.possible() }
        };
        let hangs = |place: &usize| fires(*place, Kleene::True) != fires(*place, Kleene::False);
        let places = (0..values.len()).filter(hangs);
        places.filter_map(|place| Some((place, *values.get(place)?))).collect()
    }

    /// The parts of a rule as if one of its conditions were always true, or always false.
    pub(super) fn parts(&self, rule: &Rule, place: usize, truth: bool) -> Vec<Part> {
        let value = |at: usize| {
            if at == place {
                return Cond::constant(truth);
            }
            self.conditions.get(at).map_or_else(|| Cond::constant(true), |(_, cond)| cond.clone())
        };
        let actions = rule.parts.iter().filter(|part| part.kind == PartKind::To).cloned();
        let part = |shape: &Shape| Part { kind: PartKind::When, at: rule.at, cond: shape.cond(&value) };
        actions.chain(self.shape.iter().map(part)).collect()
    }
}

impl Shape {
    fn truth(&self, value: &impl Fn(usize) -> Kleene) -> Kleene {
        match self {
            Self::Is(place) => value(*place),
            Self::Not(inner) => !inner.truth(value),
            Self::All(sides) => sides.iter().fold(Kleene::True, |truth, side| truth.and(side.truth(value))),
            Self::Any(sides) => sides.iter().fold(Kleene::False, |truth, side| truth.or(side.truth(value))),
        }
    }

    fn cond(&self, value: &impl Fn(usize) -> Cond) -> Cond {
        match self {
            Self::Is(place) => value(*place),
            Self::Not(inner) => inner.cond(value).negated(),
            Self::All(sides) => Cond::all(sides.iter().map(|side| side.cond(value))),
            Self::Any(sides) => Cond::any(sides.iter().map(|side| side.cond(value))),
        }
    }
}

//! The decision graph, to be looked at: what leads to which rules, and in which order these decide.
//!
//! In goes an [`Engine`], out comes a [`Chart`] in the words of the language, as [`dot`] or as [`svg`], and [`stats`] about
//! tables and sizes. A chart shows what was compiled: a rule stands where it is filed, without what is known there.

mod classes;
pub mod dot;
mod fold;
mod reach;
pub mod stats;
pub mod svg;
mod words;

use crate::{
    check::{
        ir::{Effect, Ir, Rule, RuleId, Upon},
        vocabulary::{ActionId, RESOURCE_KINDS, Vocabulary},
    },
    compile::view::{Entry, Listed, Section, condition},
    engine::Engine,
    examine::explain::at_most,
};
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};
use words::Words;

pub use reach::around;

/// What marks a rule in a picture that something was found out about.
const MARK: &str = "⚠";

/// What a rule does where it fires, in the order in which a decision asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Step {
    /// It denies with 404.
    Hide,
    /// It denies.
    Deny,
    /// It allows.
    Allow,
    /// It limits.
    Limit,
    /// It attaches duties.
    Duty,
    /// It is only reported.
    Shadow,
}

impl Step {
    /// All, in order.
    pub const ALL: [Self; 6] = [Self::Hide, Self::Deny, Self::Allow, Self::Limit, Self::Duty, Self::Shadow];

    /// What rules of this step are called.
    #[must_use]
    pub const fn title(self) -> &'static str {
        match self {
            Self::Hide => "prohibitions with 404",
            Self::Deny => "prohibitions",
            Self::Allow => "allows",
            Self::Limit => "limits",
            Self::Duty => "duties",
            Self::Shadow => "shadows",
        }
    }

    /// What becomes of those that fire.
    #[must_use]
    pub const fn outcome(self) -> &'static str {
        match self {
            Self::Hide => "the first that fires denies, as if there were no such resource",
            Self::Deny => "else the first that fires denies",
            Self::Allow => "else the first that fires allows; without any: NO_RULE",
            Self::Limit => "of an allow, all that fire are charged",
            Self::Duty => "all that fire come with the decision",
            Self::Shadow => "all that fire are only reported",
        }
    }

    const fn of(listed: Listed) -> Self {
        match (listed.section, listed.hides) {
            (Section::Prohibitions, true) => Self::Hide,
            (Section::Prohibitions, false) => Self::Deny,
            (Section::Allows, _) => Self::Allow,
            (Section::Limits, _) => Self::Limit,
            (Section::Duties, _) => Self::Duty,
            (Section::ShadowAllows | Section::Shadows, _) => Self::Shadow,
        }
    }
}

/// A decision graph, in words.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Chart {
    /// The resource it is about; none where it is about all.
    pub about: Option<About>,
    /// What leads into it.
    pub ways: Vec<Way>,
    /// Its blocks; of a chart about one resource, its steps.
    pub cards: Vec<Card>,
    /// How many different rules it has.
    pub rules: usize,
    /// How many different blocks lead to them.
    pub blocks: usize,
    /// How many cards were left out to keep a picture readable.
    pub left_out: usize,
    /// Rules that are reached and can never fire there, by name.
    pub never: Vec<Arc<str>>,
}

/// The resource that a chart is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct About {
    /// `model "x"`
    pub words: String,
    /// Whether a declaration speaks of it.
    pub declared: bool,
    /// What that fixes, as the language writes it: attribute and value.
    pub values: Vec<(String, String)>,
}

/// What leads into a graph.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Way {
    /// `tag sensitive`
    pub words: String,
    /// What several of its sort are called: `tags`.
    pub sort: String,
}

/// Some rules that stand together.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Card {
    /// What all its rules do, where they all do the same.
    pub step: Option<Step>,
    /// The ways that lead to it, as places in [`Chart::ways`].
    pub ways: Vec<usize>,
    /// Ways that lead to the same tests with rules of other names.
    pub twins: Vec<Twin>,
    /// Its rules, in the order in which they decide.
    pub rows: Vec<Row>,
    /// How many rules were left out to keep a picture readable.
    pub left_out: usize,
    /// How many ways to it were left out.
    pub unnamed: usize,
    /// How many other ways lead to cards that look like this one and were left out.
    pub alike: usize,
}

/// A way that leads to a block shared with other rules.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Twin {
    /// The way.
    pub way: usize,
    /// The rules that it leads to.
    pub rules: Vec<Arc<str>>,
}

/// A rule where it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// What it does.
    pub step: Step,
    /// The word it begins with: `shadow deny`.
    pub word: String,
    /// Its name.
    pub name: Arc<str>,
    /// Its place.
    pub at: Arc<str>,
    /// The actions that it speaks of; none for any.
    pub actions: Option<Vec<Arc<str>>>,
    /// The tests that must all hold.
    pub tests: Vec<String>,
    /// What it says or does: `LOCKED_OUT 423`, `at most 100 per minute`; empty of an allow.
    pub says: String,
    /// The ways that lead to it, as places in [`Chart::ways`]; empty where they lead to the whole card.
    pub ways: Vec<usize>,
    /// The rule.
    pub rule: RuleId,
    /// What was found out about it, if anything; see [`Chart::note`].
    pub notes: Vec<Note>,
}

/// Something to know about a rule: a warning, or a finding of a review.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Note {
    /// The warning's code, or the finding's kind: `P0114`, `expired`.
    pub kind: &'static str,
    /// What there is to say.
    pub message: String,
}

impl Chart {
    /// Puts notes to the rules that they are about.
    pub fn note(&mut self, notes: &BTreeMap<RuleId, Vec<Note>>) {
        for row in self.cards.iter_mut().flat_map(|card| &mut card.rows) {
            row.notes = notes.get(&row.rule).cloned().unwrap_or_default();
        }
    }
}

impl Card {
    /// What leads to it and is counted only, in words; the chart is its own.
    fn counted_ways(&self, chart: &Chart) -> Vec<String> {
        let sort = self.ways.last().and_then(|way| chart.ways.get(*way)).map_or("", |way| &way.sort);
        let counts = [(self.unnamed, ""), (self.alike, " like this")].into_iter().filter(|(count, _)| *count > 0);
        counts.map(|(count, like)| format!("{count} more {sort}{like}")).collect()
    }

    /// What a picture says of what it does not show.
    fn notes(&self) -> Vec<String> {
        let notes =
            [(self.left_out, "more rules"), (self.twins.len(), "more with the same tests, and rules of their own")];
        let notes = notes.into_iter().filter(|(count, _)| *count > 0);
        notes.map(|(count, what)| format!("and {count} {what}")).collect()
    }
}

impl Row {
    /// `infer, view`
    #[must_use]
    pub fn actions_in_words(&self) -> String {
        self.actions.as_ref().map_or_else(|| "any".to_owned(), |actions| actions.join(", "))
    }

    /// Its tests on one line.
    #[must_use]
    pub fn condition(&self) -> String {
        if self.tests.is_empty() { "always".to_owned() } else { self.tests.join(" and ") }
    }

    /// Where a viewer finds the rule's text: its file and, as the sites that show code have it, its line: `a.policy#L14`.
    fn link(&self) -> String {
        let (file, line) = self.at.rsplit_once(':').unwrap_or((&self.at, "1"));
        let mut link = String::new();
        for byte in file.bytes() {
            match byte {
                b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b'/' => {
                    link.push(char::from(byte))
                }
                _ => link.push_str(&format!("%{byte:02X}")),
            }
        }
        format!("{link}#L{line}")
    }

    /// What was found out about it, a line each.
    pub fn findings(&self) -> impl Iterator<Item = String> {
        self.notes.iter().map(|note| format!("{}: {}", note.kind, note.message))
    }
}

/// The graph of a whole policy set. A block that several ways share stands there once.
#[must_use]
pub fn whole(engine: &Engine) -> Chart {
    let (ir, graph) = (engine.ir(), engine.graph());
    let words = Words { vocabulary: &ir.vocabulary, resource: resource_word(&ir.vocabulary) };
    let mut chart = Chart::default();
    let mut known = BTreeSet::new();
    // By where a block begins: its card, and the number that its rules count from.
    let mut cards: BTreeMap<u32, (usize, u32)> = BTreeMap::new();
    for (entry, block) in graph.entries() {
        let way = chart.ways.len();
        chart.ways.push(Way::of(entry));
        let rules = || graph.rules_in(block).filter_map(|listed| Some((listed, ir.rules.find(listed.rule)?)));
        known.extend(rules().map(|(listed, _)| listed.rule));
        let (place, base) = *cards.entry(block.at).or_insert((chart.cards.len(), block.base));
        match chart.cards.get_mut(place) {
            Some(card) if base == block.base => card.ways.push(way),
            Some(card) => {
                card.twins.push(Twin { way, rules: rules().map(|(_, rule)| rule.name()).collect() });
            }
            None => {
                let row = |(listed, rule)| {
                    let tests = words.conjuncts(&condition(rule, entry.known(graph)), &|_| None);
                    Row::new(ir, words, listed, rule, tests.unwrap_or_default())
                };
                chart.cards.push(Card { ways: vec![way], rows: rules().map(row).collect(), ..Card::default() });
            }
        }
    }
    (chart.rules, chart.blocks) = (known.len(), chart.cards.len());
    chart
}

/// What attributes of resources begin with: `model`, unless the set has kinds of its own.
fn resource_word(vocabulary: &Vocabulary) -> &'static str {
    let usual = vocabulary.resource_kinds.iter().all(|kind| RESOURCE_KINDS.contains(&&**kind));
    let models = vocabulary.resources.iter().all(|entity| &*entity.kind == "model");
    if usual && models { "model" } else { "resource" }
}

impl Way {
    fn of(entry: Entry<'_>) -> Self {
        use super::text::{name, quoted};
        let (words, sort) = match entry {
            Entry::Everywhere => ("everywhere".to_owned(), String::new()),
            Entry::Resource(kind, id) | Entry::Principal(kind, id) => {
                (format!("{kind} {}", quoted(id)), format!("{kind}s"))
            }
            Entry::Pattern(pattern, _) => (format!("id like {}", quoted(pattern)), "patterns".to_owned()),
            Entry::Tag(tag) => (format!("tag {}", name(tag)), "tags".to_owned()),
            Entry::ResourceOrg(org) => (format!("resources of org {}", quoted(org)), "organisations".to_owned()),
            Entry::PrincipalOrg(org) => (format!("principals of org {}", quoted(org)), "organisations".to_owned()),
            Entry::UnknownTags => ("tags unknown".to_owned(), String::new()),
            Entry::UnknownResourceOrg => ("resource's org unknown".to_owned(), String::new()),
            Entry::UnknownPrincipal => ("principal unknown".to_owned(), String::new()),
            Entry::UnknownPrincipalOrg => ("principal's org unknown".to_owned(), String::new()),
        };
        Self { words, sort }
    }
}

impl Row {
    fn new(ir: &Ir, words: Words<'_>, listed: Listed, rule: &Rule, mut tests: Vec<String>) -> Self {
        let says = match &rule.effect {
            Effect::Allow => String::new(),
            Effect::Deny(refusal) => format!("{} {}", refusal.code, refusal.status),
            Effect::Gate(mode, refusal) => {
                tests.push(format!("no {} grant", mode.name()));
                format!("{} {}", refusal.code, refusal.status)
            }
            Effect::Limit(limit, _) => at_most(limit, words.vocabulary),
            Effect::Oblige(duties) => {
                let names: Vec<&str> = duties.duties.iter().map(|duty| &*duty.name).collect();
                format!("{} upon {}", names.join(", "), upon_words(&duties.upon))
            }
        };
        let names = |action: &ActionId| ir.vocabulary.actions[*action].clone();
        let actions = rule.actions.as_ref().map(|actions| actions.iter().map(names).collect());
        Self {
            step: Step::of(listed),
            word: if rule.shadow { format!("shadow {}", rule.word()) } else { rule.word().to_owned() },
            name: rule.name(),
            at: rule.place(),
            actions,
            tests,
            says,
            ways: Vec::new(),
            rule: listed.rule,
            notes: Vec::new(),
        }
    }
}

fn upon_words(upon: &Upon) -> String {
    match upon {
        Upon::Allow => "allow".to_owned(),
        Upon::Deny(None) => "deny".to_owned(),
        Upon::Deny(Some(code)) => format!("deny {code}"),
        Upon::Any => "any".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use crate::{
        check::ir::Effect,
        compile::view::{Shape, condition},
        engine::Engine,
    };

    /// How many tests a condition makes.
    fn tests(shape: &Shape<'_>) -> usize {
        match shape {
            Shape::Const(_) => 0,
            Shape::Atom(..) | Shape::Principal(..) | Shape::Resource(..) => 1,
            Shape::All(shapes) | Shape::Any(shapes) => shapes.iter().map(tests).sum(),
        }
    }

    /// What is said of a rule is what was compiled: as many tests, wherever it stands in any shipped set.
    #[test]
    fn conditions_have_the_tests_that_rules_have() {
        for set in ["authzen-todo", "hub-gating", "model-acl", "studio-rbac", "tiers"] {
            let engine = Engine::load([format!("policies/{set}")]).unwrap();
            let graph = engine.graph();
            for (entry, block) in graph.entries() {
                for listed in graph.rules_in(block) {
                    let rule = engine.ir().rules.find(listed.rule).unwrap();
                    let gate = usize::from(matches!(rule.effect, Effect::Gate(..)));
                    let said = tests(&condition(rule, entry.known(graph))) + gate;
                    assert_eq!(said, listed.tests, "{} under {entry:?} of {set}", rule.name());
                }
            }
        }
    }
}

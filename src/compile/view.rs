//! The graph, to be looked at: what leads to which block, and which rules stand there in which order.
//!
//! Whoever shows or counts a graph asks here and speaks of rules and names; how they are packed stays in this stage.

pub(crate) use super::{
    block::Section,
    shape::{Known, Shape},
};

use super::{
    block::{self, Part, parts},
    code::{Op, Test},
    graph::{BlockRef, Graph},
    shape::shape,
    wide::Wide,
};
use crate::check::{
    ir::{Cond, PartKind, Rule, RuleId},
    vocabulary::{AttrId, builtin},
};

/// What leads into the graph: something that requests have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Entry<'g> {
    /// Nothing special.
    Everywhere,
    /// The resource of this kind and id.
    Resource(&'g str, &'g str),
    /// A resource whose id matches this pattern, by its number.
    Pattern(&'g str, u32),
    /// A resource with this tag.
    Tag(&'g str),
    /// A resource of this organisation.
    ResourceOrg(&'g str),
    /// The principal of this kind and id.
    Principal(&'g str, &'g str),
    /// A principal of this organisation.
    PrincipalOrg(&'g str),
    /// A resource whose tags are not known.
    UnknownTags,
    /// A resource whose organisation is not known.
    UnknownResourceOrg,
    /// A principal that is not known.
    UnknownPrincipal,
    /// A principal whose organisation is not known.
    UnknownPrincipalOrg,
}

/// A rule of a block.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Listed {
    /// Which.
    pub(crate) rule: RuleId,
    /// What it does there.
    pub(crate) section: Section,
    /// Whether it decides before others of its section.
    pub(crate) hides: bool,
    /// How many tests it has.
    pub(crate) tests: usize,
}

/// All sections, in the order in which they decide.
const SECTIONS: [Section; 6] =
    [Section::Prohibitions, Section::Allows, Section::Limits, Section::Duties, Section::ShadowAllows, Section::Shadows];

/// What must hold for a rule where this is known; its actions are not part of it.
pub(crate) fn condition<'a>(rule: &'a Rule, known: Known<'_>) -> Shape<'a> {
    let parts = rule.parts.iter().filter(|part| part.kind != PartKind::To);
    let conds: Vec<&Cond> = parts.map(|part| &part.cond).collect();
    shape(&conds, known)
}

/// A test, or if it is code, those inside; code has no code inside.
fn inner(test: Test, operands: &[u32]) -> impl Iterator<Item = (Test, &[u32])> {
    let code = if test.op == Op::Code { operands } else { &[] };
    let own = (test.op != Op::Code).then_some((test, operands));
    own.into_iter().chain(block::tests(code))
}

/// The rules of a chunk of many: whether each hides, its code, and its number less the block's base.
fn wide_rules(chunk: Wide<'_>) -> impl Iterator<Item = (bool, &[u32], u32)> {
    (0..).map_while(move |place| chunk.rule(place).map(|rule| (place < chunk.hiding(), rule.code, rule.number)))
}

/// The rules of a section: whether each hides, its number less the block's base, and how many tests it has.
fn listed(part: Part<'_>, section: Section) -> Vec<(bool, u32, usize)> {
    let count = |code: &[u32]| block::tests(code).map(|(test, operands)| inner(test, operands).count()).sum();
    match part {
        Part::Few(chunk) => {
            let hiding = if section == Section::Prohibitions { chunk.hiding() } else { 0 };
            let (first, rows) = chunk.section(section);
            (0..)
                .zip(rows)
                .map(|(place, [_, needed])| {
                    let made = chunk.tests().filter(|(bit, ..)| needed & bit != 0);
                    let tests = made.map(|(_, test, operands)| inner(test, &operands).count()).sum();
                    (place < hiding, chunk.number(first.wrapping_add(place)), tests)
                })
                .collect()
        }
        Part::Many(chunk) => {
            let places = chunk.section(section);
            let rows = wide_rules(chunk).skip(places.start as usize).take(places.len());
            rows.map(|(hides, code, rule)| (hides, rule, count(code))).collect()
        }
    }
}

impl<'g> Entry<'g> {
    /// What is known of the requests that come this way.
    pub(crate) fn known(self, graph: &'g Graph) -> Known<'g> {
        let none = Known::default();
        match self {
            Self::Resource(kind, id) => Known { resource: Some((kind, id)), ..none },
            Self::Principal(kind, id) => Known { principal: Some((kind, id)), ..none },
            Self::Pattern(_, number) => {
                Known { pattern: graph.globs().get(number as usize).map(|glob| &**glob), ..none }
            }
            Self::Tag(tag) => Known { tag: Some(tag), ..none },
            Self::ResourceOrg(org) => Known { resource_org: Some(org), ..none },
            Self::PrincipalOrg(org) => Known { principal_org: Some(org), ..none },
            Self::Everywhere
            | Self::UnknownTags
            | Self::UnknownResourceOrg
            | Self::UnknownPrincipal
            | Self::UnknownPrincipalOrg => none,
        }
    }
}

impl Graph {
    /// All that leads to a block with rules, in the order of [`Entry`].
    pub(crate) fn entries(&self) -> Vec<(Entry<'_>, BlockRef)> {
        let mut entries = vec![
            (Entry::Everywhere, self.everywhere),
            (Entry::UnknownTags, self.tags.unknown),
            (Entry::UnknownResourceOrg, self.resource_orgs.unknown),
            (Entry::UnknownPrincipal, self.unknown_principal),
            (Entry::UnknownPrincipalOrg, self.principal_orgs.unknown),
        ];
        let text = |id: u32| self.tables.texts.text(id).unwrap_or_default();
        let names = &self.tables.resources;
        for id in names.ids() {
            let Some(home) = names.home(id) else { continue };
            let kind = text(names.tag(id).unwrap_or_default());
            entries.push((Entry::Resource(kind, names.text(id).unwrap_or_default()), home.block));
        }
        let names = &self.tables.principals;
        for id in names.ids() {
            let Some(home) = names.home(id) else { continue };
            let kind = text(names.tag(id).unwrap_or_default());
            entries.push((Entry::Principal(kind, names.text(id).unwrap_or_default()), home.block));
        }
        for ((id, block), glob) in (0..).zip(&self.patterns).zip(self.globs()) {
            entries.push((Entry::Pattern(glob.pattern(), id), *block));
        }
        entries.extend(self.tags.known.iter().map(|(tag, block)| (Entry::Tag(text(*tag)), *block)));
        let orgs = &self.resource_orgs.known;
        entries.extend(orgs.iter().map(|(org, block)| (Entry::ResourceOrg(text(*org)), *block)));
        let orgs = &self.principal_orgs.known;
        entries.extend(orgs.iter().map(|(org, block)| (Entry::PrincipalOrg(text(*org)), *block)));
        entries.retain(|(_, block)| !block.is_empty());
        entries.sort_by_key(|(entry, _)| *entry);
        entries
    }

    /// Whether the pattern of a number matches an id.
    pub(crate) fn matches(&self, pattern: u32, id: &str) -> bool {
        self.globs().get(pattern as usize).is_some_and(|glob| glob.is_match(id))
    }

    /// The rules of a block, in the order in which they decide.
    pub(crate) fn rules_in(&self, block: BlockRef) -> impl Iterator<Item = Listed> {
        SECTIONS.into_iter().flat_map(move |section| {
            parts(&self.blocks, block).flat_map(move |part| listed(part, section)).map(move |(hides, rule, tests)| {
                Listed { rule: RuleId(block.base.wrapping_add(rule)), section, hides, tests }
            })
        })
    }

    /// How many tests each chunk of a block makes; a wide one, how many attributes it looks at.
    pub(crate) fn chunks_in(&self, block: BlockRef) -> impl Iterator<Item = usize> {
        parts(&self.blocks, block).map(|part| match part {
            Part::Few(chunk) => chunk.tests().count(),
            Part::Many(chunk) => chunk.cuts().len(),
        })
    }

    /// The tests that a block makes, in alternatives too: the attribute of each, and what it asks, as equal words for equal
    /// tests.
    pub(crate) fn tests_in(&self, block: BlockRef) -> impl Iterator<Item = (AttrId, Vec<u32>)> {
        let whole = parts(&self.blocks, block).flat_map(|part| -> Vec<(Test, Vec<u32>)> {
            match part {
                Part::Few(chunk) => chunk.tests().map(|(_, test, operands)| (test, operands)).collect(),
                Part::Many(chunk) => wide_rules(chunk)
                    .flat_map(|(_, code, _)| block::tests(code))
                    .map(|(test, operands)| (test, operands.to_vec()))
                    .collect(),
            }
        });
        whole.flat_map(|(test, operands)| {
            let inner = inner(test, &operands).map(|(test, operands)| {
                let words = test.asked().words().into_iter().chain(operands.iter().copied());
                (self.asked(test), words.collect())
            });
            inner.collect::<Vec<_>>()
        })
    }

    /// The attribute that a test asks for.
    fn asked(&self, test: Test) -> AttrId {
        match test.op {
            Op::Holds | Op::HoldsOne => builtin::PRINCIPAL_ROLES,
            Op::Principal => builtin::PRINCIPAL_ID,
            Op::Resource => builtin::RESOURCE_ID,
            Op::Opened => builtin::PRINCIPAL_GRANTED,
            Op::Tiers => builtin::PRINCIPAL_TIER,
            Op::InRanges => builtin::IP,
            Op::NotAfter => builtin::TIME,
            Op::IsTrue
            | Op::Has
            | Op::Within
            | Op::InNets
            | Op::Is
            | Op::OneOf
            | Op::IsIp
            | Op::Until
            | Op::Before
            | Op::IsTime
            | Op::InSpans
            | Op::During
            | Op::Like
            | Op::Contains
            | Op::Overlaps
            | Op::InInts
            | Op::CompareResource
            | Op::ContainsValue
            | Op::OverlapsResource
            | Op::Code => self.slots.get(usize::from(test.slot)).map_or(builtin::PRINCIPAL_ID, |read| read.attr),
        }
    }

    /// The bytes of the tables that a decision reads, by name; the automata of patterns and the rules of zones not counted.
    pub(crate) fn sizes(&self) -> Vec<(&'static str, usize)> {
        fn of<T>(rows: &[T]) -> usize {
            size_of_val(rows)
        }
        let sum = |parts: &[usize]| parts.iter().sum();
        let by_text = [&self.tags, &self.principal_orgs, &self.resource_orgs];
        vec![
            ("blocks", of(&self.blocks)),
            ("resources", sum(&[self.tables.resources.bytes(), of(&self.resource_patterns)])),
            ("principals", sum(&[self.tables.principals.bytes(), of(&self.principal_patterns)])),
            ("declarations", of(&self.entities)),
            ("patterns", sum(&[of(&self.patterns), of(&self.lists)])),
            ("tags and organisations", by_text.iter().map(|index| of(&index.known)).sum()),
            ("texts", self.tables.texts.bytes()),
            ("constants", of(&self.tables.pool)),
            ("attributes", sum(&[of(&self.slots), of(&self.slot_of)])),
            ("names of attributes", self.paths.bytes()),
            (
                "actions, roles and tiers",
                sum(&[
                    self.actions.bytes(),
                    self.role_names.bytes(),
                    of(&self.roles),
                    of(&self.closures),
                    self.tiers.bytes(),
                ]),
            ),
            ("names and messages of rules", self.heads.bytes()),
        ]
    }
}

//! Questions to the requests of a case.

use super::{
    budget::Budget,
    search::{Found, Lit},
    space::{Case, Frame, Given, Ground, Scene, SideId},
    theory::Reader,
};
use crate::{
    check::ir::{Effect, Part, Rule, RuleId},
    ids::IdVec,
    request::Request,
};

/// What a question comes to.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Answer {
    /// This request is one.
    Witness(Box<Request>),
    /// There is none.
    Nothing,
    /// It could not be found out.
    Inconclusive,
}

/// The requests of a case, and the rules that may speak of them.
#[derive(Clone)]
pub(super) struct Asked<'a> {
    pub(super) scene: Scene<'a>,
    /// In source order.
    pub(super) rules: IdVec<SideId, Vec<(RuleId, &'a Rule)>>,
    /// How many requests were found that were not what was asked for: there should be none.
    pub(super) unconfirmed: usize,
}

impl<'a> Asked<'a> {
    /// The requests of a case, about which the conditions of these parts can be asked besides those of the rules.
    pub(super) fn new(frame: &'a Frame<'a>, case: Case<'a>, parts: &[(SideId, &[Part])]) -> Self {
        Self::given(frame, case, parts, Given::default())
    }

    /// The same of those requests of the case that have some circumstances.
    pub(super) fn given(frame: &'a Frame<'a>, case: Case<'a>, parts: &[(SideId, &[Part])], given: Given) -> Self {
        let rules: IdVec<SideId, Vec<(RuleId, &'a Rule)>> =
            frame.sides.iter().map(|side| side.rules_about(case.id.as_deref())).collect();
        let of_rules = rules.pairs().flat_map(|(side, rules)| {
            rules.iter().flat_map(move |(_, rule)| rule.parts.iter().map(move |part| (side, part)))
        });
        let others = parts.iter().flat_map(|(side, parts)| parts.iter().map(|part| (*side, part)));
        let conds = of_rules.chain(others).map(|(side, part)| (side, &part.cond));
        let scene = Scene::new(Ground::new(frame, case, given), conds);
        Self { scene, rules, unconfirmed: 0 }
    }

    /// A set allows: it knows the action, some `allow` fires, and no prohibition does. Limits count as having room.
    pub(super) fn allowed(&mut self, side: SideId) -> Lit {
        let rules: Vec<&Rule> = self.rules[side].iter().map(|(_, rule)| *rule).filter(|rule| !rule.shadow).collect();
        let (mut allows, mut all) = (Vec::new(), vec![self.scene.knows_action(side)]);
        for rule in rules {
            match &rule.effect {
                Effect::Allow => allows.push(self.scene.fires(side, rule)),
                Effect::Deny(_) | Effect::Gate(..) => all.push(!self.scene.fires(side, rule)),
                Effect::Limit(..) | Effect::Oblige(_) => {}
            }
        }
        all.push(self.scene.search.any(allows));
        self.scene.search.all(all)
    }

    /// A set knows the action and denies it.
    pub(super) fn denied(&mut self, side: SideId) -> Lit {
        let allowed = self.allowed(side);
        let known = self.scene.knows_action(side);
        self.scene.search.all([known, !allowed])
    }

    /// A request where a literal is true, confirmed by the reference evaluator.
    pub(super) fn find(&mut self, goal: Lit, budget: &mut Budget, confirm: impl FnMut(&Request) -> bool) -> Answer {
        let Scene { search, space } = &mut self.scene;
        let mut reader = Reader::new(space, *budget, confirm);
        let found = search.find(goal, &mut reader, budget);
        self.unconfirmed = self.unconfirmed.saturating_add(reader.unconfirmed);
        match found {
            Found::Point(request) => Answer::Witness(Box::new(request)),
            Found::Nothing => Answer::Nothing,
            Found::Unsure => Answer::Inconclusive,
        }
    }
}

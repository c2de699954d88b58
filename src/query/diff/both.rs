//! What two policy sets say of the requests of a case.

use super::content;
use crate::{
    check::ir::{Effect, Rule, RuleId, Upon},
    eval::answer::{NO_RULE, UNKNOWN_ACTION},
    ids::IdVec,
    query::{
        ask::Asked,
        search::Lit,
        space::{Case, Frame, SideId},
    },
    value::GateMode,
};
use std::collections::BTreeMap;

/// The requests of a case, and what two policy sets say of them.
pub(super) struct Both<'a> {
    pub(super) asked: Asked<'a>,
    pub(super) sides: IdVec<SideId, Said<'a>>,
}

/// What a policy set says.
pub(super) struct Said<'a> {
    pub(super) allows: Vec<Fires<'a>>,
    /// Prohibitions and gates; those first that decide first.
    pub(super) denies: Vec<Fires<'a>>,
    limits: Vec<Fires<'a>>,
    duties: Vec<Fires<'a>>,
    /// The set knows the action.
    pub(super) knows: Lit,
    pub(super) allowed: Lit,
}

/// A rule, and that it fires.
#[derive(Clone, Copy)]
pub(super) struct Fires<'a> {
    pub(super) id: RuleId,
    pub(super) rule: &'a Rule,
    pub(super) lit: Lit,
}

/// What decisions say besides, in words: for each the rules that say it, and where they do.
pub(super) type Sayings = BTreeMap<String, Vec<(RuleId, Lit)>>;

/// One way to be denied, and where it is the one.
pub(super) struct Denial {
    /// The rule that decides; none where no rule allows, or the action is not known.
    pub(super) rule: Option<RuleId>,
    /// What the denial says.
    pub(super) words: String,
    code: String,
    is_gate: bool,
    pub(super) lit: Lit,
}

impl<'a> Both<'a> {
    pub(super) fn new(frame: &'a Frame<'a>, case: Case<'a>) -> Self {
        let mut asked = Asked::new(frame, case, &[]);
        let sides = frame.sides.ids().map(|side| Said::new(&mut asked, side)).collect();
        Self { asked, sides }
    }

    /// All of these are true.
    pub(super) fn all(&mut self, lits: impl IntoIterator<Item = Lit>) -> Lit {
        self.asked.scene.search.all(lits)
    }

    /// One of these is true.
    pub(super) fn any(&mut self, lits: impl IntoIterator<Item = Lit>) -> Lit {
        self.asked.scene.search.any(lits)
    }

    /// All sets allow, or all sets deny.
    pub(super) fn agree(&mut self, allow: bool) -> Lit {
        let each: Vec<Lit> = self.sides.iter().map(|said| if allow { said.allowed } else { !said.allowed }).collect();
        self.all(each)
    }

    /// The limits that fire.
    pub(super) fn limits(&self, side: SideId) -> Sayings {
        let vocabulary = self.asked.scene.space.ground.frame.sides[side].vocabulary();
        let mut sayings = Sayings::new();
        for Fires { id, rule, lit } in &self.sides[side].limits {
            if let Effect::Limit(limit, refusal) = &rule.effect {
                sayings.entry(content::limit(vocabulary, limit, refusal)).or_default().push((*id, *lit));
            }
        }
        sayings
    }

    /// The duties that come with an allow, or with a denial.
    pub(super) fn duties(&mut self, side: SideId, allow: bool) -> Sayings {
        let vocabulary = self.asked.scene.space.ground.frame.sides[side].vocabulary();
        let mut sayings = Sayings::new();
        let mut denials = None;
        for Fires { id, rule, lit } in self.sides[side].duties.clone() {
            let Effect::Oblige(duties) = &rule.effect else { continue };
            let comes = match (&duties.upon, allow) {
                (Upon::Any, _) | (Upon::Allow, true) | (Upon::Deny(None), false) => lit,
                (Upon::Deny(Some(code)), false) => {
                    let denials = denials.get_or_insert_with(|| self.denials(side));
                    let with = denials.iter().filter(|denial| *denial.code == **code).map(|denial| denial.lit);
                    let denied = self.any(with.collect::<Vec<_>>());
                    self.all([lit, denied])
                }
                (Upon::Allow, false) | (Upon::Deny(_), true) => continue,
            };
            for duty in &duties.duties {
                sayings.entry(content::duty(vocabulary, duty)).or_default().push((id, comes));
            }
        }
        sayings
    }

    /// All ways to be denied. Only one of them is true of a request.
    pub(super) fn denials(&mut self, side: SideId) -> Vec<Denial> {
        let vocabulary = self.asked.scene.space.ground.frame.sides[side].vocabulary();
        let knows = self.sides[side].knows;
        let mut denials = Vec::new();
        let mut nothing_before = knows;
        for Fires { id, rule, lit } in self.sides[side].denies.clone() {
            let (Effect::Deny(refusal) | Effect::Gate(_, refusal)) = &rule.effect else { continue };
            denials.push(Denial {
                rule: Some(id),
                words: content::refusal(vocabulary, refusal),
                code: refusal.code.to_string(),
                is_gate: matches!(rule.effect, Effect::Gate(..)),
                lit: self.all([nothing_before, lit]),
            });
            nothing_before = self.all([nothing_before, !lit]);
        }
        let no_allow: Vec<Lit> = self.sides[side].allows.iter().map(|fires| !fires.lit).collect();
        let no_rule = self.all(no_allow.into_iter().chain([nothing_before]));
        for (code, lit) in [(NO_RULE, no_rule), (UNKNOWN_ACTION, !knows)] {
            let code = code.to_owned();
            denials.push(Denial { rule: None, words: code.clone(), code, is_gate: false, lit });
        }
        denials
    }

    /// Where denials go through a gate, by its mode: of the gates that fire, a manual one outranks an automatic one.
    pub(super) fn gates(&mut self, side: SideId, denials: &[Denial]) -> [Lit; 2] {
        let by_gate =
            self.any(denials.iter().filter(|denial| denial.is_gate).map(|denial| denial.lit).collect::<Vec<_>>());
        let manual = |fires: &&Fires<'_>| matches!(fires.rule.effect, Effect::Gate(GateMode::Manual, _));
        let manual: Vec<Lit> = self.sides[side].denies.iter().filter(manual).map(|fires| fires.lit).collect();
        let manual = self.any(manual);
        [self.all([by_gate, manual]), self.all([by_gate, !manual])]
    }
}

impl<'a> Said<'a> {
    fn new(asked: &mut Asked<'a>, side: SideId) -> Self {
        let scene = &mut asked.scene;
        let knows = scene.knows_action(side);
        let mut said = Self {
            allows: Vec::new(),
            denies: Vec::new(),
            limits: Vec::new(),
            duties: Vec::new(),
            knows,
            allowed: Lit::FALSE,
        };
        for (id, rule) in asked.rules[side].iter().filter(|(_, rule)| !rule.shadow) {
            let fires = Fires { id: *id, rule, lit: scene.fires(side, rule) };
            match &rule.effect {
                Effect::Allow => said.allows.push(fires),
                Effect::Deny(_) | Effect::Gate(..) => said.denies.push(fires),
                Effect::Limit(..) => said.limits.push(fires),
                Effect::Oblige(_) => said.duties.push(fires),
            }
        }
        let hides = |fires: &Fires<'_>| match &fires.rule.effect {
            Effect::Deny(refusal) | Effect::Gate(_, refusal) => refusal.status == 404,
            Effect::Allow | Effect::Limit(..) | Effect::Oblige(_) => false,
        };
        said.denies.sort_by_key(|fires| !hides(fires));
        let some = scene.search.any(said.allows.iter().map(|fires| fires.lit));
        let none = said.denies.iter().map(|fires| !fires.lit);
        said.allowed = scene.search.all(none.chain([knows, some]));
        said
    }
}

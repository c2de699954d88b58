//! Rules and invariants.

use super::{
    docs::{Doc, Docs, INDENT, Placed, Wrap},
    words,
};
use crate::{
    ast::{
        Actions, Arg, AtMost, Clause, ClauseKind, Duty, Effect, Else, Invariant, Name, Per, Rule, Scope, Selector,
        SelectorKind, SelectorTerm, Upon, Who, WhoKind, WhoTerm,
    },
    value::LimitKey,
};

/// The resources of a statement inside a block: the block's.
type Block<'s> = Option<&'s Selector>;

impl<'s> Docs<'s> {
    /// A rule without its label; `end` is where it ends.
    pub(super) fn rule(&mut self, rule: &'s Rule, on: Block<'s>, end: u32) -> Doc<'s> {
        self.rearrange(rule, end);
        let shadow = self.text(if rule.shadow { "shadow " } else { "" });
        let head = match &rule.effect {
            Effect::Allow => self.who_first("allow", &rule.scope, on),
            Effect::Deny => self.who_first("deny", &rule.scope, on),
            Effect::Limit => self.who_first("limit", &rule.scope, on),
            Effect::Require(cond) => {
                let require = self.introduced(self.text("require"), &**cond, Self::cond);
                self.actions_first(require, None, &rule.scope, on)
            }
            Effect::Gate(mode) => {
                let gate = self.text("gate ").append(mode.name());
                self.actions_first(gate, None, &rule.scope, on)
            }
            Effect::Oblige { duties, upon } => {
                let oblige = self.introduced(self.text("oblige"), &**duties, Self::duties);
                self.actions_first(oblige, upon.as_deref(), &rule.scope, on)
            }
        };
        let mut doc = shadow.append(head).group().append(self.clauses(&rule.clauses));
        if let Some(at_most) = &rule.at_most {
            doc = doc.append(self.gap(self.line(), at_most.at)).append(self.at_most(at_most));
        }
        if let Some(otherwise) = &rule.otherwise {
            doc = doc.append(self.gap(self.line(), otherwise.at)).append(self.otherwise(otherwise));
        }
        doc.nest(INDENT).group()
    }

    /// An invariant without its label.
    pub(super) fn invariant(&mut self, invariant: &'s Invariant, on: Block<'s>) -> Doc<'s> {
        let word = if invariant.always { "always allow" } else { "never allow" };
        let head = self.who_first(word, &invariant.scope, on).group();
        head.append(self.clauses(&invariant.clauses)).nest(INDENT).group()
    }

    /// `label: `
    pub(super) fn label(&mut self, label: Option<&'s Name>) -> Doc<'s> {
        match label {
            Some(label) => self.bare(label).append(": "),
            None => self.nil(),
        }
    }

    /// Clauses, `at most` and `else` may stand in any order, and are printed in this one.
    fn rearrange(&mut self, rule: &Rule, end: u32) {
        let Scope { who, actions, on } = &rule.scope;
        let scope = who.iter().map(|who| who.at).chain([actions.at]).chain(on.iter().map(|on| on.at));
        let others: Vec<_> = scope.chain(rule.clauses.iter().map(|clause| clause.at)).map(|at| at.0).collect();
        let at_most = rule.at_most.iter().map(|at_most| at_most.at);
        let last: Vec<_> = at_most.chain(rule.otherwise.iter().map(|otherwise| otherwise.at)).map(|at| at.0).collect();
        self.comments().read_last(&last, &others, end);
    }

    /// `allow WHO to ACTIONS on SELECTOR`
    fn who_first(&mut self, word: &'static str, scope: &'s Scope, on: Block<'s>) -> Doc<'s> {
        let mut doc = self.text(word);
        if let Some(who) = &scope.who {
            doc = doc.append(self.gap(self.space(), who.at)).append(self.who(who));
        }
        let gap = self.gap(self.line(), scope.actions.at);
        doc.append(gap).append(self.actions_on(scope, on).group())
    }

    /// `… upon UPON to ACTIONS on SELECTOR of WHO`
    fn actions_first(&mut self, head: Doc<'s>, upon: Option<&'s Upon>, scope: &'s Scope, on: Block<'s>) -> Doc<'s> {
        let upon = upon.map(|upon| self.line().append(self.upon(upon)));
        let gap = self.gap(self.line(), scope.actions.at);
        let mut target = self.actions_on(scope, on);
        if let Some(who) = &scope.who {
            target = target.append(self.gap(self.line(), who.at)).append("of ").append(self.who(who));
        }
        match upon {
            Some(upon) => head.append(upon).append(gap.append(target).group()),
            None => head.append(gap).append(target.group()),
        }
    }

    fn actions_on(&mut self, scope: &'s Scope, on: Block<'s>) -> Doc<'s> {
        let doc = self.text("to ").append(self.actions(&scope.actions));
        match scope.on.as_deref().or(on) {
            Some(on) => doc.append(self.gap(self.line(), on.at)).append("on ").append(self.selector(on)),
            None => doc,
        }
    }

    fn actions(&mut self, actions: &'s Actions) -> Doc<'s> {
        if actions.names.is_empty() {
            return self.text("any");
        }
        self.action_names(&actions.names).nest(INDENT)
    }

    /// `view, infer`
    pub(super) fn action_names(&mut self, names: &'s [Name]) -> Doc<'s> {
        self.commas(names, |docs, name| docs.text(words::action(name)))
    }

    /// Whom a statement speaks of.
    pub(super) fn who(&mut self, who: &'s Who) -> Doc<'s> {
        self.alternatives(&who.any, &who.except, Self::who_term)
    }

    /// What a statement speaks of.
    pub(super) fn selector(&mut self, selector: &'s Selector) -> Doc<'s> {
        self.alternatives(&selector.any, &selector.except, Self::selector_term)
    }

    /// `a and b, c except d`
    fn alternatives<T: Placed>(
        &mut self,
        any: &'s [Vec<T>],
        except: &'s [Vec<T>],
        term: fn(&mut Self, &'s T) -> Doc<'s>,
    ) -> Doc<'s> {
        let all = |docs: &mut Self, terms: &'s Vec<T>| docs.row(terms, ("", Wrap::Full, "and "), term);
        let mut doc = self.commas(any, all);
        if !except.is_empty() {
            doc = doc.append(self.continued("except ", except, |docs, except| docs.commas(except, all)));
        }
        doc.nest(INDENT)
    }

    fn who_term(&mut self, term: &'s WhoTerm) -> Doc<'s> {
        match &term.kind {
            WhoKind::Anyone => self.text("anyone"),
            WhoKind::Anonymous => self.text("anonymous"),
            WhoKind::Role(role) => self.text("role ").append(self.name(role)),
            WhoKind::Org(org) => self.text("org ").append(self.quoted(org)),
            WhoKind::Tier(op, tier) => self.text("tier ").append(op.symbol()).append(" ").append(self.bare(tier)),
            WhoKind::Principal { kind, id } => self.thing(Some(kind), id),
        }
    }

    fn selector_term(&mut self, term: &'s SelectorTerm) -> Doc<'s> {
        match &term.kind {
            SelectorKind::Any(None) => self.text("any"),
            SelectorKind::Any(Some(kind)) => self.text("any ").append(self.bare(kind)),
            SelectorKind::Resource { kind, id } => self.thing(kind.as_ref(), id),
            SelectorKind::Tag(tag) => self.text("tag ").append(self.name(tag)),
            SelectorKind::Org(org) => self.text("org ").append(self.quoted(org)),
        }
    }

    /// `dataset "x"`
    pub(super) fn thing(&mut self, kind: Option<&'s Name>, id: &'s Name) -> Doc<'s> {
        match kind {
            Some(kind) => self.bare(kind).append(" ").append(self.quoted(id)),
            None => self.quoted(id),
        }
    }

    fn clauses(&mut self, clauses: &'s [Clause]) -> Doc<'s> {
        let mut doc = self.nil();
        for clause in clauses {
            doc = doc.append(self.gap(self.line(), clause.at)).append(self.clause(clause));
        }
        doc
    }

    /// A condition of a statement.
    pub(super) fn clause(&mut self, clause: &'s Clause) -> Doc<'s> {
        match &clause.kind {
            ClauseKind::When(cond) => self.introduced(self.text("when"), cond, Self::cond),
            ClauseKind::Unless(cond) => self.introduced(self.text("unless"), cond, Self::cond),
            ClauseKind::From(instant) => self.introduced(self.text("from"), instant, Self::instant),
            ClauseKind::Until(instant) => self.introduced(self.text("until"), instant, Self::instant),
        }
    }

    /// `at most 100 tokens per minute by ip`
    fn at_most(&mut self, at_most: &'s AtMost) -> Doc<'s> {
        let mut doc = self.text("at most ").append(words::int(at_most.amount));
        if let Some(unit) = &at_most.unit {
            doc = doc.append(self.gap(self.space(), unit.at)).append(self.bare(unit));
        }
        let per = match &at_most.per {
            Per::Duration(length) => format!(" per {}", words::duration(*length)),
            Per::Unit(unit) => format!(" per {}", unit.name()),
            Per::Calendar(calendar, _) => format!(" per calendar {}", calendar.name()),
            Per::AtOnce(None) => " at once".to_owned(),
            Per::AtOnce(Some(length)) => format!(" at once for {}", words::duration(*length)),
        };
        doc = doc.append(per);
        if let Per::Calendar(_, Some(zone)) = &at_most.per {
            doc = doc.append(self.gap(self.space(), zone.at)).append("in ").append(self.quoted(zone));
        }
        if !at_most.by.is_empty() {
            let keys: Vec<_> = at_most.by.iter().copied().map(LimitKey::name).collect();
            doc = doc.append(" by ").append(keys.join(", "));
        }
        doc.nest(INDENT)
    }

    /// `else CODE 403 "message" hint "what to do"`
    fn otherwise(&mut self, otherwise: &'s Else) -> Doc<'s> {
        let mut doc =
            self.text("else").append(self.gap(self.space(), otherwise.code.at)).append(self.bare(&otherwise.code));
        if let Some((status, at)) = &otherwise.status {
            doc = doc.append(self.gap(self.space(), *at)).append(words::int(*status));
        }
        if let Some(message) = &otherwise.message {
            doc = doc.append(self.continued("", message, Self::quoted));
        }
        if let Some(hint) = &otherwise.hint {
            doc = doc.append(self.continued("hint ", hint, Self::quoted));
        }
        doc.nest(INDENT)
    }

    /// `upon deny NO_RULE`
    fn upon(&mut self, upon: &'s Upon) -> Doc<'s> {
        match upon {
            Upon::Allow => self.text("upon allow"),
            Upon::Any => self.text("upon any"),
            Upon::Deny(None) => self.text("upon deny"),
            Upon::Deny(Some(code)) => self.introduced(self.text("upon deny"), code, Self::bare),
        }
    }

    /// `a, b`
    pub(super) fn duties(&mut self, duties: &'s [Duty]) -> Doc<'s> {
        self.commas(duties, Self::duty)
    }

    /// `watermark(user = principal.id, strength = 2)`
    pub(super) fn duty(&mut self, duty: &'s Duty) -> Doc<'s> {
        let name = self.bare(&duty.name);
        if duty.args.is_empty() {
            return name;
        }
        name.append(self.brackets(("(", ")"), (&duty.args, Wrap::OneEach, duty.at.0.end), Self::argument))
    }

    fn argument(&mut self, (name, arg): &'s (Name, Arg)) -> Doc<'s> {
        let name = self.bare(name).append(" =");
        match arg {
            Arg::Literal(literal) => self.introduced(name, literal, Self::literal),
            Arg::Path(path) => self.introduced(name, path, Self::path),
        }
    }
}

//! Rules and invariants.

use super::{
    docs::{Doc, Docs, INDENT, Placed, flat_width},
    words,
};
use crate::{
    ast::{
        Actions, Arg, AtMost, Clause, ClauseKind, Duty, Effect, Else, Invariant, Name, Per, Rule, Scope, Selector,
        SelectorKind, SelectorTerm, Upon, Who, WhoKind, WhoTerm,
    },
    source::Span,
    value::LimitKey,
};

/// The widest terms with `and` between them, in columns, that are never broken into lines.
const NARROW: usize = 60;

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
                let require = self.introduced(self.text("require"), cond, Self::cond);
                self.actions_first(require, &rule.scope, on)
            }
            Effect::Gate(mode) => {
                let gate = self.text("gate ").append(mode.name());
                self.actions_first(gate, &rule.scope, on)
            }
            Effect::Oblige { duties, upon } => {
                let oblige = self.oblige(duties, upon.as_ref());
                self.actions_first(oblige, &rule.scope, on)
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
        label.map_or_else(|| self.nil(), |label| self.word(label).append(": "))
    }

    /// Clauses, `at most` and `else` may stand in any order, and are printed in this one.
    fn rearrange(&mut self, rule: &Rule, end: u32) {
        let scope = &rule.scope;
        let head = [Some(scope.actions.at), scope.on.as_ref().map(|on| on.at), scope.who.as_ref().map(|who| who.at)];
        let head = head.into_iter().flatten().map(|at| at.0).reduce(Span::to).unwrap_or_default();
        let clauses = rule.clauses.iter().map(|clause| clause.at);
        let at_most = rule.at_most.iter().map(|at_most| at_most.at);
        let otherwise = rule.otherwise.iter().map(|otherwise| otherwise.at);
        let parts: Vec<_> = clauses.chain(at_most).chain(otherwise).map(|at| at.0).collect();
        self.comments().rearrange(head, &parts, end);
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

    /// `… to ACTIONS on SELECTOR of WHO`
    fn actions_first(&mut self, head: Doc<'s>, scope: &'s Scope, on: Block<'s>) -> Doc<'s> {
        let gap = self.gap(self.line(), scope.actions.at);
        let mut target = self.actions_on(scope, on);
        if let Some(who) = &scope.who {
            target = target.append(self.gap(self.line(), who.at)).append("of ").append(self.who(who));
        }
        head.append(gap).append(target.group())
    }

    fn actions_on(&mut self, scope: &'s Scope, on: Block<'s>) -> Doc<'s> {
        let doc = self.text("to ").append(self.actions(&scope.actions));
        match scope.on.as_ref().or(on) {
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
        let all = |docs: &mut Self, terms: &'s Vec<T>| {
            // A line is broken after a comma rather than before an `and`.
            let flat = |docs: &Self| docs.without_comments().row(terms, ("", docs.space(), "and "), term);
            let wide = terms.len() > 1 && flat_width(&flat(docs)).is_none_or(|width| width > NARROW);
            let space = if wide { docs.fill() } else { docs.space() };
            docs.row(terms, ("", space, "and "), term)
        };
        let doc = self.commas(any, all);
        let doc = if except.is_empty() {
            doc
        } else {
            doc.append(self.gap(self.fill(), except.at())).append("except ").append(self.commas(except, all))
        };
        doc.nest(INDENT)
    }

    fn who_term(&mut self, term: &'s WhoTerm) -> Doc<'s> {
        match &term.kind {
            WhoKind::Anyone => self.text("anyone"),
            WhoKind::Anonymous => self.text("anonymous"),
            WhoKind::Role(role) => self.text("role ").append(self.name(role)),
            WhoKind::Org(org) => self.text("org ").append(self.string(org)),
            WhoKind::Tier(op, tier) => self.text("tier ").append(op.symbol()).append(" ").append(self.word(tier)),
            WhoKind::Principal { kind, id } => self.thing(Some(kind), id),
        }
    }

    fn selector_term(&mut self, term: &'s SelectorTerm) -> Doc<'s> {
        match &term.kind {
            SelectorKind::Any(None) => self.text("any"),
            SelectorKind::Any(Some(kind)) => self.text("any ").append(self.word(kind)),
            SelectorKind::Resource { kind, id } => self.thing(kind.as_ref(), id),
            SelectorKind::Tag(tag) => self.text("tag ").append(self.name(tag)),
            SelectorKind::Org(org) => self.text("org ").append(self.string(org)),
        }
    }

    /// `dataset "x"`
    pub(super) fn thing(&self, kind: Option<&'s Name>, id: &'s Name) -> Doc<'s> {
        match kind {
            Some(kind) => self.word(kind).append(" ").append(self.string(id)),
            None => self.string(id),
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
            doc = doc.append(self.gap(self.space(), unit.at)).append(self.word(unit));
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
            doc = doc.append(self.gap(self.space(), zone.at)).append("in ").append(self.string(zone));
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
            self.text("else").append(self.gap(self.space(), otherwise.code.at)).append(self.word(&otherwise.code));
        if let Some((status, at)) = &otherwise.status {
            doc = doc.append(self.gap(self.space(), *at)).append(words::int(*status));
        }
        if let Some(message) = &otherwise.message {
            doc = doc.append(self.gap(self.line(), message.at)).append(self.string(message)).group();
        }
        if let Some(hint) = &otherwise.hint {
            doc = doc.append(self.gap(self.line(), hint.at)).append("hint ").append(self.string(hint)).group();
        }
        doc.nest(INDENT)
    }

    /// `oblige a, b upon any`
    fn oblige(&mut self, duties: &'s [Duty], upon: Option<&'s Upon>) -> Doc<'s> {
        let gap = self.gap(self.space(), duties.at());
        let doc = self.text("oblige").append(gap).append(self.duties(duties)).nest(INDENT);
        match upon {
            None => doc,
            Some(Upon::Allow) => doc.append(" upon allow"),
            Some(Upon::Any) => doc.append(" upon any"),
            Some(Upon::Deny(None)) => doc.append(" upon deny"),
            Some(Upon::Deny(Some(code))) => {
                doc.append(self.gap(self.space(), code.at)).append("upon deny ").append(self.word(code))
            }
        }
    }

    /// `a, b`
    pub(super) fn duties(&mut self, duties: &'s [Duty]) -> Doc<'s> {
        self.commas(duties, Self::duty)
    }

    /// `watermark(user = principal.id, strength = 2)`
    pub(super) fn duty(&mut self, duty: &'s Duty) -> Doc<'s> {
        let name = self.word(&duty.name);
        if duty.args.is_empty() {
            return name;
        }
        let (notes, gap) = self.parted_gap(duty.args.at().0.start, self.nil(), self.space());
        let args = notes.append(gap).append(self.commas(&duty.args, Self::argument)).nest(INDENT);
        name.append("(").append(args).append(")")
    }

    fn argument(&mut self, (name, arg): &'s (Name, Arg)) -> Doc<'s> {
        let doc = self.word(name);
        match arg {
            Arg::Literal(literal) => {
                doc.append(self.gap(self.space(), literal.at)).append("= ").append(self.literal(literal))
            }
            Arg::Path(path) => doc.append(self.gap(self.space(), path.at)).append("= ").append(self.path(path)),
        }
    }
}

//! Rules and claims: from what is written to effects and the parts that must hold.

use super::{
    conditions::{canonical_net, end_of_day},
    infer::{Checker, quoted},
    ir::{self, Atom, Cond, Effect, LimitWindow, Part, PartKind, Refusal},
    names::suggestion,
    resolve::{RESERVED_KINDS, Space, zone},
    vocabulary::{ActionId, Owner, Type, builtin},
};
use crate::{
    ast::{
        self, Actions, AtMost, Clause, ClauseKind, Else, Instant, InstantKind, Invariant, Name, Per, Rule, Scope,
        Selector, SelectorKind, SelectorTerm, Who, WhoKind, WhoTerm, print,
    },
    glob::Glob,
    report::codes,
    source::Span,
    value::{Cmp, LimitKey, Value},
};
use std::{collections::BTreeSet, sync::Arc};

/// The actions that a statement speaks of; none for `any`.
type ActionSet = Option<BTreeSet<ActionId>>;

/// The statuses that a denial may have.
const STATUSES: [u16; 10] = [401, 402, 403, 404, 409, 410, 423, 429, 451, 503];
/// How long a lease is held where `for` is left out, in seconds.
const DEFAULT_LEASE: u64 = 600;

impl Checker<'_> {
    /// A rule; an `allow` with `at most` gives two.
    pub(super) fn rule(&mut self, rule: &Rule, at: Span, on: Option<&Selector>) -> Vec<ir::Rule> {
        let parts = self.parts(&rule.scope, &rule.clauses, on);
        let effect = self.effect(rule);
        let limit = rule.at_most.as_ref().map(|at_most| self.at_most(at_most, rule, on));
        let word = match &rule.effect {
            ast::Effect::Allow => "allow",
            ast::Effect::Deny => "deny",
            ast::Effect::Limit => "limit",
            ast::Effect::Require(_) => "require",
            ast::Effect::Gate(_) => "gate",
            ast::Effect::Oblige { .. } => "oblige",
        };
        let required = match &rule.effect {
            ast::Effect::Require(cond) => {
                let lowered = self.condition(cond).map(Cond::negated);
                lowered.map(|cond_| vec![Part { kind: PartKind::Require, at: cond.at.0, cond: cond_ }])
            }
            ast::Effect::Allow
            | ast::Effect::Deny
            | ast::Effect::Limit
            | ast::Effect::Gate(_)
            | ast::Effect::Oblige { .. } => Some(Vec::new()),
        };
        let (Some((actions, mut parts)), Some(required)) = (parts, required) else { return Vec::new() };
        parts.extend(required);
        let make = |word, effect| ir::Rule {
            name: self.name(rule.label.as_ref(), at),
            place: self.sources.place(at).into(),
            at,
            shadow: rule.shadow,
            word,
            effect,
            actions: actions.clone(),
            parts: parts.clone(),
        };
        let mut rules = Vec::new();
        rules.extend(effect.map(|effect| make(word, effect)));
        if let Some(limit) = limit {
            rules.extend(limit.map(|effect| make("limit", effect)));
        }
        rules
    }

    /// A claim.
    pub(super) fn claim(&mut self, claim: &Invariant, at: Span, on: Option<&Selector>) -> Option<ir::Claim> {
        let parts = self.parts(&claim.scope, &claim.clauses, on);
        let name = self.name(claim.label.as_ref(), at);
        let (actions, parts) = parts?;
        Some(ir::Claim { name, at, always: claim.always, actions, parts })
    }

    /// A label, else the place.
    fn name(&self, label: Option<&Name>, at: Span) -> Arc<str> {
        label.map_or_else(|| self.sources.short_place(at).into(), |label| label.text.clone())
    }

    /// What a rule does; an `allow` with `at most` and a `limit` get their limit elsewhere.
    fn effect(&mut self, rule: &Rule) -> Option<Effect> {
        let otherwise = rule.otherwise.as_deref();
        match &rule.effect {
            ast::Effect::Allow => Some(Effect::Allow),
            ast::Effect::Deny => self.refusal(otherwise, "DENIED", 403).map(Effect::Deny),
            ast::Effect::Require(_) => self.refusal(otherwise, "REQUIRED", 403).map(Effect::Deny),
            ast::Effect::Gate(mode) => {
                let refusal = self.refusal(otherwise, "GATED", 403)?;
                Some(Effect::Gate(*mode, refusal))
            }
            ast::Effect::Limit => None,
            ast::Effect::Oblige { duties, upon } => {
                let duties: Vec<Option<ir::Duty>> = duties.iter().map(|duty| self.duty(duty)).collect();
                let upon = match upon.as_deref() {
                    None | Some(ast::Upon::Allow) => ir::Upon::Allow,
                    Some(ast::Upon::Deny(code)) => ir::Upon::Deny(code.as_ref().map(|code| code.text.clone())),
                    Some(ast::Upon::Any) => ir::Upon::Any,
                };
                duties.into_iter().collect::<Option<Vec<_>>>().map(|duties| Effect::Oblige(duties, upon))
            }
        }
    }

    fn refusal(&mut self, otherwise: Option<&Else>, code: &str, status: u16) -> Option<Refusal> {
        let Some(otherwise) = otherwise else {
            return Some(Refusal { code: code.into(), status, message: None, hint: None });
        };
        let given = match otherwise.status {
            None => Some(status),
            Some((int, at)) => self.status(int.value, at.0),
        };
        let message = otherwise.message.as_ref().map(|text| self.template(text));
        let hint = otherwise.hint.as_ref().map(|text| self.template(text));
        Some(Refusal { code: otherwise.code.text.clone(), status: given?, message: flip(message)?, hint: flip(hint)? })
    }

    /// A status that a denial may have.
    pub(super) fn status(&mut self, value: i64, at: Span) -> Option<u16> {
        let status = u16::try_from(value).ok().filter(|status| STATUSES.contains(status));
        if status.is_none() {
            let known: Vec<String> = STATUSES.iter().map(u16::to_string).collect();
            let help = format!("write one of {}", known.join(", "));
            return self.error(codes::BAD_STATUS, at, format!("a denial may not have status {value}"), Some(help));
        }
        status
    }

    fn at_most(&mut self, at_most: &AtMost, rule: &Rule, on: Option<&Selector>) -> Option<Effect> {
        let refusal = self.refusal(rule.otherwise.as_deref(), "RATE_LIMITED", 429);
        let amount = u64::try_from(at_most.amount.value).ok().filter(|amount| *amount > 0);
        if amount.is_none() {
            let help = "to forbid it altogether, write `deny`".to_owned();
            let message = "a limit admits at least 1".to_owned();
            self.error::<()>(codes::BAD_LIMIT, at_most.amount_at.0, message, Some(help));
        }
        let unit = flip(at_most.unit.as_ref().map(|unit| self.unit(unit)));
        let window = self.window(at_most);
        let mut by = at_most.by.clone();
        if by.is_empty() {
            by.push(LimitKey::Principal);
        }
        by.sort();
        by.dedup();
        let identity = match &rule.label {
            Some(label) => label.text.clone(),
            None => print::print_rule(rule, on).into(),
        };
        let limit = ir::Limit { amount: amount?, unit: unit?, window: window?, by, identity };
        Some(Effect::Limit(limit, refusal?))
    }

    fn unit(&mut self, unit: &Name) -> Option<super::vocabulary::AttrId> {
        let attr = self.vocabulary.attribute(Owner::Context, &unit.text);
        let ints = || {
            let rows = self.vocabulary.attributes.iter();
            rows.filter(|row| row.owner == Owner::Context && matches!(row.ty, Type::Int(..))).map(|row| &*row.name)
        };
        match attr {
            Some(attr) if matches!(self.row(attr).ty, Type::Int(..)) => {
                self.used.attributes.insert(attr);
                Some(attr)
            }
            Some(attr) => {
                let message = format!("`{}` is {}, but a cost is a whole number", unit.text, self.row(attr).ty.words());
                let help = suggestion(&unit.text, ints());
                self.error(codes::BAD_UNIT, unit.at.0, message, help)
            }
            None => {
                let help = suggestion(&unit.text, ints())
                    .unwrap_or_else(|| format!("declare what a request costs: `attribute {}: int;`", unit.text));
                let message = format!("unknown unit `{}`", unit.text);
                self.error(codes::BAD_UNIT, unit.at.0, message, Some(help))
            }
        }
    }

    fn window(&mut self, at_most: &AtMost) -> Option<LimitWindow> {
        let seconds = match &at_most.per {
            Per::Duration(duration) => duration.seconds(),
            Per::Unit(unit) => unit.seconds(),
            Per::AtOnce(lease) => lease.map_or(DEFAULT_LEASE, ast::Duration::seconds),
            Per::Calendar(calendar, None) => {
                return Some(LimitWindow::Calendar(*calendar, self.vocabulary.zone.clone()));
            }
            Per::Calendar(calendar, Some(name)) => {
                return match zone(name) {
                    Ok(zone) => Some(LimitWindow::Calendar(*calendar, zone)),
                    Err(diagnostic) => {
                        self.diagnostics.push(diagnostic);
                        None
                    }
                };
            }
        };
        if seconds == 0 {
            let message = "a limit needs a span of time longer than nothing".to_owned();
            return self.error(
                codes::BAD_LIMIT,
                at_most.at.0,
                message,
                Some("write a duration such as `1m`".to_owned()),
            );
        }
        let at_once = matches!(at_most.per, Per::AtOnce(_));
        Some(if at_once { LimitWindow::AtOnce(seconds) } else { LimitWindow::Sliding(seconds) })
    }

    /// The actions of a statement, and what must hold for it: its scope, then its clauses. The selector of an `on` block
    /// counts as its own.
    fn parts(&mut self, scope: &Scope, clauses: &[Clause], on: Option<&Selector>) -> Option<(ActionSet, Vec<Part>)> {
        let mut parts: Vec<Option<Part>> = Vec::new();
        let mut push = |kind, at: Span, cond: Option<Cond>| parts.push(cond.map(|cond| Part { kind, at, cond }));
        if let Some(who) = &scope.who {
            push(PartKind::Who, who.at.0, self.who(who));
        }
        let actions = self.actions(&scope.actions);
        push(PartKind::To, scope.actions.at.0, actions.as_ref().map(|actions| self.to(actions.as_ref())));
        if let Some(selector) = scope.on.as_deref().or(on) {
            push(PartKind::On, selector.at.0, self.selector(selector));
        }
        for clause in clauses {
            match &clause.kind {
                ClauseKind::When(cond) => {
                    // Each side of an `and` is a part of its own: easier to explain, the same in meaning.
                    let sides =
                        if let ast::CondKind::And(sides) = &cond.kind { sides } else { std::slice::from_ref(cond) };
                    for side in sides {
                        push(PartKind::When, side.at.0, self.condition(side));
                    }
                }
                ClauseKind::Unless(cond) => {
                    push(PartKind::Unless, cond.at.0, self.condition(cond).map(Cond::negated));
                }
                ClauseKind::From(instant) => push(PartKind::From, instant.at.0, self.instant(instant, true)),
                ClauseKind::Until(instant) => push(PartKind::Until, instant.at.0, self.instant(instant, false)),
            }
        }
        actions.zip(parts.into_iter().collect())
    }

    fn who(&mut self, who: &Who) -> Option<Cond> {
        let any = self.alternatives(&who.any, Self::who_term);
        let except = self.alternatives(&who.except, Self::who_term);
        Some(Cond::all([any?, except?.negated()]))
    }

    fn selector(&mut self, selector: &Selector) -> Option<Cond> {
        let any = self.alternatives(&selector.any, Self::selector_term);
        let except = self.alternatives(&selector.except, Self::selector_term);
        Some(Cond::all([any?, except?.negated()]))
    }

    /// One of the alternatives, each with all of its terms; of none, never.
    fn alternatives<T>(
        &mut self,
        rows: &[Vec<T>],
        mut term: impl FnMut(&mut Self, &T) -> Option<Cond>,
    ) -> Option<Cond> {
        let mut alternatives = Vec::new();
        for row in rows {
            let terms: Vec<Option<Cond>> = row.iter().map(|each| term(self, each)).collect();
            alternatives.push(terms.into_iter().collect::<Option<Vec<_>>>().map(Cond::all));
        }
        alternatives.into_iter().collect::<Option<Vec<_>>>().map(Cond::any)
    }

    fn who_term(&mut self, term: &WhoTerm) -> Option<Cond> {
        let is = |attr, value| Cond::atom(Atom::Compare(attr, Cmp::Eq, value));
        match &term.kind {
            WhoKind::Anyone => Some(Cond::constant(true)),
            WhoKind::Anonymous => Some(is(builtin::PRINCIPAL_KIND, Value::text("anonymous"))),
            WhoKind::Role(name) => self.holds(name),
            WhoKind::Org(name) => Some(is(builtin::PRINCIPAL_ORG, Value::Text(name.text.clone()))),
            WhoKind::Tier(op, name) => {
                let value = self.constant(&name.text, name.at.0, &Type::Tier)?;
                self.use_name(Space::Tier, &name.text);
                Some(Cond::atom(Atom::Compare(builtin::PRINCIPAL_TIER, *op, value)))
            }
            WhoKind::Principal { kind, id } => {
                self.known_kind(kind, Owner::Principal)?;
                let glob = self.glob(Glob::text(&id.text), id)?;
                let id = identity(builtin::PRINCIPAL_ID, glob);
                Some(Cond::all([is(builtin::PRINCIPAL_KIND, Value::Text(kind.text.clone())), id]))
            }
        }
    }

    fn selector_term(&mut self, term: &SelectorTerm) -> Option<Cond> {
        let is = |attr, value| Cond::atom(Atom::Compare(attr, Cmp::Eq, value));
        let of_kind = |kind: Arc<str>| is(builtin::RESOURCE_KIND, Value::Text(kind));
        match &term.kind {
            SelectorKind::Any(None) => Some(Cond::constant(true)),
            SelectorKind::Any(Some(kind)) => {
                self.known_kind(kind, Owner::Resource)?;
                Some(of_kind(kind.text.clone()))
            }
            SelectorKind::Resource { kind, id } => {
                let kind = match kind {
                    Some(kind) => {
                        self.known_kind(kind, Owner::Resource)?;
                        kind.text.clone()
                    }
                    None => Arc::from("model"),
                };
                let glob = self.glob(Glob::resource(&id.text), id)?;
                Some(Cond::all([of_kind(kind), identity(builtin::RESOURCE_ID, glob)]))
            }
            SelectorKind::Tag(name) => Some(Cond::atom(Atom::Contains(builtin::RESOURCE_TAGS, name.text.clone()))),
            SelectorKind::Org(name) => Some(is(builtin::RESOURCE_ORG, Value::Text(name.text.clone()))),
        }
    }

    /// A kind that principals or resources can have.
    pub(super) fn known_kind(&mut self, kind: &Name, owner: Owner) -> Option<()> {
        let (kinds, space, of) = if owner == Owner::Principal {
            (&self.vocabulary.principal_kinds, Space::PrincipalKind, " of principal")
        } else {
            (&self.vocabulary.resource_kinds, Space::ResourceKind, "")
        };
        if kinds.contains(&kind.text) {
            self.use_name(space, &kind.text);
            return Some(());
        }
        let others =
            if owner == Owner::Principal { &self.vocabulary.resource_kinds } else { &self.vocabulary.principal_kinds };
        if others.contains(&kind.text) {
            let (is, not) =
                if owner == Owner::Principal { ("resources", "principals") } else { ("principals", "resources") };
            let message = format!("`{}` is a kind of {is}, not of {not}", kind.text);
            let help = format!("where it is both, declare that: `kinds{of} {};`", kind.text);
            return self.error(codes::UNKNOWN_KIND, kind.at.0, message, Some(help));
        }
        let known = kinds.iter().map(|kind| &**kind);
        let words = RESERVED_KINDS.iter().copied().filter(|word| *word != "principal" && *word != "test");
        let help = super::names::nearest(&kind.text, known.chain(words)).map_or_else(
            || format!("declare it: `kinds{of} {};`", kind.text),
            |near| format!("did you mean `{near}`?"),
        );
        let what = if owner == Owner::Principal { "principals" } else { "resources" };
        let message = format!("unknown kind `{}` of {what}", kind.text);
        self.error(codes::UNKNOWN_KIND, kind.at.0, message, Some(help))
    }

    /// The actions that names of actions and groups stand for; none for `any`.
    fn actions(&mut self, actions: &Actions) -> Option<ActionSet> {
        if actions.names.is_empty() {
            self.used.any_action = true;
            return Some(None);
        }
        let mut found = BTreeSet::new();
        let mut complete = true;
        for name in &actions.names {
            self.use_name(Space::Action, &name.text);
            if let Some(id) = self.vocabulary.action_ids.get(&name.text) {
                found.insert(*id);
            } else if let Some(group) = self.names.groups.get(&name.text) {
                found.extend(group);
            } else {
                complete = false;
                let known = self.vocabulary.actions.iter().chain(self.names.groups.keys()).map(|name| &**name);
                let help = suggestion(&name.text, known);
                self.error::<()>(codes::UNKNOWN_ACTION, name.at.0, format!("unknown action `{}`", name.text), help);
            }
        }
        complete.then_some(Some(found))
    }

    /// The test that the action is one of some; of none, of any.
    fn to(&self, actions: Option<&BTreeSet<ActionId>>) -> Cond {
        let Some(actions) = actions else { return Cond::constant(true) };
        let names = actions.iter().map(|id| self.vocabulary.actions[*id].clone()).collect();
        Cond::atom(Atom::In(builtin::ACTION_NAME, Arc::new(ir::Members::Texts(names))))
    }

    /// `from` (from this instant on) or `until` (up to and including it; a date's whole day).
    fn instant(&mut self, instant: &Instant, from: bool) -> Option<Cond> {
        let (with, without) = if from { (Cmp::Ge, Cmp::Ge) } else { (Cmp::Le, Cmp::Lt) };
        let compare = |op, at| Cond::atom(Atom::Compare(builtin::TIME, op, Value::Time(at)));
        match &instant.kind {
            InstantKind::Instant(at) => Some(compare(with, at.to_utc())),
            InstantKind::Date(date, name) => {
                let zone = match name.as_ref().map(zone) {
                    None => self.vocabulary.zone.clone(),
                    Some(Ok(zone)) => zone,
                    Some(Err(diagnostic)) => {
                        self.diagnostics.push(diagnostic);
                        return None;
                    }
                };
                let at = if from { zone.start_of_day(*date) } else { end_of_day(&zone, *date) };
                Some(compare(without, at))
            }
            InstantKind::Path(path, offset) => {
                let attr = self.attribute(path)?;
                let row = self.row(attr);
                if row.ty != Type::Time {
                    let message = format!("expected an instant, found `{}`, which is {}", row.path, row.ty.words());
                    return self.error(codes::TYPE_MISMATCH, path.at.0, message, None);
                }
                if row.owner != Owner::Resource {
                    let message = format!("`time` cannot be compared with `{}`", row.path);
                    let help = "name an instant, or a time attribute of the resource: only such tests can be decided \
                                exactly for all requests";
                    return self.error(codes::NOT_COMPARABLE, path.at.0, message, Some(help.to_owned()));
                }
                let offset = self.seconds(attr, *offset, instant.at.0)?;
                Some(Cond::atom(Atom::CompareResource { left: builtin::TIME, op: with, right: attr, offset }))
            }
        }
    }

    /// A duty with the meaning of its arguments.
    pub(super) fn duty(&mut self, duty: &ast::Duty) -> Option<ir::Duty> {
        let mut args = Vec::new();
        let mut complete = true;
        for (name, arg) in &duty.args {
            let value = match arg {
                ast::Arg::Path(path) => self.attribute(path).map(ir::Arg::Attribute),
                ast::Arg::Literal(literal) => self.untyped(literal).map(ir::Arg::Value),
            };
            match value {
                Some(value) => args.push((name.text.clone(), value)),
                None => complete = false,
            }
        }
        complete.then(|| ir::Duty { name: duty.name.text.clone(), args })
    }

    /// A constant where any value will do.
    fn untyped(&mut self, literal: &ast::Literal) -> Option<Value> {
        use ast::LiteralKind;
        match &literal.kind {
            LiteralKind::Text(text) | LiteralKind::Ident(text) => Some(Value::Text(text.clone())),
            LiteralKind::Int(int) => Some(Value::Int(int.value)),
            LiteralKind::Bool(value) => Some(Value::Bool(*value)),
            LiteralKind::Ip(ip) => Some(Value::Ip(crate::value::canonical_ip(*ip))),
            LiteralKind::Instant(instant) => Some(Value::Time(instant.to_utc())),
            LiteralKind::Cidr(net) => Some(Value::text(&canonical_net(*net).to_string())),
            LiteralKind::Date(date) => Some(Value::text(&date.to_string())),
            LiteralKind::Duration(duration) => {
                Some(Value::text(&format!("{}{}", duration.amount, duration.unit.symbol())))
            }
            LiteralKind::List(members) => super::infer::texts(members, &mut self.diagnostics).map(Value::Texts),
            LiteralKind::Held { .. } => {
                let message = format!("expected a value, found {}", quoted("a role in an organisation"));
                self.error(codes::TYPE_MISMATCH, literal.at.0, message, None)
            }
        }
    }
}

/// The test that an id is matched by a pattern, or is the one text it stands for.
fn identity(attr: super::vocabulary::AttrId, glob: Glob) -> Cond {
    Cond::atom(match glob.literal() {
        Some(text) => Atom::Compare(attr, Cmp::Eq, Value::text(text)),
        None => Atom::Like(attr, Arc::new(glob)),
    })
}

/// What may be left out: nothing is fine, an error is not.
fn flip<T>(value: Option<Option<T>>) -> Option<Option<T>> {
    match value {
        None => Some(None),
        Some(None) => None,
        Some(some) => Some(some),
    }
}

//! Rules and claims: from what is written to effects and the parts that must hold.

use super::{
    conditions::{canonical_net, end_of_day},
    infer::{Checker, quoted},
    ir::{self, Atom, Cond, CondKind, Effect, FileNames, LimitWindow, Part, PartKind, Refusal},
    names::suggestion,
    recent::Key,
    resolve::{RESERVED_KINDS, Space, zone},
    vocabulary::{ActionId, AttrId, Owner, Type, builtin},
};
use crate::{
    ast::{
        self, Actions, AtMost, Clause, ClauseKind, Else, Instant, InstantKind, Invariant, Name, Per, Rule, Scope,
        Selector, SelectorKind, SelectorTerm, Who, WhoKind, WhoTerm, print,
    },
    glob::{Glob, GlobError},
    report::codes,
    source::Span,
    value::{Cmp, LimitKey, Value},
};
use std::{collections::BTreeSet, sync::Arc};

/// The actions that a statement speaks of, sorted; none for `any`.
pub(super) type ActionSet = Option<Arc<[ActionId]>>;

/// The statuses that a denial may have.
const STATUSES: [u16; 10] = [401, 402, 403, 404, 409, 410, 423, 429, 451, 503];
/// How long a lease is held where `for` is left out, in seconds.
const DEFAULT_LEASE: u64 = 600;

impl<'a> Checker<'a> {
    /// Adds a rule; an `allow` with `at most` is two.
    pub(super) fn rule(
        &mut self,
        rule: &'a Rule,
        at: Span,
        on: Option<&'a Selector>,
        file: &Arc<FileNames>,
        rules: &mut Vec<ir::Rule>,
    ) {
        let parts = self.parts(&rule.scope, &rule.clauses, on);
        let effect = self.effect(rule);
        let limit = rule.at_most.as_ref().map(|at_most| self.at_most(at_most, rule, on));
        let required = match &rule.effect {
            ast::Effect::Require(cond) => {
                let lowered = self.known_condition(cond).map(Cond::negated);
                lowered.map(|lowered| Some(Part { kind: PartKind::Require, at: cond.at.0, cond: lowered }))
            }
            ast::Effect::Allow
            | ast::Effect::Deny
            | ast::Effect::Limit
            | ast::Effect::Gate(_)
            | ast::Effect::Oblige { .. } => Some(None),
        };
        let (Some((actions, mut parts)), Some(required)) = (parts, required) else { return };
        parts.extend(required);
        let limit = limit.flatten();
        let make = |effect, parts: Box<[Part]>| ir::Rule {
            label: rule.label.as_ref().map(|label| label.text.clone()),
            file: file.clone(),
            line: self.line(at),
            at,
            shadow: rule.shadow,
            effect,
            actions: actions.clone(),
            parts,
        };
        if let (Some(_), Some(effect)) = (&limit, &effect) {
            rules.push(make(effect.clone(), parts.clone().into()));
        }
        if let Some(effect) = limit.or(effect) {
            rules.push(make(effect, parts.into()));
        }
    }

    /// A claim.
    pub(super) fn claim(&mut self, claim: &'a Invariant, at: Span, on: Option<&'a Selector>) -> Option<ir::Claim> {
        let parts = self.parts(&claim.scope, &claim.clauses, on);
        let name = match &claim.label {
            Some(label) => label.text.clone(),
            None => self.sources.short_place(at).into(),
        };
        let (actions, parts) = parts?;
        Some(ir::Claim { name, at, always: claim.always, actions, parts: parts.into() })
    }

    /// Where to look for what a tree came to.
    fn key(&self, at: Span) -> Key {
        Key::of(self.sources.slice(at))
    }

    /// The line that a span begins on.
    fn line(&self, at: Span) -> u32 {
        let line = self.sources.get(at.file).map_or(1, |source| source.line(at.start));
        u32::try_from(line).unwrap_or(u32::MAX)
    }

    /// What a rule does; an `allow` with `at most` and a `limit` get their limit elsewhere.
    fn effect(&mut self, rule: &'a Rule) -> Option<Effect> {
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
                let (Some(first), Some(last)) = (duties.first(), duties.last()) else { return None };
                let key = self.key(first.at.0.to(last.at.0));
                let known = self.recent.duties.find(key, &rule.effect);
                known.or_else(|| self.duties(key, &rule.effect, duties, upon.as_deref())).map(Effect::Oblige)
            }
        }
    }

    fn duties(
        &mut self,
        key: Key,
        effect: &'a ast::Effect,
        duties: &[ast::Duty],
        upon: Option<&ast::Upon>,
    ) -> Option<Arc<ir::Duties>> {
        let duties: Vec<Option<ir::Duty>> = duties.iter().map(|duty| self.duty(duty)).collect();
        let upon = match upon {
            None | Some(ast::Upon::Allow) => ir::Upon::Allow,
            Some(ast::Upon::Deny(code)) => ir::Upon::Deny(code.as_ref().map(|code| code.text.clone())),
            Some(ast::Upon::Any) => ir::Upon::Any,
        };
        let duties = Arc::new(ir::Duties { duties: duties.into_iter().collect::<Option<_>>()?, upon });
        self.recent.duties.add(key, effect, duties.clone());
        Some(duties)
    }

    fn refusal(&mut self, otherwise: Option<&'a Else>, code: &str, status: u16) -> Option<Arc<Refusal>> {
        let Some(otherwise) = otherwise else {
            let plain = &mut self.recent.plain_refusals;
            if let Some(refusal) = plain.iter().find(|refusal| &*refusal.code == code) {
                return Some(refusal.clone());
            }
            let refusal = Arc::new(Refusal { code: code.into(), status, message: None, hint: None });
            plain.push(refusal.clone());
            return Some(refusal);
        };
        let key = self.key(otherwise.at.0);
        if let Some((default, refusal)) = self.recent.refusals.find(key, otherwise)
            && default == status
        {
            return Some(refusal);
        }
        let given = match otherwise.status {
            None => Some(status),
            Some((int, at)) => self.status(int.value, at.0),
        };
        let message = otherwise.message.as_ref().map(|text| self.template(text));
        let hint = otherwise.hint.as_ref().map(|text| self.template(text));
        let code = otherwise.code.text.clone();
        let refusal = Arc::new(Refusal { code, status: given?, message: flip(message)?, hint: flip(hint)? });
        self.recent.refusals.add(key, otherwise, (status, refusal.clone()));
        Some(refusal)
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

    fn at_most(&mut self, at_most: &AtMost, rule: &'a Rule, on: Option<&Selector>) -> Option<Effect> {
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
        let limit = ir::Limit { amount: amount?, unit: unit?, window: window?, by: by.into(), identity };
        Some(Effect::Limit(Arc::new(limit), refusal?))
    }

    fn unit(&mut self, unit: &Name) -> Option<AttrId> {
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
    fn parts(
        &mut self,
        scope: &'a Scope,
        clauses: &'a [Clause],
        on: Option<&'a Selector>,
    ) -> Option<(ActionSet, Vec<Part>)> {
        let mut parts = Vec::with_capacity(clauses.len().saturating_add(3));
        let mut complete = true;
        let mut push = |kind, at: Span, cond: Option<Cond>| match cond {
            Some(cond) => parts.push(Part { kind, at, cond }),
            None => complete = false,
        };
        if let Some(who) = &scope.who {
            push(PartKind::Who, who.at.0, self.who(who));
        }
        let (actions, to) = self.actions(&scope.actions).unzip();
        push(PartKind::To, scope.actions.at.0, to);
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
                        push(PartKind::When, side.at.0, self.known_condition(side));
                    }
                }
                ClauseKind::Unless(cond) => {
                    push(PartKind::Unless, cond.at.0, self.known_condition(cond).map(Cond::negated));
                }
                ClauseKind::From(instant) => push(PartKind::From, instant.at.0, self.from(instant)),
                ClauseKind::Until(instant) => push(PartKind::Until, instant.at.0, self.until(instant)),
            }
        }
        actions.filter(|_| complete).map(|actions| (actions, parts))
    }

    fn who(&mut self, who: &'a Who) -> Option<Cond> {
        let key = self.key(who.at.0);
        if let Some(known) = self.recent.who.find(key, who) {
            return Some(known);
        }
        let any = self.alternatives(&who.any, Self::who_term);
        let except = self.alternatives(&who.except, Self::who_term);
        let cond = Cond::all([any?, except?.negated()]);
        self.recent.who.add(key, who, cond.clone());
        Some(cond)
    }

    fn selector(&mut self, selector: &'a Selector) -> Option<Cond> {
        let key = self.key(selector.at.0);
        if let Some(known) = self.recent.selectors.find(key, selector) {
            return Some(known);
        }
        let any = self.alternatives(&selector.any, Self::selector_term);
        let except = self.alternatives(&selector.except, Self::selector_term);
        let cond = Cond::all([any?, except?.negated()]);
        self.recent.selectors.add(key, selector, cond.clone());
        Some(cond)
    }

    /// The meaning of a condition, perhaps known already.
    fn known_condition(&mut self, cond: &'a ast::Cond) -> Option<Cond> {
        let key = self.key(cond.at.0);
        if let Some(known) = self.recent.conditions.find(key, cond) {
            return Some(known);
        }
        let lowered = self.condition(cond)?;
        self.recent.conditions.add(key, cond, lowered.clone());
        Some(lowered)
    }

    fn from(&mut self, instant: &'a Instant) -> Option<Cond> {
        let key = self.key(instant.at.0);
        if let Some(known) = self.recent.from.find(key, instant) {
            return Some(known);
        }
        let cond = self.instant(instant, true)?;
        self.recent.from.add(key, instant, cond.clone());
        Some(cond)
    }

    fn until(&mut self, instant: &'a Instant) -> Option<Cond> {
        let key = self.key(instant.at.0);
        if let Some(known) = self.recent.until.find(key, instant) {
            return Some(known);
        }
        let cond = self.instant(instant, false)?;
        self.recent.until.add(key, instant, cond.clone());
        Some(cond)
    }

    /// One of the alternatives, each with all of its terms; of none, never.
    fn alternatives<T>(
        &mut self,
        rows: &[Vec<T>],
        mut term: impl FnMut(&mut Self, &T) -> Option<Cond>,
    ) -> Option<Cond> {
        if let [row] = rows
            && let [only] = row.as_slice()
        {
            return term(self, only);
        }
        let mut alternatives = Vec::with_capacity(rows.len());
        for row in rows {
            // All of them, so that every error is found.
            let terms: Vec<Option<Cond>> = row.iter().map(|each| term(self, each)).collect();
            alternatives.push(terms.into_iter().collect::<Option<Vec<_>>>().map(Cond::all));
        }
        alternatives.into_iter().collect::<Option<Vec<_>>>().map(Cond::any)
    }

    /// The test that a principal or a resource is of a kind.
    fn of_kind(&mut self, attr: AttrId, kind: &str) -> Cond {
        let same = |cond: &&Cond| matches!(cond.kind(), CondKind::Atom(Atom::Compare(of, _, Value::Text(known))) if *of == attr && **known == *kind);
        if let Some(known) = self.recent.kinds.iter().find(same) {
            return known.clone();
        }
        let cond = Cond::atom(Atom::Compare(attr, Cmp::Eq, Value::text(kind)));
        self.recent.kinds.push(cond.clone());
        cond
    }

    /// The test that an id is matched by a pattern, or is the one text it stands for.
    fn identity(&mut self, attr: AttrId, pattern: &Name, compile: fn(&str) -> Result<Glob, GlobError>) -> Option<Cond> {
        if Glob::is_plain(&pattern.text) {
            return Some(Cond::atom(Atom::Compare(attr, Cmp::Eq, Value::Text(pattern.text.clone()))));
        }
        let glob = self.glob(compile(&pattern.text), pattern)?;
        Some(Cond::atom(match glob.literal() {
            Some(text) => Atom::Compare(attr, Cmp::Eq, Value::text(text)),
            None => Atom::Like(attr, Arc::new(glob)),
        }))
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
                let id = self.identity(builtin::PRINCIPAL_ID, id, Glob::text)?;
                Some(Cond::all([self.of_kind(builtin::PRINCIPAL_KIND, &kind.text), id]))
            }
        }
    }

    fn selector_term(&mut self, term: &SelectorTerm) -> Option<Cond> {
        let is = |attr, value| Cond::atom(Atom::Compare(attr, Cmp::Eq, value));
        match &term.kind {
            SelectorKind::Any(None) => Some(Cond::constant(true)),
            SelectorKind::Any(Some(kind)) => {
                self.known_kind(kind, Owner::Resource)?;
                Some(self.of_kind(builtin::RESOURCE_KIND, &kind.text))
            }
            SelectorKind::Resource { kind, id } => {
                let of_kind = match kind {
                    Some(kind) => {
                        self.known_kind(kind, Owner::Resource)?;
                        self.of_kind(builtin::RESOURCE_KIND, &kind.text)
                    }
                    None => self.of_kind(builtin::RESOURCE_KIND, "model"),
                };
                Some(Cond::all([of_kind, self.identity(builtin::RESOURCE_ID, id, Glob::resource)?]))
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

    /// The actions that names of actions and groups stand for, none for `any`; and the test that the action is one of them.
    fn actions(&mut self, actions: &'a Actions) -> Option<(ActionSet, Cond)> {
        if actions.names.is_empty() {
            self.used.any_action = true;
            return Some((None, Cond::constant(true)));
        }
        let key = self.key(actions.at.0);
        if let Some(known) = self.recent.actions.find(key, actions) {
            return Some(known);
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
        if !complete {
            return None;
        }
        let names = found.iter().map(|id| self.vocabulary.actions[*id].clone()).collect();
        let to = Cond::atom(Atom::In(builtin::ACTION_NAME, Arc::new(ir::Members::Texts(names))));
        let meaning = (Some(found.into_iter().collect()), to);
        self.recent.actions.add(key, actions, meaning.clone());
        Some(meaning)
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
        complete.then(|| ir::Duty { name: duty.name.text.clone(), args: args.into() })
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

/// What may be left out: nothing is fine, an error is not.
fn flip<T>(value: Option<Option<T>>) -> Option<Option<T>> {
    match value {
        None => Some(None),
        Some(None) => None,
        Some(some) => Some(some),
    }
}

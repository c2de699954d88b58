//! Statements to documents.
//!
//! Allows and limits are read back one by one. Whether the limits say what a document's `rate_limit` says is then not
//! guessed: the exemptions that the document would be imported with must be those that the limit has.

use super::{
    Block, Conditions, Document, Operation, Principal, PrincipalKind, Rate, Rule,
    lower::{Exemptions, exemptions},
};
use crate::{
    ast::{
        Actions, AtMost, Clause, ClauseKind, CondKind, Effect, InstantKind, Item, ItemKind, Literal, LiteralKind,
        Operand, Per, PerUnit, Rule as Statement, Selector, SelectorKind, SetExpr, Who, WhoKind,
    },
    source::Span,
    value::LimitKey,
    wire::pattern,
};
use std::{collections::BTreeMap, sync::Arc};

/// Something that an access-control list cannot say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Inexpressible {
    /// Where it stands.
    pub span: Span,
    /// What it is.
    pub what: String,
}

fn no<T>(span: Span, what: impl Into<String>) -> Result<T, Inexpressible> {
    Err(Inexpressible { span, what: what.into() })
}

/// All documents of some statements.
pub(super) fn documents(items: &[Item]) -> Result<Vec<Document>, Vec<Inexpressible>> {
    let mut models = Models { sets: named_sets(items), models: BTreeMap::new(), faults: Vec::new() };
    for item in items {
        models.item(item);
    }
    let mut faults = models.faults;
    let mut lists: Vec<(String, Model)> = models.models.into_iter().collect();
    lists.sort_by_key(|(_, list)| list.order);
    let documents = lists.into_iter().map(|(model, list)| list.document(model, &mut faults)).collect();
    if faults.is_empty() { Ok(documents) } else { Err(faults) }
}

fn named_sets(items: &[Item]) -> BTreeMap<&str, &[Literal]> {
    let mut sets = BTreeMap::new();
    for item in items {
        if let ItemKind::Set { name, members } = &item.kind {
            sets.insert(&*name.text, members.as_slice());
        }
    }
    sets
}

/// The lists as far as they have been read.
struct Models<'a> {
    sets: BTreeMap<&'a str, &'a [Literal]>,
    models: BTreeMap<String, Model>,
    faults: Vec<Inexpressible>,
}

/// One model's list.
struct Model {
    /// How many other models came before it.
    order: usize,
    rules: Vec<(Rule, Option<Limit>)>,
}

/// A rule's limit, as far as the rule itself does not say it.
struct Limit {
    exempt: Exemptions,
    span: Span,
}

impl Model {
    fn document(self, model: String, faults: &mut Vec<Inexpressible>) -> Document {
        let (rules, limits): (Vec<Rule>, Vec<Option<Limit>>) = self.rules.into_iter().unzip();
        let document = Document { model, rules };
        for (rule, limit) in document.rules.iter().zip(limits) {
            if let Some(limit) = limit
                && exemptions(&document, rule).as_ref() != Some(&limit.exempt)
            {
                let what =
                    "a limit that exempts other principals than those whom other rules grant the same without one";
                faults.push(Inexpressible { span: limit.span, what: what.to_owned() });
            }
        }
        document
    }
}

impl<'a> Models<'a> {
    fn item(&mut self, item: &'a Item) {
        match &item.kind {
            ItemKind::On { selector, items } => self.block(selector, items),
            ItemKind::Rule(rule) => match &rule.scope.on {
                Some(selector) => match model_of(selector) {
                    Ok(model) => self.rule(&model, rule, item.at.0),
                    Err(fault) => self.faults.push(fault),
                },
                None => self.fault(item, "a rule on any model"),
            },
            ItemKind::Role { includes, .. } if !includes.is_empty() => self.fault(item, "a role that includes others"),
            ItemKind::ActionGroup { .. } => self.fault(item, "a group of actions"),
            ItemKind::Attribute { default: Some(_), .. } => self.fault(item, "an attribute with a default"),
            ItemKind::Declaration(_) => self.fault(item, "a declaration"),
            ItemKind::Timezone(_)
            | ItemKind::Tiers(_)
            | ItemKind::Actions(_)
            | ItemKind::Kinds { .. }
            | ItemKind::Role { .. }
            | ItemKind::Attribute { .. }
            | ItemKind::Set { .. }
            | ItemKind::Window { .. }
            | ItemKind::Condition { .. }
            | ItemKind::Invariant(_)
            | ItemKind::Test(_) => {}
        }
    }

    fn fault(&mut self, item: &Item, what: &str) {
        self.faults.push(Inexpressible { span: item.at.0, what: what.to_owned() });
    }

    fn block(&mut self, selector: &Selector, items: &[Item]) {
        let model = match model_of(selector) {
            Ok(model) => model,
            Err(fault) => return self.faults.push(fault),
        };
        self.list(&model);
        for item in items {
            if let ItemKind::Rule(rule) = &item.kind {
                self.rule(&model, rule, item.at.0);
            }
        }
    }

    /// The list of a model, made where there is none yet.
    fn list(&mut self, model: &str) -> &mut Vec<(Rule, Option<Limit>)> {
        let order = self.models.len();
        &mut self.models.entry(model.to_owned()).or_insert_with(|| Model { order, rules: Vec::new() }).rules
    }

    fn rule(&mut self, model: &str, rule: &Statement, span: Span) {
        if let Err(fault) = self.try_rule(model, rule, span) {
            self.faults.push(fault);
        }
    }

    fn try_rule(&mut self, model: &str, rule: &Statement, span: Span) -> Result<(), Inexpressible> {
        if rule.shadow {
            return no(span, "a shadow rule");
        }
        let effect = match &rule.effect {
            Effect::Allow => None,
            Effect::Limit => Some("`limit`"),
            Effect::Deny => return no(span, "a `deny`"),
            Effect::Require(_) => return no(span, "a `require`"),
            Effect::Gate(_) => return no(span, "a `gate`"),
            Effect::Oblige { .. } => return no(span, "an `oblige`"),
        };
        if let Some(otherwise) = &rule.otherwise {
            return no(otherwise.at.0, "an `else`");
        }
        let Some(who) = &rule.scope.who else { return no(span, "a rule of anyone") };
        let rate = rule.at_most.as_deref().map(rate).transpose()?;
        let mut allow = Rule {
            principal: principal(who)?,
            operations: operations(&rule.scope.actions)?,
            conditions: Conditions::default(),
        };
        let limit = effect.is_some();
        let (own, unless): (Vec<&Clause>, Vec<&Clause>) =
            rule.clauses.iter().partition(|clause| !(limit && matches!(clause.kind, ClauseKind::Unless(_))));
        allow.conditions = self.conditions(&own)?;
        let exempt = Exemptions { except: who.except.clone(), unless: unless.into_iter().cloned().collect() };
        if limit {
            return self.bind(model, &allow, rate, Limit { exempt, span });
        }
        if !who.except.is_empty() {
            return no(who.at.0, "an `except`");
        }
        allow.conditions.rate_limit = rate;
        let limit = rate.map(|_| Limit { exempt, span });
        self.list(model).push((allow, limit));
        Ok(())
    }

    /// Gives a limit's rate to the first rule with the same scope and conditions that has none yet.
    fn bind(&mut self, model: &str, scope: &Rule, rate: Option<Rate>, limit: Limit) -> Result<(), Inexpressible> {
        let Some((rule, place)) = self.list(model).iter_mut().find(|(rule, _)| rule == scope) else {
            return no(limit.span, "a `limit` without an `allow` of the same scope and conditions before it");
        };
        rule.conditions.rate_limit = rate;
        *place = Some(limit);
        Ok(())
    }

    fn conditions(&self, clauses: &[&Clause]) -> Result<Conditions, Inexpressible> {
        let mut conditions = Conditions::default();
        for clause in clauses {
            let span = clause.at.0;
            match &clause.kind {
                ClauseKind::When(cond) => {
                    let Some(blocks) = self.ip_range(&cond.kind) else {
                        return no(span, "a condition other than `ip in […]`");
                    };
                    if !conditions.ip_range.is_empty() {
                        return no(span, "a second condition on `ip`");
                    }
                    conditions.ip_range = blocks;
                }
                ClauseKind::Until(instant) => {
                    let InstantKind::Instant(until) = instant.kind else {
                        return no(span, "an `until` without a full instant");
                    };
                    if conditions.valid_until.replace(until).is_some() {
                        return no(span, "a second `until`");
                    }
                }
                ClauseKind::From(_) => return no(span, "a `from`"),
                ClauseKind::Unless(_) => return no(span, "an `unless`"),
            }
        }
        Ok(conditions)
    }

    /// The blocks of `ip in [10.0.0.0/8]` or `ip in intranet`; never none.
    fn ip_range(&self, cond: &CondKind) -> Option<Vec<Block>> {
        let CondKind::In { operand: Operand::Path(path, None), negated: false, set } = cond else { return None };
        if !matches!(&*path.text, "ip" | "context.ip") {
            return None;
        }
        let literals = match set {
            SetExpr::List(literals, _) => literals.as_slice(),
            SetExpr::Path(name) => self.sets.get(&*name.text)?,
        };
        let blocks: Option<Vec<Block>> = literals.iter().map(|literal| block(&literal.kind)).collect();
        blocks.filter(|blocks| !blocks.is_empty())
    }
}

fn block(literal: &LiteralKind) -> Option<Block> {
    if let LiteralKind::Ip(address) = literal {
        Some(Block::Address(*address))
    } else if let LiteralKind::Cidr(network) = literal {
        Some(Block::Network(*network))
    } else {
        None
    }
}

/// The model of a selector that selects just one.
fn model_of(selector: &Selector) -> Result<String, Inexpressible> {
    let span = selector.at.0;
    let ([any], []) = (selector.any.as_slice(), selector.except.as_slice()) else {
        return no(span, "a selector of several resources");
    };
    let [term] = any.as_slice() else { return no(span, "a selector with `and`") };
    let SelectorKind::Resource { kind, id } = &term.kind else {
        return no(span, "a selector of other than one model");
    };
    if kind.as_ref().is_some_and(|kind| &*kind.text != "model") {
        return no(span, "a resource that is not a model");
    }
    literal_id(&id.text).ok_or_else(|| Inexpressible { span, what: "a pattern of models".to_owned() })
}

fn principal(who: &Who) -> Result<Principal, Inexpressible> {
    let span = who.at.0;
    let [any] = who.any.as_slice() else { return no(span, "a rule of several principals") };
    let [term] = any.as_slice() else { return no(span, "a rule of principals with `and`") };
    match &term.kind {
        WhoKind::Role(role) => Ok(Principal { kind: PrincipalKind::Role, value: role.text.to_string() }),
        WhoKind::Principal { kind, id } => {
            let known = PrincipalKind::ALL.into_iter().find(|known| known.name() == &*kind.text);
            let Some(kind) = known else { return no(span, format!("a principal of kind `{}`", kind.text)) };
            let Some(value) = literal_id(&id.text) else { return no(span, "a pattern of principals") };
            Ok(Principal { kind, value })
        }
        WhoKind::Anyone => no(span, "a rule of anyone"),
        WhoKind::Anonymous => no(span, "a rule of `anonymous`"),
        WhoKind::Org(_) => no(span, "a rule of an organisation"),
        WhoKind::Tier(..) => no(span, "a rule of a tier"),
    }
}

fn literal_id(pattern: &Arc<str>) -> Option<String> {
    pattern::unescape(pattern).filter(|id| !id.is_empty())
}

fn operations(actions: &Actions) -> Result<Vec<Operation>, Inexpressible> {
    if actions.names.is_empty() {
        return no(actions.at.0, "a rule of any action");
    }
    let operation = |name: &crate::ast::Name| {
        let known = Operation::ALL.into_iter().find(|known| known.name() == &*name.text);
        known.ok_or_else(|| Inexpressible { span: name.at.0, what: format!("the action `{}`", name.text) })
    };
    actions.names.iter().map(operation).collect()
}

fn rate(at_most: &AtMost) -> Result<Rate, Inexpressible> {
    let span = at_most.at.0;
    if let Some(unit) = &at_most.unit {
        return no(span, format!("a limit of `{}`", unit.text));
    }
    if at_most.by.iter().any(|key| *key != LimitKey::Principal) {
        return no(span, "a limit that is not by principal");
    }
    let seconds = match &at_most.per {
        Per::Unit(unit) => unit.seconds(),
        Per::Duration(duration) => duration.seconds(),
        Per::Calendar(..) => return no(span, "a limit by calendar"),
        Per::AtOnce(_) => return no(span, "a limit of how much at once"),
    };
    let units = [PerUnit::Second, PerUnit::Minute, PerUnit::Hour, PerUnit::Day];
    let Some(unit) = units.into_iter().find(|unit| unit.seconds() == seconds) else {
        return no(span, "a limit per other than a second, a minute, an hour or a day");
    };
    Ok(Rate { count: at_most.amount.value, unit })
}

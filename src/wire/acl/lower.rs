//! Documents to statements.

use super::{Block, Conditions, Document, Grant, Operation, Principal, PrincipalKind, Rate, Rule};
use crate::{
    ast::{
        Actions, At, AtMost, Clause, ClauseKind, Cond, CondKind, Effect, Instant, InstantKind, Int, Item, ItemKind,
        Literal, LiteralKind, Name, Operand, Path, Per, Rule as Statement, Scope, Selector, SelectorKind, SelectorTerm,
        SetExpr, Who, WhoKind, WhoTerm,
    },
    value::Cmp,
    wire::pattern,
};
use ipnet::IpNet;
use std::fmt::Write;

/// A document as a block, with notes on what it says less exactly.
pub(super) fn document(document: &Document, notes: &mut Vec<String>) -> Item {
    let document = &without_idle_rates(&with_plain_ranges(document, notes), notes);
    let mut items = Vec::new();
    for (rule, number) in document.rules.iter().zip(1usize..) {
        let label = format!("acl_{}_{number}", identifier(&document.model));
        let mut allow = statement(&label, Effect::Allow, who(&rule.principal), rule);
        let mut limit = None;
        if let Some((rate, exempt)) = rule.conditions.rate_limit.zip(exemptions(document, rule)) {
            if exempt == Exemptions::default() {
                allow.at_most = Some(Box::new(at_most(rate)));
            } else {
                limit = Some(limit_of(&label, rule, rate, exempt));
            }
        }
        items.push(rule_item(allow));
        items.extend(limit.map(rule_item));
    }
    note_overlaps(document, notes);
    block(&document.model, items)
}

/// A document whose ranges say nothing twice: blocks without host bits, and none inside of another; with a note on each.
fn with_plain_ranges(document: &Document, notes: &mut Vec<String>) -> Document {
    let mut plain = document.clone();
    for (rule, number) in plain.rules.iter_mut().zip(1usize..) {
        let mut note = |what: String| notes.push(format!("model `{}`: in rule {number}, {what}", document.model));
        for block in &mut rule.conditions.ip_range {
            let Block::Network(net) = block else { continue };
            if *net != net.trunc() {
                note(format!("`{net}` is written as the block it stands for, `{}`", net.trunc()));
                *net = net.trunc();
            }
        }
        let all: Vec<Block> = rule.conditions.ip_range.clone();
        let mut place = 0usize;
        rule.conditions.ip_range.retain(|block| {
            let here = place;
            place = place.saturating_add(1);
            // Of two that are the same, the first stays.
            let covers = |(other_place, other): &(usize, &Block)| {
                let (inner, outer) = (network(*block), network(**other));
                outer.contains(&inner) && (inner != outer || *other_place < here)
            };
            let covered = all.iter().enumerate().find(covers);
            if let Some((_, outer)) = covered {
                note(format!("`{block}` is left out, as it is inside of `{outer}`"));
            }
            covered.is_none()
        });
    }
    plain
}

/// A document without the rate limits that bind nobody, with a note on each.
fn without_idle_rates(document: &Document, notes: &mut Vec<String>) -> Document {
    let mut rest = document.clone();
    for (rule, number) in rest.rules.iter_mut().zip(1usize..) {
        if rule.conditions.rate_limit.is_some() && exemptions(document, rule).is_none() {
            rule.conditions.rate_limit = None;
            notes.push(format!(
                "model `{}`: the rate limit of rule {number} never binds, as another rule grants the same without one",
                document.model
            ));
        }
    }
    rest
}

/// A grant as a block.
pub(super) fn grant(grant: &Grant, user: &str) -> Item {
    // Two underscores never occur in an identifier made of a text, so they keep the model and the user apart.
    let label = format!("grant_{}__{}", identifier(&grant.model), identifier(user));
    let principal = Principal { kind: PrincipalKind::User, value: user.to_owned() };
    let actions = Actions { names: grant.permissions.iter().map(|text| name(text)).collect(), at: At::default() };
    let allow = Statement {
        label: Some(name(&label)),
        shadow: false,
        effect: Effect::Allow,
        scope: Scope { who: Some(who(&principal)), actions, on: None },
        clauses: Vec::new(),
        at_most: None,
        otherwise: None,
    };
    block(&grant.model, vec![rule_item(allow)])
}

/// Whom a rule's rate limit does not bind.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Exemptions {
    /// Those who are never bound.
    pub(super) except: Vec<Vec<WhoTerm>>,
    /// When somebody is not bound.
    pub(super) unless: Vec<Clause>,
}

/// Whom a rule's rate limit does not bind, because other rules grant them the same without one; `None` where it can bind
/// nobody. The rule itself has a rate limit, so it is none of the others.
pub(super) fn exemptions(document: &Document, rule: &Rule) -> Option<Exemptions> {
    let mut exempt = Exemptions::default();
    for other in document.rules.iter().filter(|other| other.conditions.rate_limit.is_none()) {
        let shared = shared(rule, other);
        if shared.is_empty() || !may_be_one(&rule.principal, &other.principal) {
            continue;
        }
        match (when_other_grants(rule, other, &shared), rule.principal == other.principal) {
            (None, true) => return None,
            (None, false) => push_new(&mut exempt.except, vec![who_term(&other.principal)]),
            (Some(cond), _) => push_new(&mut exempt.unless, clause(ClauseKind::Unless(cond))),
        }
    }
    Some(exempt)
}

/// What must hold beyond a rule itself for another rule to grant the same; `None` where nothing more must, except perhaps
/// that the principal is the other's.
fn when_other_grants(rule: &Rule, other: &Rule, shared: &[Operation]) -> Option<Cond> {
    let mut conds = Vec::new();
    if shared.len() < rule.operations.len() {
        conds.push(is_operation(shared));
    }
    if !implies_range(&rule.conditions, &other.conditions) {
        conds.push(ip_in(&other.conditions.ip_range));
    }
    if let Some(until) = other.conditions.valid_until
        && rule.conditions.valid_until.is_none_or(|own| own > until)
    {
        conds.push(compare("time", Cmp::Le, LiteralKind::Instant(until)));
    }
    if conds.is_empty() {
        return None;
    }
    if rule.principal != other.principal {
        conds.splice(0..0, is_principal(&other.principal));
    }
    Some(all(conds))
}

/// Whether every address of one rule's range is surely in the other's.
fn implies_range(own: &Conditions, other: &Conditions) -> bool {
    let within = |block: &Block| other.ip_range.iter().any(|outer| network(*outer).contains(&network(*block)));
    other.ip_range.is_empty() || (!own.ip_range.is_empty() && own.ip_range.iter().all(within))
}

/// Whether two rules' ranges surely have no address in common.
fn disjoint_ranges(a: &Conditions, b: &Conditions) -> bool {
    let apart = |x: &Block, y: &Block| {
        let (x, y) = (network(*x), network(*y));
        !x.contains(&y) && !y.contains(&x)
    };
    let (a, b) = (&a.ip_range, &b.ip_range);
    !a.is_empty() && !b.is_empty() && a.iter().all(|x| b.iter().all(|y| apart(x, y)))
}

/// The block as a network of the addresses that it stands for: an IPv4 block in IPv6 form is the IPv4 block.
fn network(block: Block) -> IpNet {
    match block {
        Block::Address(address) => IpNet::from(address.to_canonical()),
        Block::Network(network) => {
            let network = network.trunc();
            let mapped = network.prefix_len().checked_sub(96).zip(Some(network.addr().to_canonical()));
            let v4 = mapped.filter(|(_, address)| network.addr().is_ipv6() && address.is_ipv4());
            v4.and_then(|(prefix, address)| IpNet::new(address, prefix).ok()).unwrap_or(network)
        }
    }
}

/// Whether one principal may be both: anybody may hold any role.
fn may_be_one(a: &Principal, b: &Principal) -> bool {
    a == b || a.kind == PrincipalKind::Role || b.kind == PrincipalKind::Role
}

fn shared(a: &Rule, b: &Rule) -> Vec<Operation> {
    a.operations.iter().copied().filter(|operation| b.operations.contains(operation)).collect()
}

/// Notes, for each rate limit, the later ones that may bind the same request.
fn note_overlaps(document: &Document, notes: &mut Vec<String>) {
    let numbered = document.rules.iter().zip(1usize..);
    let limited: Vec<_> = numbered.filter(|(rule, _)| rule.conditions.rate_limit.is_some()).collect();
    for (position, (rule, number)) in limited.iter().enumerate() {
        let later = limited.iter().skip(position.saturating_add(1)).filter(|(other, _)| overlap(rule, other));
        let later: Vec<String> = later.map(|(_, other)| other.to_string()).collect();
        if !later.is_empty() {
            notes.push(format!(
                "model `{}`: the rate limits of rule {number} and of {} {} overlap; whoever matches several is bound by all, \
                 hence by the strictest",
                document.model,
                if later.len() == 1 { "rule" } else { "rules" },
                later.join(", ")
            ));
        }
    }
}

/// Whether one request may match both rules.
fn overlap(a: &Rule, b: &Rule) -> bool {
    may_be_one(&a.principal, &b.principal) && !shared(a, b).is_empty() && !disjoint_ranges(&a.conditions, &b.conditions)
}

/// A text as a part of an identifier. Two texts never give the same: whatever is not a letter, a digit or a hyphen between
/// them is written as `_` and two hexadecimal digits for each byte.
pub(super) fn identifier(text: &str) -> String {
    let bytes = text.as_bytes();
    let plain = |index: Option<usize>| index.and_then(|index| bytes.get(index)).is_some_and(u8::is_ascii_alphanumeric);
    let mut identifier = String::with_capacity(text.len());
    for (index, byte) in bytes.iter().enumerate() {
        let inner = *byte == b'-' && plain(index.checked_sub(1)) && plain(index.checked_add(1));
        if byte.is_ascii_alphanumeric() || inner {
            identifier.push(char::from(*byte));
        } else {
            // Writing to a string cannot fail.
            let _ = write!(identifier, "_{byte:02x}");
        }
    }
    identifier
}

fn limit_of(label: &str, rule: &Rule, rate: Rate, exempt: Exemptions) -> Statement {
    let who = Who { except: exempt.except, ..who(&rule.principal) };
    let mut limit = statement(&format!("{label}_limit"), Effect::Limit, who, rule);
    limit.clauses.extend(exempt.unless);
    limit.at_most = Some(Box::new(at_most(rate)));
    limit
}

fn statement(label: &str, effect: Effect, who: Who, rule: &Rule) -> Statement {
    let names = rule.operations.iter().map(|operation| name(operation.name())).collect();
    Statement {
        label: Some(name(label)),
        shadow: false,
        effect,
        scope: Scope { who: Some(who), actions: Actions { names, at: At::default() }, on: None },
        clauses: clauses(&rule.conditions),
        at_most: None,
        otherwise: None,
    }
}

fn clauses(conditions: &Conditions) -> Vec<Clause> {
    let mut clauses = Vec::new();
    if !conditions.ip_range.is_empty() {
        clauses.push(clause(ClauseKind::When(ip_in(&conditions.ip_range))));
    }
    if let Some(until) = conditions.valid_until {
        let instant = Instant { kind: InstantKind::Instant(until), at: At::default() };
        clauses.push(clause(ClauseKind::Until(instant)));
    }
    clauses
}

fn at_most(rate: Rate) -> AtMost {
    AtMost {
        amount: Int { value: rate.count, grouped: false },
        amount_at: At::default(),
        unit: None,
        per: Per::Unit(rate.unit),
        by: Vec::new(),
        at: At::default(),
    }
}

fn who(principal: &Principal) -> Who {
    Who { any: vec![vec![who_term(principal)]], except: Vec::new(), at: At::default() }
}

fn who_term(principal: &Principal) -> WhoTerm {
    let kind = match principal.kind {
        PrincipalKind::Role => WhoKind::Role(name(&principal.value)),
        PrincipalKind::User | PrincipalKind::Key | PrincipalKind::Service => {
            WhoKind::Principal { kind: name(principal.kind.name()), id: name(&pattern::escape(&principal.value)) }
        }
    };
    WhoTerm { kind, at: At::default() }
}

/// The same as [`who_term`], as conditions.
fn is_principal(principal: &Principal) -> Vec<Cond> {
    match principal.kind {
        PrincipalKind::Role => {
            let roles = SetExpr::List(vec![literal(text(&principal.value))], At::default());
            vec![cond(CondKind::Overlaps { path: path("principal.roles"), set: roles })]
        }
        PrincipalKind::User | PrincipalKind::Key | PrincipalKind::Service => vec![
            compare("principal.kind", Cmp::Eq, text(principal.kind.name())),
            compare("principal.id", Cmp::Eq, text(&principal.value)),
        ],
    }
}

fn is_operation(operations: &[Operation]) -> Cond {
    if let [operation] = operations {
        return compare("action.name", Cmp::Eq, text(operation.name()));
    }
    let names = operations.iter().map(|operation| literal(text(operation.name()))).collect();
    is_in("action.name", names)
}

fn ip_in(blocks: &[Block]) -> Cond {
    let literals = blocks.iter().map(|block| match *block {
        Block::Address(address) => literal(LiteralKind::Ip(address)),
        Block::Network(network) => literal(LiteralKind::Cidr(network)),
    });
    is_in("ip", literals.collect())
}

fn is_in(attribute: &str, literals: Vec<Literal>) -> Cond {
    cond(CondKind::In {
        operand: Operand::Path(path(attribute), None),
        negated: false,
        set: SetExpr::List(literals, At::default()),
    })
}

fn compare(attribute: &str, op: Cmp, constant: LiteralKind) -> Cond {
    let (left, right) = (Operand::Path(path(attribute), None), Operand::Literal(literal(constant)));
    cond(CondKind::Compare { left, op, right })
}

/// All of some conditions; one alone stays as it is.
fn all(mut conds: Vec<Cond>) -> Cond {
    match (conds.len(), conds.pop()) {
        (1, Some(only)) => only,
        (_, last) => {
            conds.extend(last);
            cond(CondKind::And(conds))
        }
    }
}

fn push_new<T: PartialEq>(list: &mut Vec<T>, value: T) {
    if !list.contains(&value) {
        list.push(value);
    }
}

fn block(model: &str, items: Vec<Item>) -> Item {
    let kind = SelectorKind::Resource { kind: None, id: name(&pattern::escape(model)) };
    let any = vec![vec![SelectorTerm { kind, at: At::default() }]];
    let selector = Box::new(Selector { any, except: Vec::new(), at: At::default() });
    item(ItemKind::On { selector, items })
}

fn rule_item(rule: Statement) -> Item {
    item(ItemKind::Rule(Box::new(rule)))
}

fn item(kind: ItemKind) -> Item {
    Item { docs: Vec::new(), kind, at: At::default() }
}

fn clause(kind: ClauseKind) -> Clause {
    Clause { kind, at: At::default() }
}

fn cond(kind: CondKind) -> Cond {
    Cond { kind, at: At::default() }
}

fn literal(kind: LiteralKind) -> Literal {
    Literal { kind, at: At::default() }
}

fn text(text: &str) -> LiteralKind {
    LiteralKind::Text(text.into())
}

fn name(text: &str) -> Name {
    Name { text: text.into(), at: At::default() }
}

fn path(text: &str) -> Path {
    Path { text: text.into(), at: At::default() }
}

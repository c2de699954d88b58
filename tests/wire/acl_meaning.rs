//! What an imported access-control list means: who is granted, and whom which limit binds, is what the document says.
//!
//! The oracle reads the JSON document; beside it stands a small evaluator for the forms of statements that imports make.

use chrono::{DateTime, FixedOffset};
use ipnet::IpNet;
use policyc::{
    ast::{
        ClauseKind, Cond, CondKind, Effect, InstantKind, Item, ItemKind, Literal, LiteralKind, Operand, Rule, SetExpr,
        WhoKind, WhoTerm,
    },
    wire::acl::import,
};
use proptest::prelude::*;
use serde_json::{Value, json};
use std::net::IpAddr;

#[derive(Debug, Clone)]
struct Asked {
    kind: &'static str,
    id: &'static str,
    roles: Vec<&'static str>,
    operation: &'static str,
    ip: IpAddr,
    time: DateTime<FixedOffset>,
}

impl Asked {
    fn term(&self, term: &WhoTerm) -> bool {
        match &term.kind {
            WhoKind::Role(role) => self.roles.contains(&&*role.text),
            WhoKind::Principal { kind, id } => self.kind == &*kind.text && self.id == &*id.text,
            other => panic!("an import does not make {other:?}"),
        }
    }

    fn text(&self, path: &str) -> &'static str {
        match path {
            "principal.kind" => self.kind,
            "principal.id" => self.id,
            "action.name" => self.operation,
            other => panic!("an import does not read {other}"),
        }
    }

    fn is(&self, path: &str, literal: &Literal) -> bool {
        match &literal.kind {
            LiteralKind::Text(text) => self.text(path) == &**text,
            LiteralKind::Ip(ip) => path == "ip" && self.ip == *ip,
            LiteralKind::Cidr(network) => path == "ip" && network.contains(&self.ip),
            other => panic!("an import does not make {other:?}"),
        }
    }

    fn cond(&self, cond: &Cond) -> bool {
        match &cond.kind {
            CondKind::And(conds) => conds.iter().all(|cond| self.cond(cond)),
            CondKind::Compare { left: Operand::Path(path, None), op, right: Operand::Literal(literal) } => {
                if let LiteralKind::Instant(instant) = &literal.kind {
                    assert_eq!(&*path.text, "time");
                    return op.holds(self.time.cmp(instant));
                }
                assert_eq!(op.symbol(), "==");
                self.is(&path.text, literal)
            }
            CondKind::In { operand: Operand::Path(path, None), negated: false, set: SetExpr::List(list, _) } => {
                list.iter().any(|literal| self.is(&path.text, literal))
            }
            CondKind::Overlaps { path, set: SetExpr::List(list, _) } => {
                assert_eq!(&*path.text, "principal.roles");
                let held = |literal: &Literal| matches!(&literal.kind, LiteralKind::Text(role) if self.roles.contains(&&**role));
                list.iter().any(held)
            }
            other => panic!("an import does not make {other:?}"),
        }
    }

    fn fires(&self, rule: &Rule) -> bool {
        let who = rule.scope.who.as_ref().unwrap();
        let any = |any: &[Vec<WhoTerm>]| any.iter().any(|all| all.iter().all(|term| self.term(term)));
        any(&who.any)
            && !any(&who.except)
            && rule.scope.actions.names.iter().any(|name| self.operation == &*name.text)
            && rule.clauses.iter().all(|clause| match &clause.kind {
                ClauseKind::When(cond) => self.cond(cond),
                ClauseKind::Unless(cond) => !self.cond(cond),
                ClauseKind::Until(instant) => match &instant.kind {
                    InstantKind::Instant(until) => self.time <= *until,
                    other => panic!("an import does not make {other:?}"),
                },
                ClauseKind::From(_) => panic!("an import does not make a from"),
            })
    }

    /// Whether a document's rule matches, its rate limit aside.
    fn matches(&self, rule: &Value) -> bool {
        let value = rule["principal"]["value"].as_str().unwrap();
        let who = match rule["principal"]["type"].as_str().unwrap() {
            "role" => self.roles.contains(&value),
            kind => self.kind == kind && self.id == value,
        };
        let conditions = &rule["conditions"];
        let inside = |block: &Value| block.as_str().unwrap().parse::<IpNet>().unwrap().contains(&self.ip);
        who && rule["operations"].as_array().unwrap().iter().any(|operation| operation == self.operation)
            && conditions["ip_range"].as_array().is_none_or(|blocks| blocks.iter().any(inside))
            && conditions["valid_until"]
                .as_str()
                .is_none_or(|until| self.time <= DateTime::parse_from_rfc3339(until).unwrap())
    }
}

/// Whether anything allows, and the amounts of the limits that bind.
fn decide(items: &[Item], asked: &Asked) -> (bool, Vec<i64>) {
    let ItemKind::On { items, .. } = &items[0].kind else { panic!("not a block") };
    let (mut allowed, mut limits) = (false, Vec::new());
    for item in items {
        let ItemKind::Rule(rule) = &item.kind else { panic!("not a rule") };
        if asked.fires(rule) {
            allowed |= rule.effect == Effect::Allow;
            limits.extend(rule.at_most.as_ref().map(|at_most| at_most.amount.value));
        }
    }
    limits.sort_unstable();
    (allowed, limits)
}

/// The same, as the document says it: no limit binds where a rule without one matches, else those of all that match.
fn expected(rules: &[Value], asked: &Asked) -> (bool, Vec<i64>) {
    let matching: Vec<&Value> = rules.iter().filter(|rule| asked.matches(rule)).collect();
    let rate = |rule: &&Value| {
        rule["conditions"]["rate_limit"]
            .as_str()
            .map(|rate| rate.strip_suffix("req/s").unwrap().parse::<i64>().unwrap())
    };
    let mut limits: Vec<i64> = matching.iter().map(rate).collect::<Option<_>>().unwrap_or_default();
    limits.sort_unstable();
    (!matching.is_empty(), limits)
}

const IDS: [&str; 2] = ["a", "b"];
const KINDS: [&str; 2] = ["user", "key"];
const OPERATIONS: [&str; 3] = ["infer", "train", "view"];
const UNTIL: [&str; 2] = ["2025-06-30T12:00:00Z", "2025-12-31T23:59:59Z"];

fn rule() -> impl Strategy<Value = Value> {
    let principal = (prop::sample::select(vec!["user", "key", "role"]), prop::sample::select(IDS.to_vec()));
    let operations = prop::sample::subsequence(OPERATIONS.to_vec(), 1..3);
    let blocks = prop::option::of(prop::sample::subsequence(vec!["10.0.0.0/8", "10.1.0.0/16", "11.0.0.0/8"], 1..2));
    let conditions = (blocks, prop::option::of(1..9), prop::option::of(prop::sample::select(UNTIL.to_vec())));
    (principal, operations, conditions).prop_map(|((kind, value), operations, (blocks, rate, until))| {
        let mut conditions = serde_json::Map::new();
        conditions.extend(blocks.map(|blocks| ("ip_range".to_owned(), json!(blocks))));
        conditions.extend(rate.map(|rate| ("rate_limit".to_owned(), json!(format!("{rate}req/s")))));
        conditions.extend(until.map(|until| ("valid_until".to_owned(), json!(until))));
        json!({ "principal": { "type": kind, "value": value }, "operations": operations, "conditions": conditions })
    })
}

/// Every request that the rules above can tell apart.
fn requests() -> Vec<Asked> {
    let mut requests = Vec::new();
    for kind in KINDS {
        for id in IDS {
            for roles in [vec![], vec!["a"], vec!["b"], vec!["a", "b"]] {
                for operation in OPERATIONS {
                    for ip in ["10.0.0.1", "10.1.0.1", "11.0.0.1", "12.0.0.1"] {
                        for time in ["2025-06-30T12:00:00Z", "2025-06-30T12:00:01Z", "2026-01-01T00:00:00Z"] {
                            let (ip, time) = (ip.parse().unwrap(), DateTime::parse_from_rfc3339(time).unwrap());
                            requests.push(Asked { kind, id, roles: roles.clone(), operation, ip, time });
                        }
                    }
                }
            }
        }
    }
    requests
}

proptest! {
    #[test]
    fn an_import_means_what_the_document_says(rules in prop::collection::vec(rule(), 0..6)) {
        let imported = import(&json!({ "model": "m", "rules": rules }).to_string()).unwrap();
        for asked in requests() {
            prop_assert_eq!(decide(&imported.items, &asked), expected(&rules, &asked), "{:?}", asked);
        }
    }
}

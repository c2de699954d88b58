//! OCSF 1.3, one object a line.
//!
//! Decisions and lists are *API Activity* (6003): somebody does something to a resource, and a policy has its say. *Authorize
//! Session* (3003) is about privileges that are given to a session, and nothing here has one. Failed authentication is
//! *Authentication* (3002), an alert a *Detection Finding* (2004), all else a *Base Event* (0).

use super::Row;
use serde_json::{Map, Value, json};
use std::net::IpAddr;

/// What happens is named by `activity_name`: the schema has no number for it.
const OTHER: i64 = 99;

pub(super) fn line(row: &Row) -> String {
    let mut event = match &*row.event {
        "decision" | "list" => activity(row),
        "unauthenticated" => authentication(row),
        "alert" => finding(row),
        _ => class(0, OTHER, &row.event),
    };
    let is_denied = row.decision == Some("deny") || row.event == "unauthenticated";
    let severity = match (&*row.event, is_denied) {
        ("alert", _) => 4,
        (_, true) => 3,
        (_, false) => 1,
    };
    put(&mut event, "time", json!(row.millis()));
    put(&mut event, "severity_id", json!(severity));
    put(&mut event, "status_id", json!(if is_denied { 2 } else { 1 }));
    put(&mut event, "status_code", json!(row.code));
    put(&mut event, "status_detail", json!(row.message));
    put(&mut event, "count", json!(row.count));
    put(&mut event, "src_endpoint", endpoint(row));
    let product = json!({ "name": "policyc", "vendor_name": "policyc", "version": env!("CARGO_PKG_VERSION") });
    let uid = row.node.as_ref().map_or_else(|| row.seq.to_string(), |node| format!("{node} {}", row.seq));
    let mut metadata = json!({ "version": "1.3.0", "product": product, "sequence": row.seq, "uid": uid });
    if let (Value::Object(metadata), Some(node)) = (&mut metadata, &row.node) {
        put(metadata, "log_name", json!(node));
    }
    if let (Value::Object(metadata), Some(id)) = (&mut metadata, &row.id) {
        put(metadata, "correlation_uid", json!(id));
    }
    if row.decision.is_some()
        && let Value::Object(metadata) = &mut metadata
    {
        put(metadata, "profiles", json!(["security_control"]));
    }
    put(&mut event, "metadata", metadata);
    format!("{}\n", Value::Object(event))
}

/// An event of a class, whose category is its number without the last three digits.
fn class(class: i64, activity: i64, name: &str) -> Map<String, Value> {
    let mut event = Map::new();
    put(&mut event, "class_uid", json!(class));
    put(&mut event, "category_uid", json!(class.checked_div(1_000)));
    put(&mut event, "activity_id", json!(activity));
    put(&mut event, "activity_name", json!(name));
    put(&mut event, "type_uid", json!(class.saturating_mul(100).saturating_add(activity)));
    event
}

fn activity(row: &Row) -> Map<String, Value> {
    let action = row.action.as_deref().unwrap_or_default();
    let mut event = class(6003, OTHER, action);
    let service = json!({ "name": row.surface });
    let request = row.id.as_ref().map(|id| json!({ "uid": id }));
    let mut api = Map::new();
    put(&mut api, "operation", json!(action));
    put(&mut api, "service", service);
    put(&mut api, "request", json!(request));
    put(&mut event, "api", Value::Object(api));
    let mut user = Map::new();
    put(&mut user, "uid", json!(row.principal_id.as_deref().or(row.principal_type.as_deref())));
    put(&mut user, "type_id", json!(OTHER));
    put(&mut user, "type", json!(row.principal_type));
    put(&mut user, "org", json!(row.principal_org.as_ref().map(|org| json!({ "name": org }))));
    let mut actor = Map::new();
    put(&mut actor, "user", Value::Object(user));
    put(&mut actor, "app_uid", json!(row.caller));
    if let Some(decision) = row.decision {
        let mut policy = Map::new();
        put(&mut policy, "name", json!(row.rule));
        put(&mut policy, "desc", json!(row.at));
        put(&mut policy, "version", json!(row.revision));
        let allowed = decision == "allow";
        put(&mut actor, "authorizations", json!([{ "decision": decision, "policy": policy }]));
        put(&mut event, "action_id", json!(if allowed { 1 } else { 2 }));
        put(&mut event, "disposition_id", json!(if allowed { 1 } else { 2 }));
    }
    put(&mut event, "actor", Value::Object(actor));
    let mut resource = Map::new();
    put(&mut resource, "uid", json!(row.resource_id));
    put(&mut resource, "type", json!(row.resource_type));
    put(&mut event, "resources", json!([resource]));
    let mut unmapped = Map::new();
    put(&mut unmapped, "obligations", json!(row.obligations));
    put(&mut unmapped, "shadow", json!(row.shadow));
    put(&mut unmapped, "http_status", json!(row.status));
    if !unmapped.is_empty() {
        put(&mut event, "unmapped", Value::Object(unmapped));
    }
    event
}

fn authentication(row: &Row) -> Map<String, Value> {
    let mut event = class(3002, 1, "Logon");
    put(&mut event, "user", json!({ "name": "unknown", "type_id": 0 }));
    put(&mut event, "service", json!({ "name": row.surface }));
    event
}

fn finding(row: &Row) -> Map<String, Value> {
    let mut event = class(2004, 1, "Create");
    put(&mut event, "finding_info", json!({ "title": row.rule, "uid": row.seq.to_string() }));
    if let Some(by) = &row.principal_id {
        put(&mut event, "observables", json!([{ "name": "by", "type_id": OTHER, "value": by }]));
    }
    event
}

fn endpoint(row: &Row) -> Value {
    match row.ip.as_deref() {
        None => Value::Null,
        Some(ip) if ip.parse::<IpAddr>().is_ok() => json!({ "ip": ip }),
        Some(pseudonym) => json!({ "name": pseudonym }),
    }
}

/// Members that say nothing are left out.
fn put(object: &mut Map<String, Value>, name: &str, value: Value) {
    if !value.is_null() {
        object.insert(name.to_owned(), value);
    }
}

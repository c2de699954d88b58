//! CEF, version 0: `CEF:0|vendor|product|version|class|name|severity|key=value …`.
//!
//! In the head `\` and `|` are escaped, in values `\` and `=`, and line breaks are written `\n` and `\r`. What CEF has no
//! key for has one of those it leaves free, with a label.

use super::Row;
use std::{fmt::Write, net::IpAddr};

pub(super) fn line(row: &Row) -> String {
    let (name, severity) = match (&*row.event, row.decision) {
        ("decision", Some("allow")) => ("request allowed", 1),
        ("decision", _) => ("request denied", 5),
        ("list", _) => ("resources listed", 1),
        ("unauthenticated", _) => ("authentication failed", 6),
        ("alert", _) => ("alert raised", 8),
        ("retention", _) => ("old records removed", 3),
        _ => ("record", 3),
    };
    let class = row.code.as_deref().or(row.decision).unwrap_or(&row.event);
    let version = env!("CARGO_PKG_VERSION");
    let mut line = format!("CEF:0|policyc|policyc|{version}|{}|{name}|{severity}|rt={}", head(class), row.millis());
    let mut add = |key: &str, text: Option<&str>| {
        if let Some(text) = text {
            let _ = write!(line, " {key}={}", value(text));
        }
    };
    add("dvchost", row.node.as_deref());
    add("externalId", row.id.as_deref());
    add("app", row.surface.as_deref());
    let ip = row.ip.as_deref();
    match ip.and_then(|ip| ip.parse::<IpAddr>().ok()) {
        Some(IpAddr::V4(_)) => add("src", ip),
        Some(IpAddr::V6(_)) => labelled(&mut add, "c6a2", "Source IPv6 Address", ip),
        None => add("shost", ip),
    }
    add("suser", row.principal_id.as_deref().or(row.principal_type.as_deref()));
    add("sntdom", row.principal_org.as_deref());
    add("act", row.decision);
    add("reason", row.code.as_deref());
    labelled(&mut add, "cs1", "action", row.action.as_deref());
    let resource = row.resource_type.as_ref().map(|kind| match &row.resource_id {
        Some(id) => format!("{kind} {id}"),
        None => kind.clone(),
    });
    labelled(&mut add, "cs2", "resource", resource.as_deref());
    labelled(&mut add, "cs3", "rule", row.rule.as_deref());
    labelled(&mut add, "cs4", "revision", row.revision.as_deref());
    labelled(&mut add, "cs5", "obligations", row.obligations.as_deref());
    labelled(&mut add, "cs6", "caller", row.caller.as_deref());
    let number = |number: i64| number.to_string();
    labelled(&mut add, "cn1", "seq", Some(&number(row.seq)));
    labelled(&mut add, "cn2", "status", row.status.map(i64::from).map(number).as_deref());
    add("cnt", row.count.map(number).as_deref());
    add("msg", row.message.as_deref());
    line.push('\n');
    line
}

fn labelled(add: &mut impl FnMut(&str, Option<&str>), key: &str, label: &str, text: Option<&str>) {
    if text.is_some() {
        add(&format!("{key}Label"), Some(label));
        add(key, text);
    }
}

/// A text in the head; a line break cannot stand there.
fn head(text: &str) -> String {
    text.replace('\\', "\\\\").replace('|', "\\|").replace(['\n', '\r'], " ")
}

fn value(text: &str) -> String {
    text.replace('\\', "\\\\").replace('=', "\\=").replace('\n', "\\n").replace('\r', "\\r")
}

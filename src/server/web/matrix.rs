//! Who may do what: principals or roles against resources, each decided as it would be now, with the reason.

use super::{
    attempt,
    fault::Fault,
    fields::link,
    look::Look,
    parts::{Pager, input, select},
    shell::Section,
    visit::{Visit, running},
};
use crate::{
    decision::Decision,
    request::{Principal, Request, Resource},
    server::app::App,
};
use axum::{Router, response::Response, routing::get};
use maud::{Markup, html};
use std::{net::IpAddr, sync::Arc};

/// How many resources a page shows.
const ROWS: usize = 25;
/// How many principals.
const COLUMNS: usize = 8;

pub(super) fn routes() -> Router<Arc<App>> {
    Router::new().route("/ui/matrix", get(page))
}

/// Whoever a column is about.
struct Column {
    kind: Arc<str>,
    /// Empty of somebody who only has a role.
    id: Arc<str>,
    role: Option<Arc<str>>,
}

impl Column {
    fn principal(&self) -> Principal {
        let principal = Principal::new(&*self.kind, &*self.id);
        match &self.role {
            Some(role) => principal.roles([&**role]),
            None => principal,
        }
    }

    fn name(&self) -> &str {
        self.role.as_ref().unwrap_or(&self.id)
    }

    fn sort(&self) -> &str {
        if self.role.is_some() { "role" } else { &self.kind }
    }
}

async fn page(visit: Visit) -> Result<Response, Fault> {
    visit.must("manage", &running()).await?;
    let index = visit.index().await?;
    let (look, fields) = (visit.look(), &visit.fields);
    let action = fields.some("action").or(index.actions.first().map(|action| &**action)).unwrap_or_default();
    let first_kind = index.resources.first().map(|(kind, _)| &**kind);
    let has_models = index.resources.iter().any(|(kind, _)| **kind == *"model");
    let usual = if has_models { Some("model") } else { first_kind };
    let kind = fields.some("kind").or(usual).unwrap_or("model");
    let holds = |id: &str, field: &str| id.to_lowercase().contains(&fields.get(field).to_lowercase());
    let rows = index.resources.iter().filter(|(of, id)| **of == *kind && holds(id, "q"));
    let rows: Vec<&Arc<str>> = rows.map(|(_, id)| id).collect();
    let by_roles = match fields.get("by") {
        "principals" => false,
        "roles" => true,
        _ => !index.roles.is_empty(),
    };
    let columns: Vec<Column> = if by_roles {
        let roles = index.roles.iter().filter(|role| holds(role, "p"));
        roles.map(|role| Column { kind: "user".into(), id: "".into(), role: Some(role.clone()) }).collect()
    } else {
        let principals = index.principals.iter().filter(|(_, id)| holds(id, "p"));
        principals.map(|(kind, id)| Column { kind: kind.clone(), id: id.clone(), role: None }).collect()
    };
    let across = Pager::new(fields.get("columns").parse().unwrap_or(1), COLUMNS, columns.len());
    let down = Pager::new(fields.page(), ROWS, rows.len());
    let (shown, ip) = (across.slice(&columns), fields.some("ip").and_then(|text| text.parse().ok()));
    let cell = |column: &Column, id: &str| cell(&visit, column, action, (kind, id), ip);
    let content = html! {
        header.page {
            h1 { (look.say("nav.matrix")) }
            p.lead { (look.say("matrix.lead")) }
        }
        form.filter method="get" action="/ui/matrix" {
            (select("action", look.say("try.action"), action, index.actions.iter().map(|action| (&**action, &**action))))
            (select("by", look.say("matrix.by"), if by_roles { "roles" } else { "principals" }, [("roles", look.say("matrix.roles")), ("principals", look.say("matrix.principals"))]))
            (select("kind", look.say("try.resource_kind"), kind, index.resource_kinds.iter().map(|kind| (&**kind, &**kind))))
            (input("q", look.say("matrix.resource"), fields.get("q"), ""))
            (input("p", look.say("matrix.principal"), fields.get("p"), ""))
            (input("ip", look.say("try.ip"), fields.get("ip"), look.say("try.unknown")))
            div.field { label for="more" { (look.say("try.more")) } textarea id="more" name="more" rows="1" spellcheck="false" placeholder="scheme = https" { (fields.get("more")) } }
            button { (look.say("filter.show")) }
        }
        div.pagers {
            div { span.label { (look.say("matrix.down")) } (down.links(look, "/ui/matrix", fields, "page")) }
            div { span.label { (look.say("matrix.across")) } (across.links(look, "/ui/matrix", fields, "columns")) }
        }
        @if shown.is_empty() || rows.is_empty() { p.empty { (look.say("matrix.none")) } }
        @else {
            div.scroll tabindex="0" role="region" aria-label=(look.say("nav.matrix")) {
                table.matrix {
                    caption { (look.fill("matrix.caption", &[("action", action)])) }
                    thead {
                        tr {
                            th scope="col" { (kind) }
                            @for column in shown { th scope="col" { span.sort { (column.sort()) } " " (column.name()) } }
                        }
                    }
                    tbody {
                        @for id in down.slice(&rows) {
                            tr { th scope="row" { (id) } @for column in shown { td { (cell(column, id)) } } }
                        }
                    }
                }
            }
        }
    };
    Ok(visit.shell.page(look.say("nav.matrix"), Some(Section::Matrix), &content))
}

/// What would be decided, why, and the way to the whole story.
fn cell(visit: &Visit, column: &Column, action: &str, (kind, id): (&str, &str), ip: Option<IpAddr>) -> Markup {
    let look = visit.look();
    let mut request = Request::new(column.principal(), action, Resource::new(kind, id));
    if let Some(ip) = ip {
        request = request.ip(ip);
    }
    let address = link(
        "/ui/try",
        &[
            ("principal_kind", &column.kind),
            ("principal", &column.id),
            ("roles", column.role.as_deref().unwrap_or_default()),
            ("action", action),
            ("resource_kind", kind),
            ("resource", id),
            ("ip", visit.fields.get("ip")),
            ("more", visit.fields.get("more")),
        ],
    );
    let decided = attempt::add(&mut request, visit.fields.get("more"));
    let decided = decided.and_then(|()| visit.app.look(&visit.engine, request).map_err(|refusal| refusal.to_string()));
    match decided {
        Ok(decision) => html! {
            a.cell.(if decision.is_allow() { "allow" } else { "deny" }) href=(address) title=[message(&decision)] { (reason(look, &decision)) }
        },
        Err(wrong) => html! { a.cell.deny href=(address) title=(wrong) { span.outcome { "INVALID_REQUEST" } } },
    }
}

fn reason(look: Look, decision: &Decision) -> Markup {
    let outcome = decision.denial().map_or(look.say("verdict.allow"), |denial| &*denial.code);
    html! {
        span.outcome { (outcome) }
        @if let Some(rule) = &decision.rule { span.by { (rule.name) } }
    }
}

fn message(decision: &Decision) -> Option<&str> {
    decision.denial()?.message.as_deref()
}

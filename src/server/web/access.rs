//! Requests for access: those that wait for an answer over all resources, and the forms that answer them.

use super::{
    fault::{Fault, Reason},
    fields::{Fields, link},
    look::Look,
    parts::{select, time},
    posted::Posted,
    shell::{Section, Shell},
    visit::Visit,
};
use crate::{
    request::Resource,
    server::{
        app::App,
        decide::Surface,
        managed::{APPROVE, Access, Answer, Document, Gated, Manager, Refused, Status, Unanswered, Unchanged},
    },
};
use axum::{
    Router,
    response::{IntoResponse, Redirect, Response},
    routing::{get, post},
};
use maud::{Markup, html};
use std::sync::Arc;

/// How many requests a page shows.
const SIZE: usize = 50;
/// How requests can stand, as addresses and forms say it.
const STATUSES: [(Status, &str, &str); 3] = [
    (Status::Pending, "pending", "access.pending"),
    (Status::Accepted, "accepted", "access.accepted"),
    (Status::Rejected, "rejected", "access.rejected"),
];
/// What stands for all of them.
const ALL: &str = "all";

pub(super) fn routes() -> Router<Arc<App>> {
    Router::new().route("/ui/access", get(page)).route("/ui/access/answer", post(answer))
}

fn named(name: &str) -> Option<Status> {
    STATUSES.iter().find(|(_, known, _)| *known == name).map(|(status, ..)| *status)
}

fn words(look: Look, status: Status) -> &'static str {
    let found = STATUSES.iter().find(|(known, ..)| *known == status);
    found.map_or("", |(_, _, words)| look.say(words))
}

/// Which requests are shown: those that wait, unless something else is said.
fn shown(fields: &Fields) -> &'static str {
    let names = STATUSES.iter().map(|(_, name, _)| *name).chain([ALL]);
    names.into_iter().find(|name| *name == fields.get("status")).unwrap_or("pending")
}

async fn page(visit: Visit) -> Result<Response, Fault> {
    visit.must_be_known()?;
    let (look, shown) = (visit.look(), shown(&visit.fields));
    let queue = visit.app.access_queue(&visit.caller, named(shown), visit.fields.some("after"), SIZE);
    let queue = queue.map_err(|_| visit.shell.fault(Reason::Bad("`after` is not as a page here has it")))?;
    let choices = STATUSES.map(|(_, name, words)| (name, look.say(words)));
    let content = html! {
        header.page {
            h1 { (look.say("nav.access")) }
            p.lead { (look.say("access.lead")) }
        }
        form.filter method="get" action="/ui/access" {
            (select("status", look.say("access.status"), shown, choices.into_iter().chain([(ALL, look.say("filter.any"))])))
            button { (look.say("filter.show")) }
        }
        @if queue.found.is_empty() { p.empty { (look.say("access.none")) } }
        ol.rules {
            @for (number, document) in queue.found.iter().enumerate() {
                @if let Some(access) = document.access() { li { (request(&visit.shell, shown, number, document, access)) } }
            }
        }
        @if let Some(next) = &queue.next {
            nav.pager aria-label=(look.say("pager.pages")) {
                a rel="next" href=(link("/ui/access", &[("status", shown), ("after", next)])) { (look.say("pager.next")) }
            }
        }
    };
    Ok(visit.shell.page(look.say("nav.access"), Some(Section::Access), &content))
}

/// A request, with the answers that it can be given.
fn request(shell: &Shell, shown: &str, number: usize, document: &Document, access: &Access) -> Markup {
    let look = shell.look;
    let (kind, id) = document.key.governs();
    let target = html! {
        input type="hidden" name="resource" value=(document.key.of);
        input type="hidden" name="principal" value=(document.key.part);
        input type="hidden" name="version" value=(document.version);
        input type="hidden" name="shown" value=(shown);
    };
    let reason = format!("reason-{number}");
    html! {
        article.rule.(if access.status == Status::Accepted { "allow" } else { "request" }) {
            header {
                h2 { (who(document)) }
                span.tag { (words(look, access.status)) }
                span.place { (kind) " " (id) }
            }
            dl.facts {
                dt { (look.say(if access.unasked { "access.given" } else { "access.asked" })) } dd { (time(access.asked)) }
                @for (question, said) in &access.fields { dt { (question) } dd { (said) } }
                @if let Some(reason) = &access.reason { dt { (look.say("access.reason")) } dd { (reason) } }
                @if access.status != Status::Pending {
                    dt { (look.say("access.answered")) } dd { (document.by) ", " (time(document.at)) }
                }
            }
            div.request-actions {
                @if access.status != Status::Accepted {
                    (shell.form("/ui/access/answer", &html! {
                        (target)
                        button.primary name="answer" value="accepted" { (look.say("access.approve")) }
                    }))
                }
                @if access.status != Status::Rejected {
                    (shell.form("/ui/access/answer", &html! {
                        (target)
                        div.field {
                            label for=(reason) { (look.say("access.reason")) }
                            input id=(reason) name="reason" maxlength="500" autocomplete="off";
                        }
                        button name="answer" value="rejected" { (look.say("access.reject")) }
                    }))
                }
            }
        }
    }
}

/// Whoever asked: the kind, and the id.
fn who(document: &Document) -> Markup {
    let (kind, id) = document.key.principal();
    html! { (kind) " " q { (id) } }
}

/// Approves or rejects the request that the form was about, as it stood then.
async fn answer(posted: Posted) -> Result<Response, Fault> {
    let Posted { visit, fields } = posted;
    let (kind, id) = fields.get("resource").split_once(' ').unwrap_or_default();
    let resource = Resource::new(kind, id);
    let status = named(fields.get("answer")).filter(|status| *status != Status::Pending);
    let version: Option<u32> = fields.get("version").parse().ok();
    let (Some(status), Some(version), false) = (status, version, id.is_empty()) else {
        return Err(visit.shell.fault(Reason::Bad("the form names no request, or no answer")));
    };
    let manager = Manager { caller: &visit.caller, surface: Surface::Web, action: APPROVE, resource: resource.clone() };
    let found = visit.app.access_requests(manager).await;
    let found = found.map_err(|reason| visit.refused(APPROVE, &resource, reason))?;
    let Some(document) = found.iter().find(|document| document.key.part == fields.get("principal")) else {
        return Ok(overtaken(&visit, None));
    };
    let mode = visit.app.gated(&visit.engine, &resource);
    if document.version != version {
        return Ok(overtaken(&visit, Some(document)));
    }
    if mode == Gated::No {
        return Err(visit.shell.fault(Reason::Bad("this repository is not gated")));
    }
    let answer = Answer { status, mode, reason: fields.some("reason").map(str::to_owned) };
    match visit.app.answer_access(&visit.caller, Surface::Web, document, answer).await {
        Ok(()) => Ok(Redirect::to(&link("/ui/access", &[("status", fields.get("shown"))])).into_response()),
        Err(Unanswered::Missing) => Ok(overtaken(&visit, None)),
        Err(Unanswered::Same) => Ok(overtaken(&visit, Some(document))),
        Err(Unanswered::Refused(Refused::Unchanged(Unchanged::Conflict(current)))) => {
            Ok(overtaken(&visit, current.as_deref()))
        }
        Err(Unanswered::Refused(reason)) => Err(visit.refused(APPROVE, &resource, reason)),
    }
}

/// Says that somebody else was quicker, and how the request stands now.
fn overtaken(visit: &Visit, current: Option<&Document>) -> Response {
    let look = visit.look();
    let content = html! {
        p { (look.say("access.overtaken")) }
        @if let Some((document, access)) = current.and_then(|document| Some((document, document.access()?))) {
            dl.facts {
                dt { (look.say("access.who")) } dd { (who(document)) }
                dt { (look.say("access.status")) } dd { (words(look, access.status)) }
                dt { (look.say("access.answered")) } dd { (document.by) ", " (time(document.at)) }
            }
        } @else { p { (look.say("access.gone")) } }
        p { a href="/ui/access" { (look.say("access.back")) } }
    };
    visit.shell.unchanged(Section::Access, &content)
}

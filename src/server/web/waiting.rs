//! Changes of protected resources that wait for a second administrator: what each would say and do, and the forms that answer.

use super::{
    changes::{self, OF_DOCUMENTS},
    fault::{Fault, Reason},
    lists::sentences,
    look::Look,
    parts::{lines, revision, time},
    posted::Posted,
    sentence,
    shell::Section,
    visit::Visit,
};
use crate::{
    ast,
    examine::diff::Compared,
    request::Resource,
    server::{
        app::App,
        decide::Surface,
        managed::{Body, CONFIRM, Change, Document, Proposal, Refused, Unchanged},
    },
    source::{FileId, Source},
};
use axum::{
    Router,
    response::{IntoResponse, Redirect, Response},
    routing::{get, post},
};
use maud::{Markup, html};
use std::sync::Arc;

/// How many changes a page shows: each is compared anew.
const SHOWN: usize = 20;

pub(super) fn routes() -> Router<Arc<App>> {
    Router::new().route("/ui/changes", get(page)).route("/ui/changes/answer", post(answer))
}

/// A change, and what would become of it.
struct Waiting {
    document: Arc<Document>,
    changes: Vec<Change>,
    /// What each document would say then.
    texts: Vec<String>,
    effect: Result<Compared, Unchanged>,
}

async fn page(visit: Visit) -> Result<Response, Fault> {
    visit.must_be_known()?;
    let look = visit.look();
    let all = visit.app.waiting(&visit.caller);
    let more = all.len().saturating_sub(SHOWN);
    let app = visit.app.clone();
    let looked = tokio::task::spawn_blocking(move || {
        all.into_iter().take(SHOWN).map(|document| looked_at(&app, document)).collect::<Vec<_>>()
    });
    let looked = looked.await.map_err(|error| visit.shell.fault(Reason::Failed(error.to_string())))?;
    let content = html! {
        header.page {
            h1 { (look.say("nav.waiting")) }
            p.lead { (look.say("waiting.lead")) }
        }
        @if looked.is_empty() { p.empty { (look.say("waiting.none")) } }
        ol.rules {
            @for one in &looked {
                @if let Some(proposal) = one.document.body.proposal() { li { (waiting(&visit, one, proposal)) } }
            }
        }
        @if more > 0 { p.note { (look.fill("lists.more_changes", &[("count", &more.to_string())])) } }
    };
    Ok(visit.shell.page(look.say("nav.waiting"), Some(Section::Waiting), &content))
}

fn looked_at(app: &App, document: Arc<Document>) -> Waiting {
    let changes = document.body.proposal().map(Proposal::changes).unwrap_or_default();
    let managed = app.policies.managed();
    let (texts, effect) = (managed.sayings(&changes), managed.effect(&changes));
    Waiting { document, changes, texts, effect }
}

/// A change that waits, with the answers that it can be given.
fn waiting(visit: &Visit, one: &Waiting, proposal: &Proposal) -> Markup {
    let look = visit.look();
    let is_own = proposal.proposer == visit.caller.name();
    let digest = html! { input type="hidden" name="digest" value=(one.document.key.of); };
    html! {
        article.rule.request {
            @for (change, text) in one.changes.iter().zip(&one.texts) { (says(look, change, text)) }
            dl.facts {
                dt { (look.say("waiting.proposed")) } dd { (proposal.proposer) ", " (time(one.document.at)) }
                dt { (look.say("lists.lapses")) } dd { (time(proposal.lapses)) }
                dt { (look.say("lists.digest")) } dd { (revision(&one.document.key.of)) }
            }
            h3 { (look.say("lists.effect")) }
            @match &one.effect {
                Ok(compared) => (changes::markup(look, compared, &OF_DOCUMENTS)),
                Err(reason) => (impossible(look, reason)),
            }
            div.request-actions {
                @if !is_own && one.effect.is_ok() {
                    (visit.shell.form("/ui/changes/answer", &html! {
                        (digest)
                        button.primary name="answer" value="confirm" { (look.say("waiting.confirm")) }
                    }))
                }
                (visit.shell.form("/ui/changes/answer", &html! {
                    (digest)
                    button name="answer" value="reject" { (look.say(if is_own { "waiting.withdraw" } else { "waiting.reject" })) }
                }))
            }
            @if is_own { p.hint { (look.say("waiting.own")) } }
        }
    }
}

/// Which document a change is of, and what that says then.
fn says(look: Look, change: &Change, text: &str) -> Markup {
    let (kind, id) = change.key.governs();
    let (who_kind, who) = change.key.principal();
    html! {
        header {
            h2 { (kind) " " q { (id) } @if !who.is_empty() { " · " (who_kind) " " q { (who) } } }
            span.tag { (change.key.kind.name()) }
        }
        @match &change.body {
            None => p { (look.say("waiting.deleted")) },
            Some(body) => {
                @for text in rules(text) { p.sentence { (sentence::markup(&text)) } }
                @if let Body::Resource(registered) = body {
                    @if !registered.attributes.is_empty() {
                        dl.facts { @for (name, value) in &registered.attributes { dt { (name) } dd { code { (value) } } } }
                    }
                } @else if text.is_empty() { p { (look.say("lists.says_nothing")) } }
            }
        }
    }
}

/// The rules of a text of the service's own making, each on one line.
fn rules(text: &str) -> Vec<String> {
    let (tree, _) = ast::parse(FileId(0), &Source::new("managed.policy", "managed.policy", text));
    tree.items.iter().flat_map(sentences).collect()
}

/// Why a change that waits cannot be made.
fn impossible(look: Look, reason: &Unchanged) -> Markup {
    html! {
        @match reason {
            Unchanged::Conflict(_) => p.note { (look.say("waiting.overtaken")) },
            Unchanged::Bad(refusal) => p.note { (refusal) },
            Unchanged::Unkept(why) | Unchanged::InDoubt(why) => p.note { (why) },
            Unchanged::Set(error) => {
                p.note { (look.say("lists.invalid")) }
                (lines(&error.to_string()))
            }
        }
    }
}

/// Makes exactly the change that the form was about, or lets it never be made.
async fn answer(posted: Posted) -> Result<Response, Fault> {
    let Posted { visit, fields } = posted;
    let digest = fields.get("digest");
    let answered = match fields.get("answer") {
        "confirm" => visit.app.confirm(&visit.caller, Surface::Web, digest).await.map(drop),
        "reject" => visit.app.reject(&visit.caller, Surface::Web, digest).await,
        _ => return Err(visit.shell.fault(Reason::Bad("the form names no answer"))),
    };
    match answered {
        Ok(()) => Ok(Redirect::to("/ui/changes").into_response()),
        Err(Refused::NoProposal) => Ok(unanswered(&visit, "waiting.gone")),
        Err(Refused::Unconfirmed(_)) => Ok(unanswered(&visit, "waiting.own")),
        Err(Refused::Unchanged(Unchanged::Conflict(_))) => Ok(unanswered(&visit, "waiting.overtaken")),
        Err(reason) => Err(visit.refused(CONFIRM, &Resource::new("change", digest), reason)),
    }
}

/// Says why nothing was changed.
fn unanswered(visit: &Visit, why: &'static str) -> Response {
    let look = visit.look();
    let content = html! {
        p { (look.say(why)) }
        p { a href="/ui/changes" { (look.say("waiting.back")) } }
    };
    visit.shell.unchanged(Section::Waiting, &content)
}

//! Access lists of models: which there are, and a form that changes one. What a change comes to is shown before it is made.

use super::{
    changes::{self, OF_DOCUMENTS},
    fault::{Fault, Reason},
    fields::link,
    parts::{input, lines, revision, time},
    posted::Posted,
    rows::Rows,
    sentence,
    shell::Section,
    visit::Visit,
};
use crate::{
    ast::{Item, ItemKind, print::print_rule},
    request::{Refusal, Resource},
    server::{
        app::App,
        decide::Surface,
        managed::{Body, Change, Confirmation, Document, Expected, Key, Kind, Manager, Refused, Unchanged},
    },
    wire::acl,
};
use ::http::StatusCode;
use axum::{
    Router,
    extract::Path,
    response::{IntoResponse, Redirect, Response},
    routing::get,
};
use maud::{Markup, html};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use std::sync::Arc;

/// The action of whoever changes a list.
const MANAGE: &str = "manage";
/// How many lists a page shows.
const SIZE: usize = 100;

pub(super) fn routes() -> Router<Arc<App>> {
    Router::new().route("/ui/lists", get(page)).route("/ui/lists/{*model}", get(list).post(changed))
}

/// Where a model's list is.
fn path(model: &str) -> String {
    format!("/ui/lists/{}", utf8_percent_encode(model, NON_ALPHANUMERIC))
}

/// The lists of those models that whoever looks manages.
async fn page(visit: Visit) -> Result<Response, Fault> {
    visit.must_be_known()?;
    if let Some(model) = visit.fields.some("model") {
        return Ok(Redirect::to(&path(model)).into_response());
    }
    let look = visit.look();
    let may = |document: &Arc<Document>| {
        let (kind, id) = document.key.governs();
        let resource = Resource::new(kind, id);
        visit.caller.is_trusted || visit.app.would_allow(&visit.engine, &visit.caller, MANAGE, &resource)
    };
    let after = Key::acl(visit.fields.get("after"));
    let all = visit.app.policies.managed().list(Kind::Acl, Some(&after), usize::MAX);
    let mut found = all.iter().filter(|document| may(document));
    let shown: Vec<&Arc<Document>> = found.by_ref().take(SIZE).collect();
    let next = found.next().and(shown.last()).map(|last| link("/ui/lists", &[("after", last.key.governs().1)]));
    let content = html! {
        header.page {
            h1 { (look.say("nav.lists")) }
            p.lead { (look.say("lists.lead")) }
        }
        form.filter method="get" action="/ui/lists" {
            (input("model", look.say("lists.model"), "", ""))
            button { (look.say("lists.open")) }
        }
        @if shown.is_empty() { p.empty { (look.say("lists.none")) } }
        @else {
            div.scroll tabindex="0" role="region" aria-label=(look.say("nav.lists")) {
                table {
                    thead { tr {
                        th scope="col" { (look.say("lists.model")) } th scope="col" { (look.say("lists.rules")) }
                        th scope="col" { (look.say("lists.version")) } th scope="col" { (look.say("lists.by")) }
                        th scope="col" { (look.say("audit.time")) }
                    } }
                    tbody { @for document in &shown { tr {
                        td { a href=(path(document.key.governs().1)) { (document.key.governs().1) } }
                        td.number { (Rows::of(&document.body.json()).len()) } td.number { (document.version) }
                        td { (document.by) } td { (time(document.at)) }
                    } } }
                }
            }
        }
        @if let Some(next) = next { nav.pager aria-label=(look.say("pager.pages")) { a rel="next" href=(next) { (look.say("pager.next")) } } }
    };
    Ok(visit.shell.page(look.say("nav.lists"), Some(Section::Lists), &content))
}

/// A list that somebody works on.
struct Draft {
    visit: Visit,
    model: String,
    rows: Rows,
    /// What it takes the place of; 0: of nothing.
    version: u32,
}

/// A model's list as it is, in a form.
async fn list(Path(model): Path<String>, visit: Visit) -> Result<Response, Fault> {
    visit.must(MANAGE, &Resource::model(&model)).await?;
    let document = visit.app.policies.managed().get(&Key::acl(&model));
    let rows = document.as_ref().map(|document| Rows::of(&document.body.json())).unwrap_or_default();
    let version = document.as_ref().map_or(0, |document| document.version);
    let look = visit.look();
    let note = html! {
        @match &document {
            None => p.empty { (look.say("lists.new")) },
            Some(document) => (about(&visit, document)),
        }
    };
    Ok(Draft { visit, model, rows, version }.page(StatusCode::OK, &note))
}

/// Since when a list is as it is.
fn about(visit: &Visit, document: &Document) -> Markup {
    let look = visit.look();
    html! {
        dl.facts.card {
            dt { (look.say("lists.version")) } dd { (document.version) }
            dt { (look.say("lists.by")) } dd { (document.by) }
            dt { (look.say("audit.time")) } dd { (time(document.at)) }
        }
    }
}

/// What a form of a list asks for: more rows, a preview, to go back from there, or to save what was shown.
async fn changed(Path(model): Path<String>, posted: Posted) -> Result<Response, Fault> {
    let Posted { visit, fields } = posted;
    let Ok(version) = fields.get("version").parse() else {
        return Err(visit.shell.fault(Reason::Bad("the form names no version")));
    };
    let draft = Draft { visit, model, rows: Rows::sent(&fields), version };
    if !draft.rows.fit() {
        return Err(draft.visit.shell.fault(Reason::Bad("a text of the list is too long for a form")));
    }
    let resource = Resource::model(&draft.model);
    match fields.get("step") {
        "save" => return draft.save().await,
        "edit" | "preview" => draft.visit.must(MANAGE, &resource).await?,
        _ => return Err(draft.visit.shell.fault(Reason::Bad("the form names no step"))),
    }
    if fields.get("step") == "preview" { draft.preview().await } else { Ok(draft.page(StatusCode::OK, &html! {})) }
}

impl Draft {
    fn change(&self) -> Change {
        let body = Some(Body::Acl(self.rows.document(&self.model)));
        Change { key: Key::acl(&self.model), body, expected: Expected::Version(self.version) }
    }

    /// The form, below what there is to say about it.
    fn page(&self, status: StatusCode, note: &Markup) -> Response {
        let look = self.visit.look();
        let form = html! {
            (self.version())
            (self.rows.fields(look))
            div.row.actions {
                button.primary name="step" value="preview" { (look.say("lists.preview")) }
                button name="step" value="edit" { (look.say("lists.more")) }
            }
        };
        self.shown(
            status,
            &html! {
                (note)
                @if !self.rows.fit() { p.note { (look.say("lists.no_form")) } }
                @else {
                    p.hint { (look.say("lists.hint")) }
                    div.entries { (self.visit.shell.form(&path(&self.model), &form)) }
                }
            },
        )
    }

    fn shown(&self, status: StatusCode, content: &Markup) -> Response {
        let look = self.visit.look();
        let title = look.fill("lists.title", &[("model", &self.model)]);
        let content = html! {
            header.page {
                h1 { (title) }
                p.lead { a href="/ui/lists" { (look.say("lists.all")) } }
            }
            (content)
        };
        let mut response = self.visit.shell.page(&title, Some(Section::Lists), &content);
        *response.status_mut() = status;
        response
    }

    fn version(&self) -> Markup {
        html! { input type="hidden" name="version" value=(self.version); }
    }

    /// What the list would say, and what would be different by it.
    async fn preview(self) -> Result<Response, Fault> {
        let imported = match acl::import(&self.rows.document(&self.model).to_string()) {
            Ok(imported) => imported,
            Err(refusal) => return self.unchanged(Unchanged::Bad(refusal)),
        };
        let (app, change) = (self.visit.app.clone(), self.change());
        let compared = tokio::task::spawn_blocking(move || app.policies.managed().effect(&[change])).await;
        let compared = compared.map_err(|error| self.visit.shell.fault(Reason::Failed(error.to_string())))?;
        let compared = match compared {
            Ok(compared) => compared,
            Err(reason) => return self.unchanged(reason),
        };
        let look = self.visit.look();
        let form = html! {
            (self.version())
            (self.rows.hidden())
            div.row.actions {
                button.primary name="step" value="save" { (look.say("lists.save")) }
                button name="step" value="edit" { (look.say("lists.edit")) }
            }
        };
        let sentences: Vec<String> = imported.items.iter().flat_map(sentences).collect();
        Ok(self.shown(StatusCode::OK, &html! {
            section {
                h2 { (look.say("lists.says")) }
                @if sentences.is_empty() { p.empty { (look.say("lists.says_nothing")) } }
                ol.rules { @for text in &sentences { li { article.rule.(text.split(' ').next().unwrap_or_default()) { p.sentence { (sentence::markup(text)) } } } } }
                @for note in &imported.notes { p.note { (note) } }
            }
            section {
                h2 { (look.say("lists.effect")) }
                (changes::markup(look, &compared, &OF_DOCUMENTS))
            }
            section.card { (self.visit.shell.form(&path(&self.model), &form)) }
        }))
    }

    /// Puts the list in force, if nobody was quicker.
    async fn save(self) -> Result<Response, Fault> {
        let visit = &self.visit;
        let resource = Resource::model(&self.model);
        let manager =
            Manager { caller: &visit.caller, surface: Surface::Web, action: MANAGE, resource: resource.clone() };
        match visit.app.manage(manager, vec![self.change()]).await {
            Ok(_) => Ok(Redirect::to(&path(&self.model)).into_response()),
            Err(Refused::Unconfirmed(confirmation)) => Ok(self.waits(&confirmation)),
            Err(Refused::Unchanged(reason)) => self.unchanged(reason),
            Err(reason) => Err(visit.refused(MANAGE, &resource, reason)),
        }
    }

    /// Says that somebody else must confirm the change, and by what it is called.
    fn waits(&self, confirmation: &Confirmation) -> Response {
        let look = self.visit.look();
        self.shown(
            StatusCode::ACCEPTED,
            &html! {
                p.note role="status" { (look.say("lists.waits")) }
                dl.facts.card {
                    dt { (look.say("lists.digest")) } dd { (revision(&confirmation.digest)) }
                    dt { (look.say("lists.lapses")) } dd { (time(confirmation.lapses)) }
                }
                p { a href="/ui/changes" { (look.say("lists.confirm")) } }
            },
        )
    }

    /// The form again, with the reason why the list is still what it was.
    fn unchanged(self, reason: Unchanged) -> Result<Response, Fault> {
        let look = self.visit.look();
        let (status, why) = match reason {
            Unchanged::Conflict(current) => {
                let told = html! {
                    p { (look.say("lists.conflict")) }
                    @match &current {
                        None => p { (look.say("lists.gone")) },
                        Some(document) => (about(&self.visit, document)),
                    }
                    p { a href=(path(&self.model)) { (look.say("lists.current")) } }
                };
                (StatusCode::CONFLICT, told)
            }
            Unchanged::Bad(Refusal { error, at }) => {
                (StatusCode::BAD_REQUEST, html! { p { (error) @if !at.is_empty() { " " code { (at) } } } })
            }
            Unchanged::Set(error) => {
                let told = html! { p { (look.say("lists.invalid")) } (lines(&error.to_string())) };
                (StatusCode::UNPROCESSABLE_ENTITY, told)
            }
            reason @ (Unchanged::Unkept(_) | Unchanged::InDoubt(_)) => {
                let resource = Resource::model(&self.model);
                return Err(self.visit.refused(MANAGE, &resource, Refused::Unchanged(reason)));
            }
        };
        let note = html! { section.fault.card role="alert" { h2 { (look.say("fault.unchanged")) } (why) } };
        Ok(self.page(status, &note))
    }
}

/// The rules of a block, each on one line.
pub(super) fn sentences(item: &Item) -> Vec<String> {
    let ItemKind::On { selector, items } = &item.kind else { return Vec::new() };
    let rule = |item: &Item| {
        let ItemKind::Rule(rule) = &item.kind else { return None };
        Some(print_rule(rule, Some(selector)))
    };
    items.iter().filter_map(rule).collect()
}

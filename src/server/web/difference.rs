//! What the candidate would change: proved over all requests, and seen on live traffic; the forms that make one, let it decide,
//! and go back to a set that decided before.

use super::{
    changes::{self, OF_SETS},
    fault::{Fault, Reason},
    fields::link,
    look::Look,
    parts::{lines, prose, revision, time},
    posted::{Posted, PostedFiles},
    shell::Section,
    visit::{Visit, candidate, running},
};
use crate::server::{
    app::App,
    policy::{Candidate, Change, Comparing, Report, Unchanged, Upload},
};
use ::http::StatusCode;
use axum::{
    Router,
    extract::DefaultBodyLimit,
    response::{IntoResponse, Redirect, Response},
    routing::{get, post},
};
use chrono::DateTime;
use maud::{Markup, html};
use std::{sync::Arc, time::Duration};

/// How long an answer waits for a comparison; who asks again later finds it.
const PATIENCE: Duration = Duration::from_millis(200);
/// Of how many sets that have decided a page tells.
const SETS: usize = 20;

pub(super) fn routes() -> Router<Arc<App>> {
    Router::new()
        .route("/ui/difference", get(page))
        .route("/ui/difference/promote", post(promote))
        // How large files may be is for the reader of the form to say.
        .route("/ui/difference/upload", post(uploaded).layer(DefaultBodyLimit::disable()))
        .route(ROLLBACK, get(before).post(roll_back))
        .route("/ui/difference/withdraw", post(withdraw))
}

async fn page(visit: Visit) -> Result<Response, Fault> {
    visit.must("manage", &candidate()).await?;
    let content = html! {
        @match visit.app.policies.shadow().candidate() {
            None => p.empty { (prose(visit.look().say("difference.no_candidate"))) },
            Some(candidate) => (compared(&visit, &candidate).await),
        }
        (upload(&visit))
        @if visit.may("manage", &running()).await.map_err(|reason| visit.shell.fault(reason.into()))? { (history(&visit)) }
    };
    Ok(whole(&visit, StatusCode::OK, &content))
}

/// The page, with what there is to say.
fn whole(visit: &Visit, status: StatusCode, content: &Markup) -> Response {
    let look = visit.look();
    let content = html! {
        header.page {
            h1 { (look.say("nav.difference")) }
            p.lead { (look.say("difference.lead")) }
        }
        (content)
    };
    let mut response = visit.shell.page(look.say("nav.difference"), Some(Section::Difference), &content);
    *response.status_mut() = status;
    response
}

async fn compared(visit: &Visit, candidate: &Arc<Candidate>) -> Markup {
    let look = visit.look();
    html! {
        (sides(look, visit.engine.revision(), "difference.candidate", candidate.revision()))
        (proved(look, visit.app.policies.with_candidate(candidate), "/ui/difference").await)
        (traffic(look, &candidate.report()))
        section.card {
            h2 { (look.say("difference.decide")) }
            p { (look.say("difference.decide_text")) }
            div.row.actions {
                (visit.shell.form("/ui/difference/promote", &sure(look, candidate.revision(), "difference.promote")))
                (visit.shell.form("/ui/difference/withdraw", &html! { button { (look.say("difference.withdraw")) } }))
            }
        }
    }
}

fn sides(look: Look, old: &str, other: &'static str, new: &str) -> Markup {
    html! {
        dl.facts.card {
            dt { (look.say("difference.running")) } dd { (revision(old)) }
            dt { (look.say(other)) } dd { (revision(new)) }
        }
    }
}

/// What would be different, or that it is not known yet; `here` is where to look again.
async fn proved(look: Look, comparing: Comparing, here: &str) -> Markup {
    html! {
        section {
            h2 { (look.say("difference.proved")) }
            @match tokio::time::timeout(PATIENCE, comparing).await {
                Err(_) => p.note #comparing role="status" data-reload="1000" { (look.say("difference.comparing")) " " a href=(here) { (look.say("difference.look_again")) } },
                Ok(Err(why)) => p.note role="alert" { (look.say("difference.not_compared")) " " (why) },
                Ok(Ok(found)) => (changes::markup(look, &found, &OF_SETS)),
            }
        }
    }
}

/// What lets a set decide, once somebody says that they are sure.
fn sure(look: Look, revision: &str, words: &'static str) -> Markup {
    html! {
        input type="hidden" name="revision" value=(revision);
        label.check { input type="checkbox" name="sure" value="yes" required; (look.say("difference.sure")) }
        button.primary { (look.say(words)) }
    }
}

/// A form that makes files the candidate.
fn upload(visit: &Visit) -> Markup {
    let look = visit.look();
    html! {
        section.card {
            h2 { (look.say("difference.upload")) }
            p #upload-hint { (prose(look.say("difference.upload_text"))) }
            (visit.shell.form_with_files("/ui/difference/upload", &html! {
                div.row.actions {
                    div.field {
                        label for="files" { (look.say("difference.files")) }
                        input #files name="files" type="file" multiple required accept=".policy,.bundle" aria-describedby="upload-hint";
                    }
                    button { (look.say("difference.upload_send")) }
                }
            }))
        }
    }
}

/// The sets that have decided, each with a way back to it.
fn history(visit: &Visit) -> Markup {
    let look = visit.look();
    let (entries, is_pinned) = visit.app.policies.history();
    let now = entries.first().map(|entry| entry.revision.clone());
    html! {
        section {
            h2 { (look.say("difference.history")) }
            @if is_pinned { p.note { (look.say("difference.pinned")) } }
            div.scroll tabindex="0" role="region" aria-label=(look.say("difference.history")) {
                table {
                    thead { tr {
                        th scope="col" { (look.say("difference.since")) } th scope="col" { (look.say("difference.revision")) }
                        th scope="col" { (look.say("lists.by")) } th scope="col" { (look.say("difference.back")) }
                    } }
                    tbody { @for entry in entries.iter().take(SETS) { tr {
                        td { (moment(&entry.since)) } td { (revision(&entry.revision)) } td { (entry.by) }
                        td {
                            @if now.as_ref() == Some(&entry.revision) { (look.say("difference.decides")) }
                            @else { a href=(link(ROLLBACK, &[("revision", &*entry.revision)])) { (look.say("difference.compare")) } }
                        }
                    } } }
                }
            }
        }
    }
}

const ROLLBACK: &str = "/ui/difference/rollback";

/// What would be different if a set that decided before did so again, and the form that lets it.
async fn before(visit: Visit) -> Result<Response, Fault> {
    visit.must("manage", &running()).await?;
    let wanted = visit.fields.get("revision");
    let (entries, _) = visit.app.policies.history();
    let Some(entry) = entries.iter().find(|entry| *entry.revision == *wanted) else {
        return Err(visit.shell.fault(Reason::Unchanged(Unchanged::NoRevision)));
    };
    let look = visit.look();
    let here = link(ROLLBACK, &[("revision", wanted)]);
    let content = html! {
        (sides(look, visit.engine.revision(), "difference.earlier", wanted))
        (proved(look, visit.app.policies.with_revision(&entry.revision), &here).await)
        section.card {
            h2 { (look.say("difference.roll_back")) }
            p { (look.say("difference.roll_back_text")) }
            div.row.actions {
                (visit.shell.form(ROLLBACK, &sure(look, wanted, "difference.roll_back")))
                a.button href="/ui/difference" { (look.say("difference.stay")) }
            }
        }
    };
    Ok(whole(&visit, StatusCode::OK, &content))
}

/// What the candidate would have decided otherwise of what was asked since it came.
fn traffic(look: Look, report: &Report) -> Markup {
    let counts = [
        ("difference.gained", report.counts.allowed),
        ("difference.lost", report.counts.denied),
        ("difference.reason", report.counts.reasons),
        ("difference.duty", report.counts.duties),
    ];
    let texts = [("differing", report.differing.to_string()), ("compared", report.compared.to_string())];
    let texts: Vec<(&str, &str)> = texts.iter().map(|(name, text)| (*name, text.as_str())).collect();
    html! {
        section {
            h2 { (look.say("difference.traffic")) }
            p { (look.fill("difference.compared", &texts)) }
            ul.totals { @for (name, count) in counts { @if count > 0 { li { b { (count) } " " (look.say(name)) } } } }
            @if !report.differences.is_empty() {
                div.scroll tabindex="0" role="region" aria-label=(look.say("difference.traffic")) {
                    table {
                        thead { tr {
                            th scope="col" { (look.say("audit.time")) } th scope="col" { (look.say("audit.principal")) }
                            th scope="col" { (look.say("try.action")) } th scope="col" { (look.say("audit.resource")) }
                            th scope="col" { (look.say("difference.running")) } th scope="col" { (look.say("difference.candidate")) }
                        } }
                        tbody { @for found in &report.differences { tr {
                            td { (moment(&found.time)) } td { (found.principal) } td { code { (found.action) } } td { (found.resource) }
                            td { (found.before) } td { (found.after) }
                        } } }
                    }
                }
            }
        }
    }
}

/// An instant as the report writes it.
fn moment(text: &str) -> Markup {
    match DateTime::parse_from_rfc3339(text) {
        Ok(at) => time(at.to_utc()),
        Err(_) => html! { (text) },
    }
}

/// Lets the candidate decide that the form was about.
async fn promote(posted: Posted) -> Result<Response, Fault> {
    change(posted, |revision| Change::Promote(Some(revision.into()))).await
}

/// Lets the set decide again that the form was about.
async fn roll_back(posted: Posted) -> Result<Response, Fault> {
    change(posted, |revision| Change::Rollback(revision.to_owned())).await
}

async fn change(posted: Posted, wanted: impl FnOnce(&str) -> Change + Send) -> Result<Response, Fault> {
    let Posted { visit, fields } = posted;
    visit.must_to_change("manage", &running()).await?;
    if fields.get("sure") != "yes" || fields.some("revision").is_none() {
        return Err(visit.shell.fault(Reason::Bad("the form names no revision")));
    }
    let changed = visit.app.policies.change(wanted(fields.get("revision")), visit.caller.name()).await;
    changed.map_err(|reason| visit.shell.fault(Reason::Unchanged(reason)))?;
    Ok(Redirect::to("/ui/policies").into_response())
}

/// Makes the files that were sent the candidate, or says why they cannot be.
async fn uploaded(posted: PostedFiles) -> Result<Response, Fault> {
    let PostedFiles { visit, files } = posted;
    visit.must_to_change("manage", &candidate()).await?;
    let sent = Upload::of_files(files).map_err(|bad| visit.shell.fault(Reason::Body(bad)))?;
    match visit.app.policies.load_upload(sent).await {
        Ok(engine) => {
            visit.app.policies.stage(engine, &visit.caller.name());
            Ok(Redirect::to("/ui/difference").into_response())
        }
        Err(Unchanged::Set(error)) => {
            let look = visit.look();
            let content = html! {
                section.fault.card role="alert" {
                    h2 { (look.say("difference.invalid")) }
                    (lines(&error.to_string()))
                }
                (upload(&visit))
            };
            Ok(whole(&visit, StatusCode::UNPROCESSABLE_ENTITY, &content))
        }
        Err(reason) => Err(visit.shell.fault(Reason::Unchanged(reason))),
    }
}

/// Lets no candidate decide any more.
async fn withdraw(posted: Posted) -> Result<Response, Fault> {
    let visit = posted.visit;
    visit.must_to_change("manage", &candidate()).await?;
    visit.app.policies.shadow().set(None);
    Ok(Redirect::to("/ui/difference").into_response())
}

//! What the candidate would change: proved over all requests, and seen on live traffic; and the form that lets it decide.

use super::{
    fault::{Fault, Reason},
    look::Look,
    parts::{prose, revision, time, verdict},
    posted::Posted,
    shell::Section,
    visit::{Visit, candidate, running},
};
use crate::{
    engine::Engine,
    examine::show::{request, scope},
    query::{Budget, Change as Found, ChangeKind, Comparison, Which, diff},
    server::{
        app::App,
        policy::{Candidate, Change, Report},
    },
    wire,
};
use axum::{
    Router,
    response::{IntoResponse, Redirect, Response},
    routing::{get, post},
};
use chrono::DateTime;
use maud::{Markup, html};
use std::{
    sync::{Arc, Mutex, OnceLock, PoisonError},
    time::Duration,
};
use tokio::sync::Notify;

/// How many changes a page shows.
const SHOWN: usize = 100;
/// How long an answer waits for a comparison; who asks again later finds it.
const PATIENCE: Duration = Duration::from_millis(200);

/// The comparison that was asked for last.
#[derive(Default)]
pub(super) struct Differences(Mutex<Option<Asked>>);

/// A comparison of two sets, by their revisions.
#[derive(Clone)]
struct Asked {
    of: [String; 2],
    comparison: Arc<Pending>,
}

#[derive(Default)]
struct Pending {
    done: OnceLock<Compared>,
    told: Notify,
}

/// What was found.
pub(super) struct Compared {
    changes: Vec<Row>,
    all: usize,
    pub(super) inconclusive: usize,
}

/// A change, to be read.
struct Row {
    kind: ChangeKind,
    /// Whom it concerns, about what and when.
    scope: String,
    /// The rule that makes it, where it stands, and in which set.
    rule: Option<(String, String, Which)>,
    before: (bool, Option<String>),
    after: (bool, Option<String>),
    example: String,
    json: String,
}

impl Differences {
    /// The comparison of two sets, begun if it was not asked for yet.
    fn ask(&self, running: &Arc<Engine>, candidate: &Arc<Candidate>) -> Arc<Pending> {
        let of = [running.revision().to_owned(), candidate.revision().to_owned()];
        let mut last = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(asked) = last.as_ref().filter(|asked| asked.of == of) {
            return asked.comparison.clone();
        }
        let comparison = Arc::<Pending>::default();
        *last = Some(Asked { of, comparison: comparison.clone() });
        let (running, candidate, pending) = (running.clone(), candidate.clone(), comparison.clone());
        tokio::task::spawn_blocking(move || {
            let (old, new) = (running.ir(), candidate.engine().ir());
            let found = diff(old, new, &ChangeKind::ALL, Budget::USUAL, |_| ());
            let _ = pending.done.set(Compared::of(&running, candidate.engine(), &found));
            pending.told.notify_waiters();
        });
        comparison
    }
}

impl Pending {
    /// What was found, if it is found out soon.
    async fn soon(&self) -> Option<&Compared> {
        let told = self.told.notified();
        if self.done.get().is_none() {
            let _ = tokio::time::timeout(PATIENCE, told).await;
        }
        self.done.get()
    }
}

impl Compared {
    pub(super) fn of(old: &Engine, new: &Engine, found: &Comparison) -> Self {
        let changes = found.changes.iter().take(SHOWN).map(|change| row(old, new, change)).collect();
        Self { changes, all: found.changes.len(), inconclusive: found.inconclusive.len() }
    }

    /// Whether it is certain that nothing changes.
    pub(super) const fn is_same(&self) -> bool {
        self.all == 0 && self.inconclusive == 0
    }

    /// How many changes there are besides those that a page shows.
    pub(super) const fn more(&self) -> usize {
        self.all.saturating_sub(self.changes.len())
    }
}

fn row(old: &Engine, new: &Engine, change: &Found) -> Row {
    let rule = change.rule.and_then(|(which, id)| {
        let engine = match which {
            Which::Old => old,
            Which::New => new,
        };
        engine.ir().rules.find(id).map(|rule| (engine, rule, which))
    });
    let decided = |engine: &Engine| match engine.unlimited(&change.witness) {
        Ok(decision) => (decision.is_allow(), decision.denial().map(|denial| denial.code.to_string())),
        Err(refusal) => (false, Some(refusal.to_string())),
    };
    let example = request(&change.witness);
    Row {
        kind: change.kind,
        scope: rule.map_or_else(|| example.clone(), |(engine, rule, _)| scope(engine.sources(), rule)),
        rule: rule.map(|(_, rule, which)| (rule.name().to_string(), rule.place().to_string(), which)),
        before: decided(old),
        after: decided(new),
        example,
        json: wire::request::text(&change.witness),
    }
}

pub(super) fn routes() -> Router<Arc<App>> {
    Router::new()
        .route("/ui/difference", get(page))
        .route("/ui/difference/promote", post(promote))
        .route("/ui/difference/withdraw", post(withdraw))
}

async fn page(visit: Visit) -> Result<Response, Fault> {
    visit.must("manage", &candidate()).await?;
    let look = visit.look();
    let found = visit.app.policies.shadow().candidate();
    let content = html! {
        header.page {
            h1 { (look.say("nav.difference")) }
            p.lead { (look.say("difference.lead")) }
        }
        @match found {
            None => p.empty { (prose(look.say("difference.no_candidate"))) },
            Some(candidate) => (compared(&visit, &candidate).await),
        }
    };
    Ok(visit.shell.page(look.say("nav.difference"), Some(Section::Difference), &content))
}

async fn compared(visit: &Visit, candidate: &Arc<Candidate>) -> Markup {
    let look = visit.look();
    let asked = visit.app.web.differences.ask(&visit.engine, candidate);
    html! {
        dl.facts.card {
            dt { (look.say("difference.running")) } dd { (revision(visit.engine.revision())) }
            dt { (look.say("difference.candidate")) } dd { (revision(candidate.revision())) }
        }
        section {
            h2 { (look.say("difference.proved")) }
            @match asked.soon().await {
                None => p.note #comparing role="status" data-reload="1000" { (look.say("difference.comparing")) " " a href="/ui/difference" { (look.say("difference.look_again")) } },
                Some(found) => (proved(look, found)),
            }
        }
        (traffic(look, &candidate.report()))
        section.card {
            h2 { (look.say("difference.decide")) }
            p { (look.say("difference.decide_text")) }
            div.row.actions {
                (visit.shell.form("/ui/difference/promote", &html! {
                    input type="hidden" name="revision" value=(candidate.revision());
                    label.check { input type="checkbox" name="sure" value="yes" required; (look.say("difference.sure")) }
                    button.primary { (look.say("difference.promote")) }
                }))
                (visit.shell.form("/ui/difference/withdraw", &html! { button { (look.say("difference.withdraw")) } }))
            }
        }
    }
}

const fn kind_words(kind: ChangeKind) -> &'static str {
    match kind {
        ChangeKind::Gained => "difference.gained",
        ChangeKind::Lost => "difference.lost",
        ChangeKind::Limit => "difference.limit",
        ChangeKind::Duty => "difference.duty",
        ChangeKind::Gate => "difference.gate",
        ChangeKind::Reason => "difference.reason",
    }
}

fn proved(look: Look, found: &Compared) -> Markup {
    html! {
        @if found.is_same() { p.empty { (look.say("difference.same")) } }
        @if found.inconclusive > 0 { p.note { (look.fill("difference.inconclusive", &[("count", &found.inconclusive.to_string())])) } }
        (changes(look, found, Some(["difference.rule_before", "difference.rule_after"])))
        @if found.more() > 0 { p.note { (prose(&look.fill("difference.more", &[("count", &found.more().to_string())]))) } }
    }
}

/// Changes, one by one. `words` stand before the rule that makes one, by whether it is of the set before or after; none: rules
/// are not named.
pub(super) fn changes(look: Look, found: &Compared, words: Option<[&'static str; 2]>) -> Markup {
    html! {
        ol.changes {
            @for change in &found.changes {
                li {
                    article.change.(change.kind.name()) {
                        h3 { (look.say(kind_words(change.kind))) }
                        p.sentence { (change.scope) }
                        @if let (Some((name, place, which)), Some([before, after])) = (&change.rule, words) {
                            p { (look.say(match which { Which::Old => before, Which::New => after })) " " b { (name) } " " span.place { (place) } }
                        }
                        p.example {
                            (look.say("difference.example")) " " code { (change.example) } ": "
                            (verdict(look, change.before.0, change.before.1.as_deref())) " → " (verdict(look, change.after.0, change.after.1.as_deref()))
                        }
                        details { summary { (look.say("try.as_json")) } pre { code { (change.json) } } }
                    }
                }
            }
        }
    }
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
    let Posted { visit, fields } = posted;
    visit.must_to_change("manage", &running()).await?;
    if fields.get("sure") != "yes" || fields.some("revision").is_none() {
        return Err(visit.shell.fault(Reason::Bad("the form names no revision")));
    }
    let change = Change::Promote(Some(fields.get("revision").into()));
    let changed = visit.app.policies.change(change, visit.caller.name()).await;
    changed.map_err(|reason| visit.shell.fault(Reason::Unchanged(reason)))?;
    Ok(Redirect::to("/ui/policies").into_response())
}

/// Lets no candidate decide any more.
async fn withdraw(posted: Posted) -> Result<Response, Fault> {
    let visit = posted.visit;
    visit.must_to_change("manage", &candidate()).await?;
    visit.app.policies.shadow().set(None);
    Ok(Redirect::to("/ui/difference").into_response())
}

//! Trying a request: what would be decided, why, and the smallest change that would permit it. Nothing is charged, and only
//! that somebody may not ask is recorded.

use super::{
    fault::{Fault, Reason},
    fields::Fields,
    index::Index,
    look::Look,
    parts::{decided, input, rule, select},
    shell::Section,
    visit::{Visit, running},
};
use crate::{
    decision::Decision,
    eval::kleene::Kleene,
    examine::{
        explain::{ClauseStory, Explanation, Remedy, RuleStory, duration, explain},
        show::Words,
    },
    request::{Input, Principal, Properties, Request, Resource, insert},
    server::app::App,
    wire,
};
use axum::{Router, response::Response, routing::get};
use maud::{Markup, html};
use std::sync::Arc;

/// How many names are offered while one is written.
const OFFERED: usize = 200;

pub(super) fn routes() -> Router<Arc<App>> {
    Router::new().route("/ui/try", get(page))
}

/// What came of it.
enum Tried {
    /// The request cannot be decided.
    Wrong(String),
    /// What was decided; with the story, where whoever asks may read the policies.
    Told { story: Box<Explanation>, request: Box<Request>, is_open: bool },
}

async fn page(visit: Visit) -> Result<Response, Fault> {
    let tried = match visit.fields.some("action") {
        None => None,
        Some(_) => Some(attempt(&visit).await?),
    };
    let look = visit.look();
    // Who may not read the policies is offered no names out of them.
    let index = if visit.may("manage", &running()).await.map_err(|reason| visit.shell.fault(reason.into()))? {
        visit.index().await?
    } else {
        Arc::default()
    };
    let content = html! {
        header.page {
            h1 { (look.say("nav.try")) }
            p.lead { (look.say("try.lead")) }
        }
        div.columns {
            (form(look, &visit.fields, &index))
            div.answer aria-live="polite" {
                @match &tried {
                    None => p.empty { (look.say("try.nothing_yet")) },
                    Some(Tried::Wrong(message)) => section.fault role="alert" { h2 { (look.say("fault.bad")) } p { (message) } },
                    Some(Tried::Told { story, request, is_open }) => (answer(&visit, story, request, *is_open)),
                }
            }
        }
    };
    Ok(visit.shell.page(look.say("nav.try"), Some(Section::Try), &content))
}

async fn attempt(visit: &Visit) -> Result<Tried, Fault> {
    let now = visit.app.clock.now();
    let request = match request(visit) {
        Ok(request) if request.context.contains_key("time") => request,
        Ok(request) => request.time(now),
        Err(message) => return Ok(Tried::Wrong(message)),
    };
    visit.must("evaluate", &request.resource).await?;
    let is_open = visit.may("manage", &running()).await.map_err(|reason| visit.shell.fault(reason.into()))?;
    let engine = visit.engine.clone();
    let told = tokio::task::spawn_blocking(move || explain(&engine, &request, now).map(|story| (story, request))).await;
    match told {
        Ok(Ok((story, request))) => Ok(Tried::Told { story: Box::new(story), request: Box::new(request), is_open }),
        Ok(Err(refusal)) => Ok(Tried::Wrong(refusal.to_string())),
        Err(error) => Err(visit.shell.fault(Reason::Failed(error.to_string()))),
    }
}

/// The request that the fields describe. What only the service knows need not be said, and can be said otherwise.
fn request(visit: &Visit) -> Result<Request, String> {
    let fields = &visit.fields;
    let kind = fields.some("principal_kind").unwrap_or("user");
    let mut principal = match kind {
        "anonymous" => Principal::anonymous(),
        kind => Principal::new(kind, fields.get("principal")),
    };
    let roles: Vec<&str> = fields.get("roles").split([',', ' ']).filter(|role| !role.is_empty()).collect();
    if !roles.is_empty() {
        principal = principal.roles(roles);
    }
    for name in ["org", "tier"] {
        if let Some(text) = fields.some(name) {
            principal = principal.with(name, text);
        }
    }
    let resource = Resource::new(fields.some("resource_kind").unwrap_or("model"), fields.get("resource"));
    let mut request = Request::new(principal, fields.get("action"), resource);
    for name in ["ip", "time"] {
        if let Some(text) = fields.some(name) {
            request = request.with(name, text);
        }
    }
    visit.app.settle(&visit.engine, &mut request);
    add(&mut request, fields.get("more"))?;
    Ok(request)
}

/// Adds attributes to a request: one on each line, as in `resource.visibility = "public"`.
pub(super) fn add(request: &mut Request, lines: &str) -> Result<(), String> {
    for line in lines.lines().map(str::trim).filter(|line| !line.is_empty()) {
        let (path, value) = line.split_once('=').ok_or_else(|| format!("`{line}`: write `name = value`"))?;
        let (path, value) = (path.trim(), value.trim());
        // What is no JSON is a text.
        let value = wire::json::parse(value).unwrap_or_else(|_| Input::from(value));
        let (owner, name) = path.split_once('.').unwrap_or(("", path));
        let (properties, name): (&mut Properties, &str) = match owner {
            "principal" => (&mut request.principal.properties, name),
            "resource" | "model" => (&mut request.resource.properties, name),
            "action" => (&mut request.action_properties, name),
            _ => (&mut request.context, path),
        };
        insert(properties, name, value);
    }
    Ok(())
}

fn form(look: Look, fields: &Fields, index: &Index) -> Markup {
    let offered = |names: &[(Arc<str>, Arc<str>)], list: &str| {
        html! { datalist id=(list) { @for (_, id) in names.iter().take(OFFERED) { option value=(id) {} } } }
    };
    let kinds = |kinds: &[Arc<str>], usual: &'static str| -> Vec<String> {
        if kinds.is_empty() { vec![usual.to_owned()] } else { kinds.iter().map(ToString::to_string).collect() }
    };
    let (people, things) = (kinds(&index.principal_kinds, "user"), kinds(&index.resource_kinds, "model"));
    let text = |name: &str, label: &str, list: &str| {
        html! {
            div.field {
                label for=(name) { (label) }
                input id=(name) name=(name) value=(fields.get(name)) list=(list) autocomplete="off" spellcheck="false";
            }
        }
    };
    html! {
        form.card.request method="get" action="/ui/try" {
            fieldset {
                legend { (look.say("try.who")) }
                div.row {
                    (select("principal_kind", look.say("try.kind"), fields.some("principal_kind").unwrap_or("user"), people.iter().map(|kind| (kind.as_str(), kind.as_str()))))
                    (text("principal", look.say("try.principal"), "principals"))
                }
                div.row {
                    (text("roles", look.say("try.roles"), "roles-known"))
                    (input("org", look.say("try.org"), fields.get("org"), ""))
                    (text("tier", look.say("try.tier"), "tiers"))
                }
            }
            fieldset {
                legend { (look.say("try.what")) }
                (text("action", look.say("try.action"), "actions"))
                div.row {
                    (select("resource_kind", look.say("try.kind"), fields.some("resource_kind").unwrap_or("model"), things.iter().map(|kind| (kind.as_str(), kind.as_str()))))
                    (text("resource", look.say("try.resource"), "resources"))
                }
            }
            fieldset {
                legend { (look.say("try.circumstances")) }
                div.row {
                    (input("ip", look.say("try.ip"), fields.get("ip"), look.say("try.unknown")))
                    (input("time", look.say("try.time"), fields.get("time"), look.say("try.now")))
                }
                div.field {
                    label for="more" { (look.say("try.more")) }
                    textarea id="more" name="more" rows="3" spellcheck="false" aria-describedby="more-hint" { (fields.get("more")) }
                    p.hint #more-hint { (look.say("try.more_hint")) " " code { "resource.visibility = \"public\"" } }
                }
            }
            button.primary { (look.say("try.decide")) }
            (offered(&index.principals, "principals"))
            (offered(&index.resources, "resources"))
            datalist #actions { @for action in &index.actions { option value=(action) {} } }
            datalist #roles-known { @for role in &index.roles { option value=(role) {} } }
            datalist #tiers { @for tier in &index.tiers { option value=(tier) {} } }
        }
    }
}

fn answer(visit: &Visit, story: &Explanation, request: &Request, is_open: bool) -> Markup {
    let look = visit.look();
    let decision = &story.decision;
    let words = Words::new(&visit.engine.ir().vocabulary, request);
    let (matter, others): (Vec<&RuleStory>, Vec<_>) = story.rules.iter().partition(|rule| rule.matters(decision));
    html! {
        section.card.result.(if decision.is_allow() { "allow" } else { "deny" }) {
            h2 { (decided(look, decision)) @if let Some(denial) = decision.denial() { " " span.status { (denial.status) } } }
            @if let Some(by) = &decision.rule {
                @if is_open { p { (look.say("try.by")) " " (rule(&by.name)) " " span.place { (by.at) } } }
            } @else if decision.denial().is_some() { p { (look.say("try.no_rule")) } }
            (besides(look, decision))
        }
        @if !is_open { p.note { (look.say("try.closed")) } }
        @else {
            @if !decision.is_allow() { (remedies(look, words, &story.permit_by)) }
            section.story {
                h2 { (look.say("try.story")) }
                @if story.rules.is_empty() { p.empty { (look.say("try.no_rules")) } }
                ol.story { @for rule in &matter { li { (told(look, words, rule)) } } }
                @if !others.is_empty() {
                    details {
                        summary { (look.fill("try.others", &[("count", &others.len().to_string())])) }
                        ol.story { @for rule in &others { li { (told(look, words, rule)) } } }
                    }
                }
            }
        }
        details { summary { (look.say("try.as_json")) } pre { code { (wire::request::text(request)) } } }
    }
}

/// What a decision says besides: to its user first.
fn besides(look: Look, decision: &Decision) -> Markup {
    let with = |name: &'static str, place: &'static str, text: &str| look.fill(name, &[(place, text)]);
    let mut lines: Vec<String> = Vec::new();
    if let Some(denial) = decision.denial() {
        lines.extend(denial.message.clone());
        lines.extend(denial.hint.as_ref().map(|hint| with("try.hint", "hint", hint)));
        lines.extend(denial.gate.map(|mode| with("try.gate", "mode", mode.name())));
        lines.extend(denial.retry_after.map(|wait| with("try.wait", "time", &duration(wait))));
    }
    if !decision.others.is_empty() {
        lines.push(with("try.also", "rules", &decision.others.join(", ")));
    }
    for limit in &decision.limits {
        let (left, all) = (limit.remaining.to_string(), limit.limit.to_string());
        lines.push(look.fill("try.left", &[("left", &left), ("all", &all), ("rule", &limit.name)]));
    }
    lines.extend(decision.obligations.iter().map(|duty| with("try.obliges", "duty", &duty.to_string())));
    if !decision.shadow.is_empty() {
        lines.push(with("try.shadow", "rules", &decision.shadow.join(", ")));
    }
    if !decision.ignored.is_empty() {
        lines.push(with("try.ignored", "names", &decision.ignored.join(", ")));
    }
    html! { @for line in lines { p.detail { (line) } } }
}

fn remedies(look: Look, words: Words<'_>, remedies: &[Remedy]) -> Markup {
    html! {
        section.remedies {
            h2 { (look.say("try.permit")) }
            @if remedies.is_empty() { p.empty { (look.say("try.no_remedy")) } }
            ul {
                @for remedy in remedies {
                    li {
                        @match remedy {
                            Remedy::Wait(seconds) => (look.fill("try.wait", &[("time", &duration(*seconds))])),
                            Remedy::Set(change) => code { (words.all(change)) },
                        }
                    }
                }
            }
        }
    }
}

fn told(look: Look, words: Words<'_>, story: &RuleStory) -> Markup {
    let fires = match story.fires {
        Kleene::True => ("yes", look.say("try.fires")),
        Kleene::False => ("no", look.say("try.fires_not")),
        Kleene::Unknown => ("unknown", look.say("try.fires_perhaps")),
    };
    html! {
        article.rule.(story.effect) data-decided[story.decided] {
            header {
                code.word { @if story.shadow { "shadow " } (story.effect) }
                h3 { (rule(&story.rule)) }
                @if story.decided { span.tag.decided { (look.say("try.decided")) } }
                span.fires.(fires.0) { (fires.1) }
                span.place { (story.at) }
            }
            ul.clauses { @for clause in story.shown() { (clause_markup(look, words, clause)) } }
        }
    }
}

fn clause_markup(look: Look, words: Words<'_>, clause: &ClauseStory) -> Markup {
    let (class, mark, says) = match clause.value {
        Kleene::True => ("yes", "✓", look.say("try.holds")),
        Kleene::False => ("no", "✗", look.say("try.holds_not")),
        Kleene::Unknown => ("unknown", "?", look.say("try.unknown")),
    };
    html! {
        li.(class) {
            span.mark title=(says) { span aria-hidden="true" { (mark) } span.sr { (says) } }
            code { (clause.text) }
            @if !clause.saw.is_empty() { span.saw { (words.all(&clause.saw)) } }
        }
    }
}

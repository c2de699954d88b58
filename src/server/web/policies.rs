//! What the policies say: their rules as sentences, with what their authors say of them.

use super::{
    fault::Fault,
    index::{Index, Sheet},
    look::Look,
    parts::{Pager, input, revision, select},
    sentence,
    shell::Section,
    visit::{Visit, running},
};
use crate::server::app::App;
use axum::{Router, response::Response, routing::get};
use maud::{Markup, html};
use std::sync::Arc;

/// How many rules a page shows.
const SIZE: usize = 40;
/// The words that rules begin with.
const WORDS: [&str; 6] = ["allow", "deny", "require", "gate", "limit", "oblige"];

pub(super) fn routes() -> Router<Arc<App>> {
    Router::new().route("/ui/policies", get(page))
}

async fn page(visit: Visit) -> Result<Response, Fault> {
    visit.must("manage", &running()).await?;
    let index = visit.index().await?;
    let (look, fields) = (visit.look(), &visit.fields);
    let words: Vec<String> = fields.get("q").to_lowercase().split_whitespace().map(str::to_owned).collect();
    let is = |wanted: Option<&str>, found: &str| wanted.is_none_or(|wanted| wanted == found);
    let taken = |rule: &&Sheet| {
        is(fields.some("effect"), rule.word)
            && is(fields.some("file"), &rule.file)
            && is(fields.some("owner"), rule.owner.as_deref().unwrap_or_default())
            && rule.has(&words)
    };
    let rules: Vec<&Sheet> = index.rules.iter().filter(taken).collect();
    let pager = Pager::new(fields.page(), SIZE, rules.len());
    let links = pager.links(look, "/ui/policies", fields, "page");
    let content = html! {
        header.page {
            h1 { (look.say("nav.policies")) }
            p.lead { (look.say("policies.lead")) " " (look.say("policies.revision")) " " (revision(visit.engine.revision())) }
        }
        (totals(look, &index))
        (filter(&visit, &index))
        (links)
        @if rules.is_empty() { p.empty { (look.say("policies.none")) } }
        ol.rules { @for rule in pager.slice(&rules) { li { (sheet(look, rule)) } } }
        @if rules.len() > SIZE { (links) }
    };
    Ok(visit.shell.page(look.say("nav.policies"), Some(Section::Policies), &content))
}

/// How many there are of each sort.
fn totals(look: Look, index: &Index) -> Markup {
    let of = |word: &str| index.rules.iter().filter(|rule| rule.word == word).count();
    let counts = WORDS.map(|word| (word, of(word)));
    html! {
        ul.totals {
            li { b { (index.rules.len()) } " " (look.say("policies.rules")) }
            @for (word, count) in counts { @if count > 0 { li { b { (count) } " " code { (word) } } } }
            li { b { (index.resources.len()) } " " (look.say("policies.resources")) }
            li { b { (index.principals.len()) } " " (look.say("policies.principals")) }
        }
    }
}

fn filter(visit: &Visit, index: &Index) -> Markup {
    let (look, fields) = (visit.look(), &visit.fields);
    let any = ("", look.say("filter.any"));
    html! {
        form.filter method="get" action="/ui/policies" role="search" {
            (input("q", look.say("filter.search"), fields.get("q"), ""))
            (select("effect", look.say("policies.effect"), fields.get("effect"), [any].into_iter().chain(WORDS.map(|word| (word, word)))))
            (select("file", look.say("policies.file"), fields.get("file"), [any].into_iter().chain(index.files.iter().map(|file| (file.as_str(), file.as_str())))))
            @if !index.owners.is_empty() {
                (select("owner", look.say("policies.owner"), fields.get("owner"), [any].into_iter().chain(index.owners.iter().map(|owner| (owner.as_str(), owner.as_str())))))
            }
            button { (look.say("filter.show")) }
        }
    }
}

fn sheet(look: Look, rule: &Sheet) -> Markup {
    html! {
        article.rule.(rule.word) {
            header {
                h2 { (rule.name) }
                @if rule.is_shadow { span.tag { (look.say("policies.shadow")) } }
                span.place { (rule.file) ":" (rule.line) }
            }
            @if !rule.docs.is_empty() { p.docs { (rule.docs.join(" ")) } }
            @if let Some(within) = &rule.within { p.within { (look.say("policies.within")) " " code { "on " (within) } } }
            p.sentence { (sentence::markup(&rule.text)) }
            @if rule.owner.is_some() || rule.review.is_some() {
                ul.meta {
                    @if let Some(owner) = &rule.owner { li { (look.say("policies.owner")) " " b { (owner) } } }
                    @if let Some(review) = &rule.review { li { (look.say("policies.review")) " " b { (review) } } }
                }
            }
        }
    }
}

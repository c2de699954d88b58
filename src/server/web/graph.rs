//! The decision graph as a picture: of the whole set, or of what decides about one resource.

use super::{
    fault::{Fault, Reason},
    fields::link,
    parts::{input, select},
    shell::Section,
    visit::{Visit, running},
};
use crate::{
    examine::graph::{around, svg, whole},
    server::app::App,
};
use ::http::header::{CONTENT_SECURITY_POLICY, CONTENT_TYPE};
use axum::{
    Router,
    response::{IntoResponse, Response},
    routing::get,
};
use maud::html;
use std::sync::Arc;

pub(super) fn routes() -> Router<Arc<App>> {
    Router::new().route("/ui/graph", get(page)).route("/ui/graph.svg", get(picture))
}

async fn page(visit: Visit) -> Result<Response, Fault> {
    visit.must("manage", &running()).await?;
    let index = visit.index().await?;
    let (look, fields) = (visit.look(), &visit.fields);
    let kind = fields.some("kind").unwrap_or("model");
    let address = link("/ui/graph.svg", &[("kind", fields.get("kind")), ("id", fields.get("id"))]);
    let about = match fields.some("id") {
        Some(id) => look.fill("graph.about", &[("resource", &format!("{kind} {id:?}"))]),
        None => look.say("graph.whole").to_owned(),
    };
    let content = html! {
        header.page {
            h1 { (look.say("nav.graph")) }
            p.lead { (look.say("graph.lead")) }
        }
        form.filter method="get" action="/ui/graph" {
            (select("kind", look.say("try.resource_kind"), kind, index.resource_kinds.iter().map(|kind| (&**kind, &**kind))))
            (input("id", look.say("graph.resource"), fields.get("id"), look.say("graph.all")))
            button { (look.say("filter.show")) }
        }
        figure.graph {
            // It can be wider than the page: then it is scrolled, by keys, too.
            div.scroll tabindex="0" role="region" aria-label=(about) { img src=(address) alt=(about); }
            figcaption { (about) " · " a href=(address) { (look.say("graph.alone")) } }
        }
    };
    Ok(visit.shell.page(look.say("nav.graph"), Some(Section::Graph), &content))
}

async fn picture(visit: Visit) -> Result<Response, Fault> {
    visit.must("manage", &running()).await?;
    let engine = visit.engine.clone();
    let (kind, id) = (visit.fields.some("kind").unwrap_or("model").to_owned(), visit.fields.get("id").to_owned());
    let draw = move || svg::render(&if id.is_empty() { whole(&engine) } else { around(&engine, &kind, &id) });
    let drawn = tokio::task::spawn_blocking(draw).await;
    let drawn = drawn.map_err(|error| visit.shell.fault(Reason::Failed(error.to_string())))?;
    // A picture brings its colours with it.
    let content = "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'; sandbox";
    Ok(([(CONTENT_TYPE, "image/svg+xml"), (CONTENT_SECURITY_POLICY, content)], drawn).into_response())
}

//! What managed documents say, in the policy language.

use super::document::{Body, Gated, Key, Registered};
use crate::{
    ast::{Ast, Effect, Item, ItemKind, print},
    check::vocabulary::{Owner, Vocabulary},
    request::Refusal,
    wire::{acl, pattern},
};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};

/// What the settings say about documents in the policy language.
#[derive(Debug, Clone, Default)]
pub(super) struct Terms {
    /// The roles that need no grant where a resource is gated, as far as the policies know them.
    pub(super) passing: Vec<String>,
    /// The actions of whoever uses a model: those that the gateway asks for.
    pub(super) uses: BTreeSet<String>,
    /// The attribute by which limits count tokens.
    pub(super) tokens: String,
    /// Other names of models.
    pub(super) aliases: BTreeMap<String, String>,
}

impl Terms {
    /// A model by its own name.
    pub(super) fn model<'t>(&'t self, name: &'t str) -> &'t str {
        self.aliases.get(name).map_or(name, String::as_str)
    }
}

/// What a document comes to.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Text {
    /// All that it says.
    pub(super) whole: String,
    /// What it prohibits, requires, gates and limits: all but what it allows.
    pub(super) strict: String,
}

impl Text {
    fn of(items: Vec<Item>) -> Self {
        let strict = items.iter().filter_map(without_allows).collect();
        let text = |items| print::print(&Ast { items, ..Ast::default() }, None);
        Self { strict: text(strict), whole: text(items) }
    }

    fn prohibitions(text: String) -> Self {
        Self { whole: text.clone(), strict: text }
    }
}

/// A statement without the rules that allow; none if nothing is left.
fn without_allows(item: &Item) -> Option<Item> {
    if matches!(&item.kind, ItemKind::Rule(rule) if rule.effect == Effect::Allow) {
        return None;
    }
    let ItemKind::On { selector, items } = &item.kind else { return Some(item.clone()) };
    let items: Vec<Item> = items.iter().filter_map(without_allows).collect();
    let kind = ItemKind::On { selector: selector.clone(), items };
    (!is_empty(&kind)).then(|| Item { docs: item.docs.clone(), kind, at: item.at })
}

fn is_empty(kind: &ItemKind) -> bool {
    matches!(kind, ItemKind::On { items, .. } if items.is_empty())
}

/// What a document says, in the words of a vocabulary.
///
/// # Errors
/// It says nothing that can be understood.
pub(super) fn text(key: &Key, body: &Body, terms: &Terms, vocabulary: &Vocabulary) -> Result<Text, Refusal> {
    match body {
        Body::Resource(registered) => Ok(Text::prohibitions(settings(key, registered, &terms.passing, vocabulary))),
        Body::Acl(document) => acl::import(&document.to_string()).map(|imported| Text::of(imported.items)),
        Body::Grant(document) => {
            acl::import_grant(&document.to_string(), key.principal().1).map(|imported| Text::of(imported.items))
        }
        Body::Project(project) => Ok(Text::prohibitions(project.rules(key.governs().1, terms, vocabulary))),
        Body::Access(_) | Body::ApiKey(_) | Body::Proposal(_) => Ok(Text::default()),
    }
}

/// The gate of a resource, and whether it is private.
fn settings(key: &Key, registered: &Registered, passing: &[String], vocabulary: &Vocabulary) -> String {
    let (kind, id) = key.governs();
    let mut rules = Vec::new();
    let label = format!("hub_{kind}_{}", acl::identifier(id));
    let namespace = id.split_once('/').map(|(namespace, _)| namespace);
    let owner = namespace.map(|namespace| format!("user {}", literal(namespace)));
    let known = passing.iter().filter(|role| vocabulary.role_ids.contains_key(role.as_str()));
    let passing: Vec<String> = owner.into_iter().chain(known.map(|role| format!("role {role}"))).collect();
    if registered.private {
        let except = if passing.is_empty() { String::new() } else { format!(" except {}", passing.join(", ")) };
        let unless = namespace.map(|name| format!(" unless principal.org == {}", print::string(name)));
        let unless = unless.unwrap_or_default();
        rules.push(format!(
            "{label}_private: deny anyone{except} to any{unless} else REPOSITORY_NOT_FOUND 404 \"There is no such repository.\";"
        ));
    }
    if let Some(mode) = registered.gated.name() {
        let except: String = passing.iter().map(|who| format!(", {who}")).collect();
        let then = match registered.gated {
            Gated::Manual => "a reviewer answers each request",
            Gated::Auto | Gated::No => "access is given at once",
        };
        rules.push(format!(
            "{label}_sign_in: gate {mode} to download of anonymous else GATED 401 \
             \"Access to {{resource.kind}} {{resource.id}} is restricted: sign in to ask for it.\" \
             hint \"Sign in, open the page of the repository and ask: {then}.\";"
        ));
        rules.push(format!(
            "{label}_ask: gate {mode} to download of anyone except anonymous{except} else GATED 403 \
             \"Access to {{resource.kind}} {{resource.id}} is restricted and you are not in the authorized list.\" \
             hint \"Open the page of the repository and ask: {then}.\";"
        ));
    }
    if rules.is_empty() {
        return String::new();
    }
    format!("on {kind} {} {{\n    {}\n}}\n", literal(id), rules.join("\n    "))
}

/// A text as a pattern that matches nothing else, in quotes.
pub(super) fn literal(text: &str) -> String {
    print::string(&pattern::escape(text))
}

/// A registered resource as a line of a catalog, in the words of a vocabulary that does not declare it itself.
pub(super) fn declaration(key: &Key, body: &Body, vocabulary: &Vocabulary) -> Option<String> {
    let registered = body.registered()?;
    let (kind, id) = key.governs();
    if vocabulary.resources.find(kind, id).is_some() {
        return None;
    }
    let known = registered.attributes.iter().filter(|(name, _)| vocabulary.attribute(Owner::Resource, name).is_some());
    let properties: serde_json::Map<String, Value> = known.map(|(name, value)| (name.clone(), value.clone())).collect();
    Some(json!({ "type": kind, "id": id, "properties": properties }).to_string())
}

//! All requests that can make a difference to a random policy set.

use crate::{random::Set, topics::TOPICS};
use policyc::request::{Input, Principal, Properties, Request, Resource};
use std::collections::BTreeMap;

const PRINCIPALS: &[(&str, &str)] = &[
    ("anonymous", ""),
    ("user", "zed"),
    ("user", "bob"),
    ("user", "al@p"),
    ("user", "bo"),
    ("user", "yo"),
    ("user", "bo@p"),
    ("user", "k"),
    ("key", "k"),
    ("key", "bob"),
    ("key", "zed"),
    ("key", "q"),
    ("user", "q"),
    ("robot", "k"),
    ("robot", "zed"),
    ("alien", "zed"),
    ("alien", "bob"),
    ("user", "m"),
    ("robot", "m"),
    ("alien", "n"),
];

const RESOURCES: &[(&str, &str)] = &[
    ("model", "n"),
    ("model", "m"),
    ("model", "acme/n"),
    ("model", "acme/x"),
    ("model", "acme/xm"),
    ("model", "a/b/c"),
    ("model", "am"),
    ("model", "am/m/m"),
    ("dataset", "d"),
    ("dataset", "n"),
    ("dataset", "m"),
    ("dataset", "am"),
    ("gizmo", "m"),
    ("gizmo", "n"),
    ("gizmo", "acme/x"),
    ("thing", "m"),
    ("thing", "n"),
    ("model", "bob"),
    ("gizmo", "bob"),
    ("thing", "bo@p"),
];

/// All requests that can make a difference; of more than `most`, about `some` of them, evenly spread. Also whether these are
/// all.
pub(crate) fn requests(set: &Set, most: usize, some: usize) -> (impl Iterator<Item = Request>, bool) {
    let text = set.text();
    let mut values: BTreeMap<&str, Vec<Option<Input>>> = BTreeMap::new();
    // A gate asks for a grant, whatever else a set speaks of.
    let grants = TOPICS.iter().flat_map(|topic| topic.values).filter(|(path, _)| *path == "principal.granted");
    for (path, inputs) in set.topics.iter().flat_map(|topic| TOPICS[*topic].values).chain(grants) {
        let name = path.strip_prefix("principal.").or(path.strip_prefix("model.")).unwrap_or(path);
        let spoken_of = set.statements.iter().any(|text| !text.starts_with("attribute ") && text.contains(name));
        let selectors = match name {
            "tags" => text.contains("tag "),
            // A role may be held within an organisation, which is to be that of the resource.
            "org" => text.contains("org ") || text.contains('@') || *path == "model.org" && text.contains("role"),
            "roles" => text.contains("role "),
            "granted" => text.contains("gate "),
            "tier" => text.contains("tier"),
            _ => false,
        };
        if spoken_of || selectors {
            let known = values.entry(path).or_default();
            for input in inputs.iter().flat_map(|input| parsed(input)) {
                if !known.contains(&input) {
                    known.push(input);
                }
            }
        }
    }
    let any = |marks: &[&str]| marks.iter().any(|mark| text.contains(mark));
    let people = any(&["user ", "key ", "robot \"", "principal.id", "principal.kind"]);
    let things = any(&["\"m\"", "acme", "dataset", "\"*\"", "**", "any model", "gizmo \"", "resource.", "model.id"]);
    let principals = if people { PRINCIPALS } else { &PRINCIPALS[..2] };
    let resources = if things { RESOURCES } else { &RESOURCES[..1] };
    let count = values.values().map(Vec::len).product::<usize>() * principals.len() * resources.len() * 2;
    // A step that has no factor in common with any of the numbers of values.
    let step = if count > most { (count / some) | 1 } else { 1 };
    let step = [0, 2, 4, 6, 8, 10, 12]
        .map(|more| step + more)
        .into_iter()
        .find(|step| step % 3 != 0 && step % 5 != 0 && step % 7 != 0);
    let step = if count > most { step.unwrap_or(1) } else { 1 };
    let requests = (0..count).step_by(step).filter_map(move |mut index| {
        let mut digit = |of: usize| {
            let digit = index % of;
            index /= of;
            digit
        };
        let (kind, id) = principals[digit(principals.len())];
        let principal = if kind == "anonymous" { Principal::anonymous() } else { Principal::new(kind, id) };
        let (resource_kind, resource) = resources[digit(resources.len())];
        let action = ["view", "use"][digit(2)];
        let mut request = Request::new(principal, action, Resource::new(resource_kind, resource));
        for (path, inputs) in &values {
            request = given(request, path, inputs[digit(inputs.len())].clone())?;
        }
        Some(request)
    });
    (requests, step == 1)
}

/// A request with an attribute more; none if it cannot have it.
fn given(mut request: Request, path: &str, input: Option<Input>) -> Option<Request> {
    let Some(input) = input else { return Some(request) };
    let properties: &mut Properties = match path.split_once('.') {
        Some(("principal", _)) if request.principal.kind == "anonymous" => return None,
        Some(("principal", _)) => &mut request.principal.properties,
        Some(("model", _)) => &mut request.resource.properties,
        _ => &mut request.context,
    };
    let name = path.split_once('.').map_or(path, |(_, name)| name);
    properties.insert(name.to_owned(), input);
    Some(request)
}

/// What a request says, as the tables write it.
fn parsed(text: &str) -> Vec<Option<Input>> {
    let one = match text {
        "absent" => return vec![None],
        // Each hour of some days around a change of the clocks in Europe.
        "hours" => return instants(1_774_569_600, 6 * 24 + 2, 3_600),
        "days" => return instants(1_774_137_600, 24, 43_200),
        "ways" => return ways(),
        "unknown" => Input::Unknown,
        "none" => Input::None,
        "true" => Input::Bool(true),
        "false" => Input::Bool(false),
        list if list.starts_with('[') => {
            Input::List(list.trim_matches(['[', ']']).split_whitespace().map(member).collect())
        }
        text if text.starts_with('"') => text.trim_matches('"').into(),
        int => Input::Int(int.parse().unwrap()),
    };
    vec![Some(one)]
}

/// An element of a list: `a`, or a role within an organisation, `a@x`.
fn member(text: &str) -> Input {
    match text.split_once('@') {
        Some((role, org)) if org.len() == 1 && role.len() == 1 => {
            let pairs = [("role", role), ("org", org)].map(|(name, text)| (name.to_owned(), text.into()));
            Input::Object(BTreeMap::from(pairs))
        }
        Some(_) | None => text.into(),
    }
}

/// Each way to hold some of three roles: not at all, everywhere, or within one organisation.
fn ways() -> Vec<Option<Input>> {
    let ways = [["", "a", "a@x"], ["", "b", "b@x"], ["", "c", "c@x"]];
    let each = (0..27).map(|number| [ways[0][number % 3], ways[1][number / 3 % 3], ways[2][number / 9]]);
    each.map(|held| Some(Input::List(held.into_iter().filter(|role| !role.is_empty()).map(member).collect()))).collect()
}

fn instants(start: i64, count: i64, step: i64) -> Vec<Option<Input>> {
    (0..count)
        .flat_map(|index| [0, -1].map(|more| start + index * step + more))
        .map(|second| Some(chrono::DateTime::from_timestamp(second, 0).unwrap().into()))
        .collect()
}

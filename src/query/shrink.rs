//! A witness without what it does not need.

use crate::request::{Input, Properties, Request};

/// The same request without what can be left out of it. `value` says how good a request is as an example; none if it is
/// none. Nothing is left out that makes it worse.
pub(super) fn shrink<V: PartialOrd>(request: Request, value: impl Fn(&Request) -> Option<V>) -> Request {
    let mut most = value(&request);
    let mut best = request;
    for properties in [principal, resource, action, context] {
        let mut paths = Vec::new();
        leaves(properties(&mut best), &mut Vec::new(), &mut paths);
        for path in paths {
            let mut smaller = best.clone();
            remove(properties(&mut smaller), &path);
            let of_smaller = value(&smaller);
            if of_smaller >= most {
                (best, most) = (smaller, of_smaller);
            }
        }
    }
    best
}

fn principal(request: &mut Request) -> &mut Properties {
    &mut request.principal.properties
}

fn resource(request: &mut Request) -> &mut Properties {
    &mut request.resource.properties
}

fn action(request: &mut Request) -> &mut Properties {
    &mut request.action_properties
}

fn context(request: &mut Request) -> &mut Properties {
    &mut request.context
}

/// Where something can be left out: a property, or a member of one that is a list.
type Path = (Vec<String>, Option<usize>);

fn leaves(properties: &Properties, outer: &mut Vec<String>, paths: &mut Vec<Path>) {
    for (name, input) in properties {
        outer.push(name.clone());
        match input {
            Input::Object(inner) => leaves(inner, outer, paths),
            Input::List(members) => {
                paths.push((outer.clone(), None));
                // From the last on, so that the places of the others stay.
                paths.extend((0..members.len()).rev().map(|member| (outer.clone(), Some(member))));
            }
            Input::Unknown | Input::None | Input::Bool(_) | Input::Int(_) | Input::Float(_) | Input::Text(_) => {
                paths.push((outer.clone(), None));
            }
        }
        outer.pop();
    }
}

fn remove(properties: &mut Properties, (names, member): &Path) {
    let Some((last, outer)) = names.split_last() else { return };
    let mut properties = properties;
    for name in outer {
        let Some(Input::Object(inner)) = properties.get_mut(name) else { return };
        properties = inner;
    }
    match (member, properties.get_mut(last)) {
        (Some(member), Some(Input::List(members))) if *member < members.len() => {
            members.remove(*member);
        }
        (Some(_), _) => {}
        (None, _) => {
            properties.remove(last);
        }
    }
}

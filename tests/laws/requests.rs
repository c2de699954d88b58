//! Random requests, each written down as bytes: one for each choice. A byte of 0 leaves an attribute out, so requests
//! shrink to what matters.

use crate::words::{Attribute, BUILT_IN, DECLARED, ROLES, Type, values};
use policyc::request::{Input, Principal, Properties, Request, Resource};
use proptest::{collection, prelude::*};
use std::{collections::BTreeMap, fmt};

/// Choices before those of the attributes.
const HEAD: usize = 6;
/// An attribute's byte: up to here it is absent, then unknown, then `none`, then a value.
const ABSENT: u8 = 30;
const UNKNOWN: u8 = 42;
const NONE: u8 = 54;

/// The choices of a request.
#[derive(Clone)]
pub(crate) struct Choices(Vec<u8>);

impl fmt::Debug for Choices {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Request { principal, action, resource, .. } = self.request();
        write!(f, "{} {:?} {action} {} {:?}", principal.kind, principal.id, resource.kind, resource.id)?;
        let request = self.request();
        let given = given(&request).into_iter().filter_map(|path| get(&request, path).map(|input| (path, input)));
        given.into_iter().try_for_each(|(path, input)| write!(f, ", {path} = {input:?}"))
    }
}

/// One request.
pub(crate) fn choices() -> impl Strategy<Value = Choices> {
    collection::vec(any::<u8>(), HEAD + paths().count() + 1).prop_map(Choices)
}

/// Many requests for one policy set: 128 on average.
pub(crate) fn many() -> impl Strategy<Value = Vec<Choices>> {
    collection::vec(choices(), 1..=255)
}

/// The attributes that requests give.
fn paths() -> impl Iterator<Item = &'static Attribute> {
    DECLARED.iter().chain(&BUILT_IN)
}

impl Choices {
    fn pick<'a, T>(&self, place: usize, from: &'a [T]) -> &'a T {
        &from[usize::from(self.0[place]) % from.len()]
    }

    /// A number that is not part of the request, from 0 to 255.
    pub(crate) fn spare(&self) -> u8 {
        self.0[HEAD - 1]
    }

    /// The request.
    pub(crate) fn request(&self) -> Request {
        let principals = [
            ("user", "bob"),
            ("anonymous", ""),
            ("user", "eve@partner.com"),
            ("user", "al"),
            ("key", "k1"),
            ("robot", "r2"),
            ("service", "s"),
            ("user", "acme/chat"),
            ("ghost", "bob"),
        ];
        let resources = [
            ("model", "acme/chat"),
            ("model", "acme/other"),
            ("model", "acme/a/b"),
            ("model", "lab/x/y"),
            ("model", "free"),
            ("dataset", "d1"),
            ("dataset", "d22"),
            ("tool", "t1"),
            ("space", "red"),
            ("ghost", "acme/chat"),
        ];
        let actions = ["view", "infer", "train", "download", "view", "infer", "train", "download", "fly"];
        let (kind, id) = *self.pick(0, &principals);
        let principal = if kind == "anonymous" { Principal::anonymous() } else { Principal::new(kind, id) };
        let (kind, id) = *self.pick(1, &resources);
        let mut request = Request::new(principal, *self.pick(2, &actions), Resource::new(kind, id));
        for (byte, attribute) in self.0[HEAD..].iter().zip(paths()) {
            if let Some(input) = input(*byte, attribute) {
                give(&mut request, attribute.path, input);
            }
        }
        if let Some(roles) = self.roles() {
            give(&mut request, "principal.roles", roles);
        }
        request
    }

    fn roles(&self) -> Option<Input> {
        let byte = *self.0.last()?;
        let held = |role: &str, org: &str| {
            Input::Object(BTreeMap::from([("role".to_owned(), role.into()), ("org".to_owned(), org.into())]))
        };
        match byte {
            0..ABSENT => None,
            ABSENT..UNKNOWN => Some(Input::Unknown),
            UNKNOWN..NONE => Some(Input::None),
            _ => {
                let number = usize::from(byte - NONE);
                let role = ROLES[number % ROLES.len()];
                Some(Input::List(match number / ROLES.len() % 7 {
                    0 | 1 => vec![role.into()],
                    2 => vec![held(role, "alpha")],
                    3 => vec![held(role, "beta"), "viewer".into()],
                    4 => vec!["unheard".into(), role.into()],
                    5 => vec!["unheard".into()],
                    _ => vec![],
                }))
            }
        }
    }
}

/// What a byte says about an attribute; none leaves it out.
fn input(byte: u8, attribute: &Attribute) -> Option<Input> {
    let known = |byte: u8| {
        let number = usize::from(byte - NONE);
        let values = values(attribute.ty);
        let text = values[number % values.len()];
        match (attribute.path, number % 16) {
            ("principal.granted", 0..4) => return "auto".into(),
            ("principal.granted", 4..8) => return "manual".into(),
            ("tier", 0..2) => return "unheard".into(),
            ("tokens", 0) => return Input::Int(-1),
            ("tokens", 1) => return Input::Int(2_000),
            _ => {}
        }
        match attribute.ty {
            Type::Bool => Input::Bool(text == "true"),
            Type::Int => Input::Int(text.parse().unwrap()),
            Type::Text | Type::Ip | Type::Time | Type::Tier | Type::Stage => text.into(),
            Type::Set => Input::List(text.split_whitespace().map(Input::from).collect()),
        }
    };
    match byte {
        0..ABSENT => None,
        ABSENT..UNKNOWN => Some(Input::Unknown),
        UNKNOWN..NONE => Some(Input::None),
        _ => Some(known(byte)),
    }
}

/// Gives an attribute; `anonymous` is given none of its own.
fn give(request: &mut Request, path: &str, input: Input) {
    let anonymous = request.principal.kind == "anonymous";
    if let Some((properties, name)) = place(request, path)
        && !(anonymous && (path.starts_with("principal.") || path == "tier"))
    {
        insert(properties, name, input);
    }
}

/// Where a request keeps an attribute.
fn place<'r, 'p>(request: &'r mut Request, path: &'p str) -> Option<(&'r mut Properties, &'p str)> {
    Some(match path.split_once('.') {
        Some(("principal", name)) => (&mut request.principal.properties, name),
        Some(("model", name)) => (&mut request.resource.properties, name),
        Some(("action", name)) => (&mut request.action_properties, name),
        Some(("context", name)) => (&mut request.context, name),
        None if path == "tier" => (&mut request.principal.properties, path),
        Some(_) | None => (&mut request.context, path),
    })
}

fn insert(properties: &mut Properties, name: &str, input: Input) {
    match name.split_once('.') {
        None => {
            properties.insert(name.to_owned(), input);
        }
        Some((first, rest)) => {
            let entry = properties.entry(first.to_owned()).or_insert_with(|| Input::Object(Properties::new()));
            if let Input::Object(inner) = entry {
                insert(inner, rest, input);
            }
        }
    }
}

/// The attributes that a request gives, by their paths.
pub(crate) fn given(request: &Request) -> Vec<&'static str> {
    let paths = paths().map(|attribute| attribute.path).chain(["principal.roles"]);
    paths.filter(|path| get(request, path).is_some()).collect()
}

fn get<'r>(request: &'r Request, path: &str) -> Option<&'r Input> {
    let (properties, name) = match path.split_once('.') {
        Some(("principal", name)) => (&request.principal.properties, name),
        Some(("model", name)) => (&request.resource.properties, name),
        Some(("action", name)) => (&request.action_properties, name),
        Some(("context", name)) => (&request.context, name),
        None if path == "tier" => (&request.principal.properties, path),
        Some(_) | None => (&request.context, path),
    };
    match name.split_once('.') {
        None => properties.get(name),
        Some((first, rest)) => {
            let Input::Object(inner) = properties.get(first)? else { return None };
            inner.get(rest)
        }
    }
}

/// The same request, where these attributes are not known.
pub(crate) fn unknown(request: &Request, paths: &[&str]) -> Request {
    let mut request = request.clone();
    for path in paths {
        give(&mut request, path, Input::Unknown);
    }
    request
}

/// The same request without these attributes.
pub(crate) fn without(request: &Request, paths: &[&str]) -> Request {
    let mut request = request.clone();
    for path in paths {
        let Some((properties, name)) = place(&mut request, path) else { continue };
        match name.split_once('.') {
            None => {
                properties.remove(name);
            }
            Some((first, rest)) => {
                if let Some(Input::Object(inner)) = properties.get_mut(first) {
                    inner.remove(rest);
                }
            }
        }
    }
    request
}

/// The same request with each IPv4 address in IPv6 form.
pub(crate) fn mapped(request: &Request) -> Request {
    let mut request = request.clone();
    for attribute in paths().filter(|attribute| attribute.ty == Type::Ip) {
        if let Some(Input::Text(ip)) = get(&request, attribute.path)
            && !ip.contains(':')
        {
            let mapped = format!("::ffff:{ip}");
            give(&mut request, attribute.path, mapped.into());
        }
    }
    request
}

/// The same request with an attribute of another type.
pub(crate) fn odd(request: &Request, path: &str, choice: u8) -> Request {
    let mut request = request.clone();
    let inputs = [
        Input::Float(0.5),
        Input::Int(i64::MIN),
        Input::Bool(true),
        "nothing that fits\u{0}".into(),
        Input::List(vec![Input::Unknown]),
        Input::List(vec![Input::None, Input::Int(1)]),
        Input::Object(Properties::new()),
        Input::Object(Properties::from([("role".to_owned(), Input::None)])),
    ];
    give(&mut request, path, inputs[usize::from(choice) % inputs.len()].clone());
    request
}

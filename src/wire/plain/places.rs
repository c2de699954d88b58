//! Many requests in one text, which share what they do not say themselves. All of the text is read at first, to see that it is
//! plain. A request that says all itself has been read with that; one that shares a part with others is read once more, part
//! by part, from where those stand.

use super::{Element, Elements, Named, Object, Parts, Plain, Reader, Said, Span};
use crate::{
    request::{Input, Principal, Properties, Request, Resource},
    wire::{
        evaluations::{SEMANTICS, Semantic},
        write::{Members, flag, list, other, text as quoted},
    },
};

/// Requests in a text that is plainly written, in their order.
#[derive(Debug, Default)]
pub(crate) struct Places {
    all: Vec<Placed>,
    /// The members of those that say all themselves, one after the other, and their elements.
    said: Plain,
}

/// Many requests in a text that is plainly written; nothing if it is not, or asks for one request only, or is not what
/// [`decode`](crate::wire::evaluations::decode) takes.
pub(crate) fn places(text: &str) -> Option<(Places, Semantic)> {
    let mut top = Plain::default();
    let places = top.read_many(text)?;
    let mut members = top.members.iter().zip(0..);
    let options = members.find(|(member, _)| member.object == Object::REQUEST && member.name.of(text) == "options");
    let Some((options, place)) = options else { return (!places.is_empty()).then(|| (places, Semantic::default())) };
    let mut inside = top.members.iter().filter(|member| member.object.member() == Some(place));
    let semantic = match inside.find(|member| member.name.of(text) == "evaluations_semantic").map(|it| &it.value) {
        None => Semantic::default(),
        Some(Said::Text(name)) => SEMANTICS.iter().find(|(known, _)| *known == name.of(text))?.1,
        Some(Said::None | Said::Bool(_) | Said::Int(_) | Said::List(_) | Said::Object) => return None,
    };
    (options.value == Said::Object && !places.is_empty()).then_some((places, semantic))
}

/// One request in a text that is plainly written.
pub(crate) fn place(text: &str) -> Option<Places> {
    let mut said = Plain::default();
    said.read(text)?;
    let own = Own { named: said.named, members: (0, said.members.len()), elements: (0, said.elements.len()) };
    Some(Places { all: vec![Placed { parts: said.parts, own: Some(own) }], said })
}

/// What only a service knows of a request, whatever the request says itself.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Seen {
    /// Under which gate's mode the principal was granted access; none: not at all.
    pub(crate) granted: Option<&'static str>,
    /// Whether something is out of order.
    pub(crate) degraded: bool,
}

impl Element {
    fn write(self, text: &str, out: &mut Vec<u8>) {
        let Some(org) = self.org else { return quoted(out, self.text.of(text)) };
        let mut held = Members::open(out);
        held.text("org", org.of(text));
        held.text("role", self.text.of(text));
        held.close();
    }
}

/// Where a request stands in a text, and what it says.
#[derive(Debug, Clone, Copy)]
struct Placed {
    parts: Parts,
    /// What it says, where it says all itself.
    own: Option<Own>,
}

/// What a request says: where its members begin and end among those of all, and its elements.
#[derive(Debug, Clone, Copy)]
struct Own {
    named: Named,
    members: (usize, usize),
    elements: (usize, usize),
}

impl Places {
    /// How many there are.
    pub(crate) const fn len(&self) -> usize {
        self.all.len()
    }

    const fn is_empty(&self) -> bool {
        self.all.is_empty()
    }

    /// Where the parts of a request stand.
    pub(crate) fn parts(&self, number: usize) -> Option<Parts> {
        self.all.get(number).map(|placed| placed.parts)
    }

    /// Whether a request shares a part with others.
    pub(crate) fn shares(&self, number: usize) -> bool {
        self.all.get(number).is_some_and(|placed| placed.own.is_none())
    }

    /// Adds what all requests share. One that takes a part of that does not say all itself, nor does one that is no request.
    fn share(&mut self, shared: Parts, text: &str) {
        for Placed { parts, own } in &mut self.all {
            let said = *parts;
            *parts = said.or(shared);
            let is_whole = |own: &Own| own.named.is_whole(part(&self.said.members, own.members), text);
            *own = own.filter(|own| *parts == said && is_whole(own));
        }
    }
}

fn part<T>(all: &[T], (start, end): (usize, usize)) -> &[T] {
    all.get(start..end).unwrap_or_default()
}

impl Parts {
    /// These, and where one is missing, the shared one.
    const fn or(self, shared: Self) -> Self {
        const fn or(own: Span, shared: Span) -> Span {
            if own.is_empty() { shared } else { own }
        }
        Self {
            subject: or(self.subject, shared.subject),
            action: or(self.action, shared.action),
            resource: or(self.resource, shared.resource),
            context: or(self.context, shared.context),
        }
    }
}

impl Plain {
    /// Takes one of the requests in a text; nothing if it is none.
    #[must_use]
    pub(crate) fn take(&mut self, text: &str, places: &Places, number: usize) -> Option<()> {
        let Placed { parts, own } = *places.all.get(number)?;
        self.forget();
        if let Some(Own { named, members, elements }) = own {
            (self.named, self.parts) = (named, parts);
            self.members.extend_from_slice(part(&places.said.members, members));
            self.elements.extend_from_slice(part(&places.said.elements, elements));
            return Some(());
        }
        self.read_part(text, Object::SUBJECT, parts.subject)?;
        self.of_subject = (self.members.len(), self.elements.len());
        self.read_other_parts(text, parts)
    }

    /// Takes a request whose subject is that of the one taken before, which was not said with all else.
    #[must_use]
    pub(crate) fn take_other_parts(&mut self, text: &str, parts: Parts) -> Option<()> {
        self.members.truncate(self.of_subject.0);
        self.elements.truncate(self.of_subject.1);
        (self.named.action, self.named.resource) = Default::default();
        self.read_other_parts(text, parts)
    }

    /// Reads all of a request but its subject; nothing if that is none. Its parts were read before, and are plain.
    fn read_other_parts(&mut self, text: &str, parts: Parts) -> Option<()> {
        self.read_part(text, Object::ACTION, parts.action)?;
        self.read_part(text, Object::RESOURCE, parts.resource)?;
        self.read_part(text, Object::CONTEXT, parts.context)?;
        self.is_request(text).then_some(())
    }

    /// Reads a part from where it stands in a text, if it does.
    fn read_part(&mut self, text: &str, object: Object, span: Span) -> Option<()> {
        if span.is_empty() {
            return Some(());
        }
        Reader::of(text.as_bytes(), span.start as usize, self).object(object)
    }

    /// Reads many requests, each with what it shares with the others: the elements of `evaluations`. Nothing if not all of the
    /// text is plain. What else is said at the top is among the members.
    #[must_use]
    fn read_many(&mut self, text: &str) -> Option<Places> {
        let mut places = Places::default();
        let mut reader = self.reader(text)?;
        reader.top(&mut places)?;
        reader.end()?;
        places.share(self.parts, text);
        Some(places)
    }

    /// The request that was read last, with all that it says: as [`request`](crate::wire::request) reads it.
    pub(crate) fn request(&self, text: &str) -> Request {
        let said = |span: Span| span.of(text).to_owned();
        let ((kind, id), (resource_kind, resource_id)) = (self.subject(text), self.named.resource);
        Request {
            principal: Principal {
                kind: kind.to_owned(),
                id: id.map(str::to_owned),
                properties: self.properties(text, Object::OF_SUBJECT),
            },
            action: said(self.named.action),
            action_properties: self.properties(text, Object::OF_ACTION),
            resource: Resource {
                kind: said(resource_kind),
                id: said(resource_id),
                properties: self.properties(text, Object::OF_RESOURCE),
            },
            context: self.properties(text, Object::CONTEXT),
        }
    }

    /// What an object says. It is not nested deeper than the reader takes it.
    fn properties(&self, text: &str, object: Object) -> Properties {
        let members = self.members.iter().zip(0..).filter(|(member, _)| member.object == object);
        let value = |value: &Said, place: u32| match value {
            Said::None => Input::None,
            Said::Bool(value) => Input::Bool(*value),
            Said::Int(value) => Input::Int(*value),
            Said::Text(span) => Input::Text(span.of(text).to_owned()),
            Said::List(elements) => self.list(text, *elements),
            Said::Object => Input::Object(self.properties(text, Object::of_member(place))),
        };
        members.map(|(member, place)| (member.name.of(text).to_owned(), value(&member.value, place))).collect()
    }

    /// Writes what [`request`](Self::request) gives, with what only a service knows of it in place of what it says of that
    /// itself. Texts are written as they stand: they have no escapes here, and need none there.
    pub(crate) fn write(&self, text: &str, seen: &Seen, out: &mut Vec<u8>) {
        let ((kind, id), (resource_kind, resource_id)) = (self.subject(text), self.named.resource);
        let mut parts = Members::open(out);
        let mut subject = parts.object("subject");
        subject.quoted("type", kind);
        if let Some(id) = id {
            subject.quoted("id", id);
            let mut properties = subject.object("properties");
            self.write_members(&mut properties, text, Object::OF_SUBJECT, "granted");
            match seen.granted {
                Some(mode) => properties.quoted("granted", mode),
                None => properties.flag("granted", false),
            }
            properties.close();
        }
        subject.close();
        let mut action = parts.object("action");
        action.quoted("name", self.named.action.of(text));
        self.write_properties(&mut action, text, Object::OF_ACTION);
        action.close();
        let mut resource = parts.object("resource");
        resource.quoted("type", resource_kind.of(text));
        resource.quoted("id", resource_id.of(text));
        self.write_properties(&mut resource, text, Object::OF_RESOURCE);
        resource.close();
        let mut context = parts.object("context");
        self.write_members(&mut context, text, Object::CONTEXT, "degraded");
        context.flag("degraded", seen.degraded);
        context.close();
        parts.close();
    }

    /// The properties of a part, if there are some.
    fn write_properties(&self, part: &mut Members<'_>, text: &str, object: Object) {
        if self.members.iter().any(|member| member.object == object) {
            let mut properties = part.object("properties");
            self.write_members(&mut properties, text, object, "");
            properties.close();
        }
    }

    /// What an object says, in the order in which it says so, but for one member.
    fn write_members(&self, members: &mut Members<'_>, text: &str, object: Object, but: &str) {
        for (member, place) in self.members.iter().zip(0..).filter(|(member, _)| member.object == object) {
            let name = member.name.of(text);
            if name == but {
                continue;
            }
            let out = members.named_as_it_is(name);
            match &member.value {
                Said::None => out.extend_from_slice(b"null"),
                Said::Bool(value) => flag(out, *value),
                Said::Int(value) => other(out, value),
                Said::Text(span) => quoted(out, span.of(text)),
                Said::List(elements) => list(out, self.elements(*elements), |out, element| element.write(text, out)),
                Said::Object => {
                    let mut inner = Members::open(out);
                    self.write_members(&mut inner, text, Object::of_member(place), "");
                    inner.close();
                }
            }
        }
    }

    /// Texts, and roles in organisations.
    fn list(&self, text: &str, of: Elements) -> Input {
        let said = |span: Span| Input::Text(span.of(text).to_owned());
        let element = self.elements(of).iter().map(|Element { text, org }| match org {
            None => said(*text),
            Some(org) => Input::Object([("role".to_owned(), said(*text)), ("org".to_owned(), said(*org))].into()),
        });
        Input::List(element.collect())
    }
}

impl Reader<'_, '_> {
    /// What many requests share, and the requests.
    fn top(&mut self, places: &mut Places) -> Option<()> {
        self.must(b'{')?;
        loop {
            let name = self.text()?;
            self.must(b':')?;
            if self.part(name) != b"evaluations" {
                self.member(Object::REQUEST, name)?;
            } else if places.is_empty() {
                self.items(places)?;
            } else {
                return None;
            }
            if !self.take(b',') {
                return self.must(b'}');
            }
        }
    }

    /// Requests in a list, which is not empty.
    fn items(&mut self, Places { all, said }: &mut Places) -> Option<()> {
        self.must(b'[')?;
        loop {
            (said.named, said.parts) = Default::default();
            let before = (said.members.len(), said.elements.len());
            let mut reader = Reader { before, ..Reader::of(self.bytes, self.at, said) };
            reader.object(Object::REQUEST)?;
            self.at = reader.at;
            let (members, elements) = ((before.0, said.members.len()), (before.1, said.elements.len()));
            all.push(Placed { parts: said.parts, own: Some(Own { named: said.named, members, elements }) });
            if !self.take(b',') {
                return self.must(b']');
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{super::Plain, Seen, place, places};
    use crate::{
        request::{Input, Request},
        wire::evaluations::{Asked, decode, decode_one},
    };

    const SUBJECT: &str = r#"{"type": "user", "id": "a", "properties": {"roles": ["r", {"org": "o", "role": "s"}], "no": [], "granted": {"x": 1}, "n": null}}"#;

    /// What is written as it stands, and what is read at length.
    fn written(plain: &Plain, text: &str, mut request: Request) {
        if request.principal.id.is_some() {
            request.principal.properties.insert("granted".to_owned(), Input::Text("auto".to_owned()));
        }
        request.context.insert("degraded".to_owned(), Input::Bool(true));
        let mut out = Vec::new();
        plain.write(text, &Seen { granted: Some("auto"), degraded: true }, &mut out);
        let out = String::from_utf8(out).unwrap();
        assert_eq!(decode_one(&out).unwrap(), request, "{out}");
    }

    /// What is read part by part, and what is read at length.
    fn compare(text: &str) {
        let mut plain = Plain::default();
        let (places, _) = places(text).unwrap();
        let Asked::Many(requests, _) = decode(text).unwrap() else { panic!("one request only") };
        assert_eq!(places.len(), requests.len());
        let mut shared = None;
        for (number, request) in requests.into_iter().enumerate() {
            let parts = places.parts(number).unwrap();
            let subject = places.shares(number).then_some(parts.subject);
            let taken = if subject.is_some() && subject == shared {
                plain.take_other_parts(text, parts)
            } else {
                plain.take(text, &places, number)
            };
            shared = taken.and(subject);
            match taken {
                Some(()) => {
                    let request = request.unwrap();
                    assert_eq!(plain.request(text), request);
                    written(&plain, text, request);
                }
                None => assert!(request.is_err(), "{request:?}"),
            }
        }
    }

    #[test]
    fn parts_stand_where_they_are_said() {
        compare(&format!(
            r#"{{"action": {{"name": "read", "properties": {{"deep": {{"er": {{"x": -7}}}}, "is": true}}}}, "more": [],
                "evaluations": [
                    {{"resource": {{"type": "m", "id": "m"}}}},
                    {{"subject": {{"type": "anonymous"}}, "resource": {{"id": "m", "type": "m"}}, "context": {{}}, "x": {{"y": 1}}}},
                    {{"action": {{"name": "b"}}, "context": {{"degraded": 7, "ip": "::1", "time": "now"}}, "resource": {{"type": "m", "id": "m"}}}},
                    {{}}, {{"subject": {{"type": "user"}}}},
                    {{"resource": {{"type": "m", "id": "n", "properties": {{"roles": ["x"]}}}}}},
                    {{"resource": {{"type": "m", "id": "o"}}, "context": {{"n": null}}}},
                    {{"resource": {{"type": "m", "id": "p"}}, "action": {{"name": "c"}}}}
                ], "context": {{"ip": "10.0.0.1"}}, "options": {{"x": 1}}, "subject": {SUBJECT}}}"#
        ));
        compare(&format!(r#"{{"subject": {SUBJECT}, "evaluations": [{{"action": {{"name": "a"}}}}]}}"#));
    }

    #[test]
    fn one_request() {
        let text =
            format!(r#"{{"subject": {SUBJECT}, "resource": {{"type": "m", "id": "m"}}, "action": {{"name": "a"}}}}"#);
        let mut plain = Plain::default();
        plain.take(&text, &place(&text).unwrap(), 0).unwrap();
        assert_eq!(plain.request(&text), decode_one(&text).unwrap());
    }

    #[test]
    fn what_is_not_plain_is_read_at_length() {
        for text in [
            "",
            "{}",
            r#"{"evaluations": []}"#,
            r#"{"evaluations": [{}], "evaluations": [{}]}"#,
            r#"{"evaluations": [{"context": {"a": 1, "a": 1}}]}"#,
            r#"{"evaluations": [{"context": {}, "context": {}}]}"#,
            r#"{"subject": {}, "subject": {}, "evaluations": [{}]}"#,
            r#"{"evaluations": [7]}"#,
            r#"{"evaluations": [{}], "options": []}"#,
            r#"{"evaluations": [{}], "options": {"evaluations_semantic": "some"}}"#,
            r#"{"evaluations": [{}]} x"#,
            r#"{"evaluations": [{}],}"#,
            r#"{"evaluations": [{}"#,
        ] {
            assert!(places(text).is_none(), "{text}");
        }
    }
}

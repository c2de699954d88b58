//! Requests in JSON that are plainly written: read in one go, and nothing is copied.
//!
//! This takes texts without escapes, whole numbers as they are usually written, and every member once. Whatever else a
//! text may be, and whatever is wrong with it, is for [`request`](super::request), which says so in words.

#[cfg_attr(not(feature = "server"), expect(dead_code, reason = "only the service takes requests part by part"))]
pub(crate) mod places;

/// Objects are not nested deeper.
const MAX_DEPTH: usize = 8;
/// There are no more members, since each is compared with those before it.
const MAX_MEMBERS: usize = 64;

/// A part of the text.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Span {
    start: u32,
    end: u32,
}

impl Span {
    /// What the text has there.
    #[inline]
    pub(crate) fn of(self, text: &str) -> &str {
        text.get(self.start as usize..self.end as usize).unwrap_or_default()
    }

    pub(crate) const fn is_empty(self) -> bool {
        self.start == self.end
    }
}

/// An object that members are in: one of those that every request may have, or the value of a member.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Object(u32);

impl Object {
    pub(crate) const REQUEST: Self = Self(0);
    const SUBJECT: Self = Self(1);
    const ACTION: Self = Self(2);
    const RESOURCE: Self = Self(3);
    /// The properties of each.
    pub(crate) const OF_SUBJECT: Self = Self(4);
    pub(crate) const OF_ACTION: Self = Self(5);
    pub(crate) const OF_RESOURCE: Self = Self(6);
    pub(crate) const CONTEXT: Self = Self(7);
    const FIRST_MEMBER: u32 = 8;

    const fn of_member(place: u32) -> Self {
        Self(place.wrapping_add(Self::FIRST_MEMBER))
    }

    /// The member that it is the value of.
    #[inline]
    pub(crate) const fn member(self) -> Option<u32> {
        self.0.checked_sub(Self::FIRST_MEMBER)
    }
}

/// A value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Said {
    None,
    Bool(bool),
    Int(i64),
    Text(Span),
    /// Some of the elements.
    List(Elements),
    /// Its members come later.
    Object,
}

/// The elements of a list: which of a request's they are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Elements {
    start: u32,
    end: u32,
}

/// A member that is no part of every request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Member {
    pub(crate) object: Object,
    pub(crate) name: Span,
    pub(crate) value: Said,
}

/// An element of a list: a text, or a role in an organisation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Element {
    pub(crate) text: Span,
    pub(crate) org: Option<Span>,
}

/// Where the parts of a request stand in a text; those that are not there are empty.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Parts {
    pub(crate) subject: Span,
    action: Span,
    pub(crate) resource: Span,
    pub(crate) context: Span,
}

impl Parts {
    /// The place of a part.
    const fn place(&mut self, object: Object) -> Option<&mut Span> {
        match object {
            Object::SUBJECT => Some(&mut self.subject),
            Object::ACTION => Some(&mut self.action),
            Object::RESOURCE => Some(&mut self.resource),
            Object::CONTEXT => Some(&mut self.context),
            _ => None,
        }
    }
}

/// What every request names.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Named {
    /// The subject's type and id; the latter is empty for `anonymous`.
    subject: (Span, Span),
    pub(crate) action: Span,
    /// The resource's type, which is empty if it is not said, and its id.
    pub(crate) resource: (Span, Span),
}

impl Named {
    /// Whether a request names all this that has such members besides.
    fn is_whole(&self, members: &[Member], text: &str) -> bool {
        let (kind, id) = self.subject;
        let anonymous = kind.of(text) == "anonymous";
        let nothing_of_it = || members.iter().all(|member| member.object != Object::OF_SUBJECT);
        let said = !kind.is_empty() && !self.action.is_empty() && !self.resource.1.is_empty();
        said && anonymous == id.is_empty() && (!anonymous || nothing_of_it())
    }
}

/// What a request says. It may be used for one after the other.
#[derive(Debug, Default)]
pub(crate) struct Plain {
    pub(crate) named: Named,
    pub(crate) members: Vec<Member>,
    elements: Vec<Element>,
    pub(crate) parts: Parts,
    /// How many of the members and elements are the subject's, where that was read by itself.
    of_subject: (usize, usize),
}

impl Plain {
    /// Reads a request; nothing if it is not plain.
    #[must_use]
    pub(crate) fn read(&mut self, text: &str) -> Option<()> {
        let mut reader = self.reader(text)?;
        reader.object(Object::REQUEST)?;
        reader.end()?;
        self.is_request(text).then_some(())
    }

    /// The subject's kind and id.
    #[inline]
    pub(crate) fn subject<'t>(&self, text: &'t str) -> (&'t str, Option<&'t str>) {
        let (kind, id) = self.named.subject;
        (kind.of(text), Some(id.of(text)).filter(|id| !id.is_empty()))
    }

    /// The resource's kind and id; it is a model if it does not say what it is.
    #[inline]
    pub(crate) fn resource<'t>(&self, text: &'t str) -> (&'t str, &'t str) {
        let (kind, id) = self.named.resource;
        (if kind.is_empty() { "model" } else { kind.of(text) }, id.of(text))
    }

    /// The elements of a list.
    #[inline]
    pub(crate) fn elements(&self, of: Elements) -> &[Element] {
        self.elements.get(of.start as usize..of.end as usize).unwrap_or_default()
    }

    fn reader<'t, 'p>(&'p mut self, text: &'t str) -> Option<Reader<'t, 'p>> {
        u32::try_from(text.len()).ok()?;
        self.forget();
        Some(Reader::of(text.as_bytes(), 0, self))
    }

    fn forget(&mut self) {
        self.members.clear();
        self.elements.clear();
        (self.named, self.parts) = Default::default();
    }

    /// Whether all was said that a request says.
    fn is_request(&self, text: &str) -> bool {
        self.named.is_whole(&self.members, text)
    }
}

struct Reader<'t, 'p> {
    bytes: &'t [u8],
    at: usize,
    depth: usize,
    /// The objects that every request may have and that were read, as bits.
    seen: u32,
    plain: &'p mut Plain,
    /// How many members and elements there are of what was read before.
    before: (usize, usize),
}

impl<'t, 'p> Reader<'t, 'p> {
    /// Reads from some place on what belongs to the same request as all that was read before.
    fn of(bytes: &'t [u8], at: usize, plain: &'p mut Plain) -> Self {
        Self { bytes, at, depth: 0, seen: 0, before: (0, 0), plain }
    }
}

impl Reader<'_, '_> {
    /// The next byte.
    #[inline]
    fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    /// Passes white space.
    #[inline(never)]
    fn space(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\n' | b'\t' | b'\r')) {
            self.at = self.at.wrapping_add(1);
        }
    }

    /// Takes a byte, if it is the next one after white space.
    #[inline]
    fn take(&mut self, byte: u8) -> bool {
        // Most texts have no white space.
        match self.peek() {
            Some(next) if next == byte => {}
            Some(next) if next > b' ' => return false,
            Some(_) | None => {
                self.space();
                if self.peek() != Some(byte) {
                    return false;
                }
            }
        }
        self.at = self.at.wrapping_add(1);
        true
    }

    /// Takes a byte that must be the next one.
    #[inline]
    fn must(&mut self, byte: u8) -> Option<()> {
        self.take(byte).then_some(())
    }

    /// Takes a word.
    fn word(&mut self, word: &[u8]) -> Option<()> {
        let end = self.at.saturating_add(word.len());
        let is_next = self.bytes.get(self.at..end)? == word;
        self.at = end;
        is_next.then_some(())
    }

    /// A text.
    #[inline]
    fn text(&mut self) -> Option<Span> {
        self.must(b'"')?;
        let start = self.at;
        loop {
            let rest = self.bytes.get(self.at..)?;
            let (step, found) = match rest.first_chunk() {
                Some(eight) => {
                    let special = special(u64::from_le_bytes(*eight));
                    (special.trailing_zeros() as usize >> 3, special != 0)
                }
                None => (rest.iter().position(|byte| matches!(byte, b'"' | b'\\' | ..b' '))?, true),
            };
            self.at = self.at.wrapping_add(step);
            if found {
                break;
            }
        }
        let span = Span { start: start as u32, end: self.at as u32 };
        let is_end = self.peek() == Some(b'"');
        self.at = self.at.wrapping_add(1);
        is_end.then_some(span)
    }

    /// A text that says something, where nothing was said yet.
    fn once(&mut self, place: impl FnOnce(&mut Named) -> &mut Span) -> Option<()> {
        let text = self.text()?;
        let place = place(&mut self.plain.named);
        let is_first = place.is_empty() && !text.is_empty();
        *place = text;
        is_first.then_some(())
    }

    /// The bytes of a part.
    #[inline]
    fn part(&self, span: Span) -> &[u8] {
        self.bytes.get(span.start as usize..span.end as usize).unwrap_or_default()
    }

    /// Nothing more.
    fn end(&mut self) -> Option<()> {
        self.space();
        (self.at == self.bytes.len()).then_some(())
    }

    /// An object.
    fn object(&mut self, object: Object) -> Option<()> {
        if self.depth == MAX_DEPTH {
            return None;
        }
        self.depth = self.depth.wrapping_add(1);
        self.must(b'{')?;
        if !self.take(b'}') {
            loop {
                let name = self.text()?;
                self.must(b':')?;
                self.member(object, name)?;
                if !self.take(b',') {
                    break;
                }
            }
            self.must(b'}')?;
        }
        self.depth = self.depth.wrapping_sub(1);
        Some(())
    }

    /// A member's value.
    fn member(&mut self, object: Object, name: Span) -> Option<()> {
        let inner = match (object, self.part(name)) {
            (Object::REQUEST, b"subject") => Object::SUBJECT,
            (Object::REQUEST, b"action") => Object::ACTION,
            (Object::REQUEST, b"resource") => Object::RESOURCE,
            (Object::REQUEST, b"context") => Object::CONTEXT,
            (Object::SUBJECT, b"properties") => Object::OF_SUBJECT,
            (Object::ACTION, b"properties") => Object::OF_ACTION,
            (Object::RESOURCE, b"properties") => Object::OF_RESOURCE,
            (Object::SUBJECT, b"type") => return self.once(|named| &mut named.subject.0),
            (Object::SUBJECT, b"id") => return self.once(|named| &mut named.subject.1),
            (Object::ACTION, b"name") => return self.once(|named| &mut named.action),
            (Object::RESOURCE, b"type") => return self.once(|named| &mut named.resource.0),
            (Object::RESOURCE, b"id") => return self.once(|named| &mut named.resource.1),
            _ => return self.other(object, name),
        };
        let bit = 1 << inner.0;
        if self.seen & bit != 0 {
            return None;
        }
        self.seen |= bit;
        let start = self.at;
        self.object(inner)?;
        if let Some(place) = self.plain.parts.place(inner) {
            *place = Span { start: start as u32, end: self.at as u32 };
        }
        Some(())
    }

    /// A member that is no part of every request.
    fn other(&mut self, object: Object, name: Span) -> Option<()> {
        let text = self.part(name);
        let same = |other: &Member| other.object == object && self.part(other.name) == text;
        let own = self.plain.members.get(self.before.0..).unwrap_or_default();
        let place = own.len();
        if place == MAX_MEMBERS || own.iter().any(same) {
            return None;
        }
        if let Some(b' ' | b'\n' | b'\t' | b'\r') = self.peek() {
            self.space();
        }
        let value = match self.peek()? {
            b'"' => Said::Text(self.text()?),
            b'[' => self.list()?,
            b'{' => Said::Object,
            b't' => self.word(b"true").map(|()| Said::Bool(true))?,
            b'f' => self.word(b"false").map(|()| Said::Bool(false))?,
            b'n' => self.word(b"null").map(|()| Said::None)?,
            _ => Said::Int(self.int()?),
        };
        let is_object = value == Said::Object;
        self.plain.members.push(Member { object, name, value });
        if is_object { self.object(Object::of_member(place as u32)) } else { Some(()) }
    }

    /// A whole number. One with a fraction, an exponent or more digits goes on where a comma or an end must be.
    fn int(&mut self) -> Option<i64> {
        let start = self.at;
        let is_negative = self.take(b'-');
        let digits = self.at;
        let mut value = 0_i64;
        while let Some(digit @ b'0'..=b'9') = self.peek() {
            value = value.checked_mul(10)?.checked_add(i64::from(digit & 15))?;
            self.at = self.at.wrapping_add(1);
        }
        let length = self.at.wrapping_sub(digits);
        let is_zero = self.bytes.get(digits) == Some(&b'0');
        // Without zeros before it, and without a sign that zero does not have.
        let is_plain = if is_zero { self.at.wrapping_sub(start) == 1 } else { length > 0 };
        is_plain.then_some(if is_negative { value.wrapping_neg() } else { value })
    }

    /// A list of texts and roles.
    fn list(&mut self) -> Option<Said> {
        self.must(b'[')?;
        let count = |reader: &Self| reader.plain.elements.len().wrapping_sub(reader.before.1) as u32;
        let start = count(self);
        if !self.take(b']') {
            loop {
                let element = self.element()?;
                self.plain.elements.push(element);
                if !self.take(b',') {
                    break;
                }
            }
            self.must(b']')?;
        }
        Some(Said::List(Elements { start, end: count(self) }))
    }

    /// `"admin"` or `{"role": "admin", "org": "alpha"}`.
    fn element(&mut self) -> Option<Element> {
        if !self.take(b'{') {
            return Some(Element { text: self.text()?, org: None });
        }
        let (mut role, mut org) = (None, None);
        for end in *b",}" {
            let name = self.text()?;
            self.must(b':')?;
            let text = self.text()?;
            let before = match self.part(name) {
                b"role" => role.replace(text),
                b"org" => org.replace(text),
                _ => return None,
            };
            self.must(end).filter(|()| before.is_none())?;
        }
        Some(Element { text: role?, org: Some(org?) })
    }
}

/// Which of eight bytes end a text or are written with an escape: the highest bit of the lowest of them is set.
#[inline]
pub(super) const fn special(bytes: u64) -> u64 {
    const ONES: u64 = u64::from_ne_bytes([0x01; 8]);
    const HIGHEST: u64 = u64::from_ne_bytes([0x80; 8]);
    let [quote, backslash] = [bytes ^ ONES.wrapping_mul(b'"' as u64), bytes ^ ONES.wrapping_mul(b'\\' as u64)];
    let controls = bytes.wrapping_sub(ONES.wrapping_mul(b' ' as u64));
    (quote.wrapping_sub(ONES) | backslash.wrapping_sub(ONES) | controls) & !bytes & HIGHEST
}

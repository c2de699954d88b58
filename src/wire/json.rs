//! Strict JSON: what two readers could read differently is not read at all.
//!
//! In goes a text, out comes an [`Input`] or a [`Refusal`] that names the place. Refused are: what is not JSON, an object
//! that has a member twice, nesting beyond [`MAX_DEPTH`], text that is not UTF-8, and anything after the end. A whole
//! number is read exactly, however it is written (`5`, `5.0`); other numbers, and whole ones too large for an `i64`,
//! become [`Input::Float`], which fits no attribute.

use crate::request::{Input, Refusal};
use serde::de::{DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;
use std::{cell::Cell, collections::BTreeMap, fmt, ops::Range};

/// The deepest nesting of objects and arrays.
pub const MAX_DEPTH: usize = 64;

/// Reads one value from bytes.
///
/// # Errors
///
/// A refusal where the bytes are not UTF-8, or as in [`parse`].
pub fn read(bytes: &[u8]) -> Result<Input, Refusal> {
    let text = std::str::from_utf8(bytes).map_err(|error| {
        let valid = bytes.get(..error.valid_up_to()).map(String::from_utf8_lossy).unwrap_or_default();
        let (line, column) = line_column(&valid, valid.len());
        Refusal { error: format!("not UTF-8 at line {line} column {column}"), at: String::new() }
    })?;
    parse(text)
}

/// Reads one value.
///
/// # Errors
///
/// A refusal that points at the fault: by a JSON pointer, or by line and column where the text is not JSON.
pub fn parse(text: &str) -> Result<Input, Refusal> {
    let text = without_mark(text);
    parse_range(text, 0..text.len()).map_err(|fault| fault.refusal)
}

/// Reads the one value in a line of a larger text; lines count in the whole text.
///
/// # Errors
///
/// As [`read`].
pub(crate) fn read_line(line: &[u8], number: usize) -> Result<Input, Refusal> {
    read(line).map_err(|refusal| match refusal.error.rsplit_once(" at line 1 column ") {
        Some((what, column)) if refusal.at.is_empty() => {
            Refusal { error: format!("{what} at line {number} column {column}"), ..refusal }
        }
        Some(_) | None => refusal,
    })
}

/// A text without the byte-order mark that it may start with. Ranges count from what this returns.
pub(crate) fn without_mark(text: &str) -> &str {
    text.strip_prefix('\u{feff}').unwrap_or(text)
}

/// What is wrong with a text, and at which byte of it.
#[derive(Debug)]
pub(crate) struct Fault {
    /// What is wrong.
    pub(crate) refusal: Refusal,
    /// The byte at which it showed.
    pub(crate) offset: usize,
}

/// Reads the one value in a part of a text; lines and columns count in the whole text.
pub(crate) fn parse_range(text: &str, range: Range<usize>) -> Result<Input, Fault> {
    let part = text.get(range.clone()).unwrap_or_default();
    let mut deserializer = serde_json::Deserializer::from_str(part);
    let refusal = Cell::new(None);
    Reader { at: &Pointer::Root, depth: 0, refusal: &refusal }
        .deserialize(&mut deserializer)
        .and_then(|value| deserializer.end().map(|()| value))
        .map_err(|error| fault(text, range.start, part, &error, refusal.take()))
}

/// Where the values are in a text that is one value, an array of values, or one value a line.
///
/// An array that is not JSON is one fault. In lines, each line is a value of its own, broken or not; blank ones are not.
pub(crate) fn split(text: &str) -> Result<Vec<Range<usize>>, Fault> {
    let start = text.trim_start();
    if start.is_empty() {
        return Ok(Vec::new());
    }
    if start.starts_with('[') {
        return elements(text, 0..text.len());
    }
    let lines = lines(text);
    let whole = serde_json::from_str::<&RawValue>(text).is_ok();
    let one_a_line = || !start.starts_with('{') || lines.iter().any(|line| is_object_line(text, line));
    Ok(if !whole && one_a_line() { lines } else { std::iter::once(0..text.len()).collect() })
}

/// Whether a line that is not indented is an object by itself, as in JSON Lines but not inside one large value.
fn is_object_line(text: &str, line: &Range<usize>) -> bool {
    text.get(line.clone()).is_some_and(|line| line.starts_with('{') && serde_json::from_str::<&RawValue>(line).is_ok())
}

/// Where the lines are that are not blank.
pub(crate) fn lines(text: &str) -> Vec<Range<usize>> {
    let lines = text.lines().filter(|line| !line.trim().is_empty());
    lines.map(|line| within(text, line)).collect()
}

/// Where the elements of an array are.
pub(crate) fn elements(text: &str, range: Range<usize>) -> Result<Vec<Range<usize>>, Fault> {
    let part = text.get(range.clone()).unwrap_or_default();
    let elements: Vec<&RawValue> =
        serde_json::from_str(part).map_err(|error| fault(text, range.start, part, &error, None))?;
    Ok(elements.into_iter().map(|element| within(text, element.get())).collect())
}

/// Where the values of an object's members are; a member that is there twice is a fault.
pub(crate) fn members(text: &str, range: Range<usize>) -> Result<BTreeMap<String, Range<usize>>, Fault> {
    let part = text.get(range.clone()).unwrap_or_default();
    let mut deserializer = serde_json::Deserializer::from_str(part);
    let refusal = Cell::new(None);
    let members = deserializer
        .deserialize_map(RawMembers { refusal: &refusal })
        .and_then(|members| deserializer.end().map(|()| members))
        .map_err(|error| fault(text, range.start, part, &error, refusal.take()))?;
    Ok(members.into_iter().map(|(name, value)| (name, within(text, value.get()))).collect())
}

/// Where a part of a text is in it.
fn within(text: &str, part: &str) -> Range<usize> {
    let start = part.as_ptr().addr().saturating_sub(text.as_ptr().addr());
    start..start.saturating_add(part.len())
}

/// The refusal that the reader noted, or else what the JSON parser says, with its place.
fn fault(text: &str, start: usize, part: &str, error: &serde_json::Error, noted: Option<Refusal>) -> Fault {
    let inside = if error.is_eof() {
        part.len()
    } else {
        let lines = part.split_inclusive('\n').take(error.line().saturating_sub(1));
        lines.map(str::len).sum::<usize>().saturating_add(error.column().saturating_sub(1))
    };
    let offset = text.floor_char_boundary(start.saturating_add(inside));
    let refusal = noted.unwrap_or_else(|| {
        let (line, column) = line_column(text, offset);
        let message = error.to_string();
        let place = format!(" at line {} column {}", error.line(), error.column());
        let what = message.strip_suffix(&place).unwrap_or(&message);
        let what = what.replace("EOF while parsing", "unexpected end in").replace("expected ident", "expected a word");
        Refusal { error: format!("not JSON: {what} at line {line} column {column}"), at: String::new() }
    });
    Fault { refusal, offset }
}

/// Line and column of a byte, both from 1, the column in characters.
fn line_column(text: &str, offset: usize) -> (usize, usize) {
    let before = text.get(..offset).unwrap_or(text);
    let line = before.matches('\n').count().saturating_add(1);
    let column = before.rsplit('\n').next().unwrap_or_default().chars().count().saturating_add(1);
    (line, column)
}

/// A place in a JSON text, made while descending and written only where something is wrong.
#[derive(Clone, Copy)]
enum Pointer<'a> {
    /// The whole.
    Root,
    /// A member of an object.
    Member(&'a Pointer<'a>, &'a str),
    /// An element of an array.
    Index(&'a Pointer<'a>, usize),
}

impl fmt::Display for Pointer<'_> {
    // As deep as the text is nested, hence at most `MAX_DEPTH`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Root => Ok(()),
            Self::Member(parent, name) => write!(f, "{parent}/{}", escape(name)),
            Self::Index(parent, index) => write!(f, "{parent}/{index}"),
        }
    }
}

/// A member's name as a part of a JSON pointer (RFC 6901).
#[must_use]
pub fn escape(name: &str) -> String {
    name.replace('~', "~0").replace('/', "~1")
}

/// Notes why a value is refused and makes the error that ends the parser's work.
fn refuse<E: serde::de::Error>(note: &Cell<Option<Refusal>>, error: String, at: &Pointer<'_>) -> E {
    note.set(Some(Refusal { error, at: at.to_string() }));
    E::custom("refused")
}

/// Reads one value at a place.
#[derive(Clone, Copy)]
struct Reader<'a> {
    at: &'a Pointer<'a>,
    depth: usize,
    refusal: &'a Cell<Option<Refusal>>,
}

impl<'a> Reader<'a> {
    /// The reader of something inside.
    fn inside<'b>(self, at: &'b Pointer<'b>) -> Reader<'b>
    where
        'a: 'b,
    {
        Reader { at, depth: self.depth.saturating_add(1), refusal: self.refusal }
    }

    fn check_depth<E: serde::de::Error>(self) -> Result<(), E> {
        if self.depth < MAX_DEPTH {
            return Ok(());
        }
        Err(refuse(self.refusal, format!("nested deeper than {MAX_DEPTH} levels"), self.at))
    }
}

impl<'de> DeserializeSeed<'de> for Reader<'_> {
    type Value = Input;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Input, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Reader<'_> {
    type Value = Input;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Input, E> {
        Ok(Input::None)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Input, E> {
        Ok(Input::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Input, E> {
        Ok(Input::Int(value))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Input, E> {
        Ok(i64::try_from(value).map_or_else(|_| number(value as f64), Input::Int))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Input, E> {
        Ok(number(value))
    }

    fn visit_str<E>(self, value: &str) -> Result<Input, E> {
        Ok(Input::Text(value.to_owned()))
    }

    fn visit_string<E>(self, value: String) -> Result<Input, E> {
        Ok(Input::Text(value))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Input, A::Error> {
        self.check_depth::<A::Error>()?;
        let mut values = Vec::new();
        for index in 0.. {
            let at = Pointer::Index(self.at, index);
            match seq.next_element_seed(self.inside(&at))? {
                Some(value) => values.push(value),
                None => break,
            }
        }
        Ok(Input::List(values))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Input, A::Error> {
        self.check_depth::<A::Error>()?;
        let mut members = BTreeMap::new();
        while let Some(name) = map.next_key::<String>()? {
            let at = Pointer::Member(self.at, &name);
            if members.contains_key(&name) {
                return Err(refuse(self.refusal, "this member is there twice".to_owned(), &at));
            }
            let value = map.next_value_seed(self.inside(&at))?;
            members.insert(name, value);
        }
        Ok(Input::Object(members))
    }
}

/// A number that was written with a fraction or an exponent, or is too large: whole ones stay whole where that is exact.
fn number(value: f64) -> Input {
    /// Up to here every whole number is an `f64` of its own.
    const EXACT: f64 = 9_007_199_254_740_991.0;
    if value.fract() == 0.0 && value.abs() <= EXACT { Input::Int(value as i64) } else { Input::Float(value) }
}

/// Reads an object's members without looking into them.
struct RawMembers<'a> {
    refusal: &'a Cell<Option<Refusal>>,
}

impl<'de> Visitor<'de> for RawMembers<'_> {
    type Value = BTreeMap<String, &'de RawValue>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut members = BTreeMap::new();
        while let Some((name, value)) = map.next_entry::<String, &RawValue>()? {
            if members.contains_key(&name) {
                let at = Pointer::Member(&Pointer::Root, &name);
                return Err(refuse(self.refusal, "this member is there twice".to_owned(), &at));
            }
            members.insert(name, value);
        }
        Ok(members)
    }
}

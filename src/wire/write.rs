//! JSON as it is written where there is one for each request: member by member, and texts as they stand wherever they can.

use super::plain::special;
use chrono::{DateTime, Datelike, SecondsFormat, Timelike, Utc};
use std::{fmt::Display, io::Write};

/// The members of an object that is written.
pub(crate) struct Members<'a> {
    out: &'a mut Vec<u8>,
    is_first: bool,
}

impl<'a> Members<'a> {
    /// Begins an object behind what is written already.
    pub(crate) fn open(out: &'a mut Vec<u8>) -> Self {
        out.push(b'{');
        Self { out, is_first: true }
    }

    pub(crate) fn close(self) {
        self.out.push(b'}');
    }

    /// Begins a member; its value is written behind that.
    pub(crate) fn member(&mut self, name: &str) -> &mut Vec<u8> {
        if !self.is_first {
            self.out.push(b',');
        }
        self.is_first = false;
        text(self.out, name);
        self.out.push(b':');
        self.out
    }

    /// A member that is an object.
    pub(crate) fn object(&mut self, name: &str) -> Members<'_> {
        Members::open(self.member(name))
    }

    /// A member that is a text, if there is one.
    pub(crate) fn text<'t>(&mut self, name: &str, value: impl Into<Option<&'t str>>) {
        if let Some(value) = value.into() {
            text(self.member(name), value);
        }
    }

    /// A member that is a number, if there is one.
    pub(crate) fn number(&mut self, name: &str, value: impl Into<Option<u64>>) {
        if let Some(value) = value.into() {
            other(self.member(name), &value);
        }
    }

    /// A member that is a text as it shows itself, which needs no escapes.
    pub(crate) fn show(&mut self, name: &str, value: impl Display) {
        // Nothing here can fail to be written to memory.
        let _ = write!(self.member(name), "\"{value}\"");
    }

    pub(crate) fn flag(&mut self, name: &str, value: bool) {
        flag(self.member(name), value);
    }

    /// A member that is an instant, with microseconds.
    pub(crate) fn instant(&mut self, name: &str, value: DateTime<Utc>) {
        instant(self.member(name), value);
    }
}

/// A text.
pub(crate) fn text(out: &mut Vec<u8>, text: &str) {
    if is_plain(text) {
        out.push(b'"');
        out.extend_from_slice(text.as_bytes());
        out.push(b'"');
    } else {
        other(out, text);
    }
}

pub(crate) fn flag(out: &mut Vec<u8>, value: bool) {
    out.extend_from_slice(if value { b"true" } else { b"false" });
}

/// Whatever else there may be.
pub(crate) fn other(out: &mut Vec<u8>, value: &(impl serde::Serialize + ?Sized)) {
    // Nothing here can fail to be written to memory.
    let _ = serde_json::to_writer(out, value);
}

/// Values with commas between them.
pub(crate) fn list<T>(out: &mut Vec<u8>, values: impl IntoIterator<Item = T>, mut each: impl FnMut(&mut Vec<u8>, T)) {
    out.push(b'[');
    for (number, value) in values.into_iter().enumerate() {
        if number > 0 {
            out.push(b',');
        }
        each(out, value);
    }
    out.push(b']');
}

/// Whether a text stands in JSON as it is.
fn is_plain(text: &str) -> bool {
    let (eights, rest) = text.as_bytes().as_chunks();
    eights.iter().all(|eight| special(u64::from_le_bytes(*eight)) == 0)
        && rest.iter().all(|byte| !matches!(byte, b'"' | b'\\' | ..b' '))
}

/// `"2026-01-01T00:00:00.123456Z"`.
fn instant(out: &mut Vec<u8>, at: DateTime<Utc>) {
    let Ok(year @ 0..=9999) = u32::try_from(at.year()) else {
        return other(out, &at.to_rfc3339_opts(SecondsFormat::Micros, true));
    };
    // A leap second goes on counting in the one before it.
    let micros = (at.nanosecond() / 1_000).min(999_999);
    for (before, number, places) in [
        (b'"', year, 4),
        (b'-', at.month(), 2),
        (b'-', at.day(), 2),
        (b'T', at.hour(), 2),
        (b':', at.minute(), 2),
        (b':', at.second(), 2),
        (b'.', micros, 6),
    ] {
        out.push(before);
        digits(out, number, places);
    }
    out.extend_from_slice(b"Z\"");
}

/// A number in so many decimal places.
fn digits(out: &mut Vec<u8>, mut number: u32, places: usize) {
    let end = out.len().saturating_add(places);
    out.resize(end, b'0');
    for digit in out.iter_mut().rev().take(places) {
        *digit = b"0123456789".get((number % 10) as usize).copied().unwrap_or(b'0');
        number /= 10;
    }
}

#[cfg(test)]
mod tests {
    use super::{instant, text};
    use chrono::{DateTime, SecondsFormat};

    #[test]
    fn instants_are_written_as_everywhere() {
        for (seconds, nanos) in [
            (0, 0),
            (1_767_225_600, 123_456_789),
            (951_782_399, 999_999_999),
            (253_402_300_799, 1_000),
            (253_402_300_800, 0),
            (-62_167_219_200, 5_000),
            (-62_167_219_201, 0),
        ] {
            let at = DateTime::from_timestamp(seconds, nanos).unwrap();
            let mut written = Vec::new();
            instant(&mut written, at);
            let wanted = format!("\"{}\"", at.to_rfc3339_opts(SecondsFormat::Micros, true));
            assert_eq!(String::from_utf8(written).unwrap(), wanted);
        }
    }

    #[test]
    fn texts_are_written_as_everywhere() {
        for plain in ["", "a", "eight ch", "0123456789abcdef", "请", "\u{7f}", "'/<>&"] {
            for special in ["", "\"", "\\", "\n", "\u{1f}", "\0"] {
                let value = format!("{plain}{special}{plain}");
                let mut written = Vec::new();
                text(&mut written, &value);
                assert_eq!(String::from_utf8(written).unwrap(), serde_json::to_string(&value).unwrap());
            }
        }
    }
}

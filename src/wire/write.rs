//! JSON as it is written where there is one for each request: member by member, and texts as they stand wherever they can.

use super::plain::special;

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

    /// Begins a member; its value is written behind that. Its name is one of ours, which needs no escapes and whose length is
    /// known where this is called.
    #[inline(always)]
    pub(crate) fn member(&mut self, name: &'static str) -> &mut Vec<u8> {
        self.next();
        self.out.push(b'"');
        self.out.extend_from_slice(name.as_bytes());
        self.out.extend_from_slice(b"\":");
        self.out
    }

    /// Begins a member with a name that somebody else gave it.
    pub(crate) fn named(&mut self, name: &str) -> &mut Vec<u8> {
        self.next();
        text(self.out, name);
        self.out.push(b':');
        self.out
    }

    /// As [`named`](Self::named), with a name that stands in JSON as it is.
    pub(crate) fn named_as_it_is(&mut self, name: &str) -> &mut Vec<u8> {
        self.next();
        quoted(self.out, name);
        self.out.push(b':');
        self.out
    }

    #[inline]
    fn next(&mut self) {
        if !self.is_first {
            self.out.push(b',');
        }
        self.is_first = false;
    }

    /// A member that is an object.
    #[inline(always)]
    pub(crate) fn object(&mut self, name: &'static str) -> Members<'_> {
        Members::open(self.member(name))
    }

    /// A member that is a text, if there is one.
    #[inline(always)]
    pub(crate) fn text<'t>(&mut self, name: &'static str, value: impl Into<Option<&'t str>>) {
        if let Some(value) = value.into() {
            text(self.member(name), value);
        }
    }

    /// A member that is a text which stands in JSON as it is.
    #[inline(always)]
    pub(crate) fn quoted(&mut self, name: &'static str, value: &str) {
        quoted(self.member(name), value);
    }

    /// A member that is a number, if there is one.
    #[inline(always)]
    pub(crate) fn number(&mut self, name: &'static str, value: impl Into<Option<u64>>) {
        if let Some(value) = value.into() {
            other(self.member(name), &value);
        }
    }

    #[inline(always)]
    pub(crate) fn flag(&mut self, name: &'static str, value: bool) {
        flag(self.member(name), value);
    }
}

/// A text.
pub(crate) fn text(out: &mut Vec<u8>, text: &str) {
    if is_plain(text.as_bytes()) { quoted(out, text) } else { other(out, text) }
}

/// A text that stands in JSON as it is.
#[inline]
pub(crate) fn quoted(out: &mut Vec<u8>, text: &str) {
    out.reserve(text.len().saturating_add(3));
    out.push(b'"');
    out.extend_from_slice(text.as_bytes());
    out.push(b'"');
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
fn is_plain(text: &[u8]) -> bool {
    let is_free = |eight: &[u8; 8]| special(u64::from_le_bytes(*eight)) == 0;
    match text.last_chunk() {
        // The last eight may have some of those before them once more.
        Some(last) => text.as_chunks().0.iter().all(is_free) && is_free(last),
        None => text.iter().all(|byte| !matches!(byte, b'"' | b'\\' | ..b' ')),
    }
}

#[cfg(test)]
mod tests {
    use super::text;

    #[test]
    fn texts_are_written_as_everywhere() {
        for plain in ["", "a", "eight ch", "0123456789abcdef", "请", "\u{7f}", "'/<>&"] {
            for special in ["", "\"", "\\", "\n", "\u{1f}", "\0"] {
                for value in [format!("{plain}{special}{plain}"), format!("{special}{plain}{plain}")] {
                    let mut written = Vec::new();
                    text(&mut written, &value);
                    assert_eq!(String::from_utf8(written).unwrap(), serde_json::to_string(&value).unwrap());
                }
            }
        }
    }
}

//! Fields of a form, or of an address: texts by name.

use std::collections::BTreeMap;

/// The longest text that a field may have, but for those that are meant for more.
const LONGEST: usize = 16 * 1024;

/// Fields by name. Of several with one name, the last counts.
#[derive(Debug, Clone, Default)]
pub(super) struct Fields(BTreeMap<String, String>);

impl Fields {
    /// Reads `a=1&b=2`. Spaces around a text are nobody's wish, and control characters have no place in one line.
    pub(super) fn read(text: &[u8]) -> Self {
        let pairs = form_urlencoded::parse(text).map(|(name, value)| {
            let plain = |char: char| !char.is_control() || char == '\n';
            let value: String = value.chars().filter(|char| plain(*char)).take(LONGEST).collect();
            (name.into_owned(), value.trim().to_owned())
        });
        Self(pairs.collect())
    }

    /// What a field says; an empty text where it is not there.
    pub(super) fn get(&self, name: &str) -> &str {
        self.0.get(name).map_or("", String::as_str)
    }

    /// What a field says, if anything.
    pub(super) fn some(&self, name: &str) -> Option<&str> {
        Some(self.get(name)).filter(|text| !text.is_empty())
    }

    /// Which page of a list is asked for, from 1.
    pub(super) fn page(&self) -> usize {
        self.get("page").parse().unwrap_or(1).clamp(1, 1_000_000)
    }

    /// The address of a path with these fields, one of them changed; empty ones are left out.
    pub(super) fn link(&self, path: &str, name: &str, value: &str) -> String {
        let mut fields = self.0.clone();
        fields.insert(name.to_owned(), value.to_owned());
        let pairs: Vec<(&str, &str)> = fields.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        link(path, &pairs)
    }
}

/// An address with fields; empty ones are left out.
pub(super) fn link(path: &str, fields: &[(&str, &str)]) -> String {
    let mut query = form_urlencoded::Serializer::new(String::new());
    query.extend_pairs(fields.iter().filter(|(_, value)| !value.is_empty()));
    let query = query.finish();
    if query.is_empty() { path.to_owned() } else { format!("{path}?{query}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_read_and_written() {
        let fields = Fields::read("q=+a%20b%0d%0aSet-Cookie%3A+x&page=3&empty=".as_bytes());
        assert_eq!(fields.get("q"), "a b\nSet-Cookie: x");
        assert_eq!((fields.page(), fields.some("empty")), (3, None));
        assert_eq!(fields.link("/ui/x", "page", "4"), "/ui/x?page=4&q=a+b%0ASet-Cookie%3A+x");
        assert_eq!(Fields::read(b"page=-1").page(), 1);
    }
}

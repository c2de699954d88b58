//! Paths of requests, and the templates that routes are written with.
//!
//! The service and the server behind the proxy must read a path alike, or one is asked about and another is used. So nothing
//! is put right here: a path that two servers may read in two ways is refused.

use percent_encoding::percent_decode_str;
use serde::Deserialize;

/// A path, in segments that are decoded once. A path that ends with a slash ends with an empty segment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Path(Vec<String>);

impl Path {
    /// The path of a request's target; what follows `?` is left aside.
    ///
    /// # Errors
    /// What is wrong with it, in words.
    pub(super) fn parse(target: &str) -> Result<Self, &'static str> {
        let path = target.split('?').next().unwrap_or_default();
        let rest = path.strip_prefix('/').ok_or("the path does not begin with `/`")?;
        if !path.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err("the path has characters that must be percent-encoded");
        }
        if path.contains(['\\', '#']) {
            return Err("the path has a `\\` or a `#`");
        }
        let segments: Vec<String> = rest.split('/').map(segment).collect::<Result<_, _>>()?;
        match segments.split_last() {
            Some((_, before)) if before.iter().any(String::is_empty) => Err("the path has two slashes in a row"),
            Some(_) | None => Ok(Self(segments)),
        }
    }
}

/// A segment, decoded once.
fn segment(raw: &str) -> Result<String, &'static str> {
    let mut escapes = raw.split('%').skip(1);
    if !escapes.all(|after| after.get(..2).is_some_and(|hex| hex.bytes().all(|byte| byte.is_ascii_hexdigit()))) {
        return Err("the path has a `%` that no two hexadecimal digits follow");
    }
    let text = percent_decode_str(raw).decode_utf8().map_err(|_| "a segment of the path is not UTF-8")?;
    if text == "." || text == ".." {
        return Err("the path has a segment `.` or `..`");
    }
    if text.contains(['/', '\\', ';']) {
        return Err("a segment of the path has a `/`, a `\\` or a `;`");
    }
    if text.contains(char::is_control) {
        return Err("a segment of the path has a control character");
    }
    Ok(text.into_owned())
}

/// What stands in the place of one segment or more.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Piece {
    Text(String),
    /// `{name}`: one segment.
    One(String),
    /// `{name*}`: one segment or more.
    Many(String),
}

/// A path with variables, as in `/v1/models/{model}/infer`; `{model*}` stands for several segments.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct Template(Vec<Piece>);

impl TryFrom<String> for Template {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let rest = text.strip_prefix('/').ok_or_else(|| format!("the path `{text}` does not begin with `/`"))?;
        let pieces: Vec<Piece> = rest.split('/').map(piece).collect::<Result<_, _>>()?;
        if pieces.iter().filter(|piece| matches!(piece, Piece::Many(_))).count() > 1 {
            return Err(format!("the path `{text}` has more than one variable for several segments"));
        }
        let mut names: Vec<&str> = pieces.iter().filter_map(Piece::name).collect();
        let count = names.len();
        names.sort_unstable();
        names.dedup();
        if names.len() < count {
            return Err(format!("the path `{text}` has two variables of the same name"));
        }
        Ok(Self(pieces))
    }
}

fn piece(text: &str) -> Result<Piece, String> {
    let Some(inner) = text.strip_prefix('{').and_then(|rest| rest.strip_suffix('}')) else {
        if text.contains(['{', '}', '*', '%', '?']) {
            return Err(format!(
                "`{text}` is no segment: a variable is a whole segment, and all else is written plainly"
            ));
        }
        return Ok(Piece::Text(text.to_owned()));
    };
    let (name, make): (&str, fn(String) -> Piece) = match inner.strip_suffix('*') {
        Some(name) => (name, Piece::Many),
        None => (inner, Piece::One),
    };
    if name.is_empty() || !name.chars().all(|char| char.is_ascii_alphanumeric() || char == '_') {
        return Err(format!("`{text}` is no variable: its name has letters, digits and `_`"));
    }
    Ok(make(name.to_owned()))
}

impl Piece {
    fn name(&self) -> Option<&str> {
        match self {
            Self::Text(_) => None,
            Self::One(name) | Self::Many(name) => Some(name),
        }
    }
}

impl Template {
    /// Whether it has a variable of this name.
    pub(super) fn has(&self, name: &str) -> bool {
        self.0.iter().any(|piece| piece.name() == Some(name))
    }

    /// Whether a path is of this form, and what it has in the place of a variable. The segments of one that stands for several
    /// are joined by `/`.
    pub(super) fn read(&self, path: &Path, variable: &str) -> Option<Option<String>> {
        let mut segments = path.0.as_slice();
        let mut value = None;
        for (index, piece) in self.0.iter().enumerate() {
            let after = self.0.len().saturating_sub(index).saturating_sub(1);
            let taken = match piece {
                Piece::Text(_) | Piece::One(_) => 1,
                Piece::Many(_) => segments.len().checked_sub(after)?,
            };
            let (here, rest) = segments.split_at_checked(taken)?;
            let fits = match piece {
                Piece::Text(text) => here.iter().all(|segment| segment == text),
                Piece::One(_) | Piece::Many(_) => !here.is_empty() && here.iter().all(|segment| !segment.is_empty()),
            };
            if !fits {
                return None;
            }
            if piece.name() == Some(variable) {
                value = Some(here.join("/"));
            }
            segments = rest;
        }
        segments.is_empty().then_some(value)
    }
}

#[cfg(test)]
mod tests {
    use super::{Path, Template};

    fn read(template: &str, target: &str) -> Option<Option<String>> {
        let template = Template::try_from(template.to_owned()).unwrap();
        template.read(&Path::parse(target).unwrap(), "model")
    }

    fn model(template: &str, target: &str) -> String {
        read(template, target).flatten().unwrap_or_else(|| "-".to_owned())
    }

    #[test]
    fn variables_stand_for_segments() {
        assert_eq!(model("/v1/models/{model}/infer", "/v1/models/qwen3/infer?stream=1"), "qwen3");
        assert_eq!(model("/v1/models/{model}/infer", "/v1/models/Qwen/Qwen3-8B/infer"), "-");
        assert_eq!(model("/v1/models/{model*}/infer", "/v1/models/Qwen/Qwen3-8B/infer"), "Qwen/Qwen3-8B");
        assert_eq!(model("/v1/models/{model*}/infer", "/v1/models/infer"), "-");
        assert_eq!(model("/{ns}/{model}", "/a/b"), "b");
        assert_eq!(model("/{model*}", "/a/b/c"), "a/b/c");
        assert_eq!(read("/", "/"), Some(None));
        assert_eq!(read("/a", "/A"), None, "letters are as they are");
    }

    #[test]
    fn a_slash_at_the_end_is_no_part_of_a_name() {
        assert_eq!(read("/{model}", "/a/"), None);
        assert_eq!(read("/{model*}", "/a/"), None);
        assert_eq!(model("/{model*}/", "/a/"), "a");
        assert_eq!(read("/{model}", "/"), None);
    }

    #[test]
    fn segments_are_decoded_once() {
        assert_eq!(model("/{model}", "/qwen%33"), "qwen3");
        assert_eq!(model("/{model}", "/qwen%2533"), "qwen%33");
        assert_eq!(model("/{model}", "/gro%C3%9F"), "groß");
        assert_eq!(model("/{model}", "/a+b"), "a+b");
    }

    #[test]
    fn what_servers_read_in_two_ways_is_refused() {
        let paths = [
            "",
            "v1",
            "http://h/v1",
            "//a",
            "/a//b",
            "/a/../b",
            "/a/./b",
            "/a/..",
            "/%2e%2e/a",
            "/a/%2E/b",
            "/a%2fb",
            "/a%5cb",
            "/a\\b",
            "/a%00b",
            "/a%0ab",
            "/%ff",
            "/%c0%ae",
            "/a;v=1",
            "/a%3bv",
            "/%",
            "/%4",
            "/%zz",
            "/a#b",
            "/ä",
            "/a b",
            "/%+1",
        ];
        for path in paths {
            assert!(Path::parse(path).is_err(), "{path}");
        }
    }

    #[test]
    fn templates_are_checked() {
        for text in ["a", "/{a", "/{}", "/{*}", "/{a*}/{b*}", "/{a}/{a}", "/x{a}", "/a%20b", "/{a-b}"] {
            assert!(Template::try_from(text.to_owned()).is_err(), "{text}");
        }
    }
}

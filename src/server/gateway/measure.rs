//! How large a text of JSON is, before it is read: how deep, how long, and how much of it is attached.

/// How large a text of JSON is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Measure {
    /// How many arrays and objects are within each other at most.
    pub(super) depth: usize,
    /// How many bytes it has, without attachments.
    pub(super) bytes: u64,
    /// How many texts in it are `data:` URLs: pictures and the like, whose bytes say nothing of their tokens.
    pub(super) attachments: u64,
}

/// Measures a text; whether it is JSON does not matter.
pub(super) fn measure(text: &str) -> Measure {
    let mut measured = Measure { bytes: text.len() as u64, ..Measure::default() };
    let (mut depth, mut rest) = (0_usize, text);
    while let Some(at) = rest.find(['"', '[', ']', '{', '}']) {
        let (_, found) = rest.split_at(at);
        let mut chars = found.chars();
        match chars.next() {
            Some('"') => {
                let string = string(chars.as_str());
                if string.starts_with("data:") {
                    measured.attachments = measured.attachments.saturating_add(1);
                    measured.bytes = measured.bytes.saturating_sub(string.len() as u64);
                }
                rest = chars.as_str().get(string.len().saturating_add(1)..).unwrap_or_default();
                continue;
            }
            Some('[' | '{') => depth = depth.saturating_add(1),
            Some(_) | None => depth = depth.saturating_sub(1),
        }
        measured.depth = measured.depth.max(depth);
        rest = chars.as_str();
    }
    measured
}

/// What stands before the quote that ends a string.
fn string(text: &str) -> &str {
    let mut escaped = false;
    let end = text.bytes().position(|byte| {
        let ends = byte == b'"' && !escaped;
        escaped = byte == b'\\' && !escaped;
        ends
    });
    end.and_then(|end| text.get(..end)).unwrap_or(text)
}

#[cfg(test)]
mod tests {
    use super::{Measure, measure};

    #[test]
    fn strings_are_not_structure() {
        let all = |text: &str| {
            let Measure { depth, bytes, attachments } = measure(text);
            (depth, bytes, attachments)
        };
        assert_eq!(all(r#"{"a":[1,[2]],"b":{}}"#), (3, 20, 0));
        assert_eq!(all(r#"{"[[[\"[[[":"}"}"#), (1, 16, 0));
        assert_eq!(all(r#"["data:image/png;base64,AAAA","x"]"#), (1, 8, 1));
        assert_eq!(all(r#"["data:\"","#), (1, 4, 1));
        assert_eq!(all("\"never ended"), (0, 12, 0));
        assert_eq!(all("]]]["), (1, 4, 0));
    }
}

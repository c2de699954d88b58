//! Literal texts where the policy language reads patterns.

/// A pattern that matches this text only.
pub(crate) fn escape(text: &str) -> String {
    let mut pattern = String::with_capacity(text.len());
    for character in text.chars() {
        if matches!(character, '*' | '?' | '\\') {
            pattern.push('\\');
        }
        pattern.push(character);
    }
    pattern
}

/// The only text that a pattern matches, if there is only one.
pub(super) fn unescape(pattern: &str) -> Option<String> {
    let mut text = String::with_capacity(pattern.len());
    let mut characters = pattern.chars();
    while let Some(character) = characters.next() {
        match character {
            '*' | '?' => return None,
            '\\' => text.push(characters.next()?),
            other => text.push(other),
        }
    }
    Some(text)
}

#[cfg(test)]
mod tests {
    use super::{escape, unescape};
    use proptest::prelude::*;

    #[test]
    fn patterns_are_not_texts() {
        assert_eq!(unescape("a*"), None);
        assert_eq!(unescape("a?"), None);
        assert_eq!(unescape("a\\"), None);
    }

    proptest! {
        #[test]
        fn escaping_is_undone(text in r"[a*?\\/]{0,8}") {
            prop_assert_eq!(unescape(&escape(&text)), Some(text));
        }
    }
}

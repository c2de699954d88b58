//! Many patterns at once.

use super::{
    Compiled, Glob, Middle,
    affixes::{Affixes, End},
};
use std::{collections::BTreeMap, fmt};

/// What a set may cost.
struct Limits {
    /// Memory for its patterns, in bytes.
    bytes: usize,
    /// Words of automata that a character of a text may have to go through.
    words: usize,
}

/// With that many words, a text of 64 characters takes about a millisecond.
const LIMITS: Limits = Limits { bytes: 256 << 20, words: 8_192 };

/// Many patterns, each with a number, that finds those which match a text without trying each.
///
/// Patterns are filed under their literal prefix, and there under their literal suffix. A text finds the few prefixes and
/// suffixes that it has by binary search, and only what stands between them is left to be tested.
pub struct GlobSet {
    by_prefix: Affixes<Affixes<Box<[Entry]>>>,
}

struct Entry {
    middle: Middle,
    id: u32,
}

/// Why patterns cannot be a set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GlobSetError {
    pattern: String,
    id: u32,
    message: &'static str,
}

impl GlobSetError {
    /// The pattern that is too much.
    #[must_use]
    pub fn pattern(&self) -> &str {
        &self.pattern
    }

    /// Its number.
    #[must_use]
    pub const fn id(&self) -> u32 {
        self.id
    }
}

impl fmt::Display for GlobSetError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}` {}", self.pattern, self.message)
    }
}

impl std::error::Error for GlobSetError {}

impl GlobSet {
    /// The set of these patterns.
    ///
    /// # Errors
    ///
    /// The patterns take too much memory, or some text would have to be matched with too many automata.
    pub fn new(patterns: &[(Glob, u32)]) -> Result<Self, GlobSetError> {
        Self::within(&LIMITS, patterns)
    }

    fn within(limits: &Limits, patterns: &[(Glob, u32)]) -> Result<Self, GlobSetError> {
        let refused = |(glob, id): &(Glob, u32), message| {
            Err(GlobSetError { pattern: glob.pattern().to_owned(), id: *id, message })
        };
        let mut bytes = 0_usize;
        let mut filed = BTreeMap::<&str, BTreeMap<&str, Vec<Entry>>>::new();
        for pattern @ (glob, id) in patterns {
            let Compiled { prefix, middle, suffix, .. } = &*glob.0;
            bytes = bytes.saturating_add(glob.0.bytes());
            if bytes > limits.bytes {
                return refused(pattern, "is one pattern too many: together they take too much memory");
            }
            let entry = Entry { middle: middle.clone(), id: *id };
            filed.entry(prefix).or_default().entry(suffix).or_default().push(entry);
        }
        let by_suffix = |filed: BTreeMap<&str, Vec<Entry>>| {
            Affixes::new(
                End::Back,
                filed.into_iter().map(|(suffix, entries)| (suffix.into(), entries.into())).collect(),
            )
        };
        let filed = filed.into_iter().map(|(prefix, filed)| (prefix.into(), by_suffix(filed))).collect();
        let set = Self { by_prefix: Affixes::new(End::Front, filed) };
        if let Some(entry) = set.excess(limits.words)
            && let Some(pattern) = patterns.iter().rfind(|(glob, id)| *id == entry.id && glob.0.middle.words() > 0)
        {
            return refused(
                pattern,
                "is one pattern too many: no literal beginning or end tells it apart from enough of the others",
            );
        }
        Ok(set)
    }

    /// One of the patterns that are too many for some text.
    fn excess(&self, limit: usize) -> Option<&Entry> {
        let words = |entries: &[Entry]| entries.iter().map(|entry| entry.middle.words()).sum();
        let heaviest = |by_suffix: &Affixes<Box<[Entry]>>| by_suffix.heaviest(|entries| words(entries)).0;
        let (most, by_suffix) = self.by_prefix.heaviest(heaviest);
        let (_, entries) = by_suffix.filter(|_| most > limit)?.heaviest(|entries| words(entries));
        entries?.iter().rfind(|entry| entry.middle.words() > 0)
    }

    /// Appends the numbers of all patterns that match a text, in increasing order. A number that several patterns have
    /// is there for each of them that matches.
    ///
    /// Nothing is allocated but what `found` needs to grow.
    pub fn matches(&self, text: &str, found: &mut Vec<u32>) {
        let before = found.len();
        for (text, by_suffix) in self.by_prefix.of(text) {
            for (text, entries) in by_suffix.of(text) {
                found.extend(entries.iter().filter(|entry| entry.middle.is_match(text)).map(|entry| entry.id));
            }
        }
        if let Some(found) = found.get_mut(before..) {
            found.sort_unstable();
        }
    }
}

impl fmt::Debug for GlobSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GlobSet").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn of(patterns: &[(&str, u32)]) -> GlobSet {
        GlobSet::new(&patterns.iter().map(|(pattern, id)| (Glob::resource(pattern).unwrap(), *id)).collect::<Vec<_>>())
            .unwrap()
    }

    fn matches(set: &GlobSet, text: &str) -> Vec<u32> {
        let mut found = Vec::new();
        set.matches(text, &mut found);
        found
    }

    #[test]
    fn all_that_match_are_found_in_order() {
        let set = of(&[
            ("*/chat", 9),
            ("acme/**", 8),
            ("acme/chat", 7),
            ("acme/*", 6),
            ("**", 5),
            ("acme/c*t", 4),
            ("acme/ch*at", 3),
            ("acme/chat*", 2),
            ("**at", 1),
            ("*c*/*", 0),
            ("acme/*", 10),
            ("ac*", 11),
        ]);
        assert_eq!(matches(&set, "acme/chat"), [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
        assert_eq!(matches(&set, "acme/chat/v2"), [5, 8]);
        assert_eq!(matches(&set, "acme/cat"), [0, 1, 4, 5, 6, 8, 10]);
        assert_eq!(matches(&set, "ac"), [5, 11]);
        assert_eq!(matches(&set, ""), [5]);
        assert!(matches(&of(&[]), "a").is_empty());
    }

    #[test]
    fn what_was_found_before_stays() {
        let mut found = vec![7];
        of(&[("*", 3), ("a*", 1)]).matches("a", &mut found);
        assert_eq!(found, [7, 1, 3]);
    }

    /// The error of a set of `number` patterns for texts.
    fn refused(limits: Limits, number: u32, pattern: impl Fn(u32) -> String) -> Option<String> {
        let patterns: Vec<_> = (0..number).map(|id| (Glob::text(&pattern(id)).unwrap(), id)).collect();
        GlobSet::within(&limits, &patterns).err().map(|error| format!("{}: {error}", error.id()))
    }

    #[test]
    fn a_set_that_would_slow_down_some_text_is_refused() {
        let refused = |number, pattern: fn(u32) -> String| refused(Limits { words: 100, ..LIMITS }, number, pattern);
        let many = "is one pattern too many: no literal beginning or end tells it apart from enough of the others";
        assert_eq!(refused(100, |id| format!("*{id}*")), None);
        assert_eq!(refused(101, |id| format!("*{id}*")), Some(format!("100: `*100*` {many}")));
        // What one text can find adds up, over prefixes and suffixes; these have two words each.
        let nested = |id| {
            let letters = "a".repeat(id as usize);
            format!("{letters}{}{letters}", "*b".repeat(64))
        };
        assert_eq!(refused(50, nested), None);
        assert_eq!(refused(51, nested), Some(format!("50: `{}` {many}", nested(50))));
        // What no text can find together does not, and tests without an automaton cost nothing.
        assert_eq!(refused(500, |id| format!("{}-*{id}*", id % 10)), None);
        assert_eq!(refused(500, |id| format!("{id}*")), None);
    }

    #[test]
    fn a_set_that_takes_too_much_memory_is_refused() {
        let refused = |number| refused(Limits { bytes: 20_000, ..LIMITS }, number, |id| format!("{id:02}-*-?"));
        assert_eq!(refused(10), None);
        assert!(refused(100).is_some_and(|error| error.ends_with("together they take too much memory")));
    }

    proptest! {
        #[test]
        fn a_set_finds_what_trying_each_finds(
            patterns in prop::collection::vec(("[ab/ü]{0,3}[*?]{0,2}[ab/*]{0,2}[*?]{0,1}[ab/ü]{0,3}", any::<bool>()), 0..40),
            subjects in prop::collection::vec("[ab/ü]{0,6}", 1..20),
        ) {
            let of = |(pattern, is_text): &(String, bool)| {
                if *is_text { Glob::text(pattern) } else { Glob::resource(pattern) }.unwrap()
            };
            let patterns: Vec<_> = patterns.iter().map(of).zip(0..).collect();
            let set = GlobSet::new(&patterns).unwrap();
            for subject in subjects {
                let each: Vec<u32> =
                    patterns.iter().filter(|(glob, _)| glob.is_match(&subject)).map(|(_, id)| *id).collect();
                prop_assert_eq!(matches(&set, &subject), each, "{} {:?}", subject, patterns);
            }
        }
    }
}

//! The rules of a policy set, file by file.
//!
//! Each file's rules are one shared slice, those of a large file a few, so that a set in which one file has changed shares
//! all others with the set before. So that their ids stay too, each slice has a range of ids with some room to grow.

use super::ir::Rule;
use crate::{ids::ids, source::FileId};
use std::{fmt, ops::Index, sync::Arc};

ids! {
    /// A rule. Ids increase in source order, with gaps between files.
    RuleId,
}

/// How many rules a slice can grow by at least before the rules behind it are numbered anew.
const SLACK: u32 = 4;

/// The rules of a policy set, in source order.
#[derive(Clone, Default)]
pub struct Rules {
    /// By file, which is also by first id.
    files: Arc<Vec<OfFile>>,
    /// How many rules there are.
    len: usize,
}

/// The rules of one file, or of a part of a large one.
#[derive(Debug, Clone)]
pub struct OfFile {
    /// The file.
    pub file: FileId,
    /// The id of its first rule; those of the others follow without a gap.
    pub first: RuleId,
    /// Its rules, in source order.
    pub rules: Arc<[Rule]>,
    /// How many ids belong to them, whether they have a rule or not.
    room: u32,
}

/// There are more rules than ids.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TooManyRules;

impl fmt::Display for TooManyRules {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a policy set has ids for about four billion rules, and this one has more")
    }
}

impl std::error::Error for TooManyRules {}

impl OfFile {
    /// Ids and rules in order.
    pub fn pairs(&self) -> impl DoubleEndedIterator<Item = (RuleId, &Rule)> {
        // Never wraps: the ids up to `first + room` exist, and there are at most `room` rules.
        self.rules.iter().enumerate().map(|(index, rule)| (RuleId(self.first.0.wrapping_add(index as u32)), rule))
    }

    fn get(&self, id: RuleId) -> Option<&Rule> {
        self.rules.get(id.0.checked_sub(self.first.0)? as usize)
    }

    fn end(&self) -> u32 {
        self.first.0.saturating_add(self.room)
    }
}

impl Rules {
    /// The rules of some files, in source order.
    ///
    /// # Errors
    /// There are more rules than ids.
    pub fn new(files: impl IntoIterator<Item = (FileId, Arc<[Rule]>)>) -> Result<Self, TooManyRules> {
        let mut all: Vec<OfFile> = Vec::new();
        let mut len = 0_usize;
        for (file, rules) in files {
            let room = room(rules.len())?;
            let first = all.last().map_or(0, OfFile::end);
            first.checked_add(room).ok_or(TooManyRules)?;
            len = len.saturating_add(rules.len());
            all.push(OfFile { file, first: RuleId(first), rules, room });
        }
        all.shrink_to_fit();
        Ok(Self { files: Arc::new(all), len })
    }

    /// The same with other rules for one file, which may be new, or without it (none). All other files' rules are shared.
    /// They also keep their ids, unless the file is new or has outgrown its range.
    ///
    /// # Errors
    /// There are more rules than ids.
    pub fn with(&self, file: FileId, rules: &[Arc<[Rule]>]) -> Result<Self, TooManyRules> {
        let start = self.files.partition_point(|of_file| of_file.file < file);
        let end = self.files.partition_point(|of_file| of_file.file <= file);
        let (before, rest) = self.files.split_at_checked(start).unwrap_or_default();
        let (old, after) = rest.split_at_checked(end.saturating_sub(start)).unwrap_or_default();
        let count = |files: &[OfFile]| files.iter().map(|of_file| of_file.rules.len()).sum::<usize>();
        let fits = |(old, new): (&OfFile, &Arc<[Rule]>)| new.len() <= old.room as usize;
        if rules.len() > old.len() || !old.iter().zip(rules).all(fits) {
            let keep = |of_file: &OfFile| (of_file.file, of_file.rules.clone());
            let new = rules.iter().map(|rules| (file, rules.clone()));
            return Self::new(before.iter().map(keep).chain(new).chain(after.iter().map(keep)));
        }
        let added: usize = rules.iter().map(|rules| rules.len()).sum();
        let len = self.len.saturating_sub(count(old)).saturating_add(added);
        let new = old.iter().zip(rules).map(|(old, rules)| OfFile { rules: rules.clone(), ..old.clone() });
        let files = before.iter().cloned().chain(new).chain(after.iter().cloned()).collect();
        Ok(Self { files: Arc::new(files), len })
    }

    /// The rules in order.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = &Rule> {
        self.files.iter().flat_map(|of_file| of_file.rules.iter())
    }

    /// Ids and rules in order.
    pub fn pairs(&self) -> impl DoubleEndedIterator<Item = (RuleId, &Rule)> {
        self.files.iter().flat_map(OfFile::pairs)
    }

    /// The files in order, those without rules among them.
    #[must_use]
    pub fn files(&self) -> &[OfFile] {
        &self.files
    }

    /// The rule of an id, if there is one.
    #[must_use]
    pub fn find(&self, id: RuleId) -> Option<&Rule> {
        let behind = self.files.partition_point(|of_file| of_file.first <= id);
        self.files.get(behind.checked_sub(1)?)?.get(id)
    }

    /// How many rules there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there is no rule.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// One past the largest id that belongs to a file: the length of a table with a row for each id.
    #[must_use]
    pub fn span(&self) -> usize {
        self.files.last().map_or(0, |of_file| of_file.end() as usize)
    }
}

/// How many ids a file of so many rules gets.
fn room(rules: usize) -> Result<u32, TooManyRules> {
    let rules = u32::try_from(rules).map_err(|_| TooManyRules)?;
    rules.checked_add(SLACK).and_then(u32::checked_next_power_of_two).ok_or(TooManyRules)
}

impl Index<RuleId> for Rules {
    type Output = Rule;

    #[expect(clippy::expect_used, reason = "an id is that of a rule of the table it is used with")]
    fn index(&self, id: RuleId) -> &Rule {
        self.find(id).expect("the id of a rule of this table")
    }
}

impl fmt::Debug for Rules {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{check::ir::Effect, source::Span};

    fn some(count: usize) -> Arc<[Rule]> {
        let rule = Rule {
            label: None,
            file: Arc::default(),
            line: 1,
            at: Span::default(),
            shadow: false,
            effect: Effect::Allow,
            actions: None,
            parts: Box::default(),
        };
        vec![rule; count].into()
    }

    fn of(counts: &[usize]) -> Rules {
        Rules::new(counts.iter().enumerate().map(|(file, count)| (FileId(file as u32), some(*count)))).unwrap()
    }

    fn ids(rules: &Rules) -> Vec<u32> {
        rules.pairs().map(|(id, _)| id.0).collect()
    }

    #[test]
    fn ids_increase_with_gaps_between_files() {
        let rules = of(&[2, 0, 5]);
        assert_eq!(ids(&rules), [0, 1, 12, 13, 14, 15, 16]);
        assert_eq!((rules.len(), rules.span()), (7, 28));
        for (id, rule) in rules.pairs() {
            assert!(std::ptr::eq(rule, &rules[id]));
        }
        for none in [2, 8, 11, 17, 28, u32::MAX] {
            assert!(rules.find(RuleId(none)).is_none());
        }
        assert!(Rules::default().find(RuleId(0)).is_none());
    }

    #[test]
    fn a_file_that_fits_its_range_leaves_the_others_as_they_are() {
        let rules = of(&[2, 3]);
        let more = rules.with(FileId(0), &[some(8)]).unwrap();
        assert_eq!(ids(&more), [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
        assert_eq!((more.len(), more.span()), (11, rules.span()));
        assert!(Arc::ptr_eq(&rules.files()[1].rules, &more.files()[1].rules));
        assert_eq!(ids(&more.with(FileId(0), &[some(0)]).unwrap()), [8, 9, 10]);
    }

    #[test]
    fn a_file_that_outgrows_its_range_moves_those_behind_it() {
        let rules = of(&[2, 3]);
        let more = rules.with(FileId(0), &[some(9)]).unwrap();
        assert_eq!(ids(&more), [0, 1, 2, 3, 4, 5, 6, 7, 8, 16, 17, 18]);
        assert!(Arc::ptr_eq(&rules.files()[1].rules, &more.files()[1].rules));
    }

    #[test]
    fn files_come_and_go() {
        let rules = of(&[2, 3]);
        let less = rules.with(FileId(0), &[]).unwrap();
        assert_eq!((ids(&less).as_slice(), less.len()), (&[8, 9, 10][..], 3));
        let more = less.with(FileId(7), &[some(1)]).unwrap();
        assert_eq!((ids(&more).as_slice(), more.len()), (&[0, 1, 2, 8][..], 4));
        assert!(Arc::ptr_eq(&rules.files()[1].rules, &more.files()[0].rules));
    }

    #[test]
    fn a_large_file_has_several_slices() {
        let rules =
            Rules::new([(0, 1), (1, 2), (1, 3), (2, 1)].map(|(file, count)| (FileId(file), some(count)))).unwrap();
        assert_eq!(ids(&rules), [0, 8, 9, 16, 17, 18, 24]);
        assert_eq!(
            ids(&rules.with(FileId(1), &[some(8), some(1)]).unwrap()),
            [0, 8, 9, 10, 11, 12, 13, 14, 15, 16, 24]
        );
        assert_eq!(ids(&rules.with(FileId(1), &[some(1)]).unwrap()), [0, 8, 24]);
        assert_eq!(ids(&rules.with(FileId(1), &[some(1), some(9)]).unwrap()).last(), Some(&32));
        assert_eq!(ids(&rules.with(FileId(1), &[some(1), some(1), some(1)]).unwrap()), [0, 8, 16, 24, 32]);
    }

    #[test]
    fn more_rules_than_ids_are_an_error() {
        assert_eq!(room(1 << 30), Ok(1 << 31));
        assert_eq!(room(1 << 31), Err(TooManyRules));
        assert_eq!(room(usize::MAX), Err(TooManyRules));
    }
}

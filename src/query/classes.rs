//! Sets of classes.

/// Some of the classes of a dimension, a bit for each.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Classes {
    words: Box<[u64]>,
}

/// How many classes a word has bits for.
const BITS: usize = u64::BITS as usize;

impl Classes {
    /// None of so many classes.
    pub(super) fn none(count: usize) -> Self {
        Self { words: vec![0; count.div_ceil(BITS).max(1)].into() }
    }

    /// All of so many classes.
    pub(super) fn all(count: usize) -> Self {
        let mut all = Self::none(count);
        all.insert_range(0, count);
        all
    }

    /// Those of so many classes that a test is true of.
    pub(super) fn filter(count: usize, test: impl FnMut(&usize) -> bool) -> Self {
        let mut classes = Self::none(count);
        (0..count).filter(test).for_each(|class| classes.insert(class));
        classes
    }

    /// One of so many classes.
    pub(super) fn only(count: usize, class: usize) -> Self {
        let mut only = Self::none(count);
        only.insert(class);
        only
    }

    /// From words that have a bit for each class.
    pub(super) fn from_words(words: &[u64]) -> Self {
        Self { words: words.into() }
    }

    pub(super) fn words(&self) -> &[u64] {
        &self.words
    }

    pub(super) fn words_mut(&mut self) -> &mut [u64] {
        &mut self.words
    }

    /// Adds a class.
    pub(super) fn insert(&mut self, class: usize) {
        if let Some(word) = self.words.get_mut(class / BITS) {
            *word |= 1 << (class % BITS);
        }
    }

    /// Adds the classes from one to before another.
    pub(super) fn insert_range(&mut self, start: usize, end: usize) {
        for (index, word) in self.words.iter_mut().enumerate() {
            let first = index.saturating_mul(BITS);
            let (from, to) = (start.saturating_sub(first).min(BITS), end.saturating_sub(first).min(BITS));
            *word |= below(to) & !below(from);
        }
    }

    pub(super) fn contains(&self, class: usize) -> bool {
        self.words.get(class / BITS).is_some_and(|word| word >> (class % BITS) & 1 == 1)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.words.iter().all(|word| *word == 0)
    }

    pub(super) fn len(&self) -> usize {
        self.words.iter().map(|word| word.count_ones() as usize).sum()
    }

    /// Whether they have a class in common.
    pub(super) fn meets(&self, other: &Self) -> bool {
        self.words.iter().zip(&other.words).any(|(one, two)| one & two != 0)
    }

    /// Whether the other has all of these.
    pub(super) fn within(&self, other: &Self) -> bool {
        self.words.iter().zip(&other.words).all(|(one, two)| one & !two == 0)
    }

    /// Those that both have.
    pub(super) fn and(&self, other: &Self) -> Self {
        Self { words: self.words.iter().zip(&other.words).map(|(one, two)| one & two).collect() }
    }

    /// Those that one of them has.
    pub(super) fn or(&self, other: &Self) -> Self {
        Self { words: self.words.iter().zip(&other.words).map(|(one, two)| one | two).collect() }
    }

    /// Those that the other has not.
    pub(super) fn without(&self, other: &Self) -> Self {
        Self { words: self.words.iter().zip(&other.words).map(|(one, two)| one & !two).collect() }
    }

    /// The classes in order.
    pub(super) fn iter(&self) -> impl Iterator<Item = usize> {
        self.words.iter().enumerate().flat_map(|(index, word)| {
            let first = index.saturating_mul(BITS);
            let mut rest = *word;
            std::iter::from_fn(move || {
                let bit = rest.trailing_zeros() as usize;
                rest &= rest.wrapping_sub(1);
                (bit < BITS).then(|| first.saturating_add(bit))
            })
        })
    }
}

/// The lowest so many bits.
fn below(bits: usize) -> u64 {
    u32::try_from(bits).ok().and_then(|bits| 1_u64.checked_shl(bits)).map_or(u64::MAX, |bit| bit.wrapping_sub(1))
}

#[cfg(test)]
mod tests {
    use super::Classes;

    #[test]
    fn classes_are_a_set() {
        for count in [1, 2, 63, 64, 65, 130] {
            let all = Classes::all(count);
            assert_eq!((all.len(), all.contains(count - 1), all.contains(count)), (count, true, false));
            let odd = Classes::filter(count, |class| class % 2 == 1);
            let even = all.without(&odd);
            assert!(
                odd.iter().all(|class| class % 2 == 1)
                    && !odd.meets(&even)
                    && all.without(&odd) == even
                    && !odd.meets(&even)
            );
            assert!(even.within(&all) && (count == 1 || !all.within(&even)) && odd.and(&even).is_empty());
            let mut range = Classes::none(count);
            range.insert_range(count / 2, count);
            assert_eq!(range.iter().collect::<Vec<_>>(), (count / 2..count).collect::<Vec<_>>());
            assert_eq!(range, Classes::filter(count, |class| *class >= count / 2));
        }
    }
}

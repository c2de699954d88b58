//! Rows of a policy set, file by file, so that a set in which one file has changed shares all others.

use std::{fmt, sync::Arc};

/// Rows in source order, in one shared slice for each file that has some.
#[derive(Clone)]
pub struct Chunks<T> {
    files: Arc<[Arc<[T]>]>,
}

impl<T> Chunks<T> {
    /// The rows in order.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = &T> {
        self.files.iter().flat_map(|rows| rows.iter())
    }

    /// How many rows there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.files.iter().map(|rows| rows.len()).sum()
    }

    /// Whether there is no row.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.files.is_empty()
    }
}

impl<'a, T> FromIterator<&'a Arc<[T]>> for Chunks<T>
where
    T: 'a,
{
    fn from_iter<I: IntoIterator<Item = &'a Arc<[T]>>>(files: I) -> Self {
        Self { files: files.into_iter().filter(|rows| !rows.is_empty()).cloned().collect() }
    }
}

impl<T> Default for Chunks<T> {
    fn default() -> Self {
        Self { files: Arc::default() }
    }
}

impl<T: fmt::Debug> fmt::Debug for Chunks<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}

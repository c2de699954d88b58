//! Texts that occur again and again.

use std::{cell::RefCell, sync::Arc};

/// So many of the latest texts are remembered; a power of two.
const REMEMBERED: usize = 1 << 9;

/// The latest texts of a file. A text that stands there again is the same text in memory: most names occur often, and
/// often soon after each other.
pub(super) struct Texts {
    latest: RefCell<Vec<Option<Arc<str>>>>,
}

impl Texts {
    /// No texts.
    pub(super) fn new() -> Self {
        Self { latest: RefCell::default() }
    }

    /// The text, shared if it was seen lately.
    pub(super) fn shared(&self, text: &str) -> Arc<str> {
        let mut latest = self.latest.try_borrow_mut().ok();
        if let Some(latest) = latest.as_mut().filter(|latest| latest.is_empty()) {
            latest.resize(REMEMBERED, None);
        }
        let Some(seen) = latest.as_mut().and_then(|latest| latest.get_mut(slot(text))) else { return text.into() };
        match seen {
            Some(seen) if **seen == *text => Arc::clone(seen),
            _ => seen.insert(text.into()).clone(),
        }
    }
}

/// Where a text is remembered: FNV-1a, which is short and spreads names well.
fn slot(text: &str) -> usize {
    let step = |hash: u32, byte: u8| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193);
    let hash = text.bytes().fold(0x811c_9dc5, step);
    (hash ^ (hash >> 16)) as usize % REMEMBERED
}

#[cfg(test)]
mod tests {
    use super::{REMEMBERED, Texts};
    use std::sync::Arc;

    #[test]
    fn a_text_that_occurs_again_is_shared() {
        let texts = Texts::new();
        let first = texts.shared("view");
        assert!(Arc::ptr_eq(&first, &texts.shared("view")));
        for number in 0..8 * REMEMBERED {
            let text = number.to_string();
            assert_eq!(*texts.shared(&text), *text);
        }
        assert_eq!(*texts.shared("view"), *first);
    }
}

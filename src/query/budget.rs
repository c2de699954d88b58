//! How much a question may cost.

/// How many steps a search may take: something decided, something learned, something looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Budget {
    left: u64,
}

impl Budget {
    /// What a question may cost unless told otherwise: some seconds.
    pub const USUAL: Self = Self::new(1_000_000);

    /// A budget of so many steps.
    #[must_use]
    pub const fn new(steps: u64) -> Self {
        Self { left: steps }
    }

    /// How many steps are left.
    #[must_use]
    pub const fn left(self) -> u64 {
        self.left
    }

    /// Whether no step is left.
    pub(super) const fn is_spent(self) -> bool {
        self.left == 0
    }

    /// Takes a step; false if there is none left.
    pub(super) const fn spend(&mut self) -> bool {
        match self.left.checked_sub(1) {
            Some(left) => {
                self.left = left;
                true
            }
            None => false,
        }
    }

    /// Takes several steps; false if there are not so many left.
    pub(super) const fn spend_all(&mut self, steps: u64) -> bool {
        let enough = steps <= self.left;
        self.left = self.left.saturating_sub(steps);
        enough
    }
}

impl Default for Budget {
    fn default() -> Self {
        Self::USUAL
    }
}

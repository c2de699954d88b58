//! What a command reads from, writes to and ends with.

use std::io::{Read, Write};

/// How a command ends. The order is the one in which several count: the greatest decides.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Exit {
    /// 0: allowed, holds, no change, all passed.
    Fine,
    /// 4: a limit or time-out was reached.
    Inconclusive,
    /// 2: denied, a test failed, a claim refuted, would reformat, below a threshold.
    Negative,
    /// 3: the policy set is not valid.
    Invalid,
    /// 1: usage, reading or writing, or an internal error.
    Failed,
}

impl Exit {
    /// The exit code.
    #[must_use]
    pub const fn code(self) -> u8 {
        match self {
            Self::Fine => 0,
            Self::Failed => 1,
            Self::Negative => 2,
            Self::Invalid => 3,
            Self::Inconclusive => 4,
        }
    }
}

/// What a command reads from and writes to.
pub struct Io<'a> {
    /// Standard input.
    pub input: &'a mut (dyn Read + Send),
    /// Results.
    pub out: &'a mut (dyn Write + Send),
    /// Diagnostics and progress.
    pub err: &'a mut (dyn Write + Send),
    /// Whether results are shown in colour.
    pub color_out: bool,
    /// Whether diagnostics are shown in colour.
    pub color_err: bool,
    /// Whether a person watches: progress is shown.
    pub interactive: bool,
    /// The width of the terminal, in columns; 80 where there is none.
    pub width: usize,
}

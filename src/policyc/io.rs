//! What a command reads from, writes to and ends with.

use std::io::{self, Read, Write};

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

/// A stream that remembers that it could not be written to, so that nobody else has to: verbs may ignore a failure, and
/// may end early on it.
pub(super) struct Kept<'a> {
    inner: &'a mut (dyn Write + Send),
    failure: Option<io::Error>,
}

impl<'a> Kept<'a> {
    pub(super) fn new(inner: &'a mut (dyn Write + Send)) -> Self {
        Self { inner, failure: None }
    }

    /// Writes what is still held back.
    ///
    /// # Errors
    /// The first failure there was.
    pub(super) fn close(&mut self) -> io::Result<()> {
        let flushed = self.flush();
        self.failure.take().map_or(flushed, Err)
    }

    /// Writes a text whether or not writing failed before.
    ///
    /// # Errors
    /// If it cannot be written.
    pub(super) fn write_last(&mut self, text: &str) -> io::Result<()> {
        self.inner.write_all(text.as_bytes())?;
        self.inner.flush()
    }

    fn attempt<T>(&mut self, write: impl FnOnce(&mut dyn Write) -> io::Result<T>) -> io::Result<T> {
        if let Some(failure) = &self.failure {
            return Err(failure.kind().into());
        }
        write(self.inner).inspect_err(|error| {
            if error.kind() != io::ErrorKind::Interrupted {
                // The system's own words are kept, the caller gets the kind.
                self.failure =
                    Some(error.raw_os_error().map_or_else(|| error.kind().into(), io::Error::from_raw_os_error));
            }
        })
    }
}

impl Write for Kept<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.attempt(|inner| inner.write(bytes))
    }

    fn flush(&mut self) -> io::Result<()> {
        self.attempt(|inner| inner.flush())
    }
}

//! The bundle that was taken last, as it came: `taken.bundle` in the state folder. Its counter is the least that is taken from
//! then on, also after the next start; and where its address cannot be asked then, it decides again.

use super::{Refused, Settings};
use crate::{
    load::bundle::{self, BundleError, Offer, PublicKey, Unsigned},
    server::{policy::revisions::write, settings::Faulty},
};
use std::{
    fs, io,
    path::{Path, PathBuf},
    sync::Arc,
};

/// The file, in the folder of the service's state.
const FILE: &str = "taken.bundle";

/// What was taken last.
#[derive(Default)]
pub(super) struct Taken {
    /// Where it is kept; none where nothing outlives the process.
    file: Option<PathBuf>,
    /// Its counter and its revision.
    last: Option<(u64, Arc<str>)>,
    /// Whether it is what decides.
    pub(super) runs: bool,
    /// Which source it came from; none since the last start.
    from: Option<usize>,
}

impl Taken {
    /// What was taken before the last start, and its texts.
    ///
    /// # Errors
    /// There is a file, and it is not what was written. What was seen before must not be forgotten unnoticed.
    pub(super) fn open(state: Option<&Path>, key: &PublicKey) -> Result<(Self, Option<Offer>), Faulty> {
        let mut taken = Self { file: state.map(|state| state.join(FILE)), ..Self::default() };
        let Some(file) = &taken.file else { return Ok((taken, None)) };
        let read = match fs::read(file) {
            Ok(bytes) => bundle::read(&bytes, Some(key)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok((taken, None)),
            Err(error) => Err(BundleError::Unreadable(error)),
        };
        match read {
            Ok(offer) => {
                taken.last = Some((offer.counter, offer.revision.clone()));
                Ok((taken, Some(offer)))
            }
            // Counters are those of a key: with another, they begin anew.
            Err(BundleError::Unsigned(Unsigned::OtherKey)) => {
                tracing::warn!(file = %file.display(), "another key signed the bundle that was taken last; it is not used");
                Ok((taken, None))
            }
            Err(error) => Err(Faulty(format!(
                "the bundle that was taken last, and with it its counter: cannot read `{}`: {error}",
                file.display()
            ))),
        }
    }

    /// The counter of what was taken last.
    pub(super) fn counter(&self) -> Option<u64> {
        self.last.as_ref().map(|(counter, _)| *counter)
    }

    /// Whether an offer is behind what was taken from elsewhere: so is what all nodes take behind a canary, and a canary that
    /// all have overtaken.
    pub(super) fn is_ahead(&self, counter: u64, from: usize) -> bool {
        self.from != Some(from) && self.counter().is_some_and(|last| counter < last)
    }

    /// Whether what is offered may be taken: it is newer than all that was taken, or the very same.
    pub(super) fn judge(&self, offer: &Offer, settings: &Settings) -> Result<(), Refused> {
        let Offer { revision, counter, .. } = offer;
        if *counter == 0 {
            return Err(Refused::Uncounted);
        }
        match &self.last {
            Some((last, _)) if counter < last => Err(Refused::Older { offered: *counter, last: *last }),
            Some((last, other)) if counter == last && revision != other => {
                Err(Refused::Twice { counter: *counter, offered: revision.clone(), last: other.clone() })
            }
            Some(_) | None if !settings.may_take(revision) => {
                let pin = settings.pin.as_deref().unwrap_or_default();
                Err(Refused::NotPinned { offered: revision.clone(), pin: pin.into() })
            }
            Some(_) | None => Ok(()),
        }
    }

    /// Whether a revision was taken last, and decides.
    pub(super) fn decides(&self, revision: &str) -> bool {
        self.runs && self.last.as_ref().is_some_and(|(_, last)| **last == *revision)
    }

    /// Remembers where it came from last.
    pub(super) const fn came(&mut self, from: usize) {
        self.from = Some(from);
    }

    /// Keeps what is taken.
    pub(super) fn keep(&mut self, counter: u64, revision: Arc<str>, bytes: &[u8]) -> io::Result<()> {
        if let Some(file) = &self.file {
            write(file, |out| out.write_all(bytes))?;
        }
        self.last = Some((counter, revision));
        Ok(())
    }
}

//! Where a bundle is: asked for, out come its bytes, if they are others than before.

use super::{Refused, Settings};
use crate::server::outbound::{Address, Outbound, Unreachable};
use ::http::{HeaderValue, StatusCode, header::IF_NONE_MATCH};
use bytes::Bytes;
use sha2::{Digest, Sha256};
use std::{io::Read, path::PathBuf, time::Duration};

/// A place where a bundle is.
pub(super) struct Source {
    place: Place,
    /// What it is called in messages: what stands behind `?` may be a secret, and is left out.
    pub(super) name: String,
    /// Whether there may be nothing: there is a canary only now and then.
    may_be_absent: bool,
    /// How the server marks what came last.
    mark: Option<HeaderValue>,
    /// The digest of what came last.
    last: Option<[u8; 32]>,
    /// Why what came last was not taken.
    pub(super) refused: Option<String>,
    /// Why nothing comes.
    pub(super) silent: Option<String>,
}

/// What came of a question.
enum Came {
    /// It is what it was.
    Same,
    /// There is none.
    Nothing,
    Bundle(Bytes, Option<HeaderValue>),
}

enum Place {
    Address(Address),
    File(PathBuf),
}

impl Source {
    pub(super) fn address(address: Address, may_be_absent: bool) -> Self {
        let name = address.shown();
        Self::new(Place::Address(address), name, may_be_absent)
    }

    pub(super) fn file(path: PathBuf) -> Self {
        let name = path.display().to_string();
        Self::new(Place::File(path), name, false)
    }

    const fn new(place: Place, name: String, may_be_absent: bool) -> Self {
        Self { place, name, may_be_absent, mark: None, last: None, refused: None, silent: None }
    }

    /// Takes what comes next for something new.
    pub(super) fn forget(&mut self) {
        (self.mark, self.last) = (None, None);
    }

    /// Asks for the bundle. None: it is what it was, or there is none.
    ///
    /// # Errors
    /// Nothing came that could be one.
    pub(super) async fn ask(&mut self, settings: &Settings, outbound: &Outbound) -> Result<Option<Bytes>, Refused> {
        let asked = match &self.place {
            Place::File(path) => read(path.clone(), settings.bytes).await.map(|bytes| Came::Bundle(bytes, None)),
            Place::Address(address) => self.fetch(address, settings, outbound).await,
        };
        match asked {
            Ok(Came::Same) => Ok(None),
            Ok(Came::Nothing) => {
                self.forget();
                self.refused = None;
                Ok(None)
            }
            Ok(Came::Bundle(bytes, mark)) => {
                let digest = Some(Sha256::digest(&bytes).into());
                let is_new = digest != self.last;
                (self.mark, self.last) = (mark, digest);
                Ok(is_new.then_some(bytes))
            }
            Err(Unreachable(why)) => Err(Refused::Silent(self.name.clone(), why)),
        }
    }

    async fn fetch(&self, address: &Address, settings: &Settings, outbound: &Outbound) -> Result<Came, Unreachable> {
        let mut request = outbound.get(address).timeout(Duration::from_secs(settings.seconds.into()));
        if let Some(mark) = &self.mark {
            request = request.header(IF_NONE_MATCH, mark);
        }
        let answer = outbound.fetch(request, settings.bytes).await?;
        match answer.status {
            StatusCode::OK => Ok(Came::Bundle(answer.body, answer.etag)),
            StatusCode::NOT_MODIFIED if self.mark.is_some() => Ok(Came::Same),
            StatusCode::NOT_FOUND | StatusCode::GONE if self.may_be_absent => Ok(Came::Nothing),
            status if status.is_redirection() => {
                Err(Unreachable(format!("the answer is {}, and redirects are not followed", status.as_u16())))
            }
            status => Err(Unreachable(format!("the answer is {}", status.as_u16()))),
        }
    }
}

/// The bytes of a file, if they are not too many.
async fn read(path: PathBuf, most: usize) -> Result<Bytes, Unreachable> {
    let read = move || {
        let mut bytes = Vec::new();
        let limit = (most as u64).saturating_add(1);
        std::fs::File::open(path)?.take(limit).read_to_end(&mut bytes)?;
        Ok::<_, std::io::Error>(bytes)
    };
    let bytes = match tokio::task::spawn_blocking(read).await {
        Ok(read) => read.map_err(|error| Unreachable(error.to_string()))?,
        Err(error) => return Err(Unreachable(error.to_string())),
    };
    if bytes.len() > most {
        return Err(Unreachable(format!("it is larger than {most} bytes")));
    }
    Ok(bytes.into())
}

//! Sections from a file: read in parallel, straight to where they stay. And the texts of a bundle that is in memory.

use super::{
    BadBundle, BundleError, DIGEST, HEAD, KEY, MAGIC, PIECE, PublicKey, ROW, SIGNATURE, VERSION, aligned, header,
    texts, whole,
};
use crate::load::{Loader, revision::text};
use rayon::prelude::{IndexedParallelIterator, IntoParallelIterator, ParallelIterator, ParallelSliceMut};
use std::{
    fs::File,
    io::{self, Read, Seek, SeekFrom},
    path::Path,
    sync::Arc,
};

/// A bundle whose head was read and found whole.
pub(crate) struct Opened<'a> {
    path: &'a Path,
    pub(crate) head: Head,
}

/// What stands before the sections.
pub(crate) struct Head {
    /// The revision of the set it was made of.
    pub(crate) revision: Arc<str>,
    /// Which release of the set it is; 0 where nobody counts.
    pub(crate) counter: u64,
    /// The key that signed it, if it is signed.
    pub(crate) key: Option<[u8; 32]>,
    rows: Vec<Row>,
}

/// A bundle that was sent: what it says of itself, and its texts.
#[cfg_attr(not(feature = "server"), expect(dead_code, reason = "only the service takes bundles from elsewhere"))]
pub(crate) struct Offer {
    /// The revision of the set it was made of.
    pub(crate) revision: Arc<str>,
    /// Which release of the set it is; 0 where nobody counts.
    pub(crate) counter: u64,
    /// Its texts, to be checked and compiled.
    pub(crate) loader: Loader,
}

#[derive(Clone, Copy)]
struct Row {
    at: u64,
    length: u64,
    digest: [u8; DIGEST],
}

/// Opens a bundle and reads its head; with a key, it must be signed by that.
///
/// # Errors
/// Where it cannot be read, is no bundle, is not whole, or is not signed as it should be.
pub(crate) fn open<'a>(path: &'a Path, key: Option<&PublicKey>) -> Result<Opened<'a>, BadBundle> {
    let head = || {
        let mut file = File::open(path).map_err(BundleError::Unreadable)?;
        let size = file.metadata().map_err(BundleError::Unreadable)?.len();
        read_head(&mut file, size, key)
    };
    match head() {
        Ok(head) => Ok(Opened { path, head }),
        Err(error) => Err(BadBundle { path: path.to_owned(), error }),
    }
}

/// Reads the texts of a bundle that is in memory; with a key, it must be signed by that. Its tables must be whole, and are not
/// looked at.
///
/// # Errors
/// Where it is no bundle, is not whole, or is not signed as it should be.
#[cfg_attr(not(feature = "server"), expect(dead_code, reason = "only the service takes bundles from elsewhere"))]
pub(crate) fn read(bytes: &[u8], key: Option<&PublicKey>) -> Result<Offer, BundleError> {
    let Head { revision, counter, rows, key: _ } = read_head(&mut &*bytes, bytes.len() as u64, key)?;
    let mut section: &[u8] = &[];
    for Row { at, length, digest } in rows {
        let range = usize::try_from(at).ok().zip(usize::try_from(at.saturating_add(length)).ok());
        section = range.and_then(|(at, end)| bytes.get(at..end)).unwrap_or_default();
        if whole(section.chunks(PIECE).map(blake3::hash)) != digest {
            return Err(damaged("a section has changed"));
        }
    }
    let mut loader = Loader::default();
    loader.known(texts::unpack(section)?);
    Ok(Offer { revision, counter, loader })
}

fn damaged(what: &str) -> BundleError {
    BundleError::Damaged(what.to_owned())
}

fn read_head(file: &mut dyn Read, size: u64, key: Option<&PublicKey>) -> Result<Head, BundleError> {
    let mut bytes = vec![0; HEAD];
    let cut = |_| damaged("it ends too early");
    let (magic, rest) = bytes.split_at_mut_checked(MAGIC.len()).unwrap_or_default();
    let (numbers, rest) = rest.split_at_mut_checked(8).unwrap_or_default();
    if file.read_exact(magic).is_err() || magic != MAGIC {
        return Err(damaged("it does not begin as a bundle does"));
    }
    file.read_exact(numbers).map_err(cut)?;
    let mut numbers = numbers.as_chunks::<4>().0.iter().map(|bytes| u32::from_le_bytes(*bytes));
    let (version, sections) = (numbers.next().unwrap_or_default(), numbers.next().unwrap_or_default() as usize);
    if version != VERSION {
        let what = format!("the bundle has format {version}, and this program reads format {VERSION}");
        return Err(BundleError::Foreign(what));
    }
    file.read_exact(rest).map_err(cut)?;
    let header = header(sections);
    if header as u64 > size {
        return Err(damaged("it ends too early"));
    }
    bytes.resize(header, 0);
    file.read_exact(bytes.get_mut(HEAD..).unwrap_or_default()).map_err(cut)?;
    let (signed, last) = bytes.split_at_checked(bytes.len().saturating_sub(KEY + SIGNATURE)).unwrap_or_default();
    let (said, digest) = signed.split_at_checked(signed.len().saturating_sub(DIGEST)).unwrap_or_default();
    if blake3::hash(said).as_bytes() != digest {
        return Err(damaged("its head has changed"));
    }
    let Some((public, rest)) = last.split_first_chunk::<KEY>() else { return Err(damaged("it ends too early")) };
    let Some(signature) = rest.first_chunk::<SIGNATURE>() else { return Err(damaged("it ends too early")) };
    if let Some(key) = key {
        key.verify(signed, public, signature).map_err(BundleError::Unsigned)?;
    }
    let (before, table) = said.split_at_checked(HEAD).unwrap_or_default();
    let Some((before, counter)) = before.split_last_chunk() else { return Err(damaged("it ends too early")) };
    Ok(Head {
        revision: text(before.last_chunk().ok_or_else(|| damaged("it ends too early"))?),
        counter: u64::from_le_bytes(*counter),
        key: (*public != [0; KEY]).then_some(*public),
        rows: rows(table, header as u64, size)?,
    })
}

/// The rows of the table: sections that stand one behind the other, and nothing behind the last.
fn rows(table: &[u8], header: u64, size: u64) -> Result<Vec<Row>, BundleError> {
    let mut rows = Vec::new();
    let mut end = header;
    for row in table.as_chunks::<ROW>().0 {
        let number =
            |at: usize| row.get(at..).and_then(|rest| rest.first_chunk()).map_or(0, |bytes| u64::from_le_bytes(*bytes));
        let (at, length) = (number(0), number(8));
        let digest = row.get(16..).and_then(|rest| rest.first_chunk().copied()).unwrap_or_default();
        if at != aligned(end) {
            return Err(damaged("its sections are not where they should be"));
        }
        end = at.checked_add(length).filter(|end| *end <= size).ok_or_else(|| damaged("it ends too early"))?;
        rows.push(Row { at, length, digest });
    }
    if end == size { Ok(rows) } else { Err(damaged("there is more than there should be")) }
}

impl Opened<'_> {
    /// The lengths of the sections in bytes.
    pub(crate) fn lengths(&self) -> Vec<u64> {
        self.head.rows.iter().map(|row| row.length).collect()
    }

    /// Reads all sections, each into a place of its length, and holds them against their digests.
    ///
    /// # Errors
    /// Where they cannot be read, or are not what was written.
    pub(crate) fn read(&self, sections: Vec<&mut [u8]>) -> Result<(), BadBundle> {
        if sections.len() != self.head.rows.len() {
            return Err(self.bad(damaged("it has other sections than it should")));
        }
        let rows: Vec<(&mut [u8], Row)> = sections.into_iter().zip(self.head.rows.iter().copied()).collect();
        rows.into_par_iter().try_for_each(|(section, row)| self.read_one(section, row)).map_err(|error| self.bad(error))
    }

    /// Reads the last section only.
    ///
    /// # Errors
    /// Where it cannot be read, or is not what was written.
    pub(crate) fn read_last(&self) -> Result<Vec<u8>, BadBundle> {
        let Some(row) = self.head.rows.last() else { return Err(self.bad(damaged("it has no sections"))) };
        let mut section = vec![0; usize::try_from(row.length).unwrap_or_default()];
        self.read_one(&mut section, *row).map_err(|error| self.bad(error))?;
        Ok(section)
    }

    fn read_one(&self, section: &mut [u8], row: Row) -> Result<(), BundleError> {
        if section.len() as u64 != row.length {
            return Err(damaged("a section has another length than it should"));
        }
        // What was just read is in the processor's cache.
        let read = |file: &mut io::Result<File>, (number, piece): (usize, &mut [u8])| {
            let file = file.as_mut().map_err(|error| io::Error::from(error.kind()))?;
            file.seek(SeekFrom::Start(row.at.saturating_add((number as u64).saturating_mul(PIECE as u64))))?;
            file.read_exact(piece)?;
            Ok::<blake3::Hash, io::Error>(blake3::hash(piece))
        };
        let pieces = section.par_chunks_mut(PIECE).enumerate();
        let digests: Vec<blake3::Hash> = pieces.map_init(|| File::open(self.path), read).collect::<Result<_, _>>()?;
        if whole(digests) == row.digest { Ok(()) } else { Err(damaged("a section has changed")) }
    }

    fn bad(&self, error: BundleError) -> BadBundle {
        BadBundle { path: self.path.to_owned(), error }
    }
}

impl From<io::Error> for BundleError {
    fn from(error: io::Error) -> Self {
        Self::Unreadable(error)
    }
}

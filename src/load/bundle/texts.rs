//! The texts that a bundle comes with, compressed.
//!
//! ```text
//! each text: whether it is a catalog (1 byte); its path as given, its path relative to its argument, the text: each with
//!            its length before it (4 bytes)
//! ```

use super::BundleError;
use crate::{
    load::read::Read as File,
    source::{Source, Sources},
};
use flate2::{Compression, read::DeflateDecoder, write::DeflateEncoder};
use std::io::{Read, Write};

/// More is not unpacked: no set that can be checked has texts of so many bytes.
const MOST: u64 = 1 << 32;

/// Packs texts, of which so many last ones are catalogs.
pub(crate) fn pack(sources: &Sources, catalogs: usize) -> Vec<u8> {
    let mut packed = DeflateEncoder::new(Vec::new(), Compression::default());
    let policies = sources.len().saturating_sub(catalogs);
    for (place, (_, source)) in sources.iter().enumerate() {
        let parts = [source.name(), source.short(), source.text()];
        // A vector takes all that it is given.
        let _ = packed.write_all(&[u8::from(place >= policies)]);
        for part in parts {
            let _ = packed.write_all(&(part.len() as u32).to_le_bytes());
            let _ = packed.write_all(part.as_bytes());
        }
    }
    packed.finish().unwrap_or_default()
}

/// The texts that were packed.
pub(in crate::load) fn unpack(packed: &[u8]) -> Result<Vec<File>, BundleError> {
    let damaged = || BundleError::Damaged("its texts are not to be read".to_owned());
    let mut bytes = Vec::new();
    DeflateDecoder::new(packed).take(MOST).read_to_end(&mut bytes).map_err(|_| damaged())?;
    let mut rest = &*bytes;
    let mut files = Vec::new();
    while let Some((first, behind)) = rest.split_first() {
        rest = behind;
        let mut part = || {
            let (length, behind) = rest.split_first_chunk()?;
            let (text, behind) = behind.split_at_checked(u32::from_le_bytes(*length) as usize)?;
            rest = behind;
            str::from_utf8(text).ok()
        };
        let (Some(name), Some(short), Some(text)) = (part(), part(), part()) else { return Err(damaged()) };
        if text.len() > Source::MAX_BYTES || *first > 1 {
            return Err(damaged());
        }
        files.push(File { source: Source::new(name, short, text), is_catalog: *first == 1, fault: None });
    }
    Ok(files)
}

//! Sections into a file.

use super::{ALIGNED, DIGEST, HEAD, KEY, MAGIC, PIECE, ROW, SIGNATURE, SecretKey, VERSION, aligned, header, whole};
use crate::load::revision::bytes;
use std::io::{self, Write};

/// Writes a bundle: the revision of the set it was made of, its counter, and its sections.
///
/// # Errors
/// Where it cannot be written.
pub(crate) fn write(
    revision: &str,
    counter: u64,
    sections: &[&[u8]],
    key: Option<&SecretKey>,
    out: &mut dyn Write,
) -> io::Result<()> {
    let mut head = Vec::with_capacity(HEAD.saturating_add(sections.len().saturating_mul(ROW)).saturating_add(DIGEST));
    head.extend(MAGIC);
    head.extend(VERSION.to_le_bytes());
    head.extend(u32::try_from(sections.len()).unwrap_or(u32::MAX).to_le_bytes());
    head.extend(bytes(revision));
    head.extend(counter.to_le_bytes());
    let mut place = aligned(header(sections.len()) as u64);
    for section in sections {
        head.extend(place.to_le_bytes());
        head.extend((section.len() as u64).to_le_bytes());
        head.extend(whole(section.chunks(PIECE).map(blake3::hash)));
        place = aligned(place.saturating_add(section.len() as u64));
    }
    head.extend(blake3::hash(&head).as_bytes());
    out.write_all(&head)?;
    let (public, signature) = key.map_or(([0; KEY], [0; SIGNATURE]), |key| key.sign(&head));
    out.write_all(&public)?;
    out.write_all(&signature)?;
    let mut written = header(sections.len()) as u64;
    for section in sections {
        let gap = aligned(written).saturating_sub(written);
        out.write_all([0; ALIGNED as usize].get(..gap as usize).unwrap_or_default())?;
        out.write_all(section)?;
        written = aligned(written).saturating_add(section.len() as u64);
    }
    out.flush()
}

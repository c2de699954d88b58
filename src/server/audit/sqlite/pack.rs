//! How the bodies of a chunk lie in the file: few as they are, more packed (LZ4, behind their size in four bytes).
//!
//! Records resemble each other so much that packing leaves a tenth of them, and takes less time than writing the rest would.

use lz4_flex::block::{compress_into, decompress_size_prepended, get_maximum_output_size};

/// Fewer bytes than these are kept as they are: a block of the disk holds them all the same.
const FEW: usize = 4096;

/// The most bytes that LZ4 makes of one: what claims to be more is nothing that was packed.
const MOST_OF_ONE: usize = 255;

/// Packs bodies, one after the other, into memory that is used again.
#[derive(Debug, Default)]
pub(super) struct Packer {
    packed: Vec<u8>,
}

impl Packer {
    /// Packs bodies; nothing where they are kept as they are.
    pub(super) fn pack(&mut self, bodies: &[u8]) -> Option<&[u8]> {
        let size = u32::try_from(bodies.len()).ok().filter(|_| bodies.len() >= FEW)?.to_le_bytes();
        let most = get_maximum_output_size(bodies.len()).saturating_add(size.len());
        if self.packed.len() < most {
            self.packed.resize(most, 0);
        }
        let (start, rest) = self.packed.split_first_chunk_mut()?;
        *start = size;
        let end = compress_into(bodies, rest).ok()?.saturating_add(size.len());
        self.packed.get(..end)
    }
}

/// The bodies that were packed; nothing if these are none.
pub(super) fn unpack(packed: &[u8]) -> Option<Vec<u8>> {
    let size = u32::from_le_bytes(*packed.first_chunk()?);
    let most = packed.len().saturating_mul(MOST_OF_ONE);
    if usize::try_from(size).ok()? > most {
        return None;
    }
    decompress_size_prepended(packed).ok()
}

#[cfg(test)]
mod tests {
    use super::{FEW, Packer, unpack};
    use proptest::{collection::vec, prelude::*};

    proptest! {
        #[test]
        fn what_is_packed_is_unpacked(words in vec("[a-f]{1,8}|[ -~é]{1,40}", 0..2_000)) {
            let (mut packer, bodies) = (Packer::default(), words.join("\n").into_bytes());
            for bodies in [&*bodies, bodies.get(words.len()..).unwrap_or_default()] {
                match packer.pack(bodies) {
                    Some(packed) => prop_assert_eq!(&unpack(packed).unwrap(), bodies),
                    None => prop_assert!(bodies.len() < FEW),
                }
            }
        }

        #[test]
        fn whatever_is_there_is_unpacked_or_refused(mut bytes in vec(any::<u8>(), 0..300), size in 0..80_000_u32) {
            unpack(&bytes);
            bytes.splice(0..0, size.to_le_bytes());
            unpack(&bytes);
        }
    }

    #[test]
    fn no_memory_is_taken_for_a_claim() {
        assert_eq!(unpack(&[0xff; 8]), None);
        assert_eq!(unpack(&[]), None);
        // What is packed best is no mere claim.
        let same = vec![b'a'; 8 << 20];
        assert_eq!(unpack(Packer::default().pack(&same).unwrap()).unwrap(), same);
    }
}

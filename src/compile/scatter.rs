//! How texts are scattered over a table, and compared: short ones, as names are, by their ends.

/// A way of scattering.
pub(crate) trait Scatter {
    /// The hash of a text with a tag.
    fn hash(tag: u32, text: &[u8]) -> u64;
}

/// Products of a text's words, of which the upper half is folded into the lower one.
///
/// The hash has no key: nothing that callers choose is ever put into the tables that it is for, and what these hold is
/// found in few steps whatever collides.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Spread;

/// Odd numbers whose bits look random: the fractions of the golden ratio, and of the square roots of 2 and 3.
const ODD: [u64; 3] = [0x9e37_79b9_7f4a_7c15, 0x6a09_e667_f3bc_c909, 0xbb67_ae85_84ca_a73b];

impl Scatter for Spread {
    #[inline(always)]
    fn hash(tag: u32, bytes: &[u8]) -> u64 {
        let [x, y, z] = ODD;
        let kind = u64::from(tag) << 32 | bytes.len() as u64;
        if let (Some(first), Some(last)) = (bytes.first_chunk(), bytes.last_chunk()) {
            let ([a, b], [c, d]) = (pair(first), pair(last));
            let mut hash = fold(a ^ x, b ^ y ^ kind);
            if bytes.len() > 32 {
                hash = middle(hash, bytes);
            }
            return fold(c ^ hash, d ^ z);
        }
        let (first, last) = ends(bytes);
        fold(fold(first ^ x, last ^ y ^ kind), z)
    }
}

/// What a text begins and ends with; of at most sixteen bytes that is all of it.
#[inline(always)]
pub(super) fn ends(bytes: &[u8]) -> (u64, u64) {
    if let (Some(first), Some(last)) = (bytes.first_chunk(), bytes.last_chunk()) {
        return (u64::from_le_bytes(*first), u64::from_le_bytes(*last));
    }
    if let (Some(first), Some(last)) = (bytes.first_chunk(), bytes.last_chunk()) {
        return (u64::from(u32::from_le_bytes(*first)), u64::from(u32::from_le_bytes(*last)));
    }
    let at = |place: usize| u64::from(bytes.get(place).copied().unwrap_or_default());
    (at(0) | at(1) << 8 | at(2) << 16, 0)
}

/// Whether two texts are the same.
#[inline(always)]
pub(crate) fn is_same(left: &[u8], right: &[u8]) -> bool {
    if left.len() != right.len() {
        return false;
    }
    let both = (left.first_chunk(), left.last_chunk(), right.first_chunk(), right.last_chunk());
    match both {
        (Some(a), Some(b), Some(c), Some(d)) if left.len() <= 32 => {
            let number = |bytes: &[u8; 16]| u128::from_le_bytes(*bytes);
            (number(a) ^ number(c)) | (number(b) ^ number(d)) == 0
        }
        (Some(_), ..) => left == right,
        (None, ..) => ends(left) == ends(right),
    }
}

/// Sixteen bytes as two numbers.
#[inline(always)]
fn pair(bytes: &[u8; 16]) -> [u64; 2] {
    let number = u128::from_le_bytes(*bytes);
    [number as u64, (number >> 64) as u64]
}

/// Takes the bytes of a long text into its hash.
#[inline(never)]
fn middle(hash: u64, bytes: &[u8]) -> u64 {
    let y = ODD[1];
    bytes.as_chunks().0.iter().map(pair).fold(hash, |hash, [a, b]| fold(a ^ hash, b ^ y))
}

/// The product of two numbers, the upper half folded into the lower one.
#[inline(always)]
fn fold(a: u64, b: u64) -> u64 {
    let product = u128::from(a).wrapping_mul(u128::from(b));
    product as u64 ^ (product >> 64) as u64
}

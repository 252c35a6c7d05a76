//! Names that the worker gives to what is uploaded: a pure function of the bytes, so that an answer is right or wrong.

use sha2::{Digest, Sha256};

/// The answers that there are. `examples/fastapi/app.py` has the same.
#[rustfmt::skip]
pub const NAMES: [&str; 100] = [
    "acorn", "amber", "anchor", "apple", "arrow", "badger", "basil", "beacon", "birch", "bramble",
    "bridge", "brook", "butter", "candle", "canyon", "carrot", "castle", "cedar", "cherry", "clover",
    "cobalt", "copper", "coral", "cotton", "cricket", "crystal", "daisy", "dolphin", "dragon", "ember",
    "falcon", "fennel", "ferry", "fiddle", "flint", "forest", "fossil", "garlic", "ginger", "granite",
    "hammer", "harbor", "hazel", "heron", "hollow", "honey", "indigo", "island", "ivory", "jasmine",
    "juniper", "kettle", "ladder", "lantern", "lemon", "lichen", "lilac", "linen", "lizard", "lotus",
    "magnet", "maple", "marble", "meadow", "mint", "mirror", "moss", "nettle", "nutmeg", "oak",
    "olive", "onyx", "orchid", "otter", "paper", "pebble", "pepper", "pine", "plum", "pond",
    "quartz", "quill", "raven", "reed", "river", "robin", "saddle", "saffron", "salmon", "silver",
    "sparrow", "spruce", "thistle", "thunder", "timber", "tulip", "velvet", "walnut", "willow", "zephyr",
];

/// The name of what was uploaded: it follows from the first byte of the SHA-256 of its bytes.
pub fn name_of(content: &[u8]) -> &'static str {
    let first = Sha256::digest(content).first().copied().unwrap_or_default();
    NAMES[usize::from(first) % NAMES.len()]
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn no_name_is_there_twice() {
        assert_eq!(NAMES.iter().collect::<BTreeSet<_>>().len(), NAMES.len());
    }

    #[test]
    fn a_name_follows_from_the_first_byte_of_the_hash() {
        // FIPS 180-2, appendix B.1: SHA-256 of "abc" begins with ba, 186; that of nothing with e3, 227.
        assert_eq!((name_of(b"abc"), name_of(b"")), (NAMES[86], NAMES[27]));
        assert_eq!(name_of(&[0xff, 0xfe]), name_of(&[0xff, 0xfe]), "bytes that are no text have a name, too");
    }
}

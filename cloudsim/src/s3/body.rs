//! The bytes of an object, as far as the simulation knows them: their number and their digests.
//!
//! The simulation does no I/O. Whoever serves a call keeps the bytes, has them digested here before the call, and gives a
//! handle along: the object holds it as long as it exists, so that letting go of the last one can remove what was kept.

use std::any::Any;
use std::collections::BTreeMap;
use std::sync::Arc;

use md5::Md5;
use sha2::{Digest, Sha256};

/// A digest that a request can carry for its body.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Algorithm {
    /// `Content-MD5`; the entity tag of an object is made of it.
    Md5,
    /// What SDKs send unless they are told otherwise.
    Crc32,
    Sha256,
}

impl Algorithm {
    pub const ALL: [Self; 3] = [Self::Md5, Self::Crc32, Self::Sha256];

    /// S3's name of those that headers `x-amz-checksum-*` carry.
    pub fn name(self) -> &'static str {
        match self {
            Self::Md5 => "MD5",
            Self::Crc32 => "CRC32",
            Self::Sha256 => "SHA256",
        }
    }

    /// Bytes of a digest.
    pub fn length(self) -> usize {
        match self {
            Self::Md5 => 16,
            Self::Crc32 => 4,
            Self::Sha256 => 32,
        }
    }

    /// The digest as it is sent, in base64, once it is decoded: numbers are big-endian.
    pub fn digest(self, bytes: &[u8]) -> Vec<u8> {
        match self {
            Self::Md5 => Md5::digest(bytes).to_vec(),
            Self::Crc32 => crc32fast::hash(bytes).to_be_bytes().to_vec(),
            Self::Sha256 => Sha256::digest(bytes).to_vec(),
        }
    }
}

/// A digest that a request claims.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checksum {
    pub algorithm: Algorithm,
    pub value: Vec<u8>,
}

impl Checksum {
    /// The right one for these bytes.
    pub fn of(algorithm: Algorithm, bytes: &[u8]) -> Self {
        Self { algorithm, value: algorithm.digest(bytes) }
    }
}

/// The bytes of an object: size, digests, and a handle to whatever keeps them.
#[derive(Clone, Debug)]
pub struct Body {
    size: u64,
    digests: BTreeMap<Algorithm, Vec<u8>>,
    kept: Arc<dyn Any + Send + Sync>,
}

impl Body {
    /// Bytes that `kept` keeps. MD5 is taken in any case, the other digests when a claim needs them.
    pub fn new(bytes: &[u8], claims: &[Checksum], kept: Arc<dyn Any + Send + Sync>) -> Self {
        let algorithms = claims.iter().map(|claim| claim.algorithm).chain([Algorithm::Md5]);
        let mut digests = BTreeMap::new();
        for algorithm in algorithms {
            digests.entry(algorithm).or_insert_with(|| algorithm.digest(bytes));
        }
        Self { size: bytes.len() as u64, digests, kept }
    }

    /// Bytes that are kept here.
    pub fn in_memory(bytes: Vec<u8>, claims: &[Checksum]) -> Self {
        let kept = Arc::new(bytes);
        Self::new(&kept, claims, kept.clone())
    }

    pub fn size(&self) -> u64 {
        self.size
    }

    /// Whatever keeps the bytes, when it is a `T`: of [`Body::in_memory`] a `Vec<u8>`.
    pub fn kept<T: Any + Send + Sync>(&self) -> Option<Arc<T>> {
        Arc::downcast(self.kept.clone()).ok()
    }

    /// MD5 in hexadecimal, without quotes (API reference, Object: ETag).
    pub fn etag(&self) -> String {
        self.digests.get(&Algorithm::Md5).map(|digest| hex(digest)).unwrap_or_default()
    }

    /// Whether it is what a request claims; a digest that was not taken is none.
    pub(super) fn is(&self, claim: &Checksum) -> bool {
        self.digests.get(&claim.algorithm) == Some(&claim.value)
    }
}

pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 1321, A.5; the check value of CRC-32; FIPS 180-2, B.1.
    #[test]
    fn digests_are_those_of_their_standards() {
        assert_eq!(hex(&Algorithm::Md5.digest(b"abc")), "900150983cd24fb0d6963f7d28e17f72");
        assert_eq!(hex(&Algorithm::Crc32.digest(b"123456789")), "cbf43926");
        let sha = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(hex(&Algorithm::Sha256.digest(b"abc")), sha);
        assert!(Algorithm::ALL.iter().all(|one| one.digest(b"").len() == one.length()));
    }

    #[test]
    fn a_claim_is_compared_with_the_bytes() {
        let right = Checksum::of(Algorithm::Crc32, b"abc");
        let wrong = Checksum::of(Algorithm::Crc32, b"abd");
        let body = Body::in_memory(b"abc".to_vec(), std::slice::from_ref(&right));
        assert!(body.is(&right) && !body.is(&wrong));
        assert!(!body.is(&Checksum::of(Algorithm::Sha256, b"abc")), "it was not taken");
        assert_eq!((body.size(), body.kept::<Vec<u8>>().map(|bytes| bytes.to_vec())), (3, Some(b"abc".to_vec())));
        assert!(body.kept::<String>().is_none());
    }
}

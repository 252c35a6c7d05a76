//! The part of ELF that says whether a file is static, and for which processor it is.

use super::Architecture;

/// Header and program headers of 64 bits, little endian (System V ABI, "Object Files" and "Program Loading").
const IDENTITY: [u8; 6] = [0x7f, b'E', b'L', b'F', 2, 1];
/// The type of the program header that names a dynamic linker.
const INTERPRETER: u32 = 3;

/// Why these bytes are no static program for `architecture`. `None`: they are.
pub(super) fn fault(bytes: &[u8], architecture: Architecture) -> Option<&'static str> {
    if !bytes.starts_with(&IDENTITY) {
        return Some("is no ELF file of 64 bits");
    }
    let (Some(machine), Some(headers)) = (half(bytes, 18), headers(bytes)) else { return Some("is cut off") };
    if machine != architecture.machine() {
        return Some("is for another architecture");
    }
    headers.contains(&INTERPRETER).then_some("asks for a dynamic linker: it is not static")
}

/// Whether this is a program that asks for a dynamic linker.
pub(crate) fn is_dynamic(bytes: &[u8]) -> bool {
    bytes.starts_with(&IDENTITY) && headers(bytes).is_some_and(|headers| headers.contains(&INTERPRETER))
}

/// The types of all program headers.
fn headers(bytes: &[u8]) -> Option<Vec<u32>> {
    let first = usize::try_from(u64::from_le_bytes(bytes.get(32..40)?.try_into().ok()?)).ok()?;
    let (size, count) = (usize::from(half(bytes, 54)?), usize::from(half(bytes, 56)?));
    let kind = |number: usize| {
        let at = first.checked_add(number.checked_mul(size)?)?;
        Some(u32::from_le_bytes(bytes.get(at..at.checked_add(4)?)?.try_into().ok()?))
    };
    (0..count).map(kind).collect()
}

fn half(bytes: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_le_bytes(bytes.get(at..at + 2)?.try_into().ok()?))
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// A file with program headers of these types and nothing else.
    pub(crate) fn file(architecture: Architecture, kinds: &[u32]) -> Vec<u8> {
        let mut bytes = IDENTITY.to_vec();
        bytes.resize(64, 0);
        bytes[18..20].copy_from_slice(&architecture.machine().to_le_bytes());
        bytes[32] = 64;
        bytes[54] = 56;
        bytes[56] = u8::try_from(kinds.len()).unwrap();
        for kind in kinds {
            bytes.extend(kind.to_le_bytes());
            bytes.resize(bytes.len() + 52, 0);
        }
        bytes
    }

    #[test]
    fn only_a_static_file_of_the_architecture_is_taken() {
        let (here, other) = (Architecture::X86_64, Architecture::Arm64);
        assert_eq!(fault(&file(here, &[1, 2]), here), None);
        assert!(fault(&file(here, &[1, 3]), here).unwrap().contains("not static"));
        assert!(fault(&file(here, &[1]), other).unwrap().contains("another architecture"));
        assert!(fault(b"#!/bin/sh", here).unwrap().contains("no ELF"));
        assert!(fault(&file(here, &[1, 2])[..70], here).unwrap().contains("cut off"));
    }

    #[test]
    fn this_test_is_a_dynamic_program() {
        let itself = std::fs::read(std::env::current_exe().unwrap()).unwrap();
        assert!(fault(&itself, Architecture::here().unwrap()).unwrap().contains("not static"));
        assert!(is_dynamic(&itself) && !is_dynamic(b"#!/bin/sh"));
    }
}

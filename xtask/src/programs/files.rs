//! Files of the programs: read where cargo left them, judged, and put under their hashes.

use std::fs;
use std::path::{Path, PathBuf};

use super::manifest::{self, MANIFEST, Program};
use super::{Architecture, Kind, Made, NAMES, OPERATOR, PLUGIN, elf};
use crate::{Outcome, Paths, disk, sha256};

/// Gathers what was built for `architectures`, and removes what the new manifest does not name.
pub(super) fn gather(paths: &Paths, kind: Kind, architectures: &[Architecture]) -> Outcome<Made> {
    let directory = paths.programs(kind.profile());
    disk::create(&directory)?;
    let (mut programs, mut operators, mut plugins) = (Vec::new(), Vec::new(), Vec::new());
    for architecture in architectures {
        let built = |name: &str| built(paths, kind, *architecture, name);
        for name in NAMES {
            programs.push(put(&directory, name, *architecture, &built(name))?);
        }
        if kind == Kind::Release {
            for (name, all) in [(OPERATOR, &mut operators), (PLUGIN, &mut plugins)] {
                let bytes = judged(&built(name), *architecture)?;
                let path = directory.join(name).join(architecture.name());
                disk::write(&path, &bytes, 0o755)?;
                all.push((*architecture, path));
            }
        }
    }
    programs.sort();
    disk::write(&directory.join(MANIFEST), manifest::text(&programs).as_bytes(), 0o644)?;
    let kept: Vec<&str> = programs.iter().map(|program| program.sha256.as_str()).collect();
    clean(&directory, &kept)?;
    Ok(Made { directory, programs, operators, plugins })
}

/// Where cargo leaves a program.
pub(super) fn built(paths: &Paths, kind: Kind, architecture: Architecture, name: &str) -> PathBuf {
    paths.target.join(architecture.target()).join(kind.profile()).join(name)
}

/// Puts one program under its hash.
fn put(directory: &Path, name: &'static str, architecture: Architecture, built: &Path) -> Outcome<Program> {
    let bytes = judged(built, architecture)?;
    let sha256 = sha256::hex(&bytes);
    disk::write(&directory.join(&sha256).join(name), &bytes, 0o755)?;
    Ok(Program { name, architecture, sha256, bytes: bytes.len() as u64 })
}

/// The bytes of a program that is static, and for this architecture.
pub(super) fn judged(built: &Path, architecture: Architecture) -> Outcome<Vec<u8>> {
    let bytes = disk::read(built)?;
    match elf::fault(&bytes, architecture) {
        Some(fault) => Err(format!("{} {fault}", built.display())),
        None => Ok(bytes),
    }
}

/// Removes the directories of hashes that are not `kept`. Who runs such a file keeps it: it is linked or open.
fn clean(directory: &Path, kept: &[&str]) -> Outcome {
    let describe = |error| format!("{} cannot be cleaned: {error}", directory.display());
    let is_hash = |name: &str| name.len() == 64 && name.bytes().all(|byte| byte.is_ascii_hexdigit());
    for entry in fs::read_dir(directory).map_err(describe)? {
        let path: PathBuf = entry.map_err(describe)?.path();
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        if is_hash(name) && !kept.contains(&name) {
            disk::remove(&path)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stage(name: &str) -> Paths {
        let root = std::env::temp_dir().join(format!("xtask-programs-{name}-{}", std::process::id()));
        Paths { root: root.clone(), cache: root.join("cache"), target: root.join("target") }
    }

    /// What a build leaves, each program with `mark` in it.
    fn build(paths: &Paths, architecture: Architecture, kind: Kind, mark: &str) {
        let directory = paths.target.join(architecture.target()).join(kind.profile());
        fs::create_dir_all(&directory).unwrap();
        for name in NAMES.iter().chain([&OPERATOR, &PLUGIN]) {
            let mut bytes = elf::tests::file(architecture, &[1]);
            bytes.extend(format!("{name} {mark}").bytes());
            fs::write(directory.join(name), bytes).unwrap();
        }
    }

    #[test]
    fn the_directory_is_a_mirror_of_what_the_manifest_names() {
        let paths = stage("mirror");
        build(&paths, Architecture::X86_64, Kind::Release, "1");
        build(&paths, Architecture::Arm64, Kind::Release, "1");
        let made = gather(&paths, Kind::Release, &Architecture::ALL).unwrap();
        assert_eq!((made.programs.len(), made.operators.len(), made.plugins.len()), (12, 2, 2));
        for program in &made.programs {
            let bytes = fs::read(made.directory.join(&program.sha256).join(program.name)).unwrap();
            assert_eq!((sha256::hex(&bytes), bytes.len() as u64), (program.sha256.clone(), program.bytes));
        }
        let manifest = fs::read_to_string(made.directory.join(MANIFEST)).unwrap();
        assert_eq!(manifest, manifest::text(&made.programs));

        build(&paths, Architecture::X86_64, Kind::Release, "2");
        let later = gather(&paths, Kind::Release, &[Architecture::X86_64]).unwrap();
        assert_eq!(later.programs.len(), 6);
        for program in &made.programs {
            assert!(!made.directory.join(&program.sha256).exists(), "{program:?} is of before");
        }
        fs::remove_dir_all(&paths.root).unwrap();
    }

    #[test]
    fn a_program_that_is_not_static_is_refused() {
        let paths = stage("dynamic");
        build(&paths, Architecture::X86_64, Kind::Fast, "1");
        let front = paths.target.join(Architecture::X86_64.target()).join("debug/front");
        fs::write(&front, elf::tests::file(Architecture::X86_64, &[3])).unwrap();
        let error = gather(&paths, Kind::Fast, &[Architecture::X86_64]).err().unwrap();
        assert_eq!(error, format!("{} asks for a dynamic linker: it is not static", front.display()));
        fs::remove_dir_all(&paths.root).unwrap();
    }
}

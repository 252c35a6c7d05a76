//! The architectures of instances, and what a static build for each needs: a target of Rust's and a C compiler.

use std::env;
use std::ffi::{OsStr, OsString};
use std::path::Path;
use std::process::{Command, Stdio};

use super::{Kind, PLACE_OF_CRATES, cargo_home};
use crate::{Outcome, Paths, run};

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Architecture {
    X86_64,
    Arm64,
}

impl Architecture {
    pub(crate) const ALL: [Self; 2] = [Self::X86_64, Self::Arm64];

    /// The architecture of this machine.
    pub(crate) fn here() -> Outcome<Self> {
        match env::consts::ARCH {
            "x86_64" => Ok(Self::X86_64),
            "aarch64" => Ok(Self::Arm64),
            other => {
                Err(format!("there are no programs for {other}: instances are x86_64 or arm64, build on one of these"))
            }
        }
    }

    /// EC2's name of it (API reference, ProcessorInfo).
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::X86_64 => "x86_64",
            Self::Arm64 => "arm64",
        }
    }

    /// The name in images, which is Go's (OCI image specification, config.md).
    pub(crate) fn name_in_images(self) -> &'static str {
        match self {
            Self::X86_64 => "amd64",
            Self::Arm64 => "arm64",
        }
    }

    /// Files for musl are static, and so run on any Linux.
    pub(crate) const fn target(self) -> &'static str {
        match self {
            Self::X86_64 => "x86_64-unknown-linux-musl",
            Self::Arm64 => "aarch64-unknown-linux-musl",
        }
    }

    /// `e_machine` of its files (the processor supplements of the System V ABI).
    pub(super) fn machine(self) -> u16 {
        match self {
            Self::X86_64 => 62,
            Self::Arm64 => 183,
        }
    }

    /// Has what a build needs, or installs it. What is missing is said with the way to get it.
    pub(super) fn prepare(self, paths: &Paths) -> Outcome<OsString> {
        let compiler = self.compiler()?;
        self.provide_target(paths)?;
        Ok(compiler)
    }

    /// A C compiler for ring, whose C includes headers of a library and needs nothing of its functions: one for glibc serves as well.
    fn compiler(self) -> Outcome<OsString> {
        let variable = self.variable("CC");
        let (program, packages) = match (Self::here() == Ok(self), self) {
            (true, _) => ("cc", "gcc libc6-dev"),
            (false, Self::X86_64) => ("x86_64-linux-gnu-gcc", "gcc-x86-64-linux-gnu libc6-dev-amd64-cross"),
            (false, Self::Arm64) => ("aarch64-linux-gnu-gcc", "gcc-aarch64-linux-gnu libc6-dev-arm64-cross"),
        };
        let chosen = env::var_os(&variable).filter(|chosen| !chosen.is_empty()).unwrap_or_else(|| program.into());
        match compiles(&chosen) {
            Ok(()) => Ok(chosen),
            Err(why) => Err(format!(
                "there is no C compiler for {}: {why}; apt-get install {packages}, or set {variable} to another one",
                self.name()
            )),
        }
    }

    /// Rust's standard library for the target. Not in rust-toolchain.toml: who builds nothing static, maybe without a
    /// network, would have to fetch it first.
    fn provide_target(self, paths: &Paths) -> Outcome {
        let target = self.target();
        let mut asked = Command::new("rustc");
        asked.current_dir(&paths.root).args(["--print", "target-libdir", "--target", target]).stdin(Stdio::null());
        if Path::new(run::output(&mut asked)?.trim()).is_dir() {
            return Ok(());
        }
        let mut install = Command::new("rustup");
        install.current_dir(&paths.root).args(["target", "add", target]).stdin(Stdio::null());
        run::step(&format!("Rust's standard library for {target}"), &mut install).map_err(|error| {
            format!("{error}: run `rustup target add {target}` where there is a network; without it nothing static can be built for {}", self.name())
        })
    }

    /// The environment of a build: flags that reach code of the target only, and the compiler of C.
    pub(super) fn environment(self, paths: &Paths, kind: Kind, compiler: OsString) -> Vec<(String, OsString)> {
        // Debian's and Ubuntu's compilers may replace functions of C by checked ones that only glibc has.
        let flags = "-U_FORTIFY_SOURCE";
        vec![
            ("CARGO_ENCODED_RUSTFLAGS".to_owned(), flags_of_rust(paths, kind)),
            (self.variable("CC"), compiler),
            (self.variable("CFLAGS"), flags.into()),
        ]
    }

    /// The variable by which a build script is told of a tool for this target.
    fn variable(self, tool: &str) -> String {
        format!("{tool}_{}", self.target().replace('-', "_"))
    }
}

/// Rust's own linker and musl, which rustup installs: no other tool. Places of the machine do not get into the files.
fn flags_of_rust(paths: &Paths, kind: Kind) -> OsString {
    let mut flags = OsString::from("-Clinker=rust-lld\u{1f}-Clink-self-contained=yes");
    if kind == Kind::Fast {
        // A hundred megabytes of it; names of functions stay, for who panics in a lab.
        flags.push("\u{1f}-Cstrip=debuginfo");
    }
    let sources = cargo_home(paths).join("registry/src");
    for (place, name) in [(sources.as_path(), PLACE_OF_CRATES), (&paths.target, "/target")] {
        flags.push("\u{1f}--remap-path-prefix=");
        flags.push(place);
        flags.push("=");
        flags.push(name);
    }
    flags
}

/// Whether a compiler, with words before it as `ccache cc`, knows the headers that ring includes. Debian's come in a package of their
/// own, and without them a build ends after half an hour.
fn compiles(compiler: &OsStr) -> Outcome {
    let words = compiler.to_string_lossy();
    let mut words = words.split_whitespace();
    let program = words.next().unwrap_or_default();
    let mut trial = Command::new(program);
    trial.args(words).args(["-fsyntax-only", "-include", "stdint.h", "-x", "c", "/dev/null"]).stdin(Stdio::null());
    let said = trial.output().map_err(|error| format!("{program} cannot be started ({error})"))?;
    if said.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&said.stderr);
    let why = said.lines().find(|line| line.contains("error")).or_else(|| said.lines().next());
    Err(format!("{program} fails with \"{}\"", why.unwrap_or_default()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tools_are_named_as_build_scripts_look_for_them() {
        assert_eq!(Architecture::Arm64.variable("CC"), "CC_aarch64_unknown_linux_musl");
    }

    #[test]
    fn a_compiler_without_headers_is_found_before_anything_is_built() {
        assert_eq!(compiles(OsStr::new("cc")), Ok(()));
        let without = compiles(OsStr::new("cc -nostdinc")).unwrap_err();
        assert!(without.starts_with("cc fails with \"") && without.contains("stdint.h"), "{without}");
        let none = compiles(OsStr::new("no-such-compiler")).unwrap_err();
        assert!(none.starts_with("no-such-compiler cannot be started ("), "{none}");
    }

    #[test]
    fn a_build_is_told_of_its_linker_and_of_no_place_of_this_machine() {
        let paths = Paths { root: "/clone".into(), cache: "/cache".into(), target: "/built in".into() };
        let environment = Architecture::X86_64.environment(&paths, Kind::Release, "cc".into());
        let flags = environment[0].1.to_str().unwrap().split('\u{1f}').collect::<Vec<_>>();
        assert_eq!(flags[..2], ["-Clinker=rust-lld", "-Clink-self-contained=yes"]);
        assert!(flags.contains(&"--remap-path-prefix=/built in=/target"), "{flags:?}");
        assert_eq!(environment[1], ("CC_x86_64_unknown_linux_musl".to_owned(), "cc".into()));
    }
}

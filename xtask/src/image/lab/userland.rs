//! Files of a Linux distribution that instances of a lab need: a shell and some commands, with the libraries that they name. They are
//! copied from this machine, whose distribution says which package each is of, and where its licence is.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::image::bill::{Extra, UNKNOWN};
use crate::{Outcome, disk, run};

/// The commands. User data call the first, and the units that they write; the others are for who has a shell in the image.
const COMMANDS: [&str; 27] = [
    "bash",
    "cat",
    "chmod",
    "cp",
    "curl",
    "date",
    "gzip",
    "head",
    "id",
    "mkdir",
    "mv",
    "rm",
    "sha256sum",
    "sleep",
    "stat",
    "tail",
    "tar",
    "timeout",
    "touch",
    "true", //
    "env",
    "grep",
    "ls",
    "sed",
    "sort",
    "uname",
    "wc",
];
/// Where distributions keep them.
const DIRECTORIES: [&str; 2] = ["/usr/bin", "/bin"];

/// Directories that are a part of `/usr` (systemd's file-hierarchy(7), "Compatibility Symlinks").
pub(super) const OF_USR: [&str; 4] = ["bin", "lib", "lib64", "sbin"];

/// Texts that licences of packages refer to (Debian Policy Manual, 12.5).
const LICENCES: &str = "/usr/share/common-licenses";

/// Files of a distribution.
#[derive(Debug, Default)]
pub(super) struct Userland {
    /// Each with its mode, by its path in the image without the slash in front.
    pub(super) files: BTreeMap<String, (u32, Vec<u8>)>,
    /// The packages that they are of.
    pub(super) packages: Vec<Extra>,
}

/// The commands, and the libraries of these and of `programs`.
pub(super) fn of_this_machine(programs: &[PathBuf]) -> Outcome<Userland> {
    let commands = COMMANDS.iter().map(|name| command(name)).collect::<Outcome<Vec<_>>>()?;
    let mut all: BTreeSet<PathBuf> = commands.iter().cloned().collect();
    for program in commands.iter().chain(programs) {
        all.extend(libraries_of(program)?);
    }
    let mut userland = Userland::default();
    for path in &all {
        userland.files.insert(in_usr(path)?, (0o755, disk::read(path)?));
    }
    let names = packages_of(&all)?;
    for name in &names {
        let licence = PathBuf::from(format!("/usr/share/doc/{name}/copyright"));
        userland.files.insert(in_usr(&licence)?, (0o644, disk::read(&licence)?));
    }
    for licence in entries(Path::new(LICENCES))? {
        userland.files.insert(in_usr(&licence)?, (0o644, disk::read(&licence)?));
    }
    userland.packages = described(&names)?;
    Ok(userland)
}

fn command(name: &str) -> Outcome<PathBuf> {
    let mut places = DIRECTORIES.iter().map(|directory| Path::new(directory).join(name));
    places
        .find(|path| path.is_file())
        .ok_or_else(|| format!("there is no {name} in {}: install it", DIRECTORIES.join(" or ")))
}

fn entries(directory: &Path) -> Outcome<Vec<PathBuf>> {
    let entries =
        fs::read_dir(directory).map_err(|error| format!("{} cannot be read: {error}", directory.display()))?;
    Ok(entries.flatten().map(|entry| entry.path()).filter(|path| path.is_file()).collect())
}

/// The libraries of a program and its dynamic linker, by the paths at which it looks for them.
fn libraries_of(program: &Path) -> Outcome<Vec<PathBuf>> {
    let mut command = Command::new("ldd");
    libraries(&run::output(command.arg(program).stdin(Stdio::null()))?)
        .map_err(|missing| format!("{} needs {missing}, which this machine has not: install it", program.display()))
}

/// The paths of ldd's lines: `NAME => PATH (ADDRESS)`, `PATH (ADDRESS)` of the linker, and the kernel's, which has no path. An
/// error names what was not found.
fn libraries(said: &str) -> Result<Vec<PathBuf>, String> {
    let mut found = Vec::new();
    for line in said.lines().map(str::trim) {
        let (name, path) = line.split_once(" => ").unwrap_or((line, line));
        if path == "not found" {
            return Err(name.to_owned());
        }
        let path = path.split(" (").next().unwrap_or_default();
        if path.starts_with('/') {
            found.push(PathBuf::from(path));
        }
    }
    Ok(found)
}

/// The place of a file in an image whose `/bin` and `/lib` are those of `/usr`.
fn in_usr(path: &Path) -> Outcome<String> {
    let text = path.to_str().ok_or_else(|| format!("{} is no text", path.display()))?;
    let text = text.trim_start_matches('/');
    let is_of_usr = OF_USR.iter().any(|directory| text.starts_with(&format!("{directory}/")));
    Ok(if is_of_usr { format!("usr/{text}") } else { text.to_owned() })
}

/// Names of the packages that all these files are of.
fn packages_of(files: &BTreeSet<PathBuf>) -> Outcome<BTreeSet<String>> {
    let spellings = files.iter().map(|path| Ok((path, spellings(&in_usr(path)?)))).collect::<Outcome<Vec<_>>>()?;
    let mut command = Command::new("dpkg-query");
    command.arg("--search").args(spellings.iter().flat_map(|(_, both)| both)).stdin(Stdio::null());
    // It fails where one is not found, as one of two spellings is.
    let output = command.stderr(Stdio::null()).output().map_err(|_| {
        "the image of the lab is made of files of Debian or its kin, and there is no `dpkg-query` here: make it there"
            .to_owned()
    })?;
    let owners = owners(&String::from_utf8_lossy(&output.stdout));
    let owner = |(path, both): &(&PathBuf, [String; 2])| {
        let owner = both.iter().find_map(|spelling| owners.get(spelling));
        owner.cloned().ok_or_else(|| format!("{} is of no package: nobody knows its licence", path.display()))
    };
    spellings.iter().map(owner).collect()
}

/// What a package may call a file of `/usr`: as it is, or as it was before `/bin` became a part of that.
fn spellings(in_usr: &str) -> [String; 2] {
    [format!("/{in_usr}"), format!("/{}", in_usr.strip_prefix("usr/").unwrap_or(in_usr))]
}

/// Packages by file, of lines `PACKAGE[:ARCHITECTURE][, ...]: PATH` (dpkg-query(1), `--search`).
fn owners(said: &str) -> BTreeMap<String, String> {
    let lines = said.lines().filter(|line| !line.starts_with("diversion by "));
    let pair = |line: &str| {
        let (packages, path) = line.split_once(": ")?;
        let name = packages.split([',', ':']).next()?;
        Some((path.to_owned(), name.to_owned()))
    };
    lines.filter_map(pair).collect()
}

/// What the distribution says of its packages.
fn described(names: &BTreeSet<String>) -> Outcome<Vec<Extra>> {
    const FORMAT: &str = "${Package}\t${Version}\t${Architecture}\t${source:Package}\t${source:Version}\n";
    let mut command = Command::new("dpkg-query");
    command.args(["--show", "--showformat", FORMAT]).args(names).stdin(Stdio::null());
    let distribution = fs::read_to_string("/etc/os-release").unwrap_or_default();
    let distribution = distribution.lines().find_map(|line| line.strip_prefix("ID=")).unwrap_or("debian");
    let said = run::output(&mut command)?;
    let line = |line: &str| extra(line, distribution.trim_matches('"'));
    said.lines().map(|text| line(text).ok_or_else(|| format!("dpkg-query says `{text}`"))).collect()
}

fn extra(line: &str, distribution: &str) -> Option<Extra> {
    let [name, version, architecture, source, of_source] = line.split('\t').collect::<Vec<_>>()[..] else {
        return None;
    };
    // Signs of versions that mean something else in a package URL (its specification, "Character encoding").
    let escaped = version.replace('+', "%2B").replace(':', "%3A").replace('~', "%7E");
    Some(Extra {
        locator: Some(format!("pkg:deb/{distribution}/{name}@{escaped}?arch={architecture}")),
        comment: Some(format!(
            "its licence is /usr/share/doc/{name}/copyright in the image; its source is that of {source} {of_source}"
        )),
        ..Extra::of(name, Some(version.to_owned()), UNKNOWN)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn libraries_are_those_with_a_path() {
        let said = "\tlinux-vdso.so.1 (0x00007f)\n\tlibc.so.6 => /lib/x86_64-linux-gnu/libc.so.6 (0x00007f)\n\
                    \t/lib64/ld-linux-x86-64.so.2 (0x00007f)\n";
        let paths = ["/lib/x86_64-linux-gnu/libc.so.6", "/lib64/ld-linux-x86-64.so.2"].map(PathBuf::from);
        assert_eq!(libraries(said), Ok(paths.to_vec()));
        assert_eq!(libraries("\tstatically linked\n"), Ok(Vec::new()));
        assert_eq!(libraries("\tlibx.so => not found\n"), Err("libx.so".to_owned()));
    }

    #[test]
    fn a_file_has_one_place_and_two_spellings() {
        let place = in_usr(Path::new("/lib64/ld-linux-x86-64.so.2")).unwrap();
        assert_eq!(place, "usr/lib64/ld-linux-x86-64.so.2");
        assert_eq!(in_usr(Path::new("/usr/bin/tar")).unwrap(), "usr/bin/tar");
        assert_eq!(spellings(&place), ["/usr/lib64/ld-linux-x86-64.so.2", "/lib64/ld-linux-x86-64.so.2"]);
    }

    #[test]
    fn packages_are_read_with_their_licence_and_their_source() {
        let said = "diversion by dash from: /bin/sh\nlibc6:amd64: /lib/libc.so.6\nbash: /bin/bash\na:amd64, b: /x\n";
        let owners: Vec<_> = owners(said).into_iter().collect();
        let pair = |path: &str, name: &str| (path.to_owned(), name.to_owned());
        assert_eq!(owners, [pair("/bin/bash", "bash"), pair("/lib/libc.so.6", "libc6"), pair("/x", "a")]);
        let bash = extra("bash\t5.2.15-2+b8\tamd64\tbash\t5.2.15-2", "debian").unwrap();
        assert_eq!(bash.locator.as_deref(), Some("pkg:deb/debian/bash@5.2.15-2%2Bb8?arch=amd64"));
        assert!(bash.comment.unwrap().ends_with("its source is that of bash 5.2.15-2"));
        assert_eq!(extra("bash", "debian"), None);
    }
}

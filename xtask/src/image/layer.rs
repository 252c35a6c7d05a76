//! A layer as bytes: a tar archive in the form ustar (POSIX.1-2017, pax, "ustar Interchange Format"), the same for the same content.

use std::collections::BTreeMap;

use crate::Outcome;

const BLOCK: usize = 512;
/// The longest name; the form's second field for longer ones is not used.
const LONGEST: usize = 100;

/// What a layer holds, by path without the slash in front: sorted, so that a directory comes before what is in it.
#[derive(Debug, Default)]
pub(crate) struct Layer {
    entries: BTreeMap<String, Entry>,
}

#[derive(Debug)]
struct Entry {
    mode: u32,
    kind: Kind,
}

#[derive(Debug)]
enum Kind {
    Directory,
    File(Vec<u8>),
    /// A symbolic link, with what it names.
    Link(String),
}

impl Layer {
    pub(crate) fn file(&mut self, path: &str, mode: u32, content: impl Into<Vec<u8>>) {
        self.parents(path);
        self.entries.insert(path.to_owned(), Entry { mode, kind: Kind::File(content.into()) });
    }

    /// A symbolic link to `target`.
    pub(crate) fn link(&mut self, path: &str, target: &str) {
        self.parents(path);
        self.entries.insert(path.to_owned(), Entry { mode: 0o777, kind: Kind::Link(target.to_owned()) });
    }

    pub(crate) fn directory(&mut self, path: &str, mode: u32) {
        self.parents(path);
        self.entries.insert(format!("{path}/"), Entry { mode, kind: Kind::Directory });
    }

    fn parents(&mut self, path: &str) {
        for (at, _) in path.match_indices('/') {
            let parent = path[..=at].to_owned();
            self.entries.entry(parent).or_insert(Entry { mode: 0o755, kind: Kind::Directory });
        }
    }

    /// The archive. All belongs to root, and nothing has a time: whoever runs it changes none of it.
    pub(crate) fn archive(&self) -> Outcome<Vec<u8>> {
        let mut bytes = Vec::new();
        for (path, entry) in &self.entries {
            let content = if let Kind::File(content) = &entry.kind { content.as_slice() } else { &[] };
            bytes.extend(header(path, entry, content.len())?);
            bytes.extend_from_slice(content);
            bytes.resize(bytes.len().next_multiple_of(BLOCK), 0);
        }
        bytes.resize(bytes.len() + 2 * BLOCK, 0);
        Ok(bytes)
    }
}

fn header(path: &str, entry: &Entry, size: usize) -> Outcome<[u8; BLOCK]> {
    let (kind, target) = match &entry.kind {
        Kind::File(_) => ("0", ""),
        Kind::Link(target) => ("2", target.as_str()),
        Kind::Directory => ("5", ""),
    };
    if let Some(name) = [path, target].into_iter().find(|name| name.len() > LONGEST) {
        return Err(format!("{name} is longer than {LONGEST} bytes, which the archive of a layer has for a name"));
    }
    let mut header = [0; BLOCK];
    let mut put = |at: usize, text: &str| header[at..at + text.len()].copy_from_slice(text.as_bytes());
    put(0, path);
    put(100, &format!("{:07o}", entry.mode));
    put(108, "0000000"); // owner
    put(116, "0000000"); // group
    put(124, &format!("{size:011o}"));
    put(136, "00000000000"); // time
    put(148, "        "); // the sum counts its own field as blanks
    put(156, kind);
    put(157, target);
    put(257, "ustar");
    put(263, "00");
    let sum: u32 = header.iter().map(|byte| u32::from(*byte)).sum();
    header[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    Ok(header)
}

#[cfg(test)]
mod tests {
    use std::process::{Command, Stdio};

    use super::*;

    fn layer() -> Layer {
        let mut layer = Layer::default();
        layer.file("operator", 0o755, "bytes");
        layer.directory("tmp", 0o1777);
        layer.file("etc/ssl/roots.pem", 0o644, vec![b'x'; 1000]);
        layer.link("bin", "usr/bin");
        layer
    }

    #[test]
    fn the_order_of_additions_changes_nothing() {
        let mut other = Layer::default();
        other.link("bin", "usr/bin");
        other.file("etc/ssl/roots.pem", 0o644, vec![b'x'; 1000]);
        other.directory("tmp", 0o1777);
        other.file("operator", 0o755, "bytes");
        assert_eq!(layer().archive().unwrap(), other.archive().unwrap());
    }

    #[test]
    fn a_name_that_does_not_fit_is_refused() {
        let mut layer = Layer::default();
        layer.file(&"x".repeat(101), 0o644, "");
        assert!(layer.archive().unwrap_err().contains("longer than 100 bytes"));
        let mut layer = Layer::default();
        layer.link("x", &"y".repeat(101));
        assert!(layer.archive().unwrap_err().starts_with("yyy"));
    }

    /// Everybody's tar reads it as it was meant.
    #[test]
    fn tar_lists_what_was_put_in() {
        use std::io::Write as _;
        let mut tar = Command::new("tar");
        tar.args(["--list", "--verbose", "--numeric-owner", "--utc"]).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut tar = tar.spawn().unwrap();
        tar.stdin.take().unwrap().write_all(&layer().archive().unwrap()).unwrap();
        let output = tar.wait_with_output().unwrap();
        assert!(output.status.success());
        let listed = String::from_utf8(output.stdout).unwrap();
        let lines = listed.lines().map(|line| line.split_whitespace().collect::<Vec<_>>().join(" "));
        assert_eq!(
            lines.collect::<Vec<_>>(),
            [
                "lrwxrwxrwx 0/0 0 1970-01-01 00:00 bin -> usr/bin",
                "drwxr-xr-x 0/0 0 1970-01-01 00:00 etc/",
                "drwxr-xr-x 0/0 0 1970-01-01 00:00 etc/ssl/",
                "-rw-r--r-- 0/0 1000 1970-01-01 00:00 etc/ssl/roots.pem",
                "-rwxr-xr-x 0/0 5 1970-01-01 00:00 operator",
                "drwxrwxrwt 0/0 0 1970-01-01 00:00 tmp/",
            ]
        );
    }
}

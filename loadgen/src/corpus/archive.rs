//! A plain tar archive in memory: names and contents of its files. Nothing is written anywhere. Pure.

use std::collections::BTreeSet;
use std::io::Read as _;
use std::path::{Component, Path};

use tar::EntryType;

use super::files::NoFiles;
use super::{MOST_BYTES, MOST_FILES};

/// How compressed files begin: gzip, zstd, bzip2 and xz.
const COMPRESSED: [&[u8]; 4] = [b"\x1f\x8b", b"\x28\xb5\x2f\xfd", b"BZh", b"\xfd7zXZ"];

/// The files of an archive by their names, whatever directory of it they are in. Names that begin with a dot are left out.
///
/// # Errors
/// The entry that is wrong, and the way out: one that is no plain file, whose path leads out of the archive, or whose name is
/// there already.
pub(super) fn files(bytes: &[u8]) -> Result<Vec<(String, Vec<u8>)>, NoFiles> {
    let wrong = |why: String| NoFiles::Archive(why);
    if COMPRESSED.iter().any(|start| bytes.starts_with(start)) {
        return Err(wrong("it is compressed: give a plain tar (tar cf)".to_owned()));
    }
    let broken = |error: std::io::Error| wrong(format!("it is no tar archive: {error}"));
    let mut archive = tar::Archive::new(bytes);
    let (mut files, mut names, mut all) = (Vec::new(), BTreeSet::new(), 0);
    for entry in archive.entries().map_err(broken)? {
        let mut entry = entry.map_err(broken)?;
        let path = String::from_utf8(entry.path_bytes().into_owned());
        let path = path.map_err(|error| wrong(format!("a name in it is not UTF-8: {error}")))?;
        match entry.header().entry_type() {
            EntryType::Regular | EntryType::Continuous => {}
            EntryType::Directory | EntryType::XGlobalHeader => continue,
            _ => return Err(wrong(format!("{path} is no plain file: put files into it, no links (tar chf)"))),
        }
        if Path::new(&path).components().any(|part| !matches!(part, Component::Normal(_) | Component::CurDir)) {
            return Err(wrong(format!("{path} leads out of the archive: make it with relative paths")));
        }
        let name = Path::new(&path).file_name().and_then(|name| name.to_str()).unwrap_or_default().to_owned();
        if name.is_empty() || name.starts_with('.') {
            continue;
        }
        all += entry.size();
        if files.len() >= MOST_FILES || all > MOST_BYTES {
            return Err(NoFiles::TooMuch);
        }
        let mut content = Vec::new();
        entry.read_to_end(&mut content).map_err(broken)?;
        if content.len() as u64 != entry.size() {
            return Err(wrong(format!("it ends within {path}: it was cut, make it anew")));
        }
        if !names.insert(name.clone()) {
            return Err(NoFiles::SameName(name));
        }
        files.push((name, content));
    }
    Ok(files)
}

#[cfg(test)]
mod tests {
    use super::super::files::Files;
    use super::*;

    fn archive(entries: &[(&str, EntryType, &str)]) -> Vec<u8> {
        let mut archive = tar::Builder::new(Vec::new());
        for (path, kind, content) in entries {
            let mut header = tar::Header::new_ustar();
            // Not by `set_path`, which refuses what is to be refused here.
            header.as_old_mut().name[..path.len()].copy_from_slice(path.as_bytes());
            header.set_entry_type(*kind);
            header.set_size(content.len() as u64);
            header.set_cksum();
            archive.append(&header, content.as_bytes()).unwrap();
        }
        archive.into_inner().unwrap()
    }

    fn plain(entries: &[(&str, &str)]) -> Vec<u8> {
        archive(&entries.iter().map(|(path, content)| (*path, EntryType::Regular, *content)).collect::<Vec<_>>())
    }

    #[test]
    fn files_are_found_in_whatever_directory_they_are() {
        let bytes = archive(&[
            ("set/", EntryType::Directory, ""),
            ("./set/b.png", EntryType::Regular, "two"),
            ("set/._b.png", EntryType::Regular, "what a Mac adds"),
            ("expected.csv", EntryType::Regular, "f,r\nb,x\n"),
        ]);
        let names: Vec<String> = files(&bytes).unwrap().into_iter().map(|(name, _)| name).collect();
        assert_eq!(names, ["b.png", "expected.csv"]);
        assert_eq!(Files::unpack(&bytes, None).unwrap().get(0).unwrap().body, b"two");
    }

    #[test]
    fn what_cannot_be_used_is_refused_in_words() {
        let why = |bytes: &[u8]| Files::unpack(bytes, None).unwrap_err().to_string();
        let cases = [
            (plain(&[("a", "x")]), "the archive: it holds no expected.csv"),
            (plain(&[("expected.csv", "f,r\n")]), "there is no file besides the table"),
            (plain(&[("a", "x"), ("expected.csv", "f,r\nb,x\n")]), "a has no row in the table"),
            (plain(&[("one/a", "x"), ("two/a", "x")]), "there are two files with the name a"),
            (plain(&[("../a", "x")]), "the archive: ../a leads out of the archive"),
            (plain(&[("/etc/a", "x")]), "the archive: /etc/a leads out of the archive"),
            (archive(&[("a", EntryType::Symlink, "")]), "the archive: a is no plain file"),
            (b"\x1f\x8b\x08".to_vec(), "the archive: it is compressed"),
            (vec![b'x'; 1024], "the archive: it is no tar archive"),
            (b"{}".to_vec(), "the archive: it is no tar archive"),
            (plain(&[("a", &"x".repeat(2000))])[..1024].to_vec(), "the archive: it"),
        ];
        for (bytes, start) in cases {
            assert!(why(&bytes).starts_with(start), "{} does not start with {start}", why(&bytes));
        }
        let mut huge = tar::Header::new_ustar();
        huge.set_path("a").unwrap();
        huge.set_size(MOST_BYTES + 1);
        huge.set_cksum();
        assert_eq!(Files::unpack(huge.as_bytes(), None).unwrap_err(), NoFiles::TooMuch, "before it is read");
    }
}

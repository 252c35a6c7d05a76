//! The examples beside the worker, which must agree with it.

#![allow(clippy::expect_used)] // the exemption for tests does not reach their fixtures

use std::path::Path;

use worker::{NAMES, name_of};

fn example(name: &str) -> Vec<u8> {
    let path = Path::new("../examples").join(name);
    std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

#[test]
fn the_python_application_gives_the_same_names() {
    let text = String::from_utf8(example("fastapi/app.py")).expect("text");
    let list = text.split("NAMES = \"\"\"").nth(1).and_then(|rest| rest.split("\"\"\"").next()).expect("a list");
    assert_eq!(list.split_whitespace().collect::<Vec<_>>(), NAMES);
}

#[test]
fn what_is_written_about_the_corpus_names_its_hash() {
    use sha2::{Digest as _, Sha256};
    let hash: String = Sha256::digest(example("corpus.tar")).iter().map(|byte| format!("{byte:02x}")).collect();
    let text = String::from_utf8(example("README.md")).expect("text");
    assert!(text.contains(&hash), "examples/README.md does not name {hash}");
}

#[test]
fn the_corpus_holds_a_hundred_files_and_the_name_that_the_worker_gives_to_each() {
    let bytes = example("corpus.tar");
    let mut archive = tar::Archive::new(&bytes[..]);
    let mut files = std::collections::BTreeMap::new();
    for entry in archive.entries().expect("entries") {
        let mut entry = entry.expect("an entry");
        let name = entry.path().expect("path").to_str().expect("text").to_owned();
        let mut content = Vec::new();
        std::io::Read::read_to_end(&mut entry, &mut content).expect("content");
        files.insert(name, content);
    }
    let table = String::from_utf8(files.remove("expected.csv").expect("a table")).expect("text");
    let rows: Vec<(&str, &str)> = table.lines().skip(1).map(|row| row.split_once(',').expect("two columns")).collect();
    assert_eq!((rows.len(), files.len()), (100, 100));
    for (stem, name) in rows {
        let content = &files[&format!("{stem}.pgm")];
        assert_eq!(name_of(content), name, "{stem}");
        assert!((200..500).contains(&content.len()), "{stem} is {} bytes long", content.len());
    }
    let different: std::collections::BTreeSet<&Vec<u8>> = files.values().collect();
    assert_eq!(different.len(), 100);
}

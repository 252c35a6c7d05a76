//! The files that are, or would be, committed.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use crate::{Outcome, run};

/// Path relative to the root -> content. Files that are not UTF-8 have no content here.
#[derive(Default)]
pub(super) struct Tree {
    pub(super) files: BTreeMap<String, String>,
}

impl Tree {
    pub(super) fn load(root: &Path) -> Outcome<Self> {
        let list = ["ls-files", "--cached", "--others", "--exclude-standard", "-z"];
        let names = run::output(Command::new("git").current_dir(root).args(list).stdin(Stdio::null()))?;
        let mut files = BTreeMap::new();
        for name in names.split_terminator('\0') {
            // A file that was deleted and not committed yet is listed and absent.
            if let Ok(bytes) = fs::read(root.join(name)) {
                files.insert(name.to_owned(), String::from_utf8(bytes).unwrap_or_default());
            }
        }
        if files.is_empty() {
            return Err(format!("git lists no file in {}: run this in a clone", root.display()));
        }
        Ok(Self { files })
    }

    #[cfg(test)]
    pub(super) fn of<const N: usize>(files: [(&str, &str); N]) -> Self {
        Self { files: files.into_iter().map(|(path, text)| (path.to_owned(), text.to_owned())).collect() }
    }
}

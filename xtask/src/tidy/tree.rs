//! The files that are, or would be, committed.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use crate::{Outcome, run};

/// Path relative to the root -> content. Files that are not UTF-8 have no content here.
#[derive(Default)]
pub(super) struct Tree {
    pub(super) files: BTreeMap<String, String>,
    /// Those of them that git does not know yet.
    pub(super) unknown: BTreeSet<String>,
}

impl Tree {
    pub(super) fn load(root: &Path) -> Outcome<Self> {
        let listed = |which: &str| {
            let list = ["ls-files", which, "--exclude-standard", "-z"];
            run::output(Command::new("git").current_dir(root).args(list).stdin(Stdio::null()))
        };
        let (known, others) = (listed("--cached")?, listed("--others")?);
        let unknown: BTreeSet<String> = others.split_terminator('\0').map(str::to_owned).collect();
        let mut files = BTreeMap::new();
        for name in known.split_terminator('\0').chain(unknown.iter().map(String::as_str)) {
            // A file that was deleted and not committed yet is listed and absent.
            if let Ok(bytes) = fs::read(root.join(name)) {
                files.insert(name.to_owned(), String::from_utf8(bytes).unwrap_or_default());
            }
        }
        if files.is_empty() {
            return Err(format!("git lists no file in {}: run this in a clone", root.display()));
        }
        Ok(Self { files, unknown })
    }

    #[cfg(test)]
    pub(super) fn of<const N: usize>(files: [(&str, &str); N]) -> Self {
        let files = files.into_iter().map(|(path, text)| (path.to_owned(), text.to_owned())).collect();
        Self { files, ..Self::default() }
    }
}

//! The test binaries of the workspace: which are built, and where they are.
//!
//! Cargo is always asked for the whole workspace, and what is wanted is chosen by the names of targets. Asked for one
//! package it resolves fewer features of tokio, hyper and kube, and compiles all of them once more.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use crate::json::Json;
use crate::{Outcome, Paths, run};

/// One binary with tests in it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Binary {
    /// The crate whose tests they are.
    pub(crate) package: String,
    /// `lib`, `bin NAME` or the name of an integration test.
    pub(crate) target: String,
    pub(crate) file: PathBuf,
    /// The crate's directory, in which its tests run.
    pub(crate) directory: PathBuf,
}

impl Binary {
    pub(crate) fn name(&self) -> String {
        format!("{} {}", self.package, self.target)
    }
}

/// Builds the test binaries of the whole workspace.
pub(crate) fn all(paths: &Paths) -> Outcome<Vec<Binary>> {
    built(paths, &[])
}

/// Builds the test binaries of some crates: their units, and the integration tests of `whole`.
pub(crate) fn of(paths: &Paths, whole: &[&str], units_only: &[&str]) -> Outcome<Vec<Binary>> {
    let mut words = vec!["--lib".to_owned(), "--bins".to_owned()];
    let packages = [whole, units_only].concat();
    for package in whole {
        words
            .extend(integration_tests(&paths.root.join(package))?.into_iter().flat_map(|name| ["--test".into(), name]));
    }
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let mut binaries = built(paths, &words)?;
    binaries.retain(|binary| packages.contains(&binary.package.as_str()));
    Ok(binaries)
}

fn built(paths: &Paths, selection: &[&str]) -> Outcome<Vec<Binary>> {
    let fixed = ["test", "--workspace", "--no-run", "--quiet", "--message-format=json-render-diagnostics"];
    let mut command = run::cargo(paths, &[&fixed, selection].concat());
    let output = run::heartbeat("build of the tests", || command.stderr(Stdio::inherit()).output());
    let output = output.map_err(|error| run::missing(command.get_program(), &error))?;
    if !output.status.success() {
        return Err("the tests could not be built, see above".to_owned());
    }
    let mut binaries: Vec<Binary> = String::from_utf8_lossy(&output.stdout).lines().filter_map(binary).collect();
    if binaries.is_empty() {
        return Err("cargo named no test binary: its messages have changed, or nothing was selected".to_owned());
    }
    binaries.sort();
    Ok(binaries)
}

/// What a line of cargo's messages says, if it is about a test binary.
fn binary(line: &str) -> Option<Binary> {
    let message = Json::parse(line)?;
    if message.text(&["reason"]) != Some("compiler-artifact") || !message.is_true(&["profile", "test"]) {
        return None;
    }
    let directory = Path::new(message.text(&["manifest_path"])?).parent()?.to_path_buf();
    let name = message.text(&["target", "name"])?;
    let target = match message.at(&["target", "kind"])? {
        Json::List(kinds) if kinds.contains(&Json::Text("test".to_owned())) => name.to_owned(),
        Json::List(kinds) if kinds.contains(&Json::Text("bin".to_owned())) => format!("bin {name}"),
        Json::List(kinds) if kinds.contains(&Json::Text("lib".to_owned())) => "lib".to_owned(),
        // Whatever else cargo builds as a test is run as one: nothing is left out without a word.
        _ => name.to_owned(),
    };
    Some(Binary {
        package: directory.file_name()?.to_str()?.to_owned(),
        target,
        file: message.text(&["executable"])?.into(),
        directory,
    })
}

/// The names of a crate's integration tests: `tests/NAME.rs` and `tests/NAME/main.rs`.
fn integration_tests(package: &Path) -> Outcome<Vec<String>> {
    if !package.join("Cargo.toml").is_file() {
        return Err(format!("there is no crate {}", package.display()));
    }
    let entries = fs::read_dir(package.join("tests")).into_iter().flatten().flatten().map(|entry| entry.path());
    let tests = entries.filter_map(|path| {
        let is_test = path.extension().is_some_and(|extension| extension == "rs") || path.join("main.rs").is_file();
        is_test.then(|| path.file_stem()?.to_str().map(str::to_owned)).flatten()
    });
    let mut names: Vec<String> = tests.collect();
    names.sort();
    Ok(names)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cargos_messages_name_the_binaries() {
        let message = |kind: &str, test: &str| {
            format!(
                r#"{{"reason":"compiler-artifact","manifest_path":"/a/planner/Cargo.toml","target":{{"kind":["{kind}"],"name":"it"}},
                "profile":{{"test":{test}}},"executable":"/t/it-1"}}"#
            )
            .replace('\n', "")
        };
        let found = binary(&message("test", "true")).unwrap();
        assert_eq!(
            (found.name(), found.file, found.directory),
            ("planner it".into(), "/t/it-1".into(), "/a/planner".into())
        );
        assert_eq!(binary(&message("lib", "true")).unwrap().target, "lib");
        assert_eq!(binary(&message("bin", "true")).unwrap().target, "bin it");
        assert_eq!(binary(&message("bin", "false")), None, "a binary that tests start");
        assert_eq!(binary("{\"reason\":\"build-finished\",\"success\":true}"), None);
        assert_eq!(binary("not a message"), None);
    }

    #[test]
    fn integration_tests_have_two_forms() {
        let root = std::env::temp_dir().join(format!("xtask-suite-{}", std::process::id()));
        fs::create_dir_all(root.join("tests/it")).unwrap();
        fs::create_dir_all(root.join("tests/support")).unwrap();
        for file in ["Cargo.toml", "tests/sweep.rs", "tests/it/main.rs", "tests/support/mod.rs", "tests/data.tsv"] {
            fs::write(root.join(file), "").unwrap();
        }
        assert_eq!(integration_tests(&root).unwrap(), ["it", "sweep"]);
        fs::remove_dir_all(&root).unwrap();
        assert!(integration_tests(&root).unwrap_err().contains("there is no crate"));
    }
}

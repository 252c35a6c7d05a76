//! Scripts that broke a rule once, as files. Each is played at every run of the tests.

use std::fs;
use std::path::PathBuf;

use crate::campaign::{Failure, runtime, say};
use crate::life::{self, Telling};
use crate::script::Script;
use crate::shrink::shrink;
use crate::stage::play::Ways;

fn directory() -> PathBuf {
    PathBuf::from("tests/campaign/failures")
}

/// Where a failure comes from, in words, the name of its file, and the command that plays it again.
pub(crate) struct Origin {
    pub(crate) told: String,
    pub(crate) file: String,
    pub(crate) repeat: String,
}

impl Origin {
    /// A seed of a plan is its origin.
    pub(crate) fn seed(seed: u64, plan: &str) -> Self {
        Self {
            told: format!("seed {seed} of {plan}"),
            file: format!("{plan}-{seed}"),
            repeat: format!("cargo xtask campaign --seeds {seed}..{} --plan {plan}", seed + 1),
        }
    }
}

/// Shrinks a failure, writes it to a file, and tells its story: what a person needs to begin.
pub(crate) fn report(failure: &Failure, origin: &Origin) -> String {
    let Origin { told, file, repeat } = origin;
    let smallest = shrink(failure, Ways::default());
    let ended = runtime().block_on(life::live(&smallest, Ways::default(), Telling::Yes));
    let broken = ended.result.err().map_or_else(|| failure.broken.to_string(), |broken| broken.to_string());
    let script = Script { broke: format!("{told}: {broken}"), ..smallest };
    let path = directory().join(format!("{file}.json"));
    let kept = match fs::write(&path, script.text()) {
        Ok(()) => format!("it is kept as {}; commit it with what mends it", path.display()),
        Err(error) => format!("{} cannot be written: {error}\n{}", path.display(), script.text()),
    };
    format!("{told}: {broken}\n\n{}\n{kept}\nrepeat: {repeat}", ended.story)
}

#[test]
fn what_failed_once_holds() {
    let runtime = runtime();
    let mut paths: Vec<PathBuf> = fs::read_dir(directory()).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "json"));
    paths.sort();
    assert!(!paths.is_empty());
    let mut broken = Vec::new();
    for path in &paths {
        let script = Script::parse(&fs::read_to_string(path).unwrap());
        let ended = runtime.block_on(life::live(&script, Ways::default(), Telling::Yes));
        if let Err(error) = ended.result {
            broken.push(format!("{}: {error}\n\n{}", path.display(), ended.story));
        }
    }
    assert!(broken.is_empty(), "{}", broken.join("\n"));
    say(&format!("campaign: {} scripts that failed once hold", paths.len()));
}

//! `lab` and `demo`: build what they need, then become the lab binary.

use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;

use crate::build::Built;
use crate::{Outcome, Paths, build, run};

pub(crate) fn demo(paths: &Paths, arguments: &[&str]) -> Outcome {
    if arguments.iter().any(|word| matches!(*word, "--help" | "-h")) {
        return Err(replace(&mut command(&binary(paths)?.0, None, &["demo", "--help"])));
    }
    let built = build::build(paths)?;
    let arguments: Vec<&str> = std::iter::once("demo").chain(arguments.iter().copied()).collect();
    Err(replace(&mut command(&built.binaries.join("lab"), Some(&built), &arguments)))
}

/// `up` builds. The others talk to the lab that is up: they use the binary it was started from, and work while the
/// sources do not compile.
pub(crate) fn lab(paths: &Paths, arguments: &[&str]) -> Outcome {
    let help = arguments.is_empty() || arguments.iter().any(|word| matches!(*word, "--help" | "-h"));
    if arguments.first() == Some(&"up") && !help {
        let built = build::build(paths)?;
        return Err(replace(&mut command(&built.binaries.join("lab"), Some(&built), arguments)));
    }
    let (lab, built) = binary(paths)?;
    Err(replace(&mut command(&lab, built.as_ref(), arguments)))
}

/// The copied lab binary, built if there is none.
fn binary(paths: &Paths) -> Outcome<(std::path::PathBuf, Option<Built>)> {
    let lab = paths.binaries().join("lab");
    if lab.is_file() {
        return Ok((lab, None));
    }
    let built = build::build(paths)?;
    Ok((built.binaries.join("lab"), Some(built)))
}

pub(crate) fn command(lab: &Path, built: Option<&Built>, arguments: &[&str]) -> Command {
    let mut command = Command::new(lab);
    command.args(arguments);
    if let Some(built) = built {
        command.envs(environment(built));
    }
    command
}

/// How binaries are found by the lab and by tests.
pub(crate) fn environment(built: &Built) -> impl Iterator<Item = (&'static str, &Path)> {
    let always = [("CLUSTERBENCHMARK_BIN", &built.binaries), ("CLUSTERBENCHMARK_CONTROLPLANE", &built.controlplane)];
    let helm = built.helm.iter().map(|helm| ("CLUSTERBENCHMARK_HELM", helm));
    always.into_iter().chain(helm).map(|(name, path)| (name, path.as_path()))
}

/// Becomes the other program, so that Ctrl-C and signals reach it and nothing stands between it and the terminal.
fn replace(command: &mut Command) -> String {
    let error = command.exec();
    run::missing(command.get_program(), &error)
}

//! A container as a sandbox of bwrap: its own file system and processes, the instance's network, no rights.

use std::env;
use std::ffi::OsString;
use std::fs;
use std::os::unix::process::{CommandExt as _, ExitStatusExt as _};
use std::path::Path;
use std::process::{Command, ExitStatus};
use std::thread;

use rustix::process::{Pid, Signal, kill_process};
use signal_hook::consts::SIGTERM;
use signal_hook::iterator::Signals;

use super::bwrap::BWRAP;
use super::call::Run;
use super::image::{self, Config};
use super::store::Store;
use crate::machine::descendants::children_of;
use crate::machine::orphans::MARK;

/// What shells and Docker add to the number of the signal that ended a program.
const SIGNALLED: i32 = 128;

/// Runs a container to its end; its exit code. SIGTERM is passed on to it, as by Docker's client.
pub(super) fn run(store: &Store, run: &Run) -> Result<u8, String> {
    let digest = image::digest(&run.image)?;
    let (root, config) = (store.root(digest), store.config(digest)?);
    let table = |name: &str| fs::read_to_string(root.join("etc").join(name)).unwrap_or_default();
    let ids = image::ids(&config.user, &table("passwd"), &table("group"))?;
    let inherited = |name: &str| env::var_os(name);
    let mut signals = Signals::new([SIGTERM]).map_err(|error| format!("signals cannot be caught: {error}"))?;
    let mut command = Command::new(BWRAP);
    command.args(arguments(&root, &config, run, ids, inherited)?);
    // Not of the unit, whose processes are all told to end: this one is, and tells it. But of the instance.
    let path = env::var_os("PATH").unwrap_or_default();
    command.env_clear().env("PATH", path).envs(env::var_os(MARK).map(|mark| (MARK, mark))).process_group(0);
    let mut child = command.spawn().map_err(|error| format!("{BWRAP}: {error}"))?;
    let sandbox = Pid::from_child(&child);
    thread::spawn(move || {
        for _ in signals.forever() {
            for first in children_of(sandbox) {
                let _ = kill_process(first, Signal::TERM); // it may have ended by itself
            }
        }
    });
    let status = child.wait().map_err(|error| format!("{BWRAP}: {error}"))?;
    Ok(code(status))
}

fn code(status: ExitStatus) -> u8 {
    let code = status.code().or_else(|| status.signal().map(|signal| SIGNALLED + signal));
    code.and_then(|code| u8::try_from(code).ok()).unwrap_or(u8::MAX)
}

/// The arguments of bwrap for a container.
fn arguments(
    root: &Path,
    config: &Config,
    run: &Run,
    (uid, gid): (u32, u32),
    inherited: impl Fn(&str) -> Option<OsString>,
) -> Result<Vec<OsString>, String> {
    let own = if run.arguments.is_empty() { &config.arguments } else { &run.arguments };
    let line: Vec<&String> = config.entrypoint.iter().chain(own).collect();
    if line.is_empty() {
        return Err("the image says no program, and worker.command says none".to_owned());
    }
    let mut arguments: Vec<OsString> = vec!["--ro-bind".into(), root.into(), "/".into()];
    let directory = if config.directory.is_empty() { "/" } else { config.directory.as_str() };
    let (uid, gid) = (uid.to_string(), gid.to_string());
    let fixed = [
        ["--proc", "/proc"],
        ["--dev", "/dev"],
        ["--tmpfs", "/tmp"],
        ["--uid", &uid],
        ["--gid", &gid],
        ["--cap-drop", "ALL"],
        ["--chdir", directory],
    ];
    arguments.extend(fixed.iter().flatten().map(OsString::from));
    arguments.extend(
        [
            "--unshare-user",
            "--unshare-pid",
            "--unshare-ipc",
            "--unshare-uts",
            "--as-pid-1",
            "--die-with-parent",
            "--clearenv",
        ]
        .map(OsString::from),
    );
    let of_image = config.environment.iter().filter_map(|one| one.split_once('='));
    let of_image = of_image.map(|(name, value)| (name, Some(OsString::from(value))));
    for (name, value) in of_image.chain(run.variables.iter().map(|name| (name.as_str(), inherited(name)))) {
        if let Some(value) = value {
            arguments.extend(["--setenv".into(), name.into(), value]);
        }
    }
    arguments.push("--".into());
    arguments.extend(line.into_iter().map(OsString::from));
    Ok(arguments)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(words: &[&str]) -> Vec<String> {
        words.iter().map(|word| (*word).to_owned()).collect()
    }

    fn of(config: &Config, run: &Run) -> Result<Vec<String>, String> {
        let inherited = |name: &str| (name == "LISTEN").then(|| OsString::from("127.0.0.2:8080"));
        let words = arguments(Path::new("/root"), config, run, (7, 8), inherited)?;
        Ok(words.into_iter().map(|word| word.into_string().unwrap()).collect())
    }

    #[test]
    fn a_container_has_its_images_program_variables_and_user() {
        let config = Config {
            entrypoint: texts(&["/worker"]),
            arguments: texts(&["--own"]),
            environment: texts(&["A=b=c"]),
            ..Config::default()
        };
        let run = Run { variables: texts(&["LISTEN", "UNSET"]), ..Run::default() };
        let words = of(&config, &run).unwrap();
        let has = |wanted: &[&str]| words.windows(wanted.len()).any(|part| part == wanted);
        for wanted in [
            &["--ro-bind", "/root", "/", "--proc", "/proc"][..],
            &["--uid", "7", "--gid", "8"],
            &["--chdir", "/"],
            &["--setenv", "A", "b=c", "--setenv", "LISTEN", "127.0.0.2:8080", "--", "/worker", "--own"],
        ] {
            assert!(has(wanted), "{wanted:?} is not in {words:?}");
        }
        let given = Run { arguments: texts(&["serve", "a b"]), ..Run::default() };
        assert!(of(&config, &given).unwrap().ends_with(&texts(&["--", "/worker", "serve", "a b"])));
        assert!(of(&Config::default(), &run).unwrap_err().contains("worker.command"));
    }
}

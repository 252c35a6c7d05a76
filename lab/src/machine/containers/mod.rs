//! The stand-in for `docker`, as far as user data use it: images are files of OCI archives that whoever started the lab gave it, and
//! a container is a sandbox of bwrap on the network of its instance.
//!
//! It works in the process that was called: a container is below that process, and ends with it.

mod bwrap;
mod call;
mod image;
mod sandbox;
mod store;

use std::env;
use std::path::PathBuf;
use std::process::ExitCode;

use call::Call;
use store::Store;

/// The variable in which it finds the directory of archives.
pub(super) const IMAGES: &str = "CLUSTERBENCH_IMAGES";

/// A reason that user data take for final, because it is `not found` (planner/templates/container.sh).
const NO_CONTAINERS: &str = "LabHasNoContainers";

/// Answers a call of `docker`.
pub(super) fn docker(arguments: &[String]) -> ExitCode {
    match answer(arguments) {
        Ok(code) => ExitCode::from(code),
        Err(why) => {
            eprintln!("{why}");
            ExitCode::FAILURE
        }
    }
}

fn answer(arguments: &[String]) -> Result<u8, String> {
    match call::read(arguments)? {
        Call::Pull { image } => {
            let absent = |why: String| format!("{NO_CONTAINERS}: {image} was not found: {why}");
            bwrap::is_possible().map_err(&absent)?;
            store()?.pull(&image, &directory("the directory of images", IMAGES)?).map_err(absent)?;
            say::line(&image);
            Ok(0)
        }
        Call::Run(run) => sandbox::run(&store()?, &run),
        // A container ends with the process that ran it: there is nothing to remove.
        Call::Remove => Ok(0),
    }
}

/// Where this instance keeps images.
fn store() -> Result<Store, String> {
    Ok(Store::at(directory("the instance's root", "DESTDIR")?.join("var/lib/docker")))
}

fn directory(what: &str, variable: &str) -> Result<PathBuf, String> {
    let path = env::var_os(variable).filter(|path| !path.is_empty());
    path.map(PathBuf::from).ok_or_else(|| format!("{variable} does not say {what}: not inside an instance"))
}

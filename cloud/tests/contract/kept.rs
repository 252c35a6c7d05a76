//! Programs of others that are asked for their opinion: installed once into the user's cache, and kept.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Output, Stdio};
use std::time::Duration;

use tokio::process::Command;

/// About 100 MB over a slow line, or two minutes of a compiler beside other work.
const INSTALLATION: Duration = Duration::from_secs(900);

/// The directory of this name in the cache, in which `make` has done its work once.
///
/// *Errors*: why it could not.
pub(crate) async fn install(
    name: &str,
    make: impl AsyncFnOnce(&Path) -> Result<(), String>,
) -> Result<PathBuf, String> {
    let cache = cache().ok_or("there is neither XDG_CACHE_HOME nor HOME to keep it in")?;
    let home = cache.join(name);
    // Written last: an installation that was interrupted is made again.
    let complete = home.join("complete");
    if complete.exists() {
        return Ok(home);
    }
    std::fs::create_dir_all(&cache).map_err(|error| format!("{}: {error}", cache.display()))?;
    let lock = std::fs::File::create(cache.join(format!("{name}.lock"))).map_err(|error| error.to_string())?;
    // Another test binary may be at it.
    let lock =
        tokio::task::spawn_blocking(move || lock.lock().map(|()| lock)).await.map_err(|error| error.to_string())?;
    let _lock = lock.map_err(|error| error.to_string())?;
    if complete.exists() {
        return Ok(home);
    }
    let _ = writeln!(std::io::stderr(), "contract: installing {}", home.display());
    make(&home).await?;
    std::fs::write(&complete, "").map_err(|error| error.to_string())?;
    Ok(home)
}

/// *Errors*: it could not be started, took too long, or ended with another status than 0, with what it said.
pub(crate) async fn run(program: &Path, arguments: &[&str]) -> Result<Output, String> {
    run_with(program, arguments, &[]).await
}

/// The same with more in its environment.
pub(crate) async fn run_with(
    program: &Path,
    arguments: &[&str],
    environment: &[(&str, &Path)],
) -> Result<Output, String> {
    let name = format!("{} {}", program.display(), arguments.join(" "));
    let mut command = Command::new(program);
    command.args(arguments).envs(environment.iter().copied()).stdin(Stdio::null()).kill_on_drop(true);
    let output = tokio::time::timeout(INSTALLATION, command.output()).await;
    let output: Output = output
        .map_err(|_| format!("{name}: not within {} s", INSTALLATION.as_secs()))?
        .map_err(|error| format!("{name}: {error}"))?;
    if output.status.success() {
        return Ok(output);
    }
    // Maven says on its standard output what went wrong.
    let said = [output.stdout, output.stderr].concat();
    Err(format!("{name}: {}: {}", output.status, String::from_utf8_lossy(&said).trim()))
}

/// Nothing was checked. Said past the test runner, which would swallow it; where `CI` is `true` it is a failure.
pub(crate) fn skipped(what: &str) {
    let line = format!("SKIPPED {what}");
    let must_not = std::env::var("CI").is_ok_and(|ci| ci == "true");
    assert!(!must_not, "{line}");
    let _ = writeln!(std::io::stderr(), "{line}");
}

fn cache() -> Option<PathBuf> {
    let set = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let cache = set("XDG_CACHE_HOME").or_else(|| Some(set("HOME")?.join(".cache")))?;
    Some(cache.join("clusterbenchmark"))
}

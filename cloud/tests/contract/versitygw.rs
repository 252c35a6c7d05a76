//! The Versity S3 Gateway, somebody else's idea of S3, with a directory behind it: built once by Go, and kept.

use std::path::{Path, PathBuf};

use tokio::process::Command;

use crate::kept;
use crate::server::{Home, Server};

/// The version whose differences are listed below.
const VERSION: &str = "v1.8.0";
const MODULE: &str = "github.com/versity/versitygw/cmd/versitygw";

/// It knows accounts by their access keys, so its only one gets a key that looks like an account.
pub(crate) const ACCOUNT: &str = "123456789012";
pub(crate) const SECRET_KEY: &str = "secret";
pub(crate) const REGION: &str = "eu-west-1";

/// Rows about buckets that it does not keep, and why.
pub(crate) const KNOWN_TO_DIFFER: &[(&str, &str)] =
    &[("a_bucket_name_is_of_its_account_and_region", "it knows no namespaces: a name is a name")];

/// Starts a server of our own, which ends when the value is dropped.
///
/// *Errors*: why there is none: no Go, no network for its modules, a server that does not start.
pub(crate) async fn start() -> Result<Server, String> {
    let program = install().await?.join("bin/versitygw");
    let command = |address: std::net::SocketAddr, home: &Path| {
        let mut command = Command::new(&program);
        command
            .args(["--quiet", "--port", &address.to_string(), "--region", REGION, "posix"])
            .arg(home)
            .env("ROOT_ACCESS_KEY", ACCOUNT)
            .env("ROOT_SECRET_KEY", SECRET_KEY);
        command
    };
    Server::told(command, Home::new("versitygw")?).await
}

/// Nothing was checked.
pub(crate) fn skipped(why: &str) {
    kept::skipped(&format!(
        "contract with versitygw {VERSION}: {why}\n  NOTHING was checked against it; it needs go (1.26 or later) and, once, \
         its modules and two minutes of a processor"
    ));
}

/// The directory with the program.
async fn install() -> Result<PathBuf, String> {
    kept::run(Path::new("go"), &["version"]).await?;
    kept::install(&format!("versitygw-{}", VERSION.trim_start_matches('v')), async |home| {
        let (programs, objects) = (home.join("bin"), home.join("build"));
        std::fs::create_dir_all(&programs).map_err(|error| error.to_string())?;
        let module = format!("{MODULE}@{VERSION}");
        // One file that depends on no library.
        let environment = [("GOBIN", &*programs), ("GOCACHE", &*objects), ("CGO_ENABLED", Path::new("0"))];
        kept::run_with(Path::new("go"), &["install", "-trimpath", "-ldflags=-s -w", &module], &environment).await?;
        // Nothing will read it again: the next version has other modules or another toolchain.
        std::fs::remove_dir_all(&objects).map_err(|error| format!("{}: {error}", objects.display()))
    })
    .await
}

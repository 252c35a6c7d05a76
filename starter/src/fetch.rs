//! The fetch of a program, and the check of its hash before it may be run.

use std::fs::{self, File, Permissions};
use std::io::{self, Read as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use data_encoding::HEXLOWER;
use sha2::{Digest as _, Sha256};
use tokio::process::Command;
use tokio::time::Instant;
use wire::{Application, BROUGHT};

use crate::store::Store;

/// Pause between two tries, as in the boot script.
const PAUSE: Duration = Duration::from_secs(2);
/// Bytes hashed at a time: a program may be larger than the memory of a small instance.
const PIECE: usize = 64 * 1024;

/// Path of the program, or of its archive, fetched if it is not there yet. It is exactly what was asked for, and can be run.
///
/// *Errors*: for people; nothing is left of what has another hash.
/// *Cancellation*: a part of a file may stay, which the next fetch overwrites.
pub(crate) async fn fetch(application: &Application, store: &Store, patience: Duration) -> Result<PathBuf, String> {
    let Application { url, sha256: want, .. } = application;
    let program = store.file(application);
    if sha256(&program).await.is_ok_and(|got| got == *want) {
        return Ok(program);
    }
    let part = store.directory().join(format!("{want}.part"));
    if url == BROUGHT {
        copy(store, want, &part)?;
    } else {
        download(url, &part, patience).await?;
    }
    let got = sha256(&part).await.map_err(|error| format!("{} cannot be read: {error}", part.display()))?;
    if got != *want {
        let _ = fs::remove_file(&part);
        return Err(format!("{url} has sha256 {got}, not {want}: it was not run"));
    }
    let made = fs::set_permissions(&part, Permissions::from_mode(0o755)).and_then(|()| fs::rename(&part, &program));
    made.map_err(|error| format!("{} cannot be made a program: {error}", part.display()))?;
    Ok(program)
}

/// Takes what was brought when the instance booted. Nobody brings anything later.
fn copy(store: &Store, sha256: &str, to: &Path) -> Result<(), String> {
    let missing = || format!("{sha256} was not brought to this instance: launch its workers anew");
    let brought = store.stock().ok_or_else(missing)?.join(sha256);
    fs::copy(&brought, to).map(drop).map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => missing(),
        _ => format!("{} cannot be copied: {error}", brought.display()),
    })
}

/// Runs curl as the boot script does, so that what can be fetched at boot can be fetched now. No transfer takes longer than
/// others are tried for: one that only trickles ends, and with it the order that it is for.
async fn download(url: &str, to: &Path, patience: Duration) -> Result<(), String> {
    let (give_up, transfer) = (Instant::now() + patience, patience.as_secs().max(1).to_string());
    loop {
        let mut curl = Command::new("curl");
        curl.args(["--fail", "--silent", "--show-error", "--location", "--globoff", "--proto", "=http,https"])
            .args(["--connect-timeout", "10", "--speed-limit", "1024", "--speed-time", "30", "--output"])
            .arg(to)
            .args(["--max-time", &transfer])
            .args(["--", url])
            .stdin(Stdio::null())
            .kill_on_drop(true);
        let output = curl.output().await.map_err(|error| format!("curl cannot be run: {error}"))?;
        if output.status.success() {
            return Ok(());
        }
        if Instant::now() + PAUSE > give_up {
            let said = String::from_utf8_lossy(&output.stderr);
            return Err(format!("cannot fetch {url} for {} s: {}", patience.as_secs(), said.trim()));
        }
        tokio::time::sleep(PAUSE).await;
    }
}

async fn sha256(path: &Path) -> io::Result<String> {
    let path = path.to_owned();
    tokio::task::spawn_blocking(move || {
        let (mut file, mut hash, mut piece) = (File::open(path)?, Sha256::new(), vec![0; PIECE]);
        loop {
            match file.read(&mut piece)? {
                0 => return Ok(HEXLOWER.encode(&hash.finalize())),
                length => hash.update(&piece[..length]),
            }
        }
    })
    .await?
}

//! A container image with our worker, as whoever writes a service would make one: two layers, of which the second removes a file of
//! the first, a user of its own, and an archive of it.

#![allow(clippy::unwrap_used, reason = "all of it is test code")]

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::{Value, json};
use wire::sha256_hex;

/// A file that is in the first layer and in no container.
pub(crate) const REMOVED: &str = "removed";
/// The number of the user that its program runs as.
pub(crate) const USER: u32 = 4711;

/// Whether containers can be run here. If not, says that the test was skipped.
pub(crate) fn is_possible(test: &str) -> bool {
    let mut bwrap = Command::new("bwrap");
    bwrap.args(["--ro-bind", "/", "/", "--proc", "/proc", "--dev", "/dev", "--unshare-user", "--unshare-pid", "true"]);
    let why = match bwrap.stdin(Stdio::null()).output() {
        Ok(output) if output.status.success() => return true,
        Ok(output) => format!("bwrap is allowed no namespaces: {}", String::from_utf8_lossy(&output.stderr).trim()),
        Err(_) => "there is no bwrap (Debian: apt-get install bubblewrap)".to_owned(),
    };
    // Not through `eprintln!`: the test runner would swallow it.
    let _ = writeln!(std::io::stderr(), "SKIPPED {test}: {why}");
    false
}

/// Writes the archive into `images`; the reference of the image.
pub(crate) fn write(images: &Path, worker: &Path) -> String {
    let stage = images.with_extension(format!("stage-{}", std::process::id()));
    let blobs = stage.join("oci/blobs/sha256");
    fs::create_dir_all(&blobs).unwrap();
    let put = |bytes: &[u8], kind: &str| -> Value {
        let hash = sha256_hex(bytes);
        fs::write(blobs.join(&hash), bytes).unwrap();
        json!({ "mediaType": kind, "digest": format!("sha256:{hash}"), "size": bytes.len() })
    };
    let layers: Vec<Value> = [first(&stage.join("first"), worker), second(&stage.join("second"))]
        .iter()
        .map(|layer| put(&fs::read(tar(layer)).unwrap(), "application/vnd.oci.image.layer.v1.tar"))
        .collect();
    let architecture = if std::env::consts::ARCH == "aarch64" { "arm64" } else { "amd64" };
    let run = json!({ "Entrypoint": ["/worker"], "User": "app", "WorkingDir": "/tmp", "Env": ["OF_IMAGE=yes"] });
    let config = json!({ "architecture": architecture, "os": "linux", "config": run });
    let config = put(config.to_string().as_bytes(), "application/vnd.oci.image.config.v1+json");
    let manifest = json!({ "schemaVersion": 2, "config": config, "layers": layers });
    let mut manifest = put(manifest.to_string().as_bytes(), "application/vnd.oci.image.manifest.v1+json");
    manifest["platform"] = json!({ "architecture": architecture, "os": "linux" });
    let index = json!({ "schemaVersion": 2, "manifests": [manifest] });
    let root = put(index.to_string().as_bytes(), "application/vnd.oci.image.index.v1+json");
    let entry = json!({ "schemaVersion": 2, "manifests": [root] });
    fs::write(stage.join("oci/index.json"), entry.to_string()).unwrap();
    fs::write(stage.join("oci/oci-layout"), json!({ "imageLayoutVersion": "1.0.0" }).to_string()).unwrap();
    fs::create_dir_all(images).unwrap();
    fs::rename(tar(&stage.join("oci")), images.join("worker.tar")).unwrap();
    fs::remove_dir_all(stage).unwrap();
    format!("registry.example/worker@{}", root["digest"].as_str().unwrap())
}

/// The program, and the libraries that it needs where it is not static.
fn first(root: &Path, worker: &Path) -> PathBuf {
    fs::create_dir_all(root).unwrap();
    fs::copy(worker, root.join("worker")).unwrap();
    fs::write(root.join(REMOVED), "").unwrap();
    let ldd = Command::new("ldd").arg(worker).output().unwrap();
    for line in String::from_utf8(ldd.stdout).unwrap().lines() {
        let path = line.trim().rsplit("=> ").next().and_then(|rest| rest.split(" (").next()).unwrap_or_default();
        if path.starts_with('/') {
            let to = root.join(path.trim_start_matches('/'));
            fs::create_dir_all(to.parent().unwrap()).unwrap();
            fs::copy(path, to).unwrap();
        }
    }
    root.to_owned()
}

/// Its user, and the removal.
fn second(root: &Path) -> PathBuf {
    fs::create_dir_all(root.join("etc")).unwrap();
    fs::write(root.join("etc/passwd"), format!("root:x:0:0::/:/bin/sh\napp:x:{USER}:{USER}::/:/bin/sh\n")).unwrap();
    fs::write(root.join(format!(".wh.{REMOVED}")), "").unwrap();
    root.to_owned()
}

/// An archive beside a directory of all that is in it.
fn tar(directory: &Path) -> PathBuf {
    let archive = directory.with_extension("tar");
    let mut tar = Command::new("tar");
    tar.arg("--create").arg("--file").arg(&archive).arg("--directory").arg(directory).arg(".");
    assert!(tar.status().unwrap().success(), "{} cannot be archived", directory.display());
    archive
}

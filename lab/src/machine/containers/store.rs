//! The images of an instance: taken out of archives by their hashes, each judged by its own, and unpacked layer upon layer.

use std::fs;
use std::io;
use std::path::{Component, Path, PathBuf};
use std::process::{Command, Output, Stdio};

use super::bwrap::writing_only;
use super::image::{self, Config, Document};

/// The beginning of the name of a file that stands for one which a layer removes (OCI image specification, layer.md, "Whiteouts").
const WHITEOUT: &str = ".wh.";
/// One that stands for all that a directory had before.
const OPAQUE: &str = ".wh..wh..opq";

/// Files of the machine that a container on its network has as its own.
const OF_NETWORK: [&str; 2] = ["etc/hosts", "etc/resolv.conf"];
/// Directories that are mounted on.
const MOUNTED: [&str; 3] = ["dev", "proc", "tmp"];

/// The directory in which an instance keeps images.
pub(super) struct Store(PathBuf);

impl Store {
    pub(super) fn at(path: PathBuf) -> Self {
        Self(path)
    }

    /// The file system of an image that was pulled.
    pub(super) fn root(&self, digest: &str) -> PathBuf {
        self.0.join(digest).join("root")
    }

    /// What is run in it.
    pub(super) fn config(&self, digest: &str) -> Result<Config, String> {
        let bytes = fs::read(self.0.join(digest).join("config.json")).map_err(|_| "it was not pulled".to_owned())?;
        image::config(&bytes).ok_or_else(|| "its configuration cannot be read".to_owned())
    }

    /// Has the image, from the archives and layouts in `images` if it is not here.
    pub(super) fn pull(&self, reference: &str, images: &Path) -> Result<(), String> {
        let digest = image::digest(reference)?;
        if self.config(digest).is_ok() {
            return Ok(());
        }
        let (config, layers) = self.resolve(digest, images)?;
        let root = self.root(digest);
        clear(&root).and_then(|()| fs::create_dir_all(&root)).map_err(|error| at(&root, &error))?;
        for layer in &layers {
            unpack(&self.blob(layer, images)?, &root)?;
        }
        prepare(&root)?;
        // The last: an image that was cut off in the middle is pulled again.
        let to = self.0.join(digest).join("config.json");
        fs::copy(self.blob(&config, images)?, &to).map(drop).map_err(|error| at(&to, &error))
    }

    /// The hashes of configuration and layers of this machine's image.
    fn resolve(&self, digest: &str, images: &Path) -> Result<(String, Vec<String>), String> {
        let architecture = if std::env::consts::ARCH == "aarch64" { "arm64" } else { "amd64" };
        let read = |digest: &str| {
            let path = self.blob(digest, images)?;
            let bytes = fs::read(&path).map_err(|error| at(&path, &error))?;
            image::read(&bytes, architecture).ok_or_else(|| format!("{digest} is neither an index nor a manifest"))
        };
        let document = match read(digest)? {
            Document::Index(None) => return Err(format!("no matching manifest for linux/{architecture}")),
            Document::Index(Some(one)) => read(&one)?,
            manifest @ Document::Manifest { .. } => manifest,
        };
        match document {
            Document::Manifest { config, layers } => Ok((config, layers)),
            Document::Index(_) => Err("it is an index of indexes".to_owned()),
        }
    }

    /// The file of this hash, which has it.
    fn blob(&self, hash: &str, images: &Path) -> Result<PathBuf, String> {
        let name = Path::new("blobs/sha256").join(hash);
        let own = self.0.join(&name);
        if own.is_file() {
            return Ok(own);
        }
        fs::create_dir_all(&self.0).map_err(|error| at(&self.0, &error))?;
        let found = entries(images).into_iter().find_map(|one| {
            let laid = one.join(&name);
            if laid.is_file() { Some(laid) } else { take_out(&one, hash, &self.0).then(|| own.clone()) }
        });
        let found = found.ok_or_else(|| {
            format!(
                "nothing in {} has {hash}: put the image there as an OCI archive (`lab up --images`)",
                images.display()
            )
        })?;
        let bytes = fs::read(&found).map_err(|error| at(&found, &error))?;
        if wire::sha256_hex(&bytes) != hash {
            clear(&own).map_err(|error| at(&own, &error))?;
            return Err(format!("{} in {} has another hash", name.display(), images.display()));
        }
        Ok(found)
    }
}

/// Archives and layouts, in the order of their names.
fn entries(images: &Path) -> Vec<PathBuf> {
    let mut all: Vec<PathBuf> =
        fs::read_dir(images).into_iter().flatten().flatten().map(|entry| entry.path()).collect();
    all.sort();
    all
}

/// Takes a blob out of an archive, if it is one and has it.
fn take_out(archive: &Path, hash: &str, to: &Path) -> bool {
    let mut tar = Command::new("tar");
    tar.args(["--extract", "--no-same-owner", "--wildcards", "--file"]).arg(archive).arg("--directory").arg(to);
    tar.arg(format!("*blobs/sha256/{hash}")).stdin(Stdio::null()).stderr(Stdio::null());
    archive.is_file()
        && tar.status().is_ok_and(|status| status.success())
        && to.join("blobs/sha256").join(hash).is_file()
}

/// Lays a layer upon those before it. Nothing else of this machine can be written meanwhile, whatever links the layers have.
fn unpack(layer: &Path, root: &Path) -> Result<(), String> {
    let mut list = Command::new("tar");
    let listed = said(list.arg("--list").arg("--file").arg(layer).stdin(Stdio::null()))?;
    for removal in removals(&String::from_utf8_lossy(&listed.stdout))? {
        remove(root, &removal).map_err(|error| at(&removal.parent, &error))?;
    }
    let mut tar = writing_only(root);
    tar.args(["tar", "--extract", "--no-same-owner", "--delay-directory-restore", "--exclude", ".wh.*", "--file"]);
    said(tar.arg(layer).arg("--directory").arg(root).stdin(Stdio::null()))?;
    // Who runs the lab removes the instance, and so all of this.
    let mut chmod = writing_only(root);
    said(chmod.args(["chmod", "--recursive", "u+rwX"]).arg(root).stdin(Stdio::null())).map(drop)
}

/// What a layer removes of those before it.
#[derive(Debug, PartialEq, Eq)]
struct Removal {
    /// Below the root.
    parent: PathBuf,
    /// `None`: all that is in it.
    name: Option<String>,
}

/// The removals among the names of a layer.
fn removals(listed: &str) -> Result<Vec<Removal>, String> {
    let mut found = Vec::new();
    for line in listed.lines() {
        let path = Path::new(line);
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        let Some(of) = name.strip_prefix(WHITEOUT) else { continue };
        let parent: PathBuf = path.parent().into_iter().flat_map(Path::components).filter(is_step).collect();
        if path.components().any(|step| step == Component::ParentDir) {
            return Err(format!("a layer has the name {line}"));
        }
        found.push(Removal { parent, name: (name != OPAQUE).then(|| of.to_owned()) });
    }
    Ok(found)
}

fn is_step(step: &Component<'_>) -> bool {
    matches!(step, Component::Normal(_))
}

/// Removes it, unless a link leads out of the root.
fn remove(root: &Path, removal: &Removal) -> io::Result<()> {
    let parent = match root.join(&removal.parent).canonicalize() {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        other => other?,
    };
    if !parent.starts_with(root.canonicalize()?) {
        return Err(io::Error::other("it is a link that leads out of the image"));
    }
    match &removal.name {
        Some(name) => clear(&parent.join(name)),
        None => fs::read_dir(&parent)?.try_for_each(|entry| clear(&entry?.path())),
    }
}

/// Removes a file, a link or a directory, if it is there.
fn clear(path: &Path) -> io::Result<()> {
    let removed = match fs::symlink_metadata(path) {
        Ok(data) if data.is_dir() => fs::remove_dir_all(path),
        Ok(_) => fs::remove_file(path),
        Err(error) => Err(error),
    };
    removed.or_else(|error| if error.kind() == io::ErrorKind::NotFound { Ok(()) } else { Err(error) })
}

/// Makes what is mounted on, and gives it the machine's names, as Docker does for a container on the machine's network.
fn prepare(root: &Path) -> Result<(), String> {
    let script = "cd \"$1\" && shift && mkdir --parents dev proc tmp etc && for file; do rm -f \"$file\" && \
                  if [ -e \"/$file\" ]; then cat \"/$file\" >\"$file\"; fi; done";
    let mut bash = writing_only(root);
    bash.args(["bash", "-euc", script, "bash"]).arg(root).args(OF_NETWORK).stdin(Stdio::null());
    said(&mut bash)?;
    match MOUNTED.iter().find(|name| !root.join(name).is_dir()) {
        Some(name) => Err(format!("the image has a /{name} that is no directory")),
        None => Ok(()),
    }
}

/// Runs a command that must succeed; its last word is the error.
fn said(command: &mut Command) -> Result<Output, String> {
    let output = command.output().map_err(|error| format!("{}: {error}", command.get_program().display()))?;
    if output.status.success() {
        return Ok(output);
    }
    let words = String::from_utf8_lossy(&output.stderr);
    Err(words.lines().last().map_or_else(|| output.status.to_string(), str::to_owned))
}

fn at(path: &Path, error: &io::Error) -> String {
    format!("{}: {error}", path.display())
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn removals_are_read_from_the_names_of_a_layer() {
        let listed = "./\n./etc/.wh.motd\n./var/cache/.wh..wh..opq\n./.wh.gone\netc/passwd\n";
        let removal =
            |parent: &str, name: Option<&str>| Removal { parent: parent.into(), name: name.map(str::to_owned) };
        let wanted = vec![removal("etc", Some("motd")), removal("var/cache", None), removal("", Some("gone"))];
        assert_eq!(removals(listed), Ok(wanted));
        assert!(removals("a/../.wh.b\n").is_err());
    }

    #[test]
    fn nothing_outside_of_the_image_is_removed() {
        let base = std::env::temp_dir().join(format!("lab-store-{}", std::process::id()));
        let (root, outside) = (base.join("root"), base.join("outside"));
        for directory in [&root, &outside] {
            fs::create_dir_all(directory).unwrap();
            fs::write(directory.join("file"), "").unwrap();
        }
        symlink(&outside, root.join("link")).unwrap();
        let removal =
            |parent: &str, name: Option<&str>| Removal { parent: parent.into(), name: name.map(str::to_owned) };
        assert!(remove(&root, &removal("link", Some("file"))).is_err() && outside.join("file").exists());
        remove(&root, &removal("", Some("link"))).unwrap();
        assert!(outside.join("file").exists(), "a link is removed, and not what it names");
        remove(&root, &removal("absent", None)).unwrap();
        remove(&root, &removal("", None)).unwrap();
        assert_eq!(fs::read_dir(&root).unwrap().count(), 0);
        fs::remove_dir_all(base).unwrap();
    }
}

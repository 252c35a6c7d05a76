//! An image as a directory that registries' tools read (OCI image specification, image-layout.md): blobs under their
//! hashes, an image for each architecture, and an index of them.

use std::path::{Path, PathBuf};

use super::layer::Layer;
use crate::json::Json;
use crate::programs::Architecture;
use crate::{Outcome, disk, sha256};

const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
const INDEX: &str = "application/vnd.oci.image.index.v1+json";
const CONFIG: &str = "application/vnd.oci.image.config.v1+json";
/// Not compressed: its bytes then hang on no version of a compressor.
const LAYER: &str = "application/vnd.oci.image.layer.v1.tar";

/// User and group of a process in the image: one without any rights.
pub(super) const USER: u32 = 65532;

/// What an image says of itself, whatever its architecture is.
#[derive(Clone, Debug)]
pub(super) struct Description {
    pub(super) entrypoint: Vec<String>,
    pub(super) environment: Vec<String>,
    /// Names that the OCI knows (annotations.md), without their prefix.
    pub(super) labels: Vec<(&'static str, String)>,
    /// The tag.
    pub(super) version: String,
}

/// Writes the layout in place of what is in `directory`, and returns the digest of the whole image.
pub(super) fn write(directory: &Path, of: &Description, images: &[(Architecture, Layer)]) -> Outcome<String> {
    disk::remove(directory)?;
    let blobs = Blobs { directory: directory.join("blobs/sha256") };
    disk::create(&blobs.directory)?;
    let manifests = images.iter().map(|(architecture, layer)| image(&blobs, of, *architecture, layer));
    let index = Json::object([
        ("schemaVersion", Json::number(2)),
        ("mediaType", Json::text_of(INDEX)),
        ("manifests", Json::List(manifests.collect::<Outcome<_>>()?)),
        ("annotations", labels(of)),
    ]);
    let mut root = blobs.put(INDEX, index.to_string().as_bytes())?;
    let digest = root.text(&["digest"]).unwrap_or_default().to_owned();
    add(&mut root, "annotations", Json::object([("org.opencontainers.image.ref.name", Json::text_of(&of.version))]));
    let layout = Json::object([("imageLayoutVersion", Json::text_of("1.0.0"))]);
    let entry = Json::object([
        ("schemaVersion", Json::number(2)),
        ("mediaType", Json::text_of(INDEX)),
        ("manifests", Json::List(vec![root])),
    ]);
    disk::write(&directory.join("oci-layout"), layout.to_string().as_bytes(), 0o644)?;
    disk::write(&directory.join("index.json"), entry.to_string().as_bytes(), 0o644)?;
    Ok(digest)
}

/// The image of one architecture, as the index names it.
fn image(blobs: &Blobs, of: &Description, architecture: Architecture, layer: &Layer) -> Outcome<Json> {
    let layer = blobs.put(LAYER, &layer.archive()?)?;
    let texts = |texts: &[String]| Json::List(texts.iter().map(Json::text_of).collect());
    let run = Json::object([
        ("User", Json::text_of(format!("{USER}:{USER}"))),
        ("Entrypoint", texts(&of.entrypoint)),
        ("Env", texts(&of.environment)),
        ("WorkingDir", Json::text_of("/")),
        ("Labels", labels(of)),
    ]);
    // Without compression the digest of the layer is that of its content.
    let content = Json::text_of(layer.text(&["digest"]).unwrap_or_default());
    let config = Json::object([
        ("architecture", Json::text_of(architecture.name_in_images())),
        ("os", Json::text_of("linux")),
        ("config", run),
        ("rootfs", Json::object([("type", Json::text_of("layers")), ("diff_ids", Json::List(vec![content]))])),
    ]);
    let manifest = Json::object([
        ("schemaVersion", Json::number(2)),
        ("mediaType", Json::text_of(MANIFEST)),
        ("config", blobs.put(CONFIG, config.to_string().as_bytes())?),
        ("layers", Json::List(vec![layer])),
    ]);
    let mut descriptor = blobs.put(MANIFEST, manifest.to_string().as_bytes())?;
    let platform = [("architecture", Json::text_of(architecture.name_in_images())), ("os", Json::text_of("linux"))];
    add(&mut descriptor, "platform", Json::object(platform));
    Ok(descriptor)
}

/// The one layer of the one image in `directory`, which is not compressed.
pub(super) fn only_layer(directory: &Path) -> Outcome<PathBuf> {
    let inside = |json: &Json, list: &str| {
        let Some(Json::List(list)) = json.at(&[list]) else { return None };
        let [only] = &list[..] else { return None };
        Some(directory.join("blobs/sha256").join(only.text(&["digest"])?.strip_prefix("sha256:")?))
    };
    let read = |path: &Path| Json::parse(std::str::from_utf8(&disk::read(path).ok()?).ok()?);
    let found = || {
        let index = inside(&read(&directory.join("index.json"))?, "manifests")?;
        let manifest = inside(&read(&index)?, "manifests")?;
        inside(&read(&manifest)?, "layers")
    };
    found().ok_or_else(|| format!("{} is not an image of one architecture with one layer", directory.display()))
}

fn labels(of: &Description) -> Json {
    let labels =
        of.labels.iter().map(|(name, value)| (format!("org.opencontainers.image.{name}"), Json::text_of(value)));
    Json::Object(labels.collect())
}

fn add(descriptor: &mut Json, key: &str, value: Json) {
    if let Json::Object(fields) = descriptor {
        fields.insert(key.to_owned(), value);
    }
}

struct Blobs {
    directory: PathBuf,
}

impl Blobs {
    /// Writes a blob under its hash, and returns what names it elsewhere.
    fn put(&self, kind: &str, bytes: &[u8]) -> Outcome<Json> {
        let hash = sha256::hex(bytes);
        disk::write(&self.directory.join(&hash), bytes, 0o644)?;
        Ok(Json::object([
            ("mediaType", Json::text_of(kind)),
            ("digest", Json::text_of(format!("sha256:{hash}"))),
            ("size", Json::number(bytes.len() as u64)),
        ]))
    }
}

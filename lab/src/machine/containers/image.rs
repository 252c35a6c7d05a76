//! The documents of an image (OCI image specification: image-index.md, manifest.md, config.md).

use serde_json::Value;

/// A document under the digest of an image.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Document {
    /// Images of several architectures: the digest of the one for this machine.
    Index(Option<String>),
    /// Digests of its configuration and of its layers, the lowest first.
    Manifest { config: String, layers: Vec<String> },
}

/// What is run, and how.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Config {
    pub entrypoint: Vec<String>,
    pub arguments: Vec<String>,
    /// `NAME=VALUE`
    pub environment: Vec<String>,
    pub directory: String,
    /// Text as in `User`: a name or number, and a group after a colon.
    pub user: String,
}

/// The digest that a reference names: `NAME@sha256:HEX`.
pub(super) fn digest(reference: &str) -> Result<&str, String> {
    let hex = reference.rsplit_once("@sha256:").map(|(_, hex)| hex);
    hex.filter(|hex| is_hash(hex)).ok_or_else(|| "it is not named by a digest, NAME@sha256:HEX".to_owned())
}

fn is_hash(hex: &str) -> bool {
    hex.len() == 64 && hex.bytes().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte))
}

/// Reads an index or a manifest; `architecture` is Go's name of this machine's. `None`: it is neither.
pub(super) fn read(bytes: &[u8], architecture: &str) -> Option<Document> {
    let document: Value = serde_json::from_slice(bytes).ok()?;
    if let Some(manifests) = document["manifests"].as_array() {
        let is_for_us =
            |one: &&Value| one["platform"]["os"] == "linux" && one["platform"]["architecture"] == architecture;
        return Some(Document::Index(manifests.iter().find(is_for_us).and_then(hash_of)));
    }
    let layers = document["layers"].as_array()?.iter().map(hash_of).collect::<Option<_>>()?;
    Some(Document::Manifest { config: hash_of(&document["config"])?, layers })
}

/// The hash that a descriptor names.
fn hash_of(descriptor: &Value) -> Option<String> {
    let hex = descriptor["digest"].as_str()?.strip_prefix("sha256:")?;
    is_hash(hex).then(|| hex.to_owned())
}

/// Reads the part of a configuration that says what is run.
pub(super) fn config(bytes: &[u8]) -> Option<Config> {
    let document: Value = serde_json::from_slice(bytes).ok()?;
    let run = &document["config"];
    let texts = |key: &str| -> Vec<String> {
        let all = run[key].as_array().map(Vec::as_slice).unwrap_or_default();
        all.iter().filter_map(|text| Some(text.as_str()?.to_owned())).collect()
    };
    let text = |key: &str| run[key].as_str().unwrap_or_default().to_owned();
    Some(Config {
        entrypoint: texts("Entrypoint"),
        arguments: texts("Cmd"),
        environment: texts("Env"),
        directory: text("WorkingDir"),
        user: text("User"),
    })
}

/// User and group as numbers; names are looked up in the image's own `/etc/passwd` and `/etc/group`.
pub(super) fn ids(user: &str, passwd: &str, group: &str) -> Result<(u32, u32), String> {
    let (user, of_group) = user.split_once(':').map_or((user, None), |(user, group)| (user, Some(group)));
    let field = |text: &str, name: &str, number: usize| -> Option<u32> {
        let line = text.lines().find(|line| line.split(':').next() == Some(name))?;
        line.split(':').nth(number)?.parse().ok()
    };
    let unknown = |name: &str| format!("the image has no user or group {name}");
    if user.is_empty() {
        return Ok((0, 0));
    }
    let uid = user.parse().ok().or_else(|| field(passwd, user, 2)).ok_or_else(|| unknown(user))?;
    let gid = match of_group {
        Some(name) => name.parse().ok().or_else(|| field(group, name, 2)).ok_or_else(|| unknown(name))?,
        None => field(passwd, user, 3).unwrap_or(0),
    };
    Ok((uid, gid))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn descriptor(sign: &str) -> Value {
        json!({ "digest": format!("sha256:{}", sign.repeat(64)) })
    }

    #[test]
    fn the_image_of_this_machine_is_chosen() {
        let mut manifests = [descriptor("a"), descriptor("b")];
        for (one, architecture) in manifests.iter_mut().zip(["amd64", "arm64"]) {
            one["platform"] = json!({ "os": "linux", "architecture": architecture });
        }
        let index = json!({ "manifests": manifests }).to_string();
        assert_eq!(read(index.as_bytes(), "arm64"), Some(Document::Index(Some("b".repeat(64)))));
        assert_eq!(read(index.as_bytes(), "riscv64"), Some(Document::Index(None)));
    }

    #[test]
    fn a_manifest_names_hashes_and_nothing_else() {
        let manifest = |layer: Value| json!({ "config": descriptor("c"), "layers": [layer] }).to_string();
        let read_as = read(manifest(descriptor("d")).as_bytes(), "amd64");
        let wanted = Document::Manifest { config: "c".repeat(64), layers: vec!["d".repeat(64)] };
        assert_eq!(read_as, Some(wanted));
        let outside = json!({ "digest": format!("sha256:{}", "../".repeat(21) + "x") });
        assert_eq!(read(manifest(outside).as_bytes(), "amd64"), None);
        assert_eq!(read(b"[]", "amd64"), None);
        assert_eq!(digest(&format!("x/y@sha256:{}", "0".repeat(64))).unwrap(), "0".repeat(64));
        assert!(digest("x/y:latest").is_err());
    }

    #[test]
    fn users_are_numbers_or_names_of_the_image() {
        let (passwd, group) = ("root:x:0:0::/:/bin/sh\napp:x:7:8::/:/bin/sh\n", "web:x:9:\n");
        let ids = |user: &str| ids(user, passwd, group);
        assert_eq!(
            [ids(""), ids("app"), ids("app:web"), ids("65532:65532"), ids("5")],
            [Ok((0, 0)), Ok((7, 8)), Ok((7, 9)), Ok((65532, 65532)), Ok((5, 0))]
        );
        assert!(ids("nobody").unwrap_err().contains("nobody") && ids("app:x").is_err());
    }

    #[test]
    fn what_is_run_is_read() {
        let text = json!({ "config": { "Entrypoint": ["/worker"], "Env": ["A=b"], "WorkingDir": "/", "User": "1" } });
        let config = config(text.to_string().as_bytes()).unwrap();
        assert_eq!((config.entrypoint, config.arguments), (vec!["/worker".to_owned()], Vec::new()));
        assert_eq!((config.environment, config.user), (vec!["A=b".to_owned()], "1".to_owned()));
    }
}

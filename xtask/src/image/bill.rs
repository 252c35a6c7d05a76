//! The bill of materials in SPDX 2.3 (JSON): every package that is linked into what an image holds, with the hash that
//! Cargo.lock pins, and the certificates beside it.

use std::collections::BTreeMap;

use crate::json::Json;
use crate::notices::Linked;
use crate::sha256;

/// What is said of a licence that nobody wrote as an expression of SPDX.
pub(super) const UNKNOWN: &str = "NOASSERTION";

/// A thing of the image that no crate is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Extra {
    pub(super) name: String,
    pub(super) version: Option<String>,
    pub(super) sha256: Option<String>,
    /// An expression of SPDX, or [`UNKNOWN`].
    pub(super) licence: &'static str,
    /// A package URL.
    pub(super) locator: Option<String>,
    /// Where the text of the licence is, and the source.
    pub(super) comment: Option<String>,
}

impl Extra {
    pub(super) fn of(name: &str, version: Option<String>, licence: &'static str) -> Self {
        Self { name: name.to_owned(), version, sha256: None, licence, locator: None, comment: None }
    }
}

/// The document. `created` is a time as RFC 3339 writes it; `lock` is the text of Cargo.lock.
pub(super) fn bill(version: &str, created: &str, linked: &[Linked], lock: &str, extras: &[Extra]) -> String {
    let hashes = hashes(lock);
    let mut packages = Vec::new();
    for one in linked {
        let hash = hashes.get(&(one.name.clone(), one.version.clone())).map(|hash| (*hash).to_owned());
        let locator = hash.is_some().then(|| format!("pkg:cargo/{}@{}", one.name, one.version));
        packages.push(package(&one.name, Some(&one.version), &one.licence, hash, locator));
    }
    for extra in extras {
        let (hash, locator) = (extra.sha256.clone(), extra.locator.clone());
        let mut made = package(&extra.name, extra.version.as_deref(), extra.licence, hash, locator);
        if let (Json::Object(fields), Some(comment)) = (&mut made, &extra.comment) {
            fields.insert("licenseComments".to_owned(), Json::text_of(comment));
        }
        packages.push(made);
    }
    let ids: Vec<Json> = packages.iter().filter_map(|package| package.at(&["SPDXID"]).cloned()).collect();
    let root = "SPDXRef-clusterbenchmark";
    let relation = |from: &str, kind: &str, to: Json| {
        Json::object([
            ("spdxElementId", Json::text_of(from)),
            ("relationshipType", Json::text_of(kind)),
            ("relatedSpdxElement", to),
        ])
    };
    let mut relations = vec![relation("SPDXRef-DOCUMENT", "DESCRIBES", Json::text_of(root))];
    relations.extend(ids.into_iter().map(|id| relation(root, "CONTAINS", id)));
    let mut product = package("clusterbenchmark", Some(version), "Apache-2.0", None, None);
    if let Json::Object(fields) = &mut product {
        fields.insert("SPDXID".to_owned(), Json::text_of(root));
    }
    packages.insert(0, product);
    let packages = Json::List(packages);
    // A name for this content and no other (SPDX 2.3, 6.5); nothing has to be there.
    let namespace = format!("https://clusterbench.dev/spdx/{version}/{}", sha256::hex(packages.to_string().as_bytes()));
    let creation =
        [("created", Json::text_of(created)), ("creators", Json::List(vec![Json::text_of("Tool: cargo-xtask-image")]))];
    Json::object([
        ("spdxVersion", Json::text_of("SPDX-2.3")),
        ("dataLicense", Json::text_of("CC0-1.0")),
        ("SPDXID", Json::text_of("SPDXRef-DOCUMENT")),
        ("name", Json::text_of(format!("clusterbenchmark-{version}"))),
        ("documentNamespace", Json::text_of(namespace)),
        ("creationInfo", Json::object(creation)),
        ("packages", packages),
        ("relationships", Json::List(relations)),
    ])
    .to_string()
}

fn package(name: &str, version: Option<&str>, licence: &str, hash: Option<String>, locator: Option<String>) -> Json {
    let unknown = || Json::text_of(UNKNOWN);
    let mut package = Json::object([
        ("SPDXID", Json::text_of(id(name, version))),
        ("name", Json::text_of(name)),
        ("downloadLocation", unknown()),
        ("filesAnalyzed", Json::Word("false".to_owned())),
        ("licenseConcluded", unknown()),
        ("licenseDeclared", Json::text_of(licence)),
        ("copyrightText", unknown()),
    ]);
    let Json::Object(fields) = &mut package else { return package };
    if let Some(version) = version {
        fields.insert("versionInfo".to_owned(), Json::text_of(version));
    }
    if let Some(hash) = hash {
        let checksum = [("algorithm", Json::text_of("SHA256")), ("checksumValue", Json::text_of(hash))];
        fields.insert("checksums".to_owned(), Json::List(vec![Json::object(checksum)]));
    }
    if let Some(locator) = locator {
        let reference = [
            ("referenceCategory", Json::text_of("PACKAGE-MANAGER")),
            ("referenceType", Json::text_of("purl")),
            ("referenceLocator", Json::text_of(locator)),
        ];
        fields.insert("externalRefs".to_owned(), Json::List(vec![Json::object(reference)]));
    }
    package
}

/// Letters, digits, dots and dashes are allowed (SPDX 2.3, 7.2).
fn id(name: &str, version: Option<&str>) -> String {
    let plain = |text: &str| text.replace(|sign: char| !sign.is_ascii_alphanumeric() && sign != '.', "-");
    match version {
        Some(version) => format!("SPDXRef-{}-{}", plain(name), plain(version)),
        None => format!("SPDXRef-{}", plain(name)),
    }
}

/// The hashes of Cargo.lock by name and version. Our own packages have none.
fn hashes(lock: &str) -> BTreeMap<(String, String), &str> {
    let value = |block: &str, key: &str| {
        let line = block.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix(" = \""));
        line.and_then(|rest| rest.strip_suffix('"')).map(str::to_owned)
    };
    let mut hashes = BTreeMap::new();
    for block in lock.split("[[package]]").skip(1) {
        let hash = block.lines().find_map(|line| line.strip_prefix("checksum = \"")?.strip_suffix('"'));
        if let (Some(name), Some(version), Some(hash)) = (value(block, "name"), value(block, "version"), hash) {
            hashes.insert((name, version), hash);
        }
    }
    hashes
}

/// The packages that a binary names as the places of its own panics, and that are not among `linked`.
pub(super) fn forgotten(binary: &[u8], place: &str, linked: &[Linked]) -> Vec<String> {
    let mut forgotten = std::collections::BTreeSet::new();
    let mark = format!("{place}/");
    let mut rest = binary;
    while let Some(at) = find(rest, mark.as_bytes()) {
        rest = &rest[at + mark.len()..];
        let end = rest.iter().position(|byte| !byte.is_ascii_graphic()).unwrap_or(rest.len());
        // `/crates/REGISTRY/NAME-VERSION/src/...`
        let path = String::from_utf8_lossy(&rest[..end.min(300)]);
        let Some(found) = path.split('/').nth(1) else { continue };
        if !linked.iter().any(|one| format!("{}-{}", one.name, one.version) == found) {
            forgotten.insert(found.to_owned());
        }
    }
    forgotten.into_iter().collect()
}

fn find(bytes: &[u8], mark: &[u8]) -> Option<usize> {
    let first = *mark.first()?;
    let mut from = 0;
    loop {
        let at = from + bytes.get(from..)?.iter().position(|byte| *byte == first)?;
        if bytes[at..].starts_with(mark) {
            return Some(at);
        }
        from = at + 1;
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::{Paths, notices};

    fn linked(name: &str, version: &str) -> Linked {
        Linked {
            name: name.into(),
            version: version.into(),
            licence: "MIT".into(),
            repository: String::new(),
            is_ours: false,
        }
    }

    const LOCK: &str = "version = 4\n\n[[package]]\nname = \"a\"\nversion = \"1.0.0\"\nchecksum = \"ab\"\n\n[[package]]\nname = \"ours\"\nversion = \"0.1.0\"\n";

    #[test]
    fn a_package_is_there_with_its_hash_and_ours_without_one() {
        let roots = Extra { sha256: Some("cd".into()), ..Extra::of("roots", None, "MPL-2.0") };
        let extras = [Extra { comment: Some("its text is in /roots".into()), ..roots }];
        let text =
            bill("0.1.0", "1970-01-01T00:00:00Z", &[linked("a", "1.0.0"), linked("ours", "0.1.0")], LOCK, &extras);
        let json = Json::parse(&text).unwrap();
        let Some(Json::List(packages)) = json.at(&["packages"]) else { panic!("no list") };
        let ids: Vec<_> = packages.iter().filter_map(|one| one.text(&["SPDXID"])).collect();
        assert_eq!(ids, ["SPDXRef-clusterbenchmark", "SPDXRef-a-1.0.0", "SPDXRef-ours-0.1.0", "SPDXRef-roots"]);
        let hash = |number: usize| match packages[number].at(&["checksums"]) {
            Some(Json::List(list)) => list[0].text(&["checksumValue"]),
            _ => None,
        };
        assert_eq!([hash(1), hash(2), hash(3)], [Some("ab"), None, Some("cd")]);
        assert!(text.contains("pkg:cargo/a@1.0.0"));
        assert_eq!(packages[3].text(&["licenseComments"]), Some("its text is in /roots"));
        let Some(Json::List(relations)) = json.at(&["relationships"]) else { panic!("no list") };
        assert_eq!(relations.len(), 4, "the document, and three things in it");
    }

    #[test]
    fn what_a_binary_names_is_looked_for() {
        let binary = b"\0x/crates/index-1f/a-1.0.0/src/lib.rs\0/crates/index-1f/b-c-2.0.0+x/src/d.rsunwrap\0/crates/";
        assert_eq!(forgotten(binary, "/crates", &[linked("a", "1.0.0")]), ["b-c-2.0.0+x"]);
        assert_eq!(forgotten(binary, "/crates", &[linked("a", "1.0.0"), linked("b-c", "2.0.0+x")]), [""; 0]);
    }

    /// `NOTICE` is committed and made of the same packages: what it names is in Cargo.lock, and in the bill with its hash.
    #[test]
    fn every_linked_package_of_cargo_lock_is_in_the_bill() {
        let paths = Paths::find().unwrap();
        let lock = fs::read_to_string(paths.root.join("Cargo.lock")).unwrap();
        let all = notices::linked(&paths).unwrap();
        let text = bill("0.1.0", "1970-01-01T00:00:00Z", &all, &lock, &[]);
        let json = Json::parse(&text).unwrap();
        let Some(Json::List(packages)) = json.at(&["packages"]) else { panic!("no list") };
        let notice = fs::read_to_string(paths.root.join(notices::FILE)).unwrap();
        let mut count = 0;
        for row in notice.split("\n\n").nth(2).unwrap().lines() {
            let mut words = row.split_whitespace();
            let (name, version) = (words.next().unwrap(), words.next().unwrap());
            let found = packages
                .iter()
                .find(|one| (one.text(&["name"]), one.text(&["versionInfo"])) == (Some(name), Some(version)));
            let found = found.unwrap_or_else(|| panic!("{name} {version} is not in the bill"));
            assert!(found.at(&["checksums"]).is_some(), "{name} {version} has no hash");
            count += 1;
        }
        assert!(count > 100, "{count} packages");
        for ours in ["operator", "agent", "wire", "planner"] {
            assert!(packages.iter().any(|one| one.text(&["name"]) == Some(ours)), "{ours} is not in the bill");
        }
    }
}

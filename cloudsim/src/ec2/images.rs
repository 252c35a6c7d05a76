//! Images, and those that a region has before anybody does anything.

use planner::owner::Tags;
use planner::ports::Architecture;

use crate::engine::query::Filtered;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Image {
    pub id: String,
    pub name: String,
    pub owner_id: String,
    pub owner_alias: String,
    pub architecture: Architecture,
    /// RFC 3339 with milliseconds, as EC2 writes it.
    pub created_at: String,
    pub root_device: String,
    pub root_gib: u32,
    /// Besides the root.
    pub mappings: Vec<Mapping>,
    pub tags: Tags,
}

/// A device that instances of an image get.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mapping {
    pub device: String,
    pub store: Store,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Store {
    Volume {
        gib: u32,
        /// Nothing: an empty one.
        snapshot_id: Option<String>,
        delete_on_termination: bool,
    },
    /// On disks of the instance's own host, by its virtual name, such as `ephemeral0`.
    Instance(String),
}

/// Somebody's own image, as CreateImage makes it of an instance with data volumes: these stay when an instance is gone
/// (terraform-provider-aws#28648).
pub const IMAGE_WITH_DATA: &str = "ami-0da7a00000000da7a";

fn data_volumes() -> Vec<Mapping> {
    let volume = |device: &str, gib, snapshot_id: Option<&str>| Mapping {
        device: device.into(),
        store: Store::Volume { gib, snapshot_id: snapshot_id.map(Into::into), delete_on_termination: false },
    };
    vec![
        volume("/dev/sdf", 20, Some("snap-0da7a00000000da7a")),
        volume("/dev/sdg", 5, None),
        Mapping { device: "/dev/sdb".into(), store: Store::Instance("ephemeral0".into()) },
    ]
}

pub(super) fn images(account: &str) -> Vec<Image> {
    let image = |id: &str, name: &str, architecture: Architecture, created_at: &str| Image {
        id: id.into(),
        name: name.into(),
        owner_id: "137112412989".into(), // Amazon's own account for Amazon Linux
        owner_alias: "amazon".into(),
        architecture,
        created_at: created_at.into(),
        root_device: "/dev/xvda".into(),
        root_gib: 8,
        mappings: Vec::new(),
        tags: Tags::new(),
    };
    use Architecture::{Arm64, X86_64};
    vec![
        image(
            "ami-0a120230000000861",
            "al2023-ami-2023.9.20261110.0-kernel-6.1-x86_64",
            X86_64,
            "2026-11-10T19:23:41.000Z",
        ),
        image(
            "ami-0a120230000000a64",
            "al2023-ami-2023.9.20261110.0-kernel-6.1-arm64",
            Arm64,
            "2026-11-10T19:24:03.000Z",
        ),
        image(
            "ami-0a1202300000001d0",
            "al2023-ami-2023.8.20260804.0-kernel-6.1-x86_64",
            X86_64,
            "2026-08-04T18:02:11.000Z",
        ),
        // Newer than the full one on purpose: a lookup by a pattern that is too wide finds this and is noticed.
        image(
            "ami-0a12023000000e001",
            "al2023-ami-minimal-2023.9.20261117.0-kernel-6.1-x86_64",
            X86_64,
            "2026-11-17T20:11:09.000Z",
        ),
        Image {
            owner_id: account.into(),
            owner_alias: String::new(),
            mappings: data_volumes(),
            ..image(IMAGE_WITH_DATA, "app-with-data", X86_64, "2026-10-01T10:00:00.000Z")
        },
    ]
}

impl Filtered for Image {
    const FILTERS: &'static [&'static str] = &[
        "image-id",
        "name",
        "architecture",
        "owner-alias",
        "owner-id",
        "state",
        "root-device-type",
        "virtualization-type",
        "is-public",
        "image-type",
    ];

    fn any(&self, filter: &str, is: &dyn Fn(&str) -> bool) -> bool {
        is(match filter {
            "image-id" => &self.id,
            "name" => &self.name,
            "architecture" => self.architecture.name(),
            "owner-alias" => &self.owner_alias,
            "owner-id" => &self.owner_id,
            "state" => "available",
            "root-device-type" => "ebs",
            "virtualization-type" => "hvm",
            "is-public" => "true",
            _ => "machine",
        })
    }

    fn tags(&self) -> Option<&Tags> {
        Some(&self.tags)
    }
}

//! Material that instances of a placement are launched with: images, their volumes, and our programs.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Image of one architecture.
#[derive(Serialize, Deserialize, Clone, Debug, PartialEq, Default, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct PlacedImage {
    /// x86_64 or arm64.
    pub architecture: String,
    /// Image id.
    pub id: String,
    /// Name of the root device.
    pub root_device: String,
    /// Size of the root volume in GiB.
    pub root_gib: i32,
    /// Volumes that the image asks for besides its root. Absent in placements of operators that knew the root only.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub volumes: Vec<PlacedVolume>,
}

/// Volume of an image.
#[derive(Serialize, Deserialize, Clone, Debug, PartialEq, Default, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct PlacedVolume {
    /// Device name.
    pub device: String,
    /// Size in GiB.
    pub gib: i32,
}

/// One binary that instances run.
#[derive(Serialize, Deserialize, Clone, Debug, PartialEq, Default, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct PlacedArtifact {
    /// worker, balancer or loadgen.
    pub name: String,
    /// x86_64 or arm64.
    pub architecture: String,
    /// SHA-256 of the file.
    pub sha256: String,
}

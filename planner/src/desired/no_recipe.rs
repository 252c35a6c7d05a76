//! The reasons for which instances of a pool cannot be launched as they are asked for.

use super::invalid::InvalidUserData;

/// Why a recipe cannot be made now.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoRecipe {
    #[error("instance type {0} is not known (yet)")]
    UnknownType(String),
    #[error(
        "the placement has no image for {0}: the architecture was added later; delete the benchmark and create it again"
    )]
    NoImage(&'static str),
    #[error(
        "the placement has no {program} for {architecture}: choose instance types of another architecture, or delete the benchmark and create it again"
    )]
    NoArtifact { program: &'static str, architecture: &'static str },
    #[error(
        "worker.update: InPlace is for work, artifactUrl and archive, and {0} runs none of them: set worker.update Replace, which launches new instances"
    )]
    NotInPlace(String),
    #[error("{0}")]
    NotTold(InvalidUserData),
    #[error("the placement does not name the queues (yet)")]
    NoQueues,
    #[error("the placement holds no expiry")]
    NoExpiry,
    #[error("the placement has addressing {0}, which this version of the operator does not know")]
    UnknownAddressing(String),
}

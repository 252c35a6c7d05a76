//! Buckets, and requests for them.

use jiff::Timestamp;
use planner::owner::Tags;

use crate::engine::audit::Origin;
use crate::engine::query::PageRequest;

/// A bucket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bucket {
    pub name: String,
    /// The account that made it. Only its own buckets are listed to an account.
    pub owner: String,
    pub tags: Tags,
    pub created_at: Timestamp,
    pub versioning: Versioning,
    pub origin: Origin,
}

/// What becomes of an object that is written over or deleted (S3 user guide, "How S3 Versioning works").
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Versioning {
    /// It is gone. A bucket never comes back to this.
    #[default]
    Off,
    /// It is kept as a former version.
    Enabled,
    /// What was written since is gone, former versions stay.
    Suspended,
}

impl Versioning {
    /// S3's own name; none for a bucket that was never versioned.
    pub fn name(self) -> Option<&'static str> {
        match self {
            Self::Off => None,
            Self::Enabled => Some("Enabled"),
            Self::Suspended => Some("Suspended"),
        }
    }

    /// The one of this name.
    pub fn parse(name: &str) -> Option<Self> {
        [Self::Enabled, Self::Suspended].into_iter().find(|one| one.name() == Some(name))
    }
}

/// Where the name of a bucket must be unique (S3 user guide, "Namespaces for general purpose buckets").
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Namespace {
    /// Among all buckets of all accounts.
    #[default]
    Global,
    /// Within the account and region, which the name must end with.
    AccountRegional,
}

impl Namespace {
    /// The value of the header that asks for it.
    pub const ACCOUNT_REGIONAL: &'static str = "account-regional";

    /// The one of this name.
    pub fn parse(name: &str) -> Option<Self> {
        match name {
            "global" => Some(Self::Global),
            Self::ACCOUNT_REGIONAL => Some(Self::AccountRegional),
            _ => None,
        }
    }
}

/// A CreateBucket call.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CreateBucket {
    pub name: String,
    /// LocationConstraint.
    pub location: Option<String>,
    pub namespace: Namespace,
    pub tags: Tags,
}

/// A ListBuckets call.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ListBuckets {
    pub prefix: Option<String>,
    pub region: Option<String>,
    /// MaxBuckets and ContinuationToken. Without either all buckets come at once.
    pub page: PageRequest,
}

//! Knobs of buckets and their objects.

use super::{Kind, Knob};

pub(super) const KNOBS: &[Knob] = &[
    Knob {
        name: "bucket-lag",
        says: "buckets and their tags appear and change this much later; objects never",
        source: "S3 user guide, \"Amazon S3 data consistency model\"; terraform-provider-aws#10068, #13008, taskcat#421",
        kind: Kind::OwnLag(|settings| &mut settings.buckets.lag),
    },
    Knob {
        name: "bucket-name-linger",
        says: "the name of a deleted bucket cannot be used for so long (OperationAborted)",
        source: "S3 API reference, \"Error responses\"; S3 user guide, \"Deleting a general purpose bucket\"",
        kind: Kind::Span(|settings| &mut settings.buckets.name_linger),
    },
    Knob {
        name: "bucket-quota",
        says: "so many buckets may exist (TooManyBuckets)",
        source: "S3 user guide, \"General purpose bucket quotas\"",
        kind: Kind::Limit(|settings| &mut settings.buckets.quota),
    },
    Knob {
        name: "s3-slow-down",
        says: "so many calls about objects are answered SlowDown (HTTP 503), without effect",
        source: "S3 user guide, \"Best practices design patterns: optimizing Amazon S3 performance\"",
        kind: Kind::Rate(|settings| &mut settings.buckets.slow_down_per_mille),
    },
    Knob {
        name: "s3-conflict",
        says: "so many writes with If-None-Match are answered ConditionalRequestConflict (HTTP 409), without effect",
        source: "S3 API reference, PutObject; opendal#6741, arrow-rs-object-store#852",
        kind: Kind::Rate(|settings| &mut settings.buckets.conflict_per_mille),
    },
    Knob {
        name: "s3-failed-deletion",
        says: "so many keys of DeleteObjects are not deleted, which the answer says inside its 200",
        source: "S3 API reference, DeleteObjects",
        kind: Kind::Rate(|settings| &mut settings.buckets.failed_deletion_per_mille),
    },
];

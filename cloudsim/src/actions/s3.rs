//! The actions of S3, by the names of its API. Policies have names of their own for some ([`crate::s3`]).

super::actions! {
    /// An action of S3.
    "s3": {
        CreateBucket: Changes,
        ListBuckets: Reads,
        HeadBucket: Reads,
        GetBucketLocation: Reads,
        GetBucketTagging: Reads,
        PutBucketTagging: Changes,
        GetBucketVersioning: Reads,
        PutBucketVersioning: Changes,
        DeleteBucket: Changes,
        ListObjectsV2: Reads,
        ListObjectVersions: Reads,
        PutObject: Changes,
        GetObject: Reads,
        HeadObject: Reads,
        DeleteObject: Changes,
        DeleteObjects: Changes,
    }
}

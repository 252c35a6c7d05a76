//! The official `aws` command line against S3 of the lab's endpoint.
//!
//! Skipped, and says so, where there is no `aws` on the PATH.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "in tests a panic is the report")]

use std::fs;
use std::path::PathBuf;
use std::process::{Output, Stdio};

use cloudsim::Settings;
use lab::aws::{ACCESS_KEY, SECRET_KEY};
use lab::region::{Region, RunningRegion};
use serde_json::Value;
use tokio::process::Command;

const BUCKET: &str = "clusterbench-b-1-000000000000-eu-west-1-an";

struct Aws {
    region: RunningRegion,
    /// Where the commands run, and, in `kept`, where objects go.
    directory: PathBuf,
}

impl Aws {
    /// `None` without the command.
    async fn start(name: &str) -> Option<Self> {
        let found = Command::new("aws").arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status().await;
        if !found.is_ok_and(|status| status.success()) {
            eprintln!("SKIPPED: there is no aws command line on PATH (pip install awscli)");
            return None;
        }
        let directory = std::env::temp_dir().join(format!("lab-s3-{name}-{}", std::process::id()));
        fs::create_dir_all(directory.join("kept")).unwrap();
        let region = Region::start_for_tests(Settings::default()).await;
        region.keep_objects_in(&directory.join("kept"));
        Some(Self { region, directory })
    }

    async fn output(&self, words: &str) -> Output {
        let mut command = Command::new("aws");
        command
            .args(["--endpoint-url", &format!("http://{}", self.region.endpoint()), "--output", "json"])
            .args(words.split_whitespace())
            .current_dir(&self.directory)
            .env_remove("AWS_PROFILE")
            .env_remove("AWS_SESSION_TOKEN")
            .env("AWS_CONFIG_FILE", "/dev/null")
            .env("AWS_SHARED_CREDENTIALS_FILE", "/dev/null")
            .env("AWS_ACCESS_KEY_ID", ACCESS_KEY)
            .env("AWS_SECRET_ACCESS_KEY", SECRET_KEY)
            .env("AWS_REGION", "eu-west-1")
            .env("AWS_DEFAULT_REGION", "eu-west-1")
            .env("AWS_MAX_ATTEMPTS", "1")
            .env("AWS_PAGER", "")
            .stdin(Stdio::null())
            .kill_on_drop(true);
        command.output().await.unwrap()
    }

    async fn text(&self, words: &str) -> String {
        let output = self.output(words).await;
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "aws {words}: {errors}");
        String::from_utf8(output.stdout).unwrap()
    }

    async fn ok(&self, words: &str) -> Value {
        let text = self.text(words).await;
        if text.is_empty() { Value::Null } else { serde_json::from_str(&text).unwrap() }
    }

    /// The error code in the command's message: `An error occurred (Code) when calling ...`
    async fn refused(&self, words: &str) -> String {
        let output = self.output(words).await;
        assert!(!output.status.success(), "aws {words} succeeded");
        let errors = String::from_utf8_lossy(&output.stderr).into_owned();
        let code = errors.split_once("An error occurred (").and_then(|(_, rest)| rest.split_once(')'));
        code.map_or(errors.clone(), |(code, _)| code.to_owned())
    }

    async fn create_bucket(&self) {
        let words = format!(
            "s3api create-bucket --bucket {BUCKET} --bucket-namespace account-regional --create-bucket-configuration \
             LocationConstraint=eu-west-1,Tags=[{{Key=owner,Value=us}}]"
        );
        self.ok(&words).await;
    }

    fn write(&self, name: &str, bytes: &[u8]) {
        fs::write(self.directory.join(name), bytes).unwrap();
    }

    fn read(&self, name: &str) -> Vec<u8> {
        fs::read(self.directory.join(name)).unwrap()
    }

    /// Files that hold bytes of objects.
    fn kept(&self) -> usize {
        fs::read_dir(self.directory.join("kept")).unwrap().count()
    }
}

impl Drop for Aws {
    fn drop(&mut self) {
        let _gone = fs::remove_dir_all(&self.directory);
    }
}

#[tokio::test]
async fn buckets_and_objects_come_and_go() {
    let Some(aws) = Aws::start("life").await else { return };
    aws.create_bucket().await;
    let again = format!(
        "s3api create-bucket --bucket {BUCKET} --bucket-namespace account-regional --create-bucket-configuration \
         LocationConstraint=eu-west-1"
    );
    assert_eq!(aws.refused(&again).await, "BucketAlreadyOwnedByYou");
    let listed = aws.ok("s3api list-buckets --prefix clusterbench- --bucket-region eu-west-1").await;
    assert_eq!(
        (&listed["Buckets"][0]["Name"], &listed["Buckets"][0]["BucketRegion"]),
        (&BUCKET.into(), &"eu-west-1".into())
    );
    let tags = aws.ok(&format!("s3api get-bucket-tagging --bucket {BUCKET}")).await;
    assert_eq!(tags["TagSet"], serde_json::json!([{ "Key": "owner", "Value": "us" }]));
    let place = aws.ok(&format!("s3api get-bucket-location --bucket {BUCKET}")).await;
    assert_eq!(place["LocationConstraint"], "eu-west-1");
    assert_eq!(aws.ok(&format!("s3api head-bucket --bucket {BUCKET}")).await["BucketRegion"], "eu-west-1");

    aws.write("file", b"hello");
    let put = format!("s3api put-object --bucket {BUCKET} --body file --expected-bucket-owner 000000000000 --key");
    let made = aws.ok(&format!("{put} in/a+b --if-none-match * --content-type text/plain --metadata owner=us")).await;
    assert_eq!(made["ETag"], "\"5d41402abc4b2a76b9719d911017c592\"");
    assert_eq!(made["ChecksumCRC32"], "NhCmhg==", "which the command line sends unasked");
    assert_eq!(aws.refused(&format!("{put} in/a+b --if-none-match *")).await, "PreconditionFailed");
    let of_other = put.replace("000000000000", "111111111111");
    assert_eq!(aws.refused(&format!("{of_other} in/c")).await, "AccessDenied");
    assert_eq!(aws.refused(&format!("{put} in/c --checksum-crc32 AAAAAA==")).await, "BadDigest");
    assert_eq!(aws.refused(&format!("{put} in/c --content-md5 AAAAAAAAAAAAAAAAAAAAAA==")).await, "BadDigest");
    let head = aws.ok(&format!("s3api head-object --bucket {BUCKET} --key in/a+b --checksum-mode ENABLED")).await;
    assert_eq!((&head["ContentLength"], &head["ContentType"]), (&5.into(), &"text/plain".into()));
    assert_eq!((&head["Metadata"]["owner"], &head["ChecksumCRC32"]), (&"us".into(), &"NhCmhg==".into()));
    let got = aws.ok(&format!("s3api get-object --bucket {BUCKET} --key in/a+b --range bytes=1-3 part")).await;
    assert_eq!((&got["ContentRange"], aws.read("part")), (&"bytes 1-3/5".into(), b"ell".to_vec()));
    assert_eq!(aws.refused(&format!("s3api get-object --bucket {BUCKET} --key none part")).await, "NoSuchKey");
    assert_eq!(aws.refused(&format!("s3api head-object --bucket {BUCKET} --key none")).await, "404");
    assert_eq!((aws.region.audit().objects, aws.kept()), (1, 1));

    for key in ["in/d", "out/e%20f", "g"] {
        aws.ok(&format!("{put} {key}")).await;
    }
    let list = format!("s3api list-objects-v2 --bucket {BUCKET}");
    let shown = aws.ok(&format!("{list} --prefix in/ --page-size 1")).await;
    let keys: Vec<_> = shown["Contents"].as_array().unwrap().iter().map(|one| one["Key"].clone()).collect();
    assert_eq!(keys, ["in/a+b", "in/d"], "the command line follows the pages by itself");
    let top = aws.ok(&format!("{list} --delimiter /")).await;
    assert_eq!(top["CommonPrefixes"], serde_json::json!([{ "Prefix": "in/" }, { "Prefix": "out/" }]));
    assert_eq!(aws.refused(&format!("s3api delete-bucket --bucket {BUCKET}")).await, "BucketNotEmpty");
    let deleted = aws
        .ok(&format!("s3api delete-objects --bucket {BUCKET} --delete Objects=[{{Key=in/d}},{{Key=none}},{{Key=g}}]"))
        .await;
    assert_eq!(deleted["Deleted"].as_array().unwrap().len(), 3);
    aws.text(&format!("s3 rm s3://{BUCKET} --recursive")).await;
    assert_eq!((aws.region.audit().objects, aws.kept()), (0, 0));
    aws.ok(&format!("s3api delete-bucket --bucket {BUCKET}")).await;
    assert_eq!(aws.refused(&format!("s3api get-bucket-tagging --bucket {BUCKET}")).await, "NoSuchBucket");
    assert_eq!(aws.ok("s3api list-buckets").await["Buckets"], serde_json::json!([]));
    assert_eq!(aws.region.audit().buckets, 0);
}

#[tokio::test]
async fn files_are_copied_listed_and_removed() {
    let Some(aws) = Aws::start("files").await else { return };
    aws.text("s3 mb s3://files-of-a-test").await;
    let bytes: Vec<u8> = (0..100_000_u32).flat_map(u32::to_be_bytes).collect();
    aws.write("large", &bytes);
    aws.text("s3 cp large s3://files-of-a-test/in/large --no-progress").await;
    aws.text("s3 cp s3://files-of-a-test/in/large back --no-progress").await;
    assert_eq!(aws.read("back"), bytes);
    let listed = aws.text("s3 ls s3://files-of-a-test/in/").await;
    assert!(listed.trim_end().ends_with("400000 large"), "{listed}");
    assert!(aws.text("s3 ls s3://files-of-a-test").await.contains("PRE in/"));
    assert!(aws.text("s3 ls").await.trim_end().ends_with("files-of-a-test"));
    aws.text("s3 rm s3://files-of-a-test/in/large").await;
    assert_eq!((aws.region.audit().objects, aws.kept()), (0, 0));
    aws.text("s3 rb s3://files-of-a-test").await;
    assert_eq!(aws.region.audit().buckets, 0);
}

#[tokio::test]
async fn a_bucket_that_was_versioned_by_hand_is_cleaned_up_by_hand() {
    let Some(aws) = Aws::start("versions").await else { return };
    aws.create_bucket().await;
    aws.ok(&format!("s3api put-bucket-versioning --bucket {BUCKET} --versioning-configuration Status=Enabled")).await;
    assert_eq!(aws.ok(&format!("s3api get-bucket-versioning --bucket {BUCKET}")).await["Status"], "Enabled");
    aws.write("file", b"hello");
    let version = aws.ok(&format!("s3api put-object --bucket {BUCKET} --key a --body file")).await["VersionId"].clone();
    let marker = aws.ok(&format!("s3api delete-object --bucket {BUCKET} --key a")).await;
    assert_eq!(marker["DeleteMarker"], true);
    assert_eq!(aws.refused(&format!("s3api delete-bucket --bucket {BUCKET}")).await, "BucketNotEmpty");
    let all = aws.ok(&format!("s3api list-object-versions --bucket {BUCKET}")).await;
    assert_eq!(all["Versions"][0]["VersionId"], version);
    assert_eq!(all["DeleteMarkers"][0]["VersionId"], marker["VersionId"]);
    for id in [&version, &marker["VersionId"]] {
        let id = id.as_str().unwrap();
        aws.ok(&format!("s3api delete-object --bucket {BUCKET} --key a --version-id {id}")).await;
    }
    aws.ok(&format!("s3api delete-bucket --bucket {BUCKET}")).await;
    assert_eq!(aws.kept(), 0);
}

#[tokio::test]
async fn what_the_lab_does_not_simulate_is_refused_by_name() {
    let Some(aws) = Aws::start("refusals").await else { return };
    aws.create_bucket().await;
    aws.write("file", b"hello");
    for words in [
        format!("s3api get-bucket-acl --bucket {BUCKET}"),
        format!("s3api list-objects --bucket {BUCKET}"),
        format!("s3api put-object --bucket {BUCKET} --key a --body file --acl private"),
        format!("s3api put-object --bucket {BUCKET} --key a --body file --checksum-algorithm SHA1"),
        format!("s3api create-multipart-upload --bucket {BUCKET} --key a"),
        format!("s3api copy-object --bucket {BUCKET} --key a --copy-source {BUCKET}/b"),
    ] {
        assert_eq!(aws.refused(&words).await, "NotImplemented", "{words}");
    }
    assert_eq!(aws.refused("s3api create-bucket --bucket without-a-place").await, "IllegalLocationConstraintException");
    assert_eq!((aws.region.audit().objects, aws.kept()), (0, 0));
}

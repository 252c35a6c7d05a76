//! The reasons why a program cannot be brought to an instance as it is asked for.

/// EC2's limit on user data, in raw bytes.
pub const LIMIT: usize = 16_384;

/// Why there is no script.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidUserData {
    #[error(
        "the user data would be {bytes} bytes and EC2 takes {LIMIT}: shorten {longest}, or move it into the archive or the image"
    )]
    TooLong { bytes: usize, longest: &'static str },
    #[error("environment variable {0:?}: a name is letters, digits and '_', and does not start with a digit")]
    Name(String),
    #[error("environment variable {0}: it is set by us, choose another name")]
    Reserved(String),
    #[error("environment variable {0}: its value holds a control character, which systemd would not pass on")]
    Value(String),
    #[error("artifact url {0:?}: it must start with http:// or https:// and hold visible ASCII characters only")]
    Url(String),
    #[error("artifact sha256 {0:?}: it must be 64 lower-case hexadecimal digits")]
    Sha256(String),
    #[error(
        "this operator does not have {program} with sha256 {sha256}, with which the benchmark was placed by version {version}: run an operator of that version, or delete the benchmark and create it again"
    )]
    NotHeld { program: &'static str, sha256: String, version: String },
    #[error(
        "this operator brings no programs (--programs-delivery Pull), and the benchmark was placed without a way out of its subnets by one that did, so instances could fetch none: run the operator with --programs-delivery Push, or delete the benchmark and create it again"
    )]
    NoWayOut,
    #[error("worker.command: {0:?} holds a control character, which systemd would not pass on")]
    Command(String),
    #[error("worker.setup: {0:?} is more than one line, or holds a control character")]
    Setup(String),
    #[error(
        "worker.container.image {0:?}: it must be the name of an image with its digest, such as x/app@sha256:9b2e.."
    )]
    Image(String),
    #[error("{0:?} is not the name of a package or of a unit")]
    PlainName(String),
}

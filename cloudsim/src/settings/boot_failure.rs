//! Reasons for which EC2 gives up an instance that it had accepted.

use serde::{Deserialize, Serialize};

macro_rules! boot_failures {
    ($($name:ident: $code:literal, $message:literal;)*) => {
        /// Source of codes and words: EC2 API reference, "StateReason"; what lies behind each: EC2 user guide,
        /// "Troubleshoot Amazon EC2 instance launch issues", "instance terminates immediately".
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
        pub enum BootFailure { $($name),* }

        impl BootFailure {
            pub const ALL: &[Self] = &[$(Self::$name),*];

            /// EC2's own code.
            pub fn code(self) -> &'static str {
                match self { $(Self::$name => $code),* }
            }

            pub(crate) fn message(self) -> &'static str {
                match self { $(Self::$name => $message),* }
            }

            pub(crate) fn parse(code: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|one| one.code() == code)
            }
        }
    };
}

boot_failures! {
    NoCapacity: "Server.InsufficientInstanceCapacity", "Insufficient capacity to launch the instance";
    ServerError: "Server.InternalError", "Internal error on launch";
    // Mostly a key of KMS that may not be used for an encrypted volume.
    ClientError: "Client.InternalError", "Client error on launch";
    VolumeLimit: "Client.VolumeLimitExceeded", "Volume limit exceeded";
    NoSnapshot: "Client.InvalidSnapshot.NotFound", "The specified snapshot was not found";
}

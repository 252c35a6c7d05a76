//! The reason why a part of the world is not known.

use super::{CloudError, Failure};

/// The failure of an observation, and its words for people.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unknown {
    pub failure: Failure,
    pub message: String,
}

impl From<CloudError> for Unknown {
    fn from(error: CloudError) -> Self {
        Self { failure: error.failure, message: error.to_string() }
    }
}

//! One part of the world: known, or unknown and why.

use crate::failure::{Failure, Unknown};
use crate::ports::AgentError;

/// One part of the world: looked at, or not known and why.
#[derive(Clone, Debug, PartialEq)]
pub enum Facet<T> {
    Known(T),
    Unknown(Unknown),
}

impl From<AgentError> for Unknown {
    fn from(error: AgentError) -> Self {
        Self { failure: Failure::Unreachable, message: error.to_string() }
    }
}

impl<T> Facet<T> {
    pub fn known(&self) -> Option<&T> {
        match self {
            Self::Known(value) => Some(value),
            Self::Unknown(_) => None,
        }
    }

    /// The same facet of something that is made from the value.
    pub fn map<U>(&self, of: impl FnOnce(&T) -> U) -> Facet<U> {
        match self {
            Self::Known(value) => Facet::Known(of(value)),
            Self::Unknown(why) => Facet::Unknown(why.clone()),
        }
    }

    pub fn unknown(&self) -> Option<&Unknown> {
        match self {
            Self::Known(_) => None,
            Self::Unknown(why) => Some(why),
        }
    }
}

impl<T, E: Into<Unknown>> From<Result<T, E>> for Facet<T> {
    fn from(result: Result<T, E>) -> Self {
        match result {
            Ok(value) => Self::Known(value),
            Err(error) => Self::Unknown(error.into()),
        }
    }
}

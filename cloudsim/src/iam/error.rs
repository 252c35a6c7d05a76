//! Errors of policy documents.

/// The reason for which a document is none that this simulation understands. Nothing unknown is ignored: that would let
/// somebody in.
#[derive(Debug, thiserror::Error)]
pub enum PolicyError {
    #[error("it is no policy document: {0}")]
    Document(#[from] serde_json::Error),
    #[error("Version is {0}: write 2012-10-17")]
    Version(String),
    #[error("{0} is a policy variable, which this simulation does not resolve: write the value")]
    Variable(String),
    #[error("condition operator {0} is not simulated")]
    Operator(String),
    #[error("{operator} of {key} compares with {value}, which is no number")]
    Number { operator: String, key: String, value: String },
}

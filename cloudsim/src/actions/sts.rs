//! The actions of STS, by its own names.

super::actions! {
    /// An action of STS.
    "sts": {
        GetCallerIdentity: Reads,
    }
}

//! The actions of the Price List, by its own names.

super::actions! {
    /// An action of the Price List.
    "pricing": {
        GetProducts: Reads,
    }
}

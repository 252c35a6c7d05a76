//! A document: what CBOR and JSON both can say.

use jiff::Timestamp;

/// A value of a request or an answer.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Value {
    Null,
    Bool(bool),
    Number(f64),
    /// A moment: tagged in CBOR, seconds in JSON.
    Time(Timestamp),
    Text(String),
    List(Vec<Self>),
    /// Fields in the order of the wire.
    Map(Vec<(String, Self)>),
}

impl Value {
    pub(in crate::aws) fn text(text: &str) -> Self {
        Self::Text(text.to_owned())
    }

    pub(in crate::aws) fn map<'a>(fields: impl IntoIterator<Item = (&'a str, Self)>) -> Self {
        Self::Map(fields.into_iter().map(|(name, value)| (name.to_owned(), value)).collect())
    }

    pub(in crate::aws) fn list(items: impl IntoIterator<Item = Self>) -> Self {
        Self::List(items.into_iter().collect())
    }
}

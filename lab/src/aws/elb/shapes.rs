//! Elements that many answers of ELBv2 share.

use serde::Serialize;

/// Lists are `<member>`s in all Query protocols but EC2's.
#[derive(Debug, Serialize)]
pub(super) struct Members<T> {
    member: Vec<T>,
}

impl<T> Members<T> {
    pub(super) fn of<S>(all: impl IntoIterator<Item = S>, shape: impl FnMut(S) -> T) -> Self {
        Self { member: all.into_iter().map(shape).collect() }
    }
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Pair {
    key: String,
    value: String,
}

/// Tags or attributes.
pub(super) fn pairs<'a>(pairs: impl IntoIterator<Item = (&'a String, &'a String)>) -> Members<Pair> {
    Members::of(pairs, |(key, value)| Pair { key: key.clone(), value: value.clone() })
}

/// The result of actions that answer nothing.
#[derive(Debug, Serialize)]
pub(super) struct Nothing {}

/// A time as ELBv2 writes it.
pub(super) fn time(at: jiff::Timestamp) -> String {
    format!("{at:.3}")
}

//! Things that happen by themselves at their time, of one service.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::Engine;
use super::visibility::later;

/// Events by moment, and of one moment in the order in which they were entered in any agenda of the region.
#[derive(Debug)]
pub(crate) struct Agenda<E>(BTreeMap<(Timestamp, u64), E>);

/// Place of an entry among those of all agendas.
pub(crate) type Place = (Timestamp, u64);

impl<E> Default for Agenda<E> {
    fn default() -> Self {
        Self(BTreeMap::new())
    }
}

impl<E> Agenda<E> {
    /// `event` happens so many milliseconds from now.
    pub(crate) fn enter(&mut self, engine: &mut Engine, millis: u64, event: E) {
        self.0.insert((later(engine.now(), millis), engine.next_entry()), event);
    }

    /// Place of what happens next.
    pub(crate) fn first(&self) -> Option<Place> {
        self.0.keys().next().copied()
    }

    pub(crate) fn take_first(&mut self) -> Option<E> {
        self.0.pop_first().map(|(_, event)| event)
    }

    /// Each entry in words, without its number.
    pub(crate) fn moment(&self) -> Vec<String>
    where
        E: std::fmt::Debug,
    {
        self.0.iter().map(|((at, _), event)| format!("{at}: {event:?}")).collect()
    }

    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }
}

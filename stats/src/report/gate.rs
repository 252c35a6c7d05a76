//! One gate: what was measured against what is allowed. Pure.

use wire::{Gate, GateKind, GateOutcome, Unit};

/// A gate with its outcome, and no reason yet.
pub(crate) struct Open(Gate);

pub(crate) fn at_most(kind: GateKind, about: &str, measured: u64, limit: u64, unit: Unit) -> Open {
    open(kind, about, measured, limit, unit, measured <= limit)
}

pub(crate) fn at_least(kind: GateKind, about: &str, measured: u64, limit: u64, unit: Unit) -> Open {
    open(kind, about, measured, limit, unit, measured >= limit)
}

fn open(kind: GateKind, about: &str, measured: u64, limit: u64, unit: Unit, passed: bool) -> Open {
    let outcome = if passed { GateOutcome::Passed } else { GateOutcome::Failed };
    Open(Gate { kind, about: about.to_owned(), measured, limit, unit, outcome, reason: String::new() })
}

impl Open {
    /// With the reason that is given when it failed.
    pub(crate) fn or(mut self, reason: impl FnOnce(&Gate) -> String) -> Gate {
        if self.0.outcome == GateOutcome::Failed {
            self.0.reason = reason(&self.0);
        }
        self.0
    }

    pub(crate) fn failed(self, reason: String) -> Gate {
        Gate { outcome: GateOutcome::Failed, reason, ..self.0 }
    }
}

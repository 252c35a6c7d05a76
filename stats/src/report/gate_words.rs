//! Gates as people read them: what is checked, and values in their unit.

use wire::{Gate, GateKind, Unit};

use crate::numbers::{tenths, time};

/// What a gate checks, for a heading.
pub fn gate_words(kind: GateKind) -> &'static str {
    match kind {
        GateKind::Rounds => "rounds that count",
        GateKind::Voids => "rounds voided",
        GateKind::UnequalVoids => "rounds voided by one cluster more",
        GateKind::SendLag => "requests sent late, p99",
        GateKind::Sent => "planned requests that were sent",
        GateKind::GeneratorLimit => "requests held back by the generator",
        GateKind::GeneratorCpu => "CPU of the generator",
        GateKind::GeneratorSteal => "CPU taken from the generator",
        GateKind::MemberSteal => "CPU taken from a member",
        GateKind::ClockStep => "step of the clock",
        GateKind::ConnectionChurn => "needless connections",
        GateKind::Calibration => "change of a member's speed",
        GateKind::MixedSpeed => "rounds at another speed",
        GateKind::AllFailed => "requests failed",
    }
}

/// Whether the limit of a gate is the least that it takes, and not the most that it allows.
pub fn is_least(kind: GateKind) -> bool {
    matches!(kind, GateKind::Rounds | GateKind::Sent)
}

/// What was measured and what is allowed, as people read it.
pub fn gate_values(gate: &Gate) -> [String; 2] {
    [gate.measured, gate.limit].map(|value| match gate.unit {
        Unit::Count => value.to_string(),
        Unit::Micros => time(value),
        Unit::Millis => format!("{value} ms"),
        Unit::PerMille => tenths(u32::try_from(value).unwrap_or(u32::MAX)),
    })
}

/// How much of its limit a gate has used up, from 0 on; above 1 it failed. For finding the nearest of many.
pub fn used_up(gate: &Gate) -> f64 {
    let (measured, limit) = (gate.measured as f64, gate.limit as f64);
    let (part, whole) = if is_least(gate.kind) { (limit, measured) } else { (measured, limit) };
    if part <= 0.0 { 0.0 } else { part / whole.max(f64::MIN_POSITIVE) }
}

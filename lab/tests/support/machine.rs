//! Measurements that a busy machine spoiled, told from those that are wrong.

use wire::{GateKind, GateOutcome, Report};

/// Gates that the machine fails which all instances of the lab share.
const OF_MACHINE: [GateKind; 8] = [
    GateKind::SendLag,
    GateKind::Sent,
    GateKind::GeneratorCpu,
    GateKind::GeneratorSteal,
    GateKind::MemberSteal,
    GateKind::ClockStep,
    GateKind::Calibration,
    // A member that is stolen from looks like one whose credits are spent.
    GateKind::MixedSpeed,
];

/// Whether a run is not valid, and would be on a machine of its own.
pub(crate) fn is_disturbed(report: &Report) -> bool {
    let failed = || report.gates.iter().filter(|gate| gate.outcome == GateOutcome::Failed);
    failed().count() > 0 && failed().all(|gate| OF_MACHINE.contains(&gate.kind))
}

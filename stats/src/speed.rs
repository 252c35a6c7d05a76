//! Speed of a member, by what its kernel counted. Pure.

use wire::{CreditMode, Credits, Speed};

/// CPU time of all processors of a member: since boot, or over a stretch of load.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CpuTime {
    /// Something ran.
    pub busy_millis: u64,
    /// Something wanted to run and the hypervisor did not let it.
    pub stolen_millis: u64,
    /// All time.
    pub total_millis: u64,
}

/// Stolen time, of what was wanted, that is more than bad luck with neighbours in a short round. At full demand a cap takes
/// seven tenths and more.
const THROTTLED_PER_MILLE: u64 = 500;
/// CPU time used under a cap stays near it: this much above is rounding, and credits earned while nothing was asked for.
const ABOVE_BASELINE_PER_MILLE: u64 = 1_250;

impl CpuTime {
    /// `None` when a counter went back: it is another boot.
    pub fn since(&self, earlier: &Self) -> Option<Self> {
        Some(Self {
            busy_millis: self.busy_millis.checked_sub(earlier.busy_millis)?,
            stolen_millis: self.stolen_millis.checked_sub(earlier.stolen_millis)?,
            total_millis: self.total_millis.checked_sub(earlier.total_millis)?,
        })
    }

    /// `None` when no time passed.
    pub fn steal_per_mille(&self) -> Option<u32> {
        let share = (self.stolen_millis * 1_000).checked_div(self.total_millis)?;
        u32::try_from(share).ok()
    }

    /// At which speed a burstable member ran. `None`: an unlimited one has one speed, whatever credits are left; it pays for
    /// what it uses above its baseline.
    ///
    /// Without credits the hypervisor keeps a member at its baseline, and its kernel counts what it wanted beyond it as
    /// stolen (AWS, "Key concepts for burstable performance instances": the CPU is brought down to the baseline; what a
    /// guest sees of that is steal). A member that wanted less than its baseline ran at full speed, whatever credits it
    /// had; one that was stolen from while it used more than its baseline has noisy neighbours and no cap.
    pub fn speed(&self, credits: &Credits) -> Option<Speed> {
        let wanted = self.busy_millis + self.stolen_millis;
        let is_throttled = self.stolen_millis * 1_000 >= wanted * THROTTLED_PER_MILLE && self.stolen_millis > 0;
        let cap = self.total_millis * u64::from(credits.baseline_per_mille) / 1_000;
        let is_capped = self.busy_millis * 1_000 <= cap * ABOVE_BASELINE_PER_MILLE;
        match credits.mode {
            CreditMode::Unlimited => None,
            CreditMode::Standard if is_throttled && is_capped => Some(Speed::Baseline),
            CreditMode::Standard => Some(Speed::Burst),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cpu(busy_millis: u64, stolen_millis: u64, total_millis: u64) -> CpuTime {
        CpuTime { busy_millis, stolen_millis, total_millis }
    }

    #[test]
    fn a_member_at_its_cap_ran_at_its_baseline() {
        let micro = Credits { mode: CreditMode::Standard, baseline_per_mille: 100 };
        for (time, speed, why) in [
            (cpu(9_900, 50, 10_000), Speed::Burst, "full speed"),
            (cpu(1_000, 9_000, 10_000), Speed::Baseline, "it wanted everything and got its tenth"),
            (cpu(1_000, 1_000, 10_000), Speed::Baseline, "it wanted a fifth"),
            (cpu(100, 30, 1_000), Speed::Burst, "a bad moment of a short round"),
            (cpu(1_240, 8_760, 10_000), Speed::Baseline, "a few credits earned while it was idle"),
            (cpu(500, 0, 10_000), Speed::Burst, "it wanted less than the baseline"),
            (cpu(500, 100, 10_000), Speed::Burst, "and was hardly kept waiting"),
            (
                cpu(5_000, 5_000, 10_000),
                Speed::Burst,
                "half stolen far above the cap: not credits, and the gate of steal",
            ),
            (cpu(0, 0, 10_000), Speed::Burst, "idle"),
        ] {
            assert_eq!(time.speed(&micro), Some(speed), "{why}");
        }
        let unlimited = Credits { mode: CreditMode::Unlimited, ..micro };
        assert_eq!(cpu(1_000, 9_000, 10_000).speed(&unlimited), None, "there is no cap, and no credits that end");
    }

    #[test]
    fn a_stretch_is_the_difference_of_two_readings_of_one_boot() {
        let (before, after) = (cpu(100, 10, 1_000), cpu(300, 60, 2_000));
        assert_eq!(after.since(&before), Some(cpu(200, 50, 1_000)));
        assert_eq!(before.since(&after), None);
        assert_eq!((cpu(200, 50, 1_000).steal_per_mille(), cpu(0, 0, 0).steal_per_mille()), (Some(50), None));
    }
}

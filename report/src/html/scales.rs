//! Scales of a page's plots: logarithmic ones for times and rates, and signed ones for differences. Linear placing is the pictures' own.

use crate::picture::Scale;

/// Times in microseconds, or rates, from the least to the most, each ten times as far as the one before.
pub(super) struct Logarithmic {
    scale: Scale,
    ticks: Vec<u64>,
}

impl Logarithmic {
    /// `pixels` of the least and of the most.
    pub(super) fn between(least: u64, most: u64, pixels: (f64, f64)) -> Self {
        let (least, most) = (least.max(1), most.max(least.max(1).saturating_add(1)));
        // A little room on both sides.
        let (from, to) = ((least as f64).ln() - 0.05, (most as f64).ln() + 0.08);
        let decades = (to - from) / std::f64::consts::LN_10;
        let factors: &[u64] = match decades {
            0.0..0.35 => {
                &[10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 22, 24, 26, 28, 30, 35, 40, 45, 50, 60, 70, 80, 90]
            }
            0.0..0.6 => &[10, 12, 15, 20, 25, 30, 40, 50, 60, 80],
            0.0..3.0 => &[10, 20, 50],
            _ => &[10],
        };
        let all = (0..11).flat_map(|power| factors.iter().map(move |factor| factor * 10u64.pow(power)));
        let whole = |micros: &u64| micros.is_multiple_of(10);
        let within = |micros: &u64| (from..=to).contains(&(*micros as f64).ln());
        let mut ticks: Vec<u64> = all.filter(whole).map(|tenfold| tenfold / 10).filter(within).collect();
        ticks.dedup();
        if ticks.len() > 9 {
            ticks = ticks.into_iter().step_by(2).collect();
        }
        Self { scale: Scale { from, to, pixels }, ticks }
    }

    pub(super) fn px(&self, micros: u64) -> f64 {
        self.scale.px((micros.max(1) as f64).ln().clamp(self.scale.from, self.scale.to))
    }

    pub(super) fn ticks(&self) -> &[u64] {
        &self.ticks
    }
}

/// Percentiles from 0 to `nines` nines: each step to the right is ten times rarer.
pub(super) struct Rarity {
    pub(super) scale: Scale,
}

impl Rarity {
    pub(super) fn up_to(nines: f64, pixels: (f64, f64)) -> Self {
        Self { scale: Scale { from: 0.0, to: nines.max(1.0), pixels } }
    }

    /// Pixel of a share from 0 to below 1.
    pub(super) fn px(&self, share: f64) -> f64 {
        self.scale.px(-(1.0 - share).log10())
    }

    /// Shares with their names, as far as they are in.
    pub(super) fn ticks(&self) -> impl Iterator<Item = (f64, &'static str)> {
        let named: [(f64, &str); 6] =
            [(0.5, "p50"), (0.9, "p90"), (0.99, "p99"), (0.999, "p99.9"), (0.9999, "p99.99"), (0.99999, "p99.999")];
        let to = self.scale.to + 1e-9;
        [(0.0, "0")].into_iter().chain(named).filter(move |(share, _)| -(1.0 - share).log10() <= to)
    }
}

/// Percentages of both signs.
pub(super) struct Signed {
    pub(super) scale: Scale,
    ticks: Vec<f64>,
    decimals: usize,
}

impl Signed {
    pub(super) fn between(least: f64, most: f64, pixels: (f64, f64)) -> Self {
        let room = ((most - least) * 0.06).max(0.01);
        let (from, to) = (least - room, most + room);
        let power = 10f64.powf(((to - from) / 6.0).log10().floor());
        let step =
            [1.0, 2.0, 5.0, 10.0].map(|factor| factor * power).into_iter().find(|step| (to - from) / step <= 7.0);
        let step = step.unwrap_or(to - from);
        let decimals = if step >= 1.0 { 0 } else { (-step.log10()).ceil().clamp(0.0, 6.0) as usize };
        let first = (from / step).ceil() as i64;
        let last = (to / step).floor() as i64;
        let ticks = (first..=last.min(first + 20)).map(|number| number as f64 * step).collect();
        Self { scale: Scale { from, to, pixels }, ticks, decimals }
    }

    pub(super) fn px(&self, percent: f64) -> f64 {
        self.scale.px(percent.clamp(self.scale.from, self.scale.to))
    }

    pub(super) fn holds(&self, percent: f64) -> bool {
        (self.scale.from..=self.scale.to).contains(&percent)
    }

    /// Places of the ticks with their names: `+20 %`, `0`.
    pub(super) fn ticks(&self) -> impl Iterator<Item = (f64, String)> {
        self.ticks.iter().map(|percent| {
            let text = format!("{percent:+.*} %", self.decimals);
            let is_zero = text.trim_end_matches(" %").chars().all(|c| matches!(c, '+' | '-' | '0' | '.'));
            (*percent, if is_zero { "0".to_owned() } else { text })
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn times(least: u64, most: u64) -> Vec<u64> {
        Logarithmic::between(least, most, (100.0, 0.0)).ticks().to_vec()
    }

    #[test]
    fn times_have_ticks_that_people_count_in() {
        assert_eq!(times(50_000, 240_000), [50_000, 100_000, 200_000]);
        assert_eq!(times(100, 9_000_000), [100, 1_000, 10_000, 100_000, 1_000_000]);
        assert!(
            times(50_000, 60_000).len() > 1 && times(1, 2).len() > 1,
            "{:?} {:?}",
            times(50_000, 60_000),
            times(1, 2)
        );
        for (least, most) in [(0, 0), (1, 1), (7, 7_200_000_000), (u64::MAX, u64::MAX), (99, 101)] {
            let scale = Logarithmic::between(least, most, (100.0, 0.0));
            assert!(scale.ticks().len() <= 9, "{least} {most}");
            assert!((0.0..=100.0).contains(&scale.px(most)), "{least} {most}");
        }
    }

    #[test]
    fn differences_have_signs_and_zero_has_none() {
        let names =
            |least, most| Signed::between(least, most, (0.0, 100.0)).ticks().map(|(_, name)| name).collect::<Vec<_>>();
        assert_eq!(names(-6.0, 104.0), ["0", "+20 %", "+40 %", "+60 %", "+80 %", "+100 %"]);
        assert_eq!(names(-1.0, 1.0), ["-1.0 %", "-0.5 %", "0", "+0.5 %", "+1.0 %"]);
        assert!(names(5.0, 5.0).len() <= 8);
        let shares: Vec<_> = Rarity::up_to(3.2, (0.0, 100.0)).ticks().map(|(_, name)| name).collect();
        assert_eq!(shares, ["0", "p50", "p90", "p99", "p99.9"]);
    }
}

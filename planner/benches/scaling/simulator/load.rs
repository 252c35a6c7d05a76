//! The five loads.

use super::streams::{exponential, stream, unit};

/// When requests come.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Load {
    /// So many within half a second, after ten.
    Burst(u32),
    /// Four a second for half an hour.
    Poisson,
    /// From none to eight a second and back within an hour.
    Ramp,
    /// Five a second for two minutes, none for four, eight times.
    OnOff,
}

impl Load {
    pub(crate) const ALL: [Self; 5] = [Self::Burst(100), Self::Burst(1000), Self::Poisson, Self::Ramp, Self::OnOff];

    pub(crate) fn name(self) -> String {
        match self {
            Self::Burst(count) => format!("burst {count}"),
            Self::Poisson => "Poisson 4/s 30 min".to_owned(),
            Self::Ramp => "ramp 0-8-0/s 1 h".to_owned(),
            Self::OnOff => "5/s 2 min on 4 off x8".to_owned(),
        }
    }

    /// Times of the requests, in seconds and in order.
    pub(crate) fn arrivals(self, seed: u64) -> Vec<f64> {
        let mut random = stream(seed, 1);
        let mut times = Vec::new();
        match self {
            Self::Burst(count) => times.extend((0..count).map(|_| 10.0 + unit(&mut random) / 2.0)),
            Self::Poisson => poisson(&mut times, 0.0, 1800.0, || exponential(&mut random) / 4.0),
            Self::Ramp => {
                let mut at = 0.0;
                while at < 3600.0 {
                    at += exponential(&mut random) / 8.0;
                    let share = (std::f64::consts::PI * at / 3600.0).sin().powi(2);
                    if at < 3600.0 && unit(&mut random) <= share {
                        times.push(at);
                    }
                }
            }
            Self::OnOff => {
                for cycle in 0..8 {
                    let begin = f64::from(cycle) * 360.0;
                    poisson(&mut times, begin, begin + 120.0, || exponential(&mut random) / 5.0);
                }
            }
        }
        times.sort_by(f64::total_cmp);
        times
    }
}

fn poisson(times: &mut Vec<f64>, begin: f64, end: f64, mut gap: impl FnMut() -> f64) {
    let mut at = begin + gap();
    while at < end {
        times.push(at);
        at += gap();
    }
}

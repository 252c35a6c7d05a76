//! The processors that an instance gets.

use std::collections::BTreeMap;

use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};

/// The number of vCPUs on each processor of the lab.
#[derive(Clone, Debug)]
pub(super) struct Cores(BTreeMap<usize, u32>);

impl Cores {
    /// The processors that this process may use.
    pub(super) fn available() -> rustix::io::Result<Self> {
        let set = sched_getaffinity(None)?;
        Ok(Self((0..CpuSet::MAX_CPU).filter(|core| set.is_set(*core)).map(|core| (core, 0)).collect()))
    }

    pub(super) fn count(&self) -> usize {
        self.0.len()
    }

    /// Takes the least used processors, as many as there are vCPUs, or all when there are fewer.
    pub(super) fn take(&mut self, vcpus: u32) -> Vec<usize> {
        let mut by_use: Vec<(u32, usize)> = self.0.iter().map(|(core, used)| (*used, *core)).collect();
        by_use.sort_unstable();
        let mut taken: Vec<usize> = by_use.into_iter().take(vcpus as usize).map(|(_, core)| core).collect();
        taken.sort_unstable();
        for core in &taken {
            *self.0.entry(*core).or_default() += 1;
        }
        taken
    }

    /// Gives back what an instance had.
    pub(super) fn release(&mut self, cores: &[usize]) {
        for core in cores {
            if let Some(used) = self.0.get_mut(core) {
                *used = used.saturating_sub(1);
            }
        }
    }
}

/// Binds this thread, and all that it starts from now on, to `cores`.
pub(super) fn bind(cores: &[usize]) -> rustix::io::Result<()> {
    let mut set = CpuSet::new();
    cores.iter().for_each(|core| set.set(*core));
    sched_setaffinity(None, &set)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn instances_spread_over_the_processors_and_give_them_back() {
        let mut cores = Cores((0..4).map(|core| (core, 0)).collect());
        assert_eq!(cores.take(1), [0]);
        assert_eq!(cores.take(2), [1, 2]);
        assert_eq!(cores.take(2), [0, 3], "the idle one first");
        cores.release(&[1, 2]);
        assert_eq!(cores.take(2), [1, 2]);
        assert_eq!(cores.take(16), [0, 1, 2, 3], "no more than there are");
    }
}

//! Machine of the generator, and the effort that the load was for it.

use std::fs;
use std::num::NonZero;
use std::thread::available_parallelism;
use std::time::{Duration, Instant, SystemTime};

use rustix::time::{ClockId, clock_gettime};
use wire::{Environment, GeneratorFacts};

/// Processors this process may use: affinity and quota counted.
pub(crate) fn parallelism() -> usize {
    available_parallelism().map_or(1, NonZero::get)
}

/// CPU time of this process so far.
fn cpu_time() -> Duration {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    Duration::new(time.tv_sec.try_into().unwrap_or(0), time.tv_nsec.try_into().unwrap_or(0))
}

/// The clocks when load begins.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Reading {
    cpu: Duration,
    wall: Instant,
    ticks: Option<Ticks>,
}

impl Reading {
    pub(crate) fn now() -> Self {
        Self { cpu: cpu_time(), wall: Instant::now(), ticks: read_ticks() }
    }
}

/// CPU and wall time spent while load was on, and what was taken from us meanwhile.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Effort {
    pub(crate) cpu: Duration,
    pub(crate) wall: Duration,
    ticks: Ticks,
}

impl Effort {
    /// Load was on from `begin` until now.
    pub(crate) fn add_since(&mut self, begin: &Reading) {
        let now = Reading::now();
        self.add(now.cpu.saturating_sub(begin.cpu), begin.wall.elapsed());
        self.add_ticks(begin.ticks, now.ticks);
    }

    fn add_ticks(&mut self, before: Option<Ticks>, after: Option<Ticks>) {
        let (Some(before), Some(after)) = (before, after) else { return };
        self.ticks.all += after.all.saturating_sub(before.all);
        self.ticks.stolen += after.stolen.saturating_sub(before.stolen);
    }

    /// Effort under load only: whatever happens while a run waits changes nothing that was measured.
    pub(crate) fn steal_per_mille(&self) -> u32 {
        (self.ticks.stolen * 1000).checked_div(self.ticks.all).unwrap_or(0) as u32
    }

    /// Effort of another load.
    pub(crate) fn add_all(&mut self, other: &Self) {
        self.add(other.cpu, other.wall);
        self.ticks.all += other.ticks.all;
        self.ticks.stolen += other.ticks.stolen;
    }

    fn add(&mut self, cpu: Duration, wall: Duration) {
        self.cpu += cpu;
        self.wall += wall;
    }

    /// CPU time in thousandths of what `parallelism` processors give in that time.
    pub(crate) fn per_mille(&self, parallelism: usize) -> u32 {
        let allowed = self.wall.as_secs_f64() * parallelism as f64;
        if allowed > 0.0 { (self.cpu.as_secs_f64() * 1000.0 / allowed).round() as u32 } else { 0 }
    }
}

/// The clocks at the start of a run.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Start {
    monotonic: Instant,
    wall: SystemTime,
}

impl Start {
    pub(crate) fn now() -> Self {
        Self { monotonic: Instant::now(), wall: SystemTime::now() }
    }

    pub(crate) fn elapsed(&self) -> Duration {
        self.monotonic.elapsed()
    }

    /// Milliseconds by which the wall clock moved against the monotonic one.
    pub(crate) fn clock_step_millis(&self) -> i64 {
        let passed = self.monotonic.elapsed().as_millis() as i64;
        let shown = match SystemTime::now().duration_since(self.wall) {
            Ok(forward) => forward.as_millis() as i64,
            Err(backward) => -(backward.duration().as_millis() as i64),
        };
        shown - passed
    }

    /// Facts about this generator, with the CPU time taken from it under load.
    pub(crate) fn environment(&self, instance_id: &str, effort: &Effort) -> Environment {
        let parallelism = parallelism();
        let generator = GeneratorFacts {
            instance_id: instance_id.to_owned(),
            instance_type: String::new(),
            parallelism: parallelism as u32,
            cpu_model: fs::read_to_string("/proc/cpuinfo").ok().and_then(|text| cpu_model(&text)).unwrap_or_default(),
            kernel: fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default().trim().to_owned(),
            steal_per_mille: effort.steal_per_mille(),
            cpu_per_mille: effort.per_mille(parallelism),
            clock_step_millis: self.clock_step_millis(),
        };
        let versions = vec![format!("loadgen {}", env!("CARGO_PKG_VERSION"))];
        Environment { generators: vec![generator], versions, ..Environment::default() }
    }
}

/// Clock ticks of all processors: all, and those the hypervisor took.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Ticks {
    all: u64,
    stolen: u64,
}

fn read_ticks() -> Option<Ticks> {
    parse_ticks(&fs::read_to_string("/proc/stat").ok()?)
}

/// First line of `/proc/stat`: user nice system idle iowait irq softirq steal; guest times are in user already.
fn parse_ticks(stat: &str) -> Option<Ticks> {
    let fields = stat.lines().next()?.strip_prefix("cpu ")?;
    let ticks: Vec<u64> = fields.split_whitespace().take(8).map(str::parse).collect::<Result<_, _>>().ok()?;
    Some(Ticks { all: ticks.iter().sum(), stolen: *ticks.get(7)? })
}

/// `model name` on x86; ARM kernels give numbers only.
fn cpu_model(cpuinfo: &str) -> Option<String> {
    let value = |key: &str| {
        cpuinfo
            .lines()
            .find_map(|line| line.split_once(':').filter(|(name, _)| name.trim() == key))
            .map(|(_, value)| value.trim().to_owned())
    };
    value("model name").or_else(|| Some(format!("ARM part {}", value("CPU part")?)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_steal() {
        let before = parse_ticks("cpu  100 0 100 700 0 0 0 100 0 0\ncpu0 1 2 3").unwrap();
        assert_eq!(before, Ticks { all: 1000, stolen: 100 });
        let after = parse_ticks("cpu  500 0 500 700 0 0 0 300 9 9\n").unwrap();
        let of = |before, after| {
            let mut effort = Effort::default();
            effort.add_ticks(before, after);
            effort.steal_per_mille()
        };
        assert_eq!(of(Some(before), Some(after)), 200);
        assert_eq!((of(Some(before), Some(before)), of(None, Some(after))), (0, 0));
        assert_eq!(parse_ticks("intr 1 2"), None);
    }

    #[test]
    fn hours_without_load_do_not_dilute_steal() {
        let at = |all, stolen| Some(Ticks { all, stolen });
        let mut effort = Effort::default();
        effort.add_ticks(at(0, 0), at(100, 10));
        // Held for long, and nothing is taken from an idle machine.
        effort.add_ticks(at(1_000_000, 10), at(1_000_100, 20));
        assert_eq!(effort.steal_per_mille(), 100);
    }

    #[test]
    fn reads_the_model() {
        assert_eq!(cpu_model("processor : 0\nmodel name\t: A CPU @ 2 GHz\n").as_deref(), Some("A CPU @ 2 GHz"));
        assert_eq!(cpu_model("CPU part\t: 0xd40\n").as_deref(), Some("ARM part 0xd40"));
        assert_eq!(cpu_model(""), None);
    }

    #[test]
    fn effort_is_relative_to_what_is_allowed() {
        let mut effort = Effort::default();
        assert_eq!(effort.per_mille(2), 0);
        effort.add(Duration::from_millis(900), Duration::from_millis(1000));
        assert_eq!((effort.per_mille(1), effort.per_mille(2)), (900, 450));
    }
}

//! `--histogram FILE`: every second of the measurement as a line of an HdrHistogram interval log (format 1.3), which
//! HdrHistogram's own tools read.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::Path;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use stats::Latencies;

use crate::engine::load::Load;
use crate::engine::poller::now_nanos;
use crate::run::seconds::Interval;

#[derive(Debug)]
pub struct HistogramLog {
    /// On the monotonic clock.
    started_nanos: u64,
    /// The file, until it cannot be written any more, and why.
    file: Mutex<Result<BufWriter<File>, String>>,
}

/// The lines of one segment of load.
#[derive(Debug)]
pub(crate) struct SegmentLog<'a> {
    log: &'a HistogramLog,
    /// Name of the cluster, as a tag.
    tag: String,
    /// From the start of the log to that of the segment.
    starts: Duration,
}

impl HistogramLog {
    pub fn create(path: &Path) -> io::Result<Self> {
        let mut file = BufWriter::new(File::create(path)?);
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        writeln!(file, "#[Histogram log format version 1.3]")?;
        writeln!(file, "#[StartTime: {}.{:03} (seconds since epoch)]", now.as_secs(), now.subsec_millis())?;
        writeln!(file, "#[Values are microseconds; tags are CLUSTER.response, .service and .sendLag]")?;
        writeln!(file, "\"StartTimestamp\",\"Interval_Length\",\"Interval_Max\",\"Interval_Compressed_Histogram\"")?;
        Ok(Self { started_nanos: now_nanos(), file: Mutex::new(Ok(file)) })
    }

    pub(crate) fn of(&self, load: &Load) -> SegmentLog<'_> {
        self.segment(&load.target.cluster, load.starts_nanos)
    }

    fn segment(&self, cluster: &str, starts_nanos: u64) -> SegmentLog<'_> {
        // A comma or a space would end the tag.
        let tag = cluster.chars().map(|c| if c.is_alphanumeric() || "-_".contains(c) { c } else { '_' }).collect();
        SegmentLog { log: self, tag, starts: Duration::from_nanos(starts_nanos.saturating_sub(self.started_nanos)) }
    }

    fn line(&self, line: &str) {
        let mut guard = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        let Ok(file) = guard.as_mut() else { return };
        if let Err(error) = writeln!(file, "{line}") {
            *guard = Err(error.to_string());
        }
    }

    /// Writes what is left.
    pub fn finish(&self) -> Result<(), String> {
        match self.file.lock().unwrap_or_else(PoisonError::into_inner).as_mut() {
            Ok(file) => file.flush().map_err(|error| error.to_string()),
            Err(error) => Err(error.clone()),
        }
    }
}

impl SegmentLog<'_> {
    /// One second of all threads, also one in which nothing happened: readers divide by the lengths that they add up.
    /// Writes one line. A line that cannot be written is reported at the end.
    pub(crate) fn write(&self, interval: &Interval) {
        let tally = &interval.tally;
        let parts = [("response", &tally.response), ("service", &tally.service), ("sendLag", &tally.send_lag)];
        for (kind, latencies) in parts {
            let line = line(self.starts + interval.starts, interval.length, latencies);
            self.log.line(&format!("Tag={}.{kind},{line}", self.tag));
        }
    }
}

/// Start and length in seconds, maximum in milliseconds, as the format wants them; then the histogram.
fn line(at: Duration, length: Duration, latencies: &Latencies) -> String {
    let max = latencies.quantiles(0).max_micros.unwrap_or(0) as f64 / 1000.0;
    format!("{:.3},{:.3},{max:.3},{}", at.as_secs_f64(), length.as_secs_f64(), latencies.encode())
}

#[cfg(test)]
mod tests {
    use crate::engine::recording::Tally;

    use super::*;

    #[test]
    fn lines_follow_each_other_with_their_lengths_and_add_up() {
        let path = std::env::temp_dir().join(format!("seconds-{}.hlog", std::process::id()));
        let log = HistogramLog::create(&path).unwrap();
        let segment = log.segment("my cluster", log.started_nanos + 5_000_000_000);
        for (starts, length, answers) in [(0, 1_000, 2), (1, 1_000, 0), (2, 250, 1)] {
            let mut tally = Tally::default();
            (0..answers).for_each(|_| tally.response.record(1500));
            let (starts, length) = (Duration::from_secs(starts), Duration::from_millis(length));
            segment.write(&Interval { starts, length, tally });
        }
        log.finish().unwrap();
        let text = std::fs::read_to_string(&path).unwrap();
        std::fs::remove_file(&path).unwrap();
        let lines: Vec<Vec<&str>> = text
            .lines()
            .filter_map(|line| Some(line.strip_prefix("Tag=my_cluster.response,")?.split(',').collect()))
            .collect();
        let head: Vec<String> = lines.iter().map(|line| line[..3].join(" ")).collect();
        assert_eq!(head, ["5.000 1.000 1.500", "6.000 1.000 0.000", "7.000 0.250 1.500"]);
        let mut all = Latencies::new();
        lines.iter().for_each(|line| all.merge(&Latencies::decode(line[3]).unwrap()));
        assert_eq!(all.count(), 3);
    }
}

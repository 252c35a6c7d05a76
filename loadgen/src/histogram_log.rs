//! `--histogram FILE`: every second of the measurement as a line of an HdrHistogram interval log (format 1.3), which
//! HdrHistogram's own tools read.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::Path;
use std::sync::{Mutex, PoisonError};
use std::time::{Instant, SystemTime};

use stats::Latencies;

use crate::recording::Tally;

#[derive(Debug)]
pub struct HistogramLog {
    started: Instant,
    /// The file, until it cannot be written any more, and why.
    file: Mutex<Result<BufWriter<File>, String>>,
}

impl HistogramLog {
    pub fn create(path: &Path) -> io::Result<Self> {
        let mut file = BufWriter::new(File::create(path)?);
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        writeln!(file, "#[Histogram log format version 1.3]")?;
        writeln!(file, "#[StartTime: {}.{:03} (seconds since epoch)]", now.as_secs(), now.subsec_millis())?;
        writeln!(file, "#[Values are microseconds; tags are CLUSTER.response, .service and .sendLag]")?;
        writeln!(file, "\"StartTimestamp\",\"Interval_Length\",\"Interval_Max\",\"Interval_Compressed_Histogram\"")?;
        Ok(Self { started: Instant::now(), file: Mutex::new(Ok(file)) })
    }

    /// One second of one thread. What it cannot write any more it says at the end.
    pub(crate) fn write(&self, cluster: &str, tally: &Tally) {
        let mut guard = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        let Ok(file) = guard.as_mut() else { return };
        let at = self.started.elapsed().as_secs_f64() - 1.0;
        // A comma or a space would end the tag.
        let tag: String =
            cluster.chars().map(|c| if c.is_alphanumeric() || "-_".contains(c) { c } else { '_' }).collect();
        let parts = [("response", &tally.response), ("service", &tally.service), ("sendLag", &tally.send_lag)];
        for (kind, latencies) in parts.into_iter().filter(|(_, latencies)| latencies.count() > 0) {
            if let Err(error) = writeln!(file, "Tag={tag}.{kind},{}", line(at.max(0.0), latencies)) {
                *guard = Err(error.to_string());
                return;
            }
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

/// Start and length in seconds, maximum in milliseconds, as the format wants them; then the histogram.
fn line(at: f64, latencies: &Latencies) -> String {
    let max = latencies.quantiles(0).max_micros.unwrap_or(0) as f64 / 1000.0;
    format!("{at:.3},1.000,{max:.3},{}", latencies.encode())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_log_of_two_seconds_adds_up() {
        let path = std::env::temp_dir().join(format!("seconds-{}.hlog", std::process::id()));
        let log = HistogramLog::create(&path).unwrap();
        let mut tally = Tally::default();
        tally.response.record(1500);
        log.write("my cluster", &tally);
        log.write("my cluster", &tally);
        log.finish().unwrap();
        let text = std::fs::read_to_string(&path).unwrap();
        std::fs::remove_file(&path).unwrap();
        let mut all = Latencies::new();
        let lines = text.lines().filter(|line| line.starts_with("Tag=my_cluster.response,"));
        lines.for_each(|line| all.merge(&Latencies::decode(line.rsplit(',').next().unwrap()).unwrap()));
        assert_eq!(all.count(), 2);
        assert!(text.contains(",1.000,1.500,"), "{text}");
    }
}

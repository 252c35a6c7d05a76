//! `lab logs`: what the parts wrote.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::Path;
use std::time::Duration;

use anyhow::bail;

use crate::state::State;

/// Lines of each log when all are shown.
const OVERVIEW: usize = 10;
/// Lines of one log at first when it is followed.
const FOLLOWED: usize = 50;
/// Read from the end of a log when only its last lines are wanted.
const TAIL_BYTES: u64 = 64 * 1024;
/// Pause between two looks at a followed log.
const POLL_INTERVAL: Duration = Duration::from_millis(200);

/// Prints one log, or the end of all of them.
pub(crate) async fn logs(state: &State, part: Option<&str>, is_followed: bool) -> anyhow::Result<()> {
    let parts = state.logs();
    let Some(part) = part else {
        if is_followed {
            bail!("--follow needs a part: one of {}", parts.join(", "));
        }
        for part in parts {
            say::line(format_args!("== {part} ({})", state.log(&part).display()));
            tail(&state.log(&part), OVERVIEW).iter().for_each(say::line);
        }
        return Ok(());
    };
    if !parts.iter().any(|known| known == part) {
        bail!("there is no log of {part:?} in {}: one of {}", state.path("logs").display(), parts.join(", "));
    }
    if is_followed {
        return follow(&state.log(part)).await;
    }
    let mut file = File::open(state.log(part))?;
    forgive_closed_pipe(io::copy(&mut file, &mut io::stdout()).map(drop))
}

async fn follow(path: &Path) -> anyhow::Result<()> {
    let mut file = File::open(path)?;
    let mut position = file.metadata()?.len();
    tail(path, FOLLOWED).iter().for_each(say::line);
    loop {
        // A new lab starts its logs anew.
        let length = std::fs::metadata(path).map_or(0, |data| data.len());
        if length < position {
            file = File::open(path)?;
            position = 0;
        }
        file.seek(SeekFrom::Start(position))?;
        let copied = io::copy(&mut file, &mut io::stdout()).and_then(|copied| io::stdout().flush().map(|()| copied));
        match copied {
            Ok(copied) => position += copied,
            Err(error) => return forgive_closed_pipe(Err(error)),
        }
        tokio::time::sleep(POLL_INTERVAL).await;
    }
}

/// `lab logs | head` is no failure.
fn forgive_closed_pipe(result: io::Result<()>) -> anyhow::Result<()> {
    match result {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        other => Ok(other?),
    }
}

/// The last lines of a file, none when it cannot be read.
pub(crate) fn tail(path: &Path, lines: usize) -> Vec<String> {
    let read = || -> io::Result<Vec<u8>> {
        let mut file = File::open(path)?;
        let length = file.metadata()?.len();
        file.seek(SeekFrom::Start(length.saturating_sub(TAIL_BYTES)))?;
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes)?;
        Ok(bytes)
    };
    let text = String::from_utf8_lossy(&read().unwrap_or_default()).into_owned();
    let all: Vec<&str> = text.lines().collect();
    all[all.len().saturating_sub(lines)..].iter().map(|&line| line.to_owned()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tail_is_the_end() {
        let path = std::env::temp_dir().join(format!("lab-logs-test-{}", std::process::id()));
        std::fs::write(&path, (0..20_000).map(|n| format!("line {n}\n")).collect::<String>()).unwrap();
        assert_eq!(tail(&path, 2), ["line 19998", "line 19999"]);
        std::fs::write(&path, "one\n").unwrap();
        assert_eq!(tail(&path, 2), ["one"]);
        std::fs::remove_file(&path).unwrap();
        assert!(tail(&path, 2).is_empty());
    }
}

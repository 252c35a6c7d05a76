//! `wait`: the result for a script, and an end as soon as there will be none. `kubectl wait` sits through a stall.

use std::pin::pin;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use futures::StreamExt as _;

use crate::access::Access;
use crate::arguments::Wait;
use crate::exit::Exit;
use crate::standing::{Standing, line, of_thresholds, standing};
use crate::states::states;

pub(crate) async fn wait(access: &Access, wanted: &Wait) -> anyhow::Result<Exit> {
    let began = Instant::now();
    let timeout = Duration::try_from(wanted.timeout).context("--timeout")?;
    let mut last = line(&access.benchmark(&wanted.name).await?);
    let ended = tokio::time::timeout(timeout, ended(access, wanted, &mut last)).await;
    let after = time(began.elapsed());
    match ended {
        Ok(standing) => Ok(told(&standing?, &after)),
        Err(_) => {
            eprintln!("timed out after {after}: {last}");
            Ok(Exit::TimedOut)
        }
    }
}

/// The standing with which the wait is over.
async fn ended(access: &Access, wanted: &Wait, last: &mut String) -> anyhow::Result<Standing> {
    let mut states = pin!(states(access, &wanted.name));
    while let Some(state) = states.next().await {
        let Some(object) = state? else { bail!("{} was deleted: there will be no result", wanted.name) };
        *last = line(&object);
        match standing(&object) {
            Standing::Pending => {}
            Standing::Deleted => bail!("{} is being deleted: there will be no result", wanted.name),
            standing => return Ok(standing),
        }
    }
    bail!("the API server ended the watch")
}

/// The result on standard output, a reason that there is none on standard error.
fn told(standing: &Standing, after: &str) -> Exit {
    match standing {
        Standing::Recorded { result, thresholds } => {
            say::line(result);
            let Some((exit, message)) = thresholds else { return Exit::Done };
            let said = of_thresholds(*exit, message);
            if *exit == Exit::Done {
                say::line(said);
            } else {
                eprintln!("{said}");
            }
            *exit
        }
        Standing::Stalled { exit, why } => {
            eprintln!("stalled after {after}: {why}");
            *exit
        }
        Standing::Pending | Standing::Deleted => Exit::Error,
    }
}

/// Whole seconds, as people say them.
fn time(elapsed: Duration) -> String {
    let seconds = elapsed.as_secs();
    match (seconds / 60, seconds % 60) {
        (0, seconds) => format!("{seconds}s"),
        (minutes, 0) => format!("{minutes}m"),
        (minutes, seconds) => format!("{minutes}m{seconds}s"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_said_as_they_are_written() {
        let said = |seconds| time(Duration::from_secs(seconds));
        assert_eq!([said(5), said(180), said(3_725)], ["5s", "3m", "62m5s"]);
    }

    #[test]
    fn the_exit_code_is_that_of_what_ended_the_wait() {
        let recorded = |thresholds| Standing::Recorded { result: "a".to_owned(), thresholds };
        assert_eq!(told(&recorded(None), ""), Exit::Done);
        for exit in [Exit::Done, Exit::NotMet, Exit::Undecided] {
            assert_eq!(told(&recorded(Some((exit, String::new()))), ""), exit);
        }
        assert_eq!(told(&Standing::Stalled { exit: Exit::NotValid, why: String::new() }, "3m"), Exit::NotValid);
    }
}

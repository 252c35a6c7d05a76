//! `soak [MINUTES]`: what the gate does a little of, for as long as is asked for, on seeds that nobody has seen.
//!
//! Each share takes its part of the time in slices of one seed each. Whatever is found is told with its seed, the
//! command that repeats it, and the file that holds all that was printed. What a soak found becomes a test.

mod shares;

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use crate::outcomes::Tally;
use crate::{Outcome, Paths, build, disk, run, say, suite};
use shares::{SHARES, Share, Stage};

const DEFAULT: Duration = Duration::from_secs(30 * 60);

/// Lines of a failure that are shown; all of them are in its file.
const TAIL: usize = 40;

const USAGE: &str = "usage: cargo xtask soak [MINUTES]";

/// What became of one share.
struct Spent<'a> {
    share: &'a Share,
    time: Duration,
    slices: u32,
    found: u32,
}

/// Something that did not hold.
struct Found {
    share: &'static str,
    repeat: String,
    log: PathBuf,
}

pub(crate) fn soak(paths: &Paths, arguments: &[&str]) -> Outcome {
    let total = match arguments {
        [] => DEFAULT,
        [minutes] => {
            minutes.parse().map(|minutes: u32| Duration::from_secs(u64::from(minutes) * 60)).map_err(|_| {
                let shares = SHARES.iter().map(|share| format!("  {:<12} {}\n", share.name, share.what));
                format!("soak: `{minutes}` is no number of minutes\n\n{USAGE}\n\n{}", shares.collect::<String>())
            })?
        }
        _ => return Err(USAGE.to_owned()),
    };
    let built = build::build(paths)?;
    let stage = Stage { paths, built: &built, binaries: suite::all(paths)? };
    let logs = paths.target.join("soak");
    disk::create(&logs)?;
    // Nobody has seen these; a second later they are others.
    let first = SystemTime::now().duration_since(UNIX_EPOCH).map_or(1, |now| now.as_secs());
    let started = Instant::now();
    let mut spent: Vec<Spent<'_>> = SHARES
        .iter()
        .filter(|share| share.is_possible())
        .map(|share| Spent { share, time: Duration::ZERO, slices: 0, found: 0 })
        .collect();
    let mut found = Vec::new();
    let mut seed = first;
    while let Some(next) = next(&spent, total.saturating_sub(started.elapsed())) {
        let one = &mut spent[next];
        let begun = Instant::now();
        found.extend(slice(&stage, one.share, seed, &logs)?);
        (one.time, one.slices) = (one.time + begun.elapsed(), one.slices + 1);
        one.found = found.iter().filter(|found| found.share == one.share.name).count() as u32;
        seed += 1;
    }
    told(&spent, &found, first, started.elapsed())
}

/// The share that is furthest behind, of those whose slice still fits. A first slice of each is begun in any case
/// while there is time.
fn next(spent: &[Spent<'_>], left: Duration) -> Option<usize> {
    let fits = |one: &&(usize, &Spent<'_>)| one.1.share.slice <= left;
    let behind = |one: &Spent<'_>| one.time.as_millis() / u128::from(one.share.weight);
    spent.iter().enumerate().filter(|one| fits(&one)).min_by_key(|one| behind(one.1)).map(|(at, _)| at)
}

/// Plays one seed of a share, with all it prints in a file.
fn slice(stage: &Stage<'_>, share: &Share, seed: u64, logs: &Path) -> Outcome<Option<Found>> {
    let mut command = (share.command)(stage, seed)?;
    let log = logs.join(format!("{}-{seed}.log", share.name));
    let describe = |error| format!("{} cannot be written: {error}", log.display());
    let file = File::create(&log).map_err(describe)?;
    command.stdout(file.try_clone().map_err(describe)?).stderr(file);
    let label = format!("soak: {} {seed}", share.name);
    eprintln!("xtask: {label}");
    let status = run::heartbeat(&label, || run::status(&mut command))?;
    let text = String::from_utf8_lossy(&fs::read(&log).unwrap_or_default()).into_owned();
    let mut tally = Tally::default();
    text.lines().for_each(|line| tally.read(&label, line));
    if status.success() && text.contains("test result: ") && tally.passed == 0 {
        return Err(format!("{label}: no test has its words any more: the share is out of date"));
    }
    if status.success() {
        eprintln!("xtask: {label}: {}", (share.essence)(&text));
        fs::remove_file(&log).map_err(|error| format!("{} cannot be removed: {error}", log.display()))?;
        return Ok(None);
    }
    let lines: Vec<&str> = text.lines().collect();
    for line in &lines[lines.len().saturating_sub(TAIL)..] {
        eprintln!("{line}");
    }
    // A campaign shrinks to one seed and says how to repeat that one.
    let own = lines.iter().find_map(|line| line.trim().strip_prefix("repeat: ")).map(str::to_owned);
    Ok(Some(Found { share: share.name, repeat: own.unwrap_or_else(|| (share.repeat)(seed)), log }))
}

fn told(spent: &[Spent<'_>], found: &[Found], first: u64, took: Duration) -> Outcome {
    for share in SHARES.iter().filter(|share| !share.is_possible()) {
        say::line(format_args!("{:<12} SKIPPED: {}", share.name, share.needs));
    }
    for one in spent {
        let what = format!("{} slices, {} found something", one.slices, one.found);
        say::line(format_args!("{:<12} {:>7}  {what}  ({})", one.share.name, run::duration(one.time), one.share.what));
    }
    for one in found {
        say::line(format_args!("found by {}: {}\n  repeat: {}", one.share, one.log.display(), one.repeat));
    }
    let seeds = spent.iter().map(|one| u64::from(one.slices)).sum::<u64>();
    say::line(format_args!("soak of {}, slices {first}..{}", run::duration(took), first + seeds));
    match found.len() {
        0 => Ok(()),
        count => Err(format!("{count} slices found something: what mends it comes with a test that fails without it")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spent(share: &Share, minutes: u64) -> Spent<'_> {
        Spent { share, time: Duration::from_secs(60 * minutes), slices: 1, found: 0 }
    }

    #[test]
    fn the_share_furthest_behind_its_weight_is_next_if_it_fits() {
        let share = |weight, minutes: u64| Share { weight, slice: Duration::from_secs(60 * minutes), ..SHARES[0] };
        let (small, large) = (share(1, 1), share(3, 5));
        let both = [spent(&small, 2), spent(&large, 3)];
        assert_eq!(next(&both, Duration::from_secs(600)), Some(1), "3 minutes of weight 3 are less than 2 of weight 1");
        assert_eq!(next(&both, Duration::from_secs(240)), Some(0), "a slice of five minutes does not fit");
        assert_eq!(next(&both, Duration::from_secs(59)), None);
    }

    #[test]
    fn shares_have_a_name_each_and_a_command_that_repeats() {
        let names: std::collections::BTreeSet<_> = SHARES.iter().map(|share| share.name).collect();
        assert_eq!(names.len(), SHARES.len());
        for share in &SHARES {
            assert!((share.repeat)(7).contains("cargo "), "{}", share.name);
        }
    }
}

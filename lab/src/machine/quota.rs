//! A CPU quota by cgroup, where this user may make one.
//!
//! Affinity alone already keeps an instance on as many processors as it has vCPUs; the quota also holds when a
//! process of the instance widens its own affinity, which needs no privilege.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use super::directory::Directory;

/// The kernel's own default period.
const PERIOD_MICROS: usize = 100_000;

/// Reaping takes whoever adopted the process milliseconds.
const REMOVE_LIMIT: Duration = Duration::from_secs(2);
const REMOVE_PAUSE: Duration = Duration::from_millis(5);

/// Puts this process, and all that it starts, under a quota of `cores` whole processors.
///
/// *Errors*: a sentence why there is none. That is no failure: without root there is usually no way to have one.
pub(super) fn apply(directory: &Directory, id: &str, cores: usize) -> Result<(), String> {
    let own = fs::read_to_string("/proc/self/cgroup").map_err(|error| error.to_string())?;
    let hierarchy = Hierarchy::of(&own).ok_or("no cpu controller is mounted")?;
    let group = hierarchy.group.join(format!("clusterbench-{id}-{}", std::process::id()));
    fs::create_dir(&group).map_err(|error| why(&group, &error))?;
    // Recorded first: a group that is half made is removed like a whole one.
    let recorded = fs::write(directory.quota(), group.as_os_str().as_encoded_bytes());
    let entered =
        recorded.map_err(|error| why(&directory.quota(), &error)).and_then(|()| enter(&group, &hierarchy, cores));
    if entered.is_err() {
        remove(directory);
    }
    entered
}

/// Removes the instance's group. It must have no process left; one that was just killed is in it until it is reaped.
pub(super) fn remove(directory: &Directory) {
    let Ok(group) = fs::read_to_string(directory.quota()) else { return };
    let start = Instant::now();
    while fs::remove_dir(&group).is_err_and(|error| error.kind() == io::ErrorKind::ResourceBusy) {
        if start.elapsed() > REMOVE_LIMIT {
            return; // still recorded, for the next time
        }
        thread::sleep(REMOVE_PAUSE);
    }
    let _ = fs::remove_file(directory.quota()); // the whole directory may be going
}

fn enter(group: &Path, hierarchy: &Hierarchy, cores: usize) -> Result<(), String> {
    let quota = cores * PERIOD_MICROS;
    let settings = match hierarchy.version {
        Version::One => vec![("cpu.cfs_period_us", PERIOD_MICROS.to_string()), ("cpu.cfs_quota_us", quota.to_string())],
        Version::Two => vec![("cpu.max", format!("{quota} {PERIOD_MICROS}"))],
    };
    for (file, value) in settings.into_iter().chain([("cgroup.procs", std::process::id().to_string())]) {
        // A write that creates the file would only hide that the controller is not there.
        let written = fs::OpenOptions::new()
            .write(true)
            .open(group.join(file))
            .and_then(|mut file| io::Write::write_all(&mut file, value.as_bytes()));
        written.map_err(|error| why(&group.join(file), &error))?;
    }
    Ok(())
}

fn why(path: &Path, error: &io::Error) -> String {
    format!("{}: {error}", path.display())
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Version {
    One,
    Two,
}

struct Hierarchy {
    version: Version,
    /// The directory of our own group, under which a new one is bound by what binds us.
    group: PathBuf,
}

impl Hierarchy {
    /// From the text of /proc/self/cgroup: `number:controllers:path` lines, `0::path` for version two.
    fn of(text: &str) -> Option<Self> {
        let lines = || text.lines().filter_map(|line| line.split_once(':')?.1.split_once(':'));
        let one = lines().find(|(controllers, _)| controllers.split(',').any(|controller| controller == "cpu"));
        if let Some((controllers, path)) = one {
            let mounts = [controllers, "cpu", "cpu,cpuacct"].map(|mount| Path::new("/sys/fs/cgroup").join(mount));
            let group = |mount: PathBuf| mount.join(path.trim_start_matches('/'));
            return Some(Self {
                version: Version::One,
                group: group(mounts.into_iter().find(|mount| mount.is_dir())?),
            });
        }
        let (_, path) = lines().find(|(controllers, _)| controllers.is_empty())?;
        let group = Path::new("/sys/fs/cgroup").join(path.trim_start_matches('/'));
        Some(Self { version: Version::Two, group })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn our_own_group_is_found_in_either_version() {
        let two = Hierarchy::of("0::/user.slice/a:b\n").expect("version two");
        assert_eq!((two.version, two.group), (Version::Two, PathBuf::from("/sys/fs/cgroup/user.slice/a:b")));
        // A controller that is bound to version one is not available in version two.
        let mixed = Hierarchy::of("9:name=systemd:/x\n1:cpu,no-such-mount:/lab\n0::/x\n");
        assert!(mixed.is_none_or(|hierarchy| hierarchy.version == Version::One && hierarchy.group.ends_with("lab")));
        assert!(Hierarchy::of("9:name=systemd:/x\n").is_none());
    }
}

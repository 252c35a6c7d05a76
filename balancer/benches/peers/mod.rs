//! The programs beside which the balancer is measured, as child processes.

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// A running program; ended when dropped.
pub(crate) struct Running {
    pub(crate) name: String,
    pub(crate) address: String,
    child: Child,
}

impl Drop for Running {
    fn drop(&mut self) {
        // nginx' worker ends with its master only when that is asked politely.
        if let Some(pid) = rustix::process::Pid::from_raw(self.child.id() as i32) {
            let _ = rustix::process::kill_process(pid, rustix::process::Signal::TERM);
        }
        let deadline = Instant::now() + Duration::from_secs(2);
        while Instant::now() < deadline && self.child.try_wait().is_ok_and(|ended| ended.is_none()) {
            std::thread::sleep(Duration::from_millis(10));
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Running {
    /// The process that does the work: itself, or its only child.
    fn working(&self) -> u32 {
        let path = format!("/proc/{0}/task/{0}/children", self.child.id());
        let children = std::fs::read_to_string(path).unwrap_or_default();
        children.split_whitespace().next().and_then(|pid| pid.parse().ok()).unwrap_or(self.child.id())
    }

    /// CPU time so far of all threads, in microseconds, which the scheduler counts in nanoseconds.
    pub(crate) fn cpu_micros(&self) -> f64 {
        let tasks = std::fs::read_dir(format!("/proc/{}/task", self.working())).expect("tasks");
        let nanos = |task: std::io::Result<std::fs::DirEntry>| -> Option<f64> {
            let text = std::fs::read_to_string(task.ok()?.path().join("schedstat")).ok()?;
            text.split_whitespace().next()?.parse().ok()
        };
        tasks.filter_map(nanos).sum::<f64>() / 1e3
    }

    /// Time in user mode and in the kernel so far, in ticks of 10 ms.
    pub(crate) fn ticks(&self) -> [u64; 2] {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.working())).expect("stat");
        let fields: Vec<&str> = stat.rsplit(')').next().expect("fields").split_whitespace().collect();
        [11, 12].map(|index: usize| fields[index].parse().expect("ticks"))
    }

    pub(crate) fn rss_kib(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.working())).expect("status");
        let line = status.lines().find(|line| line.starts_with("VmRSS:")).expect("VmRSS");
        line.split_whitespace().nth(1).expect("KiB").parse().expect("KiB")
    }
}

/// A directory of this run; gone when dropped.
pub(crate) struct Directory(PathBuf);

impl Directory {
    pub(crate) fn new() -> Self {
        let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("bench-balancer-{}", std::process::id()));
        std::fs::create_dir_all(path.join("www")).expect("directory");
        for (name, bytes) in [("0", 0), ("1k", 1024), ("64k", 65_536)] {
            std::fs::write(path.join("www").join(name), vec![b'x'; bytes]).expect("file");
        }
        Self(path)
    }

    fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.0.join(name);
        std::fs::write(&path, text.replace("DIRECTORY", &self.0.display().to_string())).expect("file");
        path
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// An address of 127.0.0.1 that is free now.
pub(crate) fn free() -> String {
    TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr()).expect("a port").to_string()
}

pub(crate) fn is_installed(program: &str) -> bool {
    let paths = std::env::var_os("PATH").unwrap_or_default();
    let found = std::env::split_paths(&paths).any(|path| path.join(program).is_file());
    found || Path::new("/usr/sbin").join(program).is_file()
}

fn spawn(name: &str, address: String, command: &mut Command) -> Running {
    let path = format!("{}:/usr/sbin", std::env::var("PATH").unwrap_or_default());
    command.env("PATH", path).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    let child = command.spawn().unwrap_or_else(|error| panic!("{name}: {error}"));
    let running = Running { name: name.to_owned(), address, child };
    let deadline = Instant::now() + Duration::from_secs(10);
    while std::net::TcpStream::connect(&running.address).is_err() {
        assert!(Instant::now() < deadline, "{name} does not listen");
        std::thread::sleep(Duration::from_millis(20));
    }
    running
}

pub(crate) fn members(directory: &Directory, addresses: &[String]) -> Running {
    let listen: String = addresses.iter().map(|address| format!("listen {address} backlog=4096;\n    ")).collect();
    let path = directory.write("members.conf", &include_str!("members.conf").replacen("    LISTEN", &listen, 1));
    // Started by root it would read the files as somebody else, who may not enter the directory; for others this says nothing.
    spawn("members", addresses[0].clone(), Command::new("nginx").args(["-g", "user root;"]).arg("-c").arg(path))
}

/// `members`: address and weight.
pub(crate) fn nginx(directory: &Directory, name: &str, balance: &str, members: &[(String, u32)]) -> Running {
    let address = free();
    let line = |(address, weight): &(String, u32)| format!("server {address} weight={weight};\n    ");
    let text = include_str!("nginx.conf")
        .replacen("    BALANCE", &format!("    {balance}"), 1)
        .replacen("    MEMBERS", &members.iter().map(line).collect::<String>(), 1)
        .replacen("listen LISTEN", &format!("listen {address}"), 1);
    let path = directory.write(&format!("{}.conf", name.replace(' ', "-")), &text);
    spawn(name, address, Command::new("nginx").arg("-c").arg(path))
}

pub(crate) fn haproxy(directory: &Directory, name: &str, balance: &str, members: &[(String, u32)]) -> Running {
    let address = free();
    let line =
        |(index, (address, weight)): (usize, &(String, u32))| format!("  server m{index} {address} weight {weight}\n");
    let text = include_str!("haproxy.cfg")
        .replacen("  BALANCE", &format!("  {balance}"), 1)
        .replacen("  MEMBERS\n", &members.iter().enumerate().map(line).collect::<String>(), 1)
        .replacen("bind LISTEN", &format!("bind {address}"), 1);
    let path = directory.write(&format!("{}.cfg", name.replace(' ', "-")), &text);
    spawn(name, address, Command::new("haproxy").arg("-f").arg(path))
}

/// Our release binary, on as many shards.
pub(crate) fn balancer(directory: &Directory, name: &str, policy: &str, shards: usize, members: &[String]) -> Running {
    balancer_with(directory, name, policy, shards, members, &[])
}

/// Flags with which it gathers, whatever the default is.
pub(crate) const GATHERING: [&str; 2] = ["--gather-micros", "50"];

/// The same with more flags.
pub(crate) fn balancer_with(
    directory: &Directory,
    name: &str,
    policy: &str,
    shards: usize,
    members: &[String],
    flags: &[&str],
) -> Running {
    let address = free();
    let member = |(index, address): (usize, &String)| format!("{{\"id\":\"m{index}\",\"address\":\"{address}\"}}");
    let members: Vec<String> = members.iter().enumerate().map(member).collect();
    let text = format!(
        "{{\"clusters\":[{{\"name\":\"c\",\"path\":\"/\",\"policy\":\"{policy}\",\"members\":[{}]}}]}}",
        members.join(",")
    );
    let path = directory.write(&format!("{}.json", name.replace(' ', "-")), &text);
    let mut command = Command::new(env!("CARGO_BIN_EXE_balancer"));
    command.args(["--listen", &address, "--shards", &shards.to_string(), "--membership"]).arg(path).args(flags);
    spawn(name, address, &mut command)
}

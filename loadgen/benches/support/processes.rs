//! Workers, balancer and generator as processes of this machine. They end with the value that holds them.

use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// How long a program may take until it listens.
const PATIENCE: Duration = Duration::from_secs(30);

pub(crate) struct Cluster<'a> {
    pub(crate) name: &'a str,
    pub(crate) workers: u32,
    pub(crate) slots: u32,
    pub(crate) work: &'a str,
}

pub(crate) struct Processes {
    children: Vec<Child>,
    balancer: String,
    directory: PathBuf,
}

impl Drop for Processes {
    fn drop(&mut self) {
        for child in &mut self.children {
            let _ = child.kill();
            let _ = child.wait();
        }
        let _ = std::fs::remove_dir_all(&self.directory);
    }
}

impl Processes {
    /// Builds the programs if need be, starts them, and waits until every worker answers through the balancer.
    pub(crate) fn start(clusters: &[Cluster<'_>]) -> Self {
        let built = Command::new(env!("CARGO"))
            .args(["build", "--quiet", "--release", "--package", "balancer", "--package", "worker"])
            .stdout(Stdio::null())
            .status();
        assert!(built.is_ok_and(|status| status.success()), "balancer and worker cannot be built");
        let directory = std::env::temp_dir().join(format!("verdicts-{}", std::process::id()));
        std::fs::create_dir_all(&directory).expect("a directory of its own");
        let mut all = Self { children: Vec::new(), balancer: free_address(), directory };
        let described: Vec<String> = clusters.iter().map(|cluster| all.workers(cluster)).collect();
        let membership = all.directory.join("members.json");
        std::fs::write(&membership, format!("{{\"clusters\": [{}]}}", described.join(", "))).expect("a file");
        let mut balancer = Command::new(program("balancer"));
        balancer.args(["--listen", &all.balancer]).arg("--membership").arg(&membership);
        let address = all.balancer.clone();
        all.spawn(balancer, &address);
        // The first health checks tell the balancer the slots of its members.
        std::thread::sleep(Duration::from_secs(2));
        all
    }

    /// Starts the workers of a cluster; its entry in the membership.
    fn workers(&mut self, cluster: &Cluster<'_>) -> String {
        let name = cluster.name;
        let members: Vec<String> = (0..cluster.workers)
            .map(|number| {
                let (address, id) = (free_address(), format!("{name}-{number}"));
                let mut worker = Command::new(program("worker"));
                worker.args(["--listen", &address, "--cluster", name, "--instance-id", &id, "--work", cluster.work]);
                worker.args(["--slots", &cluster.slots.to_string()]);
                self.spawn(worker, &address);
                format!("{{\"id\": \"{id}\", \"address\": \"{address}\", \"vcpus\": {}}}", cluster.slots)
            })
            .collect();
        format!("{{\"name\": \"{name}\", \"path\": \"/{name}\", \"members\": [{}]}}", members.join(", "))
    }

    fn spawn(&mut self, mut command: Command, address: &str) {
        let child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn();
        self.children.push(child.expect("the program starts"));
        let deadline = Instant::now() + PATIENCE;
        while TcpStream::connect(address).is_err() {
            assert!(Instant::now() < deadline, "nothing listens at {address}");
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    pub(crate) fn url(&self, cluster: &str) -> String {
        format!("http://{}/{cluster}", self.balancer)
    }

    /// The generator, before its neighbours where that is allowed: in this test they share its processors.
    pub(crate) fn generator(&self, arguments: &[&str]) -> Command {
        let mut command = if may_prioritize() { Command::new("chrt") } else { Command::new(program("loadgen")) };
        if may_prioritize() {
            command.args(["-f", "10"]).arg(program("loadgen"));
        }
        command.args(arguments).env_remove("CONTROL_LISTEN");
        command
    }
}

fn program(name: &str) -> PathBuf {
    Path::new(env!("CARGO_BIN_EXE_loadgen")).with_file_name(name)
}

fn free_address() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port of the loopback");
    listener.local_addr().expect("its address").to_string()
}

fn may_prioritize() -> bool {
    Command::new("chrt").args(["-f", "10", "true"]).status().is_ok_and(|status| status.success())
}

pub(crate) fn priority() -> &'static str {
    if may_prioritize() { "before everything else with `chrt -f 10`" } else { "like everything else" }
}

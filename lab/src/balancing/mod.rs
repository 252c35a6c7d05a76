//! Load balancers of the simulation as processes: a node in each zone, told what the simulation says.
//!
//! ```text
//! data path of cloudsim ── wanted: which nodes, with which configuration ── process: started, told, restarted, ended
//! cloudsim <── feed: checks of targets, everything that passed ── events of nodes
//! hosts file <── names of those that take connections: the lab's DNS
//! ```

mod feed;
mod hosts;
mod process;
mod wanted;

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use cloudsim::SharedSim;
use cloudsim::elb::DataPath;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::sync::watch;
use tokio::task::{JoinError, JoinHandle};
use tokio::time::{Instant, MissedTickBehavior, interval};

use crate::albnode::{Config, Event};
use crate::machine;
use feed::Feed;
use process::{GRACE, Process, Program};
use wanted::{NodeKey, wanted};

/// Pause between two looks at the simulation. It is in no hurry: a real node takes seconds to learn of a target.
const LOOK_INTERVAL: Duration = Duration::from_millis(100);

/// How long a node goes on after its address left the name: those who looked it up before may know it for as long (DNS
/// TTL of load balancers, user guide, "Application Load Balancers").
const LINGER: Duration = Duration::from_secs(60);

/// Runs the load balancers of a simulation until it is stopped.
pub struct Balancing {
    stop: watch::Sender<bool>,
    task: JoinHandle<()>,
}

impl Balancing {
    /// Keeps the hosts file of the lab in `state_dir`. `lab` is the lab's program, of which nodes are a subcommand.
    ///
    /// *Guarantees*: the hosts file is there when this returns.
    /// *Cancellation*: dropping it ends nothing by itself; with the process all nodes end.
    pub fn start(sim: SharedSim, state_dir: &Path, lab: &Path) -> io::Result<Self> {
        let hosts_file = machine::hosts_file(state_dir);
        hosts::write(&hosts_file, &BTreeMap::new())?;
        let (say, events) = unbounded_channel();
        let program = Program { lab: lab.to_owned(), mark: machine::mark_of(state_dir, "load-balancers")? };
        let nodes = Nodes { sim, program, hosts_file, kept: BTreeMap::new(), names: BTreeMap::new(), say };
        let (stop, stopped) = watch::channel(false);
        let task = tokio::spawn(nodes.run(events, stopped));
        Ok(Self { stop, task })
    }

    /// Ends all nodes. Returns when their processes are gone.
    pub async fn stop(self) {
        self.stop.send_replace(true);
        if let Err(error) = self.task.await {
            tracing::error!(%error, "the load balancers could not be stopped");
        }
    }

    /// Waits until it ends by itself, which it should not.
    pub async fn ended(&mut self) -> Option<JoinError> {
        (&mut self.task).await.err()
    }
}

struct Nodes {
    sim: SharedSim,
    program: Program,
    hosts_file: PathBuf,
    kept: BTreeMap<NodeKey, Kept>,
    /// Names as they are in the hosts file.
    names: BTreeMap<String, Vec<Ipv4Addr>>,
    say: UnboundedSender<(NodeKey, Event)>,
}

/// A node that runs.
struct Kept {
    process: Process,
    /// It has left the load balancer's name, and ends at this time.
    ends_at: Option<Instant>,
    /// It was told to end, and is killed at this time if it did not.
    kill_at: Option<Instant>,
}

impl Nodes {
    async fn run(mut self, mut events: UnboundedReceiver<(NodeKey, Event)>, mut stopped: watch::Receiver<bool>) {
        let mut feed = Feed::new(self.sim.clone());
        let mut looks = interval(LOOK_INTERVAL);
        looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                Some((node, event)) = events.recv() => {
                    let leaves = self.kept.get(&node).is_none_or(|kept| kept.ends_at.is_some());
                    feed.take_in(&node, event, !leaves);
                }
                _ = looks.tick() => self.reconcile(),
                _ = stopped.changed() => break,
            }
        }
        let kept = std::mem::take(&mut self.kept);
        // All are asked at once; each waits for its end as it is dropped.
        kept.values().for_each(|kept| kept.process.begin_end());
        let _ = tokio::task::spawn_blocking(move || drop(kept)).await;
        while let Ok((node, event)) = events.try_recv() {
            feed.take_in(&node, event, true);
        }
        self.publish(BTreeMap::new());
    }

    /// Brings the nodes to what the simulation says now.
    fn reconcile(&mut self) {
        let (path, wanted) = {
            let sim = self.sim.lock();
            let path = sim.data_path();
            let wanted = wanted(&path, |from, to, port| sim.can_connect(from, to, port).is_ok());
            (path, wanted)
        };
        self.end_unwanted(&wanted);
        for (key, config) in wanted {
            match self.kept.get_mut(&key) {
                Some(kept) => {
                    kept.ends_at = None;
                    kept.process.configure(config);
                }
                None => {
                    let process = Process::start(&self.program, key.clone(), config, self.say.clone());
                    match process {
                        Ok(process) => drop(self.kept.insert(key, Kept { process, ends_at: None, kill_at: None })),
                        Err(error) => tracing::error!(%error, ?key, "a node cannot be started"),
                    }
                }
            }
        }
        let names = self.listening(&path);
        self.publish(names);
    }

    /// A node whose load balancer goes on at another address lingers, and does as that one; others end.
    fn end_unwanted(&mut self, wanted: &BTreeMap<NodeKey, Config>) {
        let now = Instant::now();
        self.kept.retain(|key, kept| {
            // One that is ending is started anew when it has ended.
            if wanted.contains_key(key) && kept.kill_at.is_none() {
                return true;
            }
            let successor = wanted.iter().find(|(other, _)| other.replaces(key)).filter(|_| kept.kill_at.is_none());
            match successor {
                Some((_, config)) if *kept.ends_at.get_or_insert(now + LINGER) > now => {
                    kept.process.configure(config.clone());
                    true
                }
                _ => {
                    kept.process.begin_end();
                    if *kept.kill_at.get_or_insert(now + GRACE) <= now {
                        kept.process.kill();
                    }
                    !kept.process.is_over()
                }
            }
        });
    }

    /// The names that can be looked up: of load balancers that are active, with their nodes' addresses. A name changes
    /// when all nodes of its load balancer take connections: nobody finds an address too early, nor too few of them.
    fn listening(&self, path: &DataPath) -> BTreeMap<String, Vec<Ipv4Addr>> {
        let mut names = BTreeMap::new();
        for balancer in path.load_balancers.iter().filter(|balancer| wanted::is_serving(balancer)) {
            let is_its = |key: &NodeKey| key.load_balancer == balancer.arn;
            let nodes = self.kept.iter().filter(|(key, kept)| is_its(key) && kept.ends_at.is_none());
            let nodes: Vec<_> = nodes.filter(|(_, kept)| kept.kill_at.is_none()).collect();
            let addresses: BTreeSet<Ipv4Addr> = nodes.iter().map(|(key, _)| key.named()).collect();
            let known = self.names.get(&balancer.dns_name);
            let shown = match nodes.iter().all(|(_, kept)| kept.process.has_listened()) {
                true => Some(Vec::from_iter(addresses)),
                false => known.cloned(),
            };
            names.extend(shown.filter(|shown| !shown.is_empty()).map(|shown| (balancer.dns_name.clone(), shown)));
        }
        names
    }

    fn publish(&mut self, names: BTreeMap<String, Vec<Ipv4Addr>>) {
        if names == self.names {
            return;
        }
        match hosts::write(&self.hosts_file, &names) {
            Ok(()) => self.names = names,
            // Tried again at the next look.
            Err(error) => tracing::error!(%error, "the hosts file cannot be written"),
        }
    }
}

//! A node of an Application Load Balancer: what has an address in one of its zones and passes requests on to targets.
//!
//! It shares no code with our own balancer, so that the two can judge each other. Its configuration comes over standard
//! input, a JSON line for each version ([`Config`]); the end of that ends the node. What happens goes to standard output,
//! a JSON line for each [`Event`].
//!
//! ```text
//! serve ── answer ── table: which rule, which group, which target (choice)
//!             │
//!             └── forward ── dial: an idle connection of the target, or a new one
//! check ── health: each node asks each target on its own             counts: what really passed, by the second
//! ```

mod answer;
mod body;
mod check;
mod choice;
mod config;
mod connection;
mod counts;
mod dial;
mod event;
mod forward;
mod headers;
mod health;
mod node;
mod pattern;
mod serve;
mod statuses;
mod table;
mod upload;

use std::io::{self, BufRead as _, Write as _};
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::mpsc::Receiver;
use std::thread;
use std::time::Duration;

use rustix::process::{Pid, Signal, getppid, set_parent_process_death_signal};
use tokio::net::TcpListener;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use node::{Limits, Node};

pub use config::{Action, Algorithm, Config, Group, HealthCheck, Rule, Target};
pub use event::{Check, Event, Found, GroupSample, Sample, TargetHealth};
pub use health::State as HealthState;

/// The arguments of a node. Their defaults are an ALB's; tests shorten the times.
#[derive(Clone, Debug, clap::Args)]
pub struct Options {
    /// Address in its subnet, and port of the listener
    #[arg(long)]
    pub listen: SocketAddr,
    /// Public address of an internet-facing one, and port of the listener
    #[arg(long)]
    pub public: Option<SocketAddr>,
    /// What chance is drawn from
    #[arg(long, default_value_t = 0)]
    pub seed: u64,
    /// How long a connection may be silent, towards clients and targets (user guide, "Connection idle timeout")
    #[arg(long, default_value_t = 60_000)]
    pub idle_timeout_millis: u64,
    /// How long a connection to a target may take (user guide, "HTTP 504: Gateway timeout")
    #[arg(long, default_value_t = 10_000)]
    pub connect_timeout_millis: u64,
    /// Connections of clients at a time; more are rejected
    #[arg(long, default_value_t = 10_000)]
    pub max_connections: usize,
    /// Process whose death is this one's
    #[arg(long)]
    pub parent: Option<i32>,
}

/// Runs a node until its standard input ends.
///
/// *Errors*: the address cannot be bound, or the parent is gone.
pub fn run(options: &Options) -> io::Result<()> {
    if let Some(parent) = options.parent {
        // Also when somebody else holds the other end of standard input open.
        set_parent_process_death_signal(Some(Signal::KILL))?;
        if getppid() != Pid::from_raw(parent) {
            return Err(io::Error::other("the lab is gone"));
        }
    }
    let (events, told) = std::sync::mpsc::channel();
    let writer = thread::spawn(move || write(&told));
    let (line, lines) = unbounded_channel();
    // Not joined: it waits in a read that nothing interrupts.
    thread::spawn(move || read(&line));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let listener = TcpListener::bind(options.listen).await?;
        let limits = Limits {
            idle: Duration::from_millis(options.idle_timeout_millis),
            connect: Duration::from_millis(options.connect_timeout_millis),
            connections: options.max_connections,
        };
        let public = match options.public {
            Some(public) => Some(TcpListener::bind(public).await?),
            None => None,
        };
        let node = Arc::new(Node::new(listener.local_addr()?, limits, options.seed, events));
        node.tell(Event::Listening { address: node.address });
        for listener in [listener].into_iter().chain(public) {
            tokio::spawn(serve::serve(listener, node.clone()));
        }
        tokio::select! {
            () = configure(&node, lines) => {}
            () = node.clone().report() => {}
        }
        node.report_all();
        io::Result::Ok(())
    })?;
    // With the runtime every sender of events is gone, so the writer comes to its end.
    drop(runtime);
    let _ = writer.join();
    Ok(())
}

/// Takes one version after the other into force. Returns when there will be no other one.
async fn configure(node: &Arc<Node>, mut lines: UnboundedReceiver<String>) {
    while let Some(line) = lines.recv().await {
        let config = serde_json::from_str::<Config>(&line).map_err(|error| error.to_string());
        node.tell(
            match config.and_then(|config| {
                node.configure(&config, |group, target, check, is_new| check::start(node, group, target, check, is_new))
                    .map(|()| config.version)
            }) {
                Ok(version) => Event::Configured { version },
                Err(why) => Event::Refused { why },
            },
        );
    }
}

fn read(line: &UnboundedSender<String>) {
    for text in io::stdin().lock().lines().map_while(Result::ok) {
        if line.send(text).is_err() {
            return;
        }
    }
}

fn write(told: &Receiver<Event>) {
    let mut out = io::stdout().lock();
    for event in told {
        let Ok(text) = serde_json::to_string(&event) else { continue };
        // Nobody reads any more: whoever started the node is gone, and its standard input ends as well.
        if writeln!(out, "{text}").and_then(|()| out.flush()).is_err() {
            return;
        }
    }
}

//! `lab`: a cloud and a Kubernetes control plane on one Linux machine.

#![warn(clippy::print_stdout)] // `say` does not panic when nobody reads

mod called;
mod commands;
mod demo;
mod fetch;
mod interrupt;
mod kubelet;
mod kubernetes;
mod part;
mod process;
mod progress;
mod state;
mod supervisor;
mod table;

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context as _;
use clap::{Parser, Subcommand};
use rustix::process::Signal;

use commands::{chaos, down, env, logs, status, up};
use interrupt::Interrupt;
use state::State;
use supervisor::Options;

/// A cloud and a Kubernetes control plane on one Linux machine, without root, Docker or an AWS account
#[derive(Debug, Parser)]
#[command(name = "lab")]
struct Arguments {
    /// Directory that holds everything of the lab [default: clusterbenchmark/lab in the user's cache]
    #[arg(long, global = true, value_name = "DIRECTORY")]
    state: Option<PathBuf>,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Start the lab; returns when it is ready
    Up(Options),
    /// Print exports and a function for `eval`: kubectl and aws then talk to the lab
    Env,
    /// Show parts and instances
    Status,
    /// Show the log of one part, or the end of all
    Logs {
        part: Option<String>,
        /// Go on as the log grows
        #[arg(short, long)]
        follow: bool,
    },
    /// Send SIGKILL to a part (`operator`, `kube-apiserver`, ...); it is started again
    Kill { part: String },
    /// Make the cloud as bad as EC2 can be: KNOB=VALUE ... turns knobs, `list` explains them, `off` ends it
    Chaos {
        /// KNOB=VALUE ..., or `list`, or `off`; none: what is in force
        words: Vec<String>,
        /// What chance is drawn from; the same seed and the same calls meet the same
        #[arg(long)]
        seed: Option<u64>,
    },
    /// Print what the cloud itself knows: launched, terminated, live, groups, processes, and the story
    Ledger,
    /// End the lab; leaves no process and no port
    Down,
    /// Run the benchmark of a file in a fresh lab, show its result, prove that nothing is left
    Demo(demo::Demo),
    /// Be a node of a load balancer (started by the lab)
    #[command(hide = true)]
    Albnode(lab::albnode::Options),
    /// Be the lab (started by `up` and `demo`)
    #[command(hide = true)]
    Supervise {
        #[command(flatten)]
        options: Options,
        /// End with this process
        #[arg(long)]
        parent: Option<OsString>,
    },
}

fn main() -> ExitCode {
    let arguments: Vec<OsString> = std::env::args_os().collect();
    if let Some(code) = process::become_wanted(&arguments) {
        return code;
    }
    if let Some(code) = lab::machine::run_as(arguments) {
        return code;
    }
    let arguments = Arguments::parse();
    match run(&arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("lab: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &Arguments) -> anyhow::Result<()> {
    if let Command::Albnode(options) = &arguments.command {
        return lab::albnode::run(options).with_context(|| format!("{} cannot be served", options.listen));
    }
    let state = match &arguments.state {
        Some(directory) => State::at(directory)?,
        None => State::of_user()?,
    };
    if let Command::Supervise { options, parent } = &arguments.command {
        return supervise(&state, options, parent.as_ref());
    }
    // One thread: what is started must die with this process, and the kernel ties that to the thread that starts it.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        match &arguments.command {
            Command::Up(options) => up::up(&state, options).await,
            Command::Env => state.record().map(|record| say::text(env::exports(&state, &record))),
            Command::Status => status::status(&state).await,
            Command::Logs { part, follow } => logs::logs(&state, part.as_deref(), *follow).await,
            Command::Kill { part } => status::kill(&state, part).await,
            Command::Chaos { words, seed } => chaos::chaos(&state, words, *seed).await,
            Command::Ledger => status::ledger(&state).await,
            Command::Down => down::down(&state).await,
            Command::Demo(demo) => demo::demo(demo).await,
            Command::Albnode(_) | Command::Supervise { .. } => Ok(()), // done above
        }
    })
}

fn supervise(state: &State, options: &Options, parent: Option<&OsString>) -> anyhow::Result<()> {
    // A session of its own: Ctrl-C in the terminal is for the command there, which decides what ends.
    rustix::process::setsid()?;
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    runtime.block_on(async {
        let mut interrupt = Interrupt::catch()?;
        if let Some(parent) = parent
            && !process::bind(parent, Signal::TERM)?
        {
            return Ok(()); // it died before it could be bound to
        }
        tracing_subscriber::fmt().with_writer(std::io::stderr).with_ansi(false).init();
        supervisor::supervise(state, options, &mut interrupt).await
    })
}

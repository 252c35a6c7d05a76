//! `kubectl clusterbenchmark`: what people do with benchmarks that `kubectl get` does not show: read a report, watch a run, wait
//! for its result in a script, compare two runs, measure again.
//!
//! Knows Kubernetes, the resources and the renderings of reports. Knows no AWS, and decides nothing about numbers: every
//! sentence about them is the report's own.

#![warn(clippy::print_stdout)] // `say` does not panic when nobody reads

mod access;
mod arguments;
mod compare;
mod completions;
mod courses;
mod doctor;
mod exit;
mod frame;
mod iam;
mod lines;
mod names;
mod new;
mod report;
mod rerun;
mod serve;
mod standing;
mod states;
mod stored;
mod terminal;
mod wait;
mod watch;

use std::process::ExitCode;

use clap::Parser as _;

use crate::access::Access;
use crate::arguments::{Arguments, Verb};
use crate::exit::Exit;

#[tokio::main]
async fn main() -> ExitCode {
    // Before anything is parsed: half of a command line is none.
    if let Some(words) = completions::asked(std::env::args_os().skip(1)) {
        say::text(completions::answer(&words));
        return Exit::Done.into();
    }
    let arguments = Arguments::parse();
    let ended = tokio::select! {
        ended = run(arguments) => ended,
        signal = tokio::signal::ctrl_c() => match signal {
            Ok(()) => Ok(Exit::Interrupted),
            Err(error) => Err(error.into()),
        },
    };
    terminal::leave();
    match ended {
        Ok(exit) => exit.into(),
        Err(error) => {
            eprintln!("error: {error:#}");
            Exit::Error.into()
        }
    }
}

async fn run(arguments: Arguments) -> anyhow::Result<Exit> {
    let access = || Access::new(&arguments.kubernetes);
    match &arguments.verb {
        Verb::Report(wanted) => report::report(&access().await?, wanted).await,
        Verb::Watch(wanted) => watch::watch(&access().await?, wanted).await,
        Verb::Wait(wanted) => wait::wait(&access().await?, wanted).await,
        Verb::Compare(wanted) => compare::compare(&access().await?, wanted).await,
        Verb::Rerun(wanted) => rerun::rerun(&access().await?, wanted).await,
        Verb::New(wanted) => {
            say::text(new::manifest(wanted));
            Ok(Exit::Done)
        }
        Verb::Doctor => doctor::doctor(&access().await?).await,
        Verb::Iam(wanted) => iam::iam(&access().await?, wanted).await,
        Verb::Completions { shell } => {
            say::text(completions::script(*shell));
            Ok(Exit::Done)
        }
    }
}

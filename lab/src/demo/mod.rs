//! `lab demo`: the main job from `kubectl apply` to nothing left, in a lab of its own.

mod bench;
mod line;
mod result;
mod watch;

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context, bail};

use crate::commands::down::Inventory;
use crate::commands::logs;
use crate::commands::up::{Life, Supervisor};
use crate::interrupt::Interrupt;
use crate::kubernetes::controlplane::{self, Binaries};
use crate::kubernetes::kubectl::Kubectl;
use crate::state::{self, SUPERVISOR, State};
use crate::supervisor::Options;
use crate::supervisor::cloud::Cloud;
use crate::supervisor::ledger::Ledger;
use bench::Bench;
use line::Line;

const SAMPLE_NAME: &str = "manifests/samples/micro-vs-large.yaml";
const SAMPLE: &str = include_str!("../../../manifests/samples/micro-vs-large.yaml");

/// Time for everything between `apply` and the result; a run that hangs must end in an error.
const PATIENCE: Duration = Duration::from_secs(30 * 60);
/// Time from `delete` until the object is gone, and from then until the lab has nothing left.
const TEARDOWN: Duration = Duration::from_secs(5 * 60);
const SETTLING: Duration = Duration::from_secs(30);
const POLL_INTERVAL: Duration = Duration::from_millis(250);
/// Lines of each log that a failure shows.
const TAIL: usize = 12;

/// The user's choices.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Demo {
    /// Manifest with one or more ClusterBenchmarks; default: four t2.micro against four t2.large
    file: Option<PathBuf>,
    /// Directory in which the result of each benchmark is left as a page, NAME.html, with CloudWatch's account where there is one
    #[arg(long, value_name = "DIR")]
    html: Option<PathBuf>,
    #[command(flatten)]
    options: Options,
}

/// The command. Nothing survives it, however it ends.
pub(crate) async fn demo(demo: &Demo) -> anyhow::Result<()> {
    // Before anything is started: from here on no signal ends us without the lab being ended first.
    let mut interrupt = Interrupt::catch()?;
    if demo.options.without_operator {
        bail!("--without-operator leaves nobody to run a benchmark: use it with `lab up`");
    }
    if let Some(directory) = &demo.html {
        fs::create_dir_all(directory).with_context(|| format!("--html: {} cannot be made", directory.display()))?;
    }
    let (manifest, name) = match &demo.file {
        Some(file) => {
            let text = fs::read_to_string(file).with_context(|| format!("{} cannot be read", file.display()))?;
            (text, file.display().to_string())
        }
        None => (SAMPLE.to_owned(), SAMPLE_NAME.to_owned()),
    };
    let state = state::temporary("demo")?;
    let mut supervisor = Supervisor::start(&state, &demo.options, Life::Ours)?;
    let outcome = {
        let story = tell(&state, demo, (&manifest, &name), &mut supervisor);
        tokio::select! {
            outcome = story => Some(outcome),
            signal = interrupt.wait() => {
                eprintln!("\ndemo: {signal}: everything is being ended");
                None
            }
        }
    };
    if let Some(Err(error)) = &outcome {
        eprintln!("\ndemo: {error:#}");
    }
    let inventory = Inventory::of(&state).await;
    // A second signal means: at once.
    tokio::select! {
        ended = supervisor.end() => ended?,
        _ = interrupt.wait() => supervisor.kill().await?,
    }
    Cloud::sweep(&state)?;
    inventory.verify_gone(&state).await?;
    match outcome {
        Some(Ok((ledger, invalid))) => {
            state.remove()?;
            say::line(format_args!("nothing left: {}", ledger.line()));
            if !invalid.is_empty() {
                bail!("not valid, for the reasons in its report: the run of {}", invalid.join(", of "));
            }
            Ok(())
        }
        // Whoever interrupts a demo does not want its logs.
        None => {
            state.remove()?;
            bail!("interrupted; the lab is down")
        }
        Some(Err(_)) => bail!("the demo failed; the lab is down, its logs are in {}", state.path("logs").display()),
    }
}

/// From `up` to the ledger, and the names of those whose run is not valid. The lab itself is ended by the caller.
async fn tell(
    state: &State,
    demo: &Demo,
    manifest: (&str, &str),
    supervisor: &mut Supervisor,
) -> anyhow::Result<(Ledger, Vec<String>)> {
    supervisor.ready(state).await?;
    let binaries = if demo.options.kubeconfig.is_none() { Some(Binaries::find()?) } else { None };
    let kubectl = controlplane::kubectl(state, binaries.as_ref(), &state.path("bin").join("lab"))?;
    let measured = tokio::select! {
        measured = measure(state, &kubectl, manifest, demo.html.as_deref()) => measured,
        error = supervisor.gone() => Err(error),
    };
    if measured.is_err() {
        show_logs(state);
    }
    measured
}

async fn measure(
    state: &State,
    kubectl: &Kubectl,
    (manifest, name): (&str, &str),
    pages: Option<&Path>,
) -> anyhow::Result<(Ledger, Vec<String>)> {
    let started = Instant::now();
    let benches = Bench::apply(kubectl, manifest, name).await?;
    let mut invalid = Vec::new();
    for bench in &benches {
        if !bench.ready(kubectl, started, PATIENCE).await? {
            invalid.push(bench.name.clone());
        }
        say::line(format_args!("\n$ kubectl get clusterbenchmarks{}", bench.flag()));
        say::text(kubectl.run(&["get", "clusterbenchmarks", "--namespace", &bench.namespace]).await?);
        show(state, kubectl, bench, pages).await?;
    }
    let admin = state.record()?.admin;
    for bench in &benches {
        say::line(format_args!("$ kubectl delete clusterbenchmark {}{}", bench.name, bench.flag()));
        bench.delete(kubectl).await?;
        let mut line = Line::new(Instant::now());
        let gone = bench.gone(kubectl, TEARDOWN);
        tokio::pin!(gone);
        loop {
            tokio::select! {
                gone = &mut gone => break gone?,
                () = tokio::time::sleep(POLL_INTERVAL) => {
                    let ledger = Ledger::of(admin).await?;
                    line.show(&format!("deleting: {}", ledger.left()));
                }
            }
        }
        line.end(&format!("{} is gone", bench.name));
    }
    Ok((settled(admin).await?, invalid))
}

/// The newest report in the plugin's words, and as a page where one is asked for.
async fn show(state: &State, kubectl: &Kubectl, bench: &Bench, pages: Option<&Path>) -> anyhow::Result<()> {
    let words = result::report(state, bench, &[]).await?;
    say::line(format_args!("\n$ kubectl clusterbenchmark report {}{}\n{words}", bench.name, bench.flag()));
    if let Some(directory) = pages {
        let page = result::page(state, kubectl, bench, directory).await?;
        say::line(format_args!("as a page: {}\n", page.display()));
    }
    Ok(())
}

/// The lab's ledger, once it is empty. Not empty in time is the failure that this demo exists to find.
async fn settled(admin: std::net::SocketAddr) -> anyhow::Result<Ledger> {
    let deadline = tokio::time::Instant::now() + SETTLING;
    loop {
        let ledger = Ledger::of(admin).await?;
        if ledger.launched == 0 {
            bail!("the lab's ledger shows no launch: {}", ledger.line());
        }
        if ledger.is_empty() {
            return Ok(ledger);
        }
        if tokio::time::Instant::now() > deadline {
            let story = ledger.story.join("\n    ");
            bail!("something is left: {}, {} live; what happened:\n    {story}", ledger.line(), ledger.live);
        }
        tokio::time::sleep(POLL_INTERVAL).await;
    }
}

fn show_logs(state: &State) {
    for part in ["operator", SUPERVISOR] {
        let path: &Path = &state.log(part);
        let lines = logs::tail(path, TAIL);
        eprintln!("\nthe end of the log of {part}:");
        lines.iter().for_each(|line| eprintln!("    {line}"));
    }
}

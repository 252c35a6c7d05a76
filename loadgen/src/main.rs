//! `loadgen run` measures and prints; `loadgen watch` shows queues; `loadgen agent` does what the operator asks for.

mod command_line;

use std::io::{IsTerminal, Write, stderr, stdout};
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use agent::{Guard, Readiness, Termination};
use anyhow::{Context, bail};
use command_line::files::closing;
use command_line::json::json;
use command_line::stored::Stored;
use command_line::watch::{self, WatchArguments};
use command_line::{AgentArguments, Invocation, ReportArguments, Task};
use loadgen::{
    Front, HistogramLog, Progress, Resolver, Runs, SendLog, Settings, WrongLog, greet, measure, routes, secure,
};
use wire::{CloudWatch, Report, Validity};

/// Exit code of arguments that are wrong, as clap has it.
const WRONG_ARGUMENTS: u8 = 2;
/// Exit code of a run that must not be quoted. Scripts that only look at the code must not take it for a result.
const INVALID: u8 = 3;
/// Exit code when the result is valid and a condition of `--fail-if` holds.
const CONDITION_HOLDS: u8 = 4;
/// How long open control requests may take to finish when the process is told to end.
const DRAIN: Duration = Duration::from_secs(5);
/// How often queues are looked at.
const LOOK: Duration = Duration::from_secs(2);
/// How often the line for people changes.
const REFRESH: Duration = Duration::from_millis(250);

fn main() -> ExitCode {
    agent::log_to_stderr();
    let invocation = match command_line::parse() {
        Ok(invocation) => invocation,
        Err(error) => return refused(&error),
    };
    let runtime = match tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return failed(&anyhow::Error::new(error).context("the runtime cannot be started")),
    };
    let ended = match invocation {
        Invocation::Measure(task) => runtime.block_on(measure_once(&task)),
        Invocation::Agent(agent) => runtime.block_on(serve(*agent)),
        Invocation::Report(report) => show_report(&report),
        Invocation::Watch(watch) => runtime.block_on(watch_queues(&watch)),
    };
    ended.unwrap_or_else(|error| failed(&error))
}

fn failed(error: &anyhow::Error) -> ExitCode {
    eprintln!("loadgen: {error:#}");
    ExitCode::FAILURE
}

/// What was asked for cannot be asked for.
fn refused(error: &anyhow::Error) -> ExitCode {
    eprintln!("loadgen: {error:#}");
    ExitCode::from(WRONG_ARGUMENTS)
}

async fn measure_once(task: &Task) -> anyhow::Result<ExitCode> {
    let Task { spec, request, output, .. } = task;
    let mut settings = Settings::new("command line", agent::raise_open_files());
    match request.files.read() {
        Ok(files) => settings.files = files.map(Arc::new),
        Err(error) => {
            eprintln!("loadgen: {}: {error}", request.files.flag(&error));
            return Ok(ExitCode::from(WRONG_ARGUMENTS));
        }
    }
    settings.request_limit = request.timeout().0;
    settings.resolver = settings.resolver.with_hosts(request.hosts.clone()).with(request.resolve.clone());
    settings.search.slots = task.slots.unwrap_or(settings.search.slots);
    let log = opened("--histogram", output.histogram.as_deref(), HistogramLog::create)?;
    let sends = opened("--sends", output.sends.as_deref(), SendLog::create)?;
    settings.sends = sends.clone();
    let wrong = opened("--wrong", request.files.wrong.as_deref(), WrongLog::create)?;
    settings.wrong = wrong.clone();
    settings.log = log.clone();
    settings.trust = request.trust()?;
    let targets = loadgen::validate(spec, settings.most_connections(spec));
    let mut targets = match targets {
        Ok(targets) => targets,
        Err(error) => return Ok(refused(&task.in_flags(&error))),
    };
    secure(&mut targets, &settings.trust)?;
    for target in &targets {
        let found = settings.resolver.look_up(&target.authority).await;
        let found = found.with_context(|| {
            let (flag, name) = (task.urls_as, &target.authority);
            format!("{flag}: cannot find the address of {name:?}; check the name, give an IP address, or say --resolve")
        })?;
        greet(target, found).await.context(task.urls_as)?;
    }
    let mut termination = Termination::catch()?;
    let progress = Arc::new(Progress::new(spec.rounds.count));
    let line = tokio::spawn(show(progress.clone()));
    let abort = async {
        termination.received().await;
        "interrupted".to_owned()
    };
    let measured = measure(spec, &settings, &progress, |_| (), abort).await;
    line.abort();
    clear_line();
    let measurement = measured?;
    let report = measurement.report()?;
    print(&match (output.json, output.csv) {
        (true, _) => json(&measurement, &report)? + "\n",
        (_, true) => report::csv(&report),
        _ if settings.files.is_some() => report::chart_and_text(&report) + &closing(&measurement.all()?),
        _ => report::chart_and_text(&report),
    })?;
    if let Some(path) = &output.html {
        write_page(&report, None, path)?;
    }
    let finished = [log.map(|log| log.finish()), sends.map(|sends| sends.finish()), wrong.map(|wrong| wrong.finish())];
    if let Some(Err(why)) = finished.into_iter().flatten().find(Result::is_err) {
        bail!("a file that was asked for is not complete: {why}");
    }
    if report.validity == Validity::Invalid {
        eprintln!("loadgen: this run is not valid: {}", report.reasons.join("; "));
        return Ok(ExitCode::from(INVALID));
    }
    let conditions = &task.fail_if;
    let held: Vec<String> =
        report.clusters.iter().flat_map(|one| conditions.iter().filter_map(|it| it.holds(one))).collect();
    for reason in &held {
        eprintln!("loadgen: {reason}");
    }
    Ok(if held.is_empty() { ExitCode::SUCCESS } else { ExitCode::from(CONDITION_HOLDS) })
}

/// Prints the queues of a front until it is told to end. One that does not answer any more may be on its way back.
async fn watch_queues(arguments: &WatchArguments) -> anyhow::Result<ExitCode> {
    let front = Front::at(&arguments.url, Resolver::system())?;
    let mut termination = Termination::catch()?;
    let mut queues = Ok(front.queues().await?);
    print(&watch::heading())?;
    loop {
        match &queues {
            Ok(queues) if queues.is_empty() => eprintln!("loadgen: {} has no queues yet", arguments.url),
            Ok(queues) => print(&watch::lines(&jiff::Zoned::now(), queues))?,
            Err(error) => eprintln!("loadgen: {error}"),
        }
        if arguments.once {
            return Ok(ExitCode::SUCCESS);
        }
        tokio::select! {
            () = termination.received() => return Ok(ExitCode::SUCCESS),
            () = tokio::time::sleep(LOOK) => {}
        }
        queues = front.queues().await;
    }
}

/// A report that is there already, from a file or from standard input.
fn show_report(arguments: &ReportArguments) -> anyhow::Result<ExitCode> {
    let name = arguments.file.display();
    let text = if arguments.file.as_os_str() == "-" {
        std::io::read_to_string(std::io::stdin())
    } else {
        std::fs::read_to_string(&arguments.file)
    };
    let text = text.with_context(|| format!("FILE {name} cannot be read"))?;
    let Stored { report, cloud_watch } = Stored::read(&text).with_context(|| format!("FILE {name} is not a report"))?;
    match (&arguments.svg, &arguments.html) {
        (Some(directory), _) => draw(&report, cloud_watch.as_ref(), directory)?,
        (None, Some(path)) => {
            write_page(&report, cloud_watch.as_ref(), path)?;
            print(&format!("{}\n", path.display()))?;
        }
        (None, None) => print(&match (arguments.csv, arguments.md) {
            (true, _) => report::csv(&report),
            (_, true) => report::markdown(&report),
            _ => report::chart_and_text(&report),
        })?,
    }
    Ok(if report.validity == Validity::Invalid { ExitCode::from(INVALID) } else { ExitCode::SUCCESS })
}

fn write_page(report: &Report, cloud_watch: Option<&CloudWatch>, path: &Path) -> anyhow::Result<()> {
    let page = report::html(report, cloud_watch).context("--html")?;
    std::fs::write(path, page).with_context(|| format!("--html: {} cannot be written", path.display()))
}

/// Writes the pictures, and prints where they are.
fn draw(report: &Report, cloud_watch: Option<&CloudWatch>, directory: &Path) -> anyhow::Result<()> {
    let Some(pictures) = report::pictures(report, cloud_watch) else {
        bail!(
            "--svg: this report says nothing of the course of the run: it was measured by an earlier version, it was too \
             long to keep that, or nothing was sent; its notes say which (loadgen report FILE)"
        );
    };
    std::fs::create_dir_all(directory)
        .with_context(|| format!("--svg: the directory {} cannot be made", directory.display()))?;
    for picture in pictures.into_iter().chain(report::queue_pictures(report).into_iter().flatten()) {
        let path = directory.join(picture.file);
        std::fs::write(&path, picture.svg).with_context(|| format!("--svg: {} cannot be written", path.display()))?;
        print(&format!("{}\n", path.display()))?;
    }
    Ok(())
}

fn print(text: &str) -> anyhow::Result<()> {
    stdout().write_all(text.as_bytes()).context("the result cannot be written to standard output")
}

/// A file of a flag, if it was given.
fn opened<T>(
    flag: &str,
    path: Option<&Path>,
    create: impl FnOnce(&Path) -> std::io::Result<T>,
) -> anyhow::Result<Option<Arc<T>>> {
    let Some(path) = path else { return Ok(None) };
    let file = create(path).with_context(|| format!("{flag} {} cannot be written", path.display()))?;
    Ok(Some(Arc::new(file)))
}

/// One line that changes, only where a person can see it.
async fn show(progress: Arc<Progress>) {
    while stderr().is_terminal() {
        eprint!("\r\x1b[K{}", progress.message());
        tokio::time::sleep(REFRESH).await;
    }
}

fn clear_line() {
    if stderr().is_terminal() {
        eprint!("\r\x1b[K");
    }
}

async fn serve(arguments: AgentArguments) -> anyhow::Result<ExitCode> {
    let control = arguments.control.control().context(
        "--control-listen (CONTROL_LISTEN) is missing: an agent needs it, with --instance-id and --control-public-key",
    )?;
    let mut termination = Termination::catch()?;
    let readiness = Readiness::not_yet("starting");
    let mut settings = Settings::new(&control.instance_id, agent::raise_open_files());
    (settings.request_limit, settings.recovery) = (arguments.timeout.0, arguments.recovery.0);
    settings.resolver = settings.resolver.with_hosts(arguments.hosts.clone());
    let (runs, mut defects) = Runs::open(&arguments.data_dir, settings)
        .with_context(|| format!("--data-dir {}", arguments.data_dir.display()))?;
    let listener = agent::listen("--control-listen", control.listen).await?;
    tracing::info!(listen = %control.listen, instance = control.instance_id, "ready for runs");
    readiness.ready();
    let routes = Guard::new(&control).protect_relaying(routes(runs.clone()).merge(readiness.routes()));
    let mut defect = None;
    let shutdown = async {
        tokio::select! {
            () = termination.received() => {}
            found = defects.recv() => defect = found,
        }
    };
    agent::serve(listener, routes, shutdown, DRAIN).await;
    if let Some(defect) = defect {
        bail!(defect);
    }
    runs.stop().await;
    Ok(ExitCode::SUCCESS)
}

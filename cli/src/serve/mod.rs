//! `watch --serve`: the benchmark as a page for a browser, which asks for it anew by itself while something is to come.
//!
//! The page has no script: a header reloads it. The kubeconfig is the authentication, so only this machine is listened to unless an
//! address is said, and nobody is answered who asks for another name.

mod asked;
mod going;
mod server;

use std::net::SocketAddr;
use std::pin::pin;

use anyhow::{Context as _, bail};
use api::ClusterBenchmark;
use jiff::Timestamp;
use report::{LivePage, html, live_page};
use tokio::sync::watch::{Sender, channel};

use self::server::{Page, Server};
use crate::access::Access;
use crate::courses::Courses;
use crate::exit::Exit;
use crate::lines::lines;
use crate::standing::{Standing, ending, line, standing};
use crate::states::states;
use crate::stored;
use crate::terminal::Block;

/// Seconds after which a browser asks again: the operator says something new every five at most (`status.live`).
const RELOAD_SECONDS: u32 = 2;

/// Serves until it is interrupted.
///
/// *Errors*: the address is taken, there is no such benchmark, or Kubernetes refuses to be asked.
pub(crate) async fn serve(access: &Access, name: &str, address: SocketAddr) -> anyhow::Result<Exit> {
    let server = Server::listen(address).await?;
    let object = access.benchmark(name).await?;
    if !address.ip().is_loopback() {
        eprintln!("warning: whoever reaches {address} can read this page: nobody is asked for a password");
    }
    say::line(format_args!("serving {}, until Ctrl-C", server.url()));
    let (show, shown) = channel(going(&going::page(&object, &Courses::default(), Timestamp::now())));
    tokio::select! {
        ended = server.serve(shown) => ended?,
        ended = follow(access, name, &show) => ended?,
    }
    Ok(Exit::Done)
}

fn going(page: &LivePage) -> Page {
    Page { body: live_page(page), reload_seconds: Some(RELOAD_SECONDS) }
}

/// Shows every state, on the terminal as well.
async fn follow(access: &Access, name: &str, show: &Sender<Page>) -> anyhow::Result<()> {
    let mut block = Block::new();
    let mut states = pin!(states(access, name));
    let mut courses = Courses::default();
    let mut ended = Vec::new();
    while let Some(state) = block.next(&mut states).await {
        let Some(object) = state? else {
            // A report outlives its benchmark, and so does its page.
            let gone = going::gone(&access.namespace, name, Timestamp::now());
            show.send_if_modified(|page| {
                let is_going = page.reload_seconds.is_some();
                if is_going {
                    *page = going(&gone);
                }
                is_going
            });
            continue;
        };
        courses.see(&object);
        block.show(&line(&object), lines(&object, &courses));
        // Another run can follow, and is told in the same way.
        let ending = ending(&standing(&object));
        if ending != ended {
            block.add(&ending);
            ended = ending;
        }
        show.send_replace(page(access, &object, &courses).await);
    }
    bail!("the API server ended the watch")
}

/// The page of the report where there is one of the run that is asked for, else how it goes.
async fn page(access: &Access, object: &ClusterBenchmark, courses: &Courses) -> Page {
    let mut page = going::page(object, courses, Timestamp::now());
    let is_over = standing(object) != Standing::Pending;
    let has_report = object
        .status
        .iter()
        .flat_map(|status| &status.runs)
        .any(|run| run.id == object.spec.run_id && !run.report.is_empty());
    if is_over && has_report {
        match of_report(access, object).await {
            Ok(body) => return Page { body, reload_seconds: None },
            Err(error) => page.facts.push(format!("The report cannot be shown: {error:#}")),
        }
    }
    going(&page)
}

async fn of_report(access: &Access, object: &ClusterBenchmark) -> anyhow::Result<String> {
    let name = object.metadata.name.as_deref().unwrap_or_default();
    let stored = stored::stored(access, name, Some(&object.spec.run_id)).await?;
    let account = stored::cloud_watch(&stored)?;
    html(&stored::document(&stored)?, account.as_ref()).context("the report cannot be drawn")
}

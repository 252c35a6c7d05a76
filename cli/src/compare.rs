//! `compare`: two runs beside each other.

mod beside;

use anyhow::Context as _;
use kube::ResourceExt as _;

use self::beside::{Side, beside, obstacles};
use crate::access::Access;
use crate::arguments::Compare;
use crate::exit::Exit;
use crate::names::OfRun;
use crate::stored;

pub(crate) async fn compare(access: &Access, wanted: &Compare) -> anyhow::Result<Exit> {
    let first = side(access, &wanted.first).await.context("the first one")?;
    let second = side(access, &wanted.second).await.context("the second one")?;
    let obstacles = obstacles(&first, &second);
    if !obstacles.is_empty() {
        eprintln!("{} and {} must not be compared:", first.name, second.name);
        obstacles.iter().for_each(|obstacle| eprintln!("  {obstacle}"));
        return Ok(Exit::NotComparable);
    }
    say::text(beside(&first, &second));
    Ok(Exit::Done)
}

async fn side(access: &Access, wanted: &OfRun) -> anyhow::Result<Side> {
    let stored = stored::stored(access, &wanted.name, wanted.run.as_deref()).await?;
    let report = stored::document(&stored)?;
    Ok(Side { name: stored.name_any(), run: stored.spec.run_id, measured: stored.spec.measured, report })
}

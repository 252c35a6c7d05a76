//! `report`: the report of a run, in one of its renderings.

use anyhow::Context as _;

use crate::access::Access;
use crate::arguments::{Form, Report};
use crate::exit::Exit;
use crate::stored;

pub(crate) async fn report(access: &Access, wanted: &Report) -> anyhow::Result<Exit> {
    let stored = stored::stored(access, &wanted.name, wanted.run.as_deref()).await?;
    // As it was measured, also where this program cannot read it.
    if wanted.output == Form::Json {
        say::line(stored.spec.report.trim_end());
        return Ok(Exit::Done);
    }
    let document = stored::document(&stored)?;
    say::text(match wanted.output {
        Form::Text | Form::Json => report::chart_and_text(&document),
        Form::Md => report::markdown(&document),
        Form::Csv => report::csv(&document),
        Form::Html => {
            let account = stored::cloud_watch(&stored)?;
            report::html(&document, account.as_ref()).context("the report cannot be drawn")?
        }
    });
    Ok(Exit::Done)
}

//! A benchmark that is ready and at rest is looked at: nothing may change.

use std::time::Duration;

use crate::life::{Life, stretched};
use crate::spread::evenly_spread;
use crate::stage::judge::{Broken, Rule};
use crate::watch::Stop;

/// After this time lists show everything.
const LATEST: Duration = Duration::from_secs(300);
/// Passes in which a ready benchmark clears away what it needs no more.
const TO_QUIET: usize = 5;

impl Life<'_, '_> {
    /// Looks at a benchmark that is ready, while nothing happens to it.
    pub(crate) async fn rest(&mut self) -> Result<(), Stop> {
        self.play.schedule.open(false);
        self.quiet().await?;
        self.play.schedule.open(self.script.is_counted);
        Ok(())
    }

    /// A benchmark that is ready and at rest causes no call that changes something, and no write.
    pub(crate) async fn quiet(&mut self) -> Result<(), Stop> {
        if !self.play.is_ready() {
            return Ok(());
        }
        // What was done by hand may be seen late, and be mended.
        for _ in 0..TO_QUIET {
            self.play.wait(LATEST);
            for _ in 0..TO_QUIET {
                let wake = self.play.pass_on(0).await?;
                self.play.wait(stretched(wake, 1000));
            }
            if self.until_ready().await? == 0 {
                break;
            }
        }
        evenly_spread(self.play, self.script.zones)?;
        let before = (self.play.effects(), self.play.store.server().writes);
        let (is_at_rest, status) = (self.play.is_at_rest(), self.play.store.status());
        for _ in 0..2 {
            self.play.pass_on(0).await?;
        }
        let after = (self.play.effects(), self.play.store.server().writes);
        // A launch that is being proven absent is not quiet yet.
        let is_read = |run: &api::Run| run.cloud_watch.as_ref().is_some_and(|of| of.state == "Pending");
        let open = |status: &api::Status| {
            status.launches.iter().any(planner::world::ledger::is_open) || status.runs.iter().any(is_read)
        };
        let expired = self.play.phase() == "Expired";
        // A cent that was added is said, once a minute at most.
        let without_cost =
            |status: &Option<api::Status>| status.clone().map(|status| api::Status { cost: None, ..status });
        let is_money = u64::from(after.0 - before.0) == after.1 - before.1
            && after.1 - before.1 <= 2
            && without_cost(&status) == without_cost(&self.play.store.status());
        if is_at_rest
            && self.play.is_ready()
            && !expired
            && !status.as_ref().is_some_and(open)
            && before != after
            && !is_money
        {
            let (effects, last) = (after.0 - before.0, self.play.last_effect());
            let what = format!(
                "nothing changed, and {effects} effects were tried, the last one {last}: {}",
                difference(&status, &self.play.store.status())
            );
            return Err(Broken::new(Rule::Quiet, what).into());
        }
        Ok(())
    }
}

/// Lines of the documents that differ.
fn difference(before: &Option<api::Status>, after: &Option<api::Status>) -> String {
    let [before, after] = [before, after].map(|status| serde_json::to_string_pretty(status).unwrap_or_default());
    let gone = before.lines().filter(|line| !after.contains(line.trim())).map(|line| format!("-{}", line.trim()));
    let come = after.lines().filter(|line| !before.contains(line.trim())).map(|line| format!("+{}", line.trim()));
    gone.chain(come).collect::<Vec<_>>().join(" ")
}

//! Calls about runs that are on, as they arrive at a generator.

use planner::ports::AgentError;

use crate::stage::agents::FakeAgents;

impl FakeAgents {
    pub(super) fn hold(&self, control: &str, id: &str) -> Result<(), AgentError> {
        self.at(control, |agent, _, now| {
            if let Some(run) = agent.runs.get_mut(id).filter(|run| !run.is_over(now) && run.hold().is_some()) {
                run.held_since.get_or_insert(now);
            }
        })
    }

    /// What it was held does not count as time of the run.
    pub(super) fn resume(&self, control: &str, id: &str) -> Result<(), AgentError> {
        self.at(control, |agent, _, now| {
            if let Some(run) = agent.runs.get_mut(id)
                && let Some(since) = run.held_since.take()
            {
                run.length += now.duration_since(since);
            }
        })
    }

    pub(super) fn stop(&self, control: &str, id: &str) -> Result<(), AgentError> {
        self.at(control, |agent, _, now| {
            if let Some(run) = agent.runs.get_mut(id).filter(|run| !run.is_over(now)) {
                run.aborted = true;
            }
        })
    }

    pub(super) fn forget(&self, control: &str, id: &str, report_sha256: &str) -> Result<(), AgentError> {
        self.at(control, |agent, _, now| match agent.runs.get(id) {
            Some(run) if run.is_over(now) && run.report().1 == report_sha256 => {
                self.judge.forgets(id, report_sha256);
                agent.runs.remove(id);
                Ok(())
            }
            Some(_) => Err(AgentError::Conflict),
            None => Ok(()),
        })?
    }
}

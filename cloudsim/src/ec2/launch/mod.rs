//! RunInstances: the token, the checks in EC2's order, capacity, and the instances.

mod capacity;
mod make;
mod request;
mod resolve;

use std::sync::Arc;

use super::Ec2;
use super::instance::{Instance, RunInstances};
use super::state::TokenEntry;
use crate::engine::error::{Outcome, SimError};
use crate::settings::{AfterFailure, AfterTermination, QuotaCheck};
use request::{full_text, kind_of, text};

impl Ec2<'_> {
    /// RunInstances. A repeat of an earlier request with the same token answers the same instances.
    pub fn run_instances(&mut self, request: &RunInstances) -> Outcome<Vec<Arc<Instance>>> {
        let outcome = self.launch_once(request);
        match &outcome {
            Ok(instances) => {
                let ids: Vec<_> = instances.iter().map(|instance| instance.id.as_str()).collect();
                self.engine.tell(format!("RunInstances {} -> {}", full_text(request), ids.join(" ")));
            }
            Err(error) => self.engine.tell(format!("RunInstances {} refused: {error}", full_text(request))),
        }
        outcome
    }

    /// Checks of a request that RunInstances makes before anything else: with DryRun these are all. Quotas and capacity
    /// are not among them (aws-parallelcluster#1779), and a token is neither looked at nor used up.
    pub fn check_launch(&mut self, request: &RunInstances) -> Outcome<()> {
        let checked = kind_of(request).and_then(|kind| self.resolve(kind, request)).map(drop);
        let said = checked.as_ref().map_or_else(|error| format!("refused: {error}"), |()| "would be taken".to_owned());
        self.engine.tell(format!("RunInstances (DryRun) {} {said}", text(request)));
        checked
    }

    fn launch_once(&mut self, request: &RunInstances) -> Outcome<Vec<Arc<Instance>>> {
        let kind = kind_of(request)?;
        if self.settings.token.quota_check == QuotaCheck::BeforeToken {
            self.check_quota(kind.vcpus * request.min_count)?;
        }
        let key = request.client_token.clone().map(|token| (self.token_scope(request), token));
        if let Some(answer) = key.as_ref().and_then(|key| self.repeated(key, request)) {
            return answer;
        }
        let launch = self.resolve(kind, request)?;
        let made = self.count_that_fits(&launch, request).map(|count| self.make(&launch, request, count));
        let is_burnt = made.is_err() && self.settings.token.after_failure == AfterFailure::Burnt;
        if let Some(key) = key.filter(|_| made.is_ok() || is_burnt) {
            let instance_ids = made.iter().flatten().map(|instance| instance.id.clone()).collect();
            self.state.tokens.insert(key, TokenEntry { request: Arc::new(request.clone()), instance_ids });
        }
        made
    }

    /// Tokens are good within a zone when the request names one, directly or by subnet.
    fn token_scope(&self, request: &RunInstances) -> Option<String> {
        let subnet = request.wanted_subnet().and_then(|id| self.state.network.subnet(id));
        subnet.map(|subnet| subnet.zone.clone()).or_else(|| request.zone.clone())
    }

    /// The answer to a token that was used before; `None` when it may launch.
    fn repeated(&self, key: &(Option<String>, String), request: &RunInstances) -> Option<Outcome<Vec<Arc<Instance>>>> {
        let entry = self.state.tokens.get(key)?;
        if *entry.request != *request {
            let message = "Arguments on this idempotent request are inconsistent with arguments used in previous \
                           request(s).";
            return Some(Err(SimError::new("IdempotentParameterMismatch", message)));
        }
        if entry.instance_ids.is_empty() {
            return None;
        }
        let instances: Vec<_> = entry.instance_ids.iter().filter_map(|id| self.state.instance(id)).collect();
        let is_spent = instances.iter().all(|instance| instance.is_over());
        let is_refused = self.settings.token.after_termination == AfterTermination::Refused || instances.is_empty();
        if is_spent && is_refused {
            let message = "The client token you have provided is associated with a resource that is already deleted.";
            return Some(Err(SimError::new("IdempotentInstanceTerminated", message)));
        }
        Some(Ok(instances))
    }
}

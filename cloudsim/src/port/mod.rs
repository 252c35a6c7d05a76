//! The planner's ports over a simulation in process, as `cloud` implements them over the AWS SDK.

mod catalog;
mod compute;
mod load_balancers;
mod metrics;
mod objects;
mod prices;
mod queues;
mod security_groups;

use std::convert::Infallible;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use jiff::Timestamp;
use planner::failure::codes::{failure_of, failure_of_launch, steady};
use planner::owner::Tags;
use planner::ports::{Answer, Regions};
use planner::{CloudError, Failure};

use crate::actions::Action;
use crate::ec2::{self, Ec2};
use crate::engine::error::{Outcome, SimError};
use crate::engine::fault::{Fault, Reply};
use crate::engine::network::NetworkFault;
use crate::engine::query::{Filter, Page, PageRequest, Query};
use crate::iam::Principal;
use crate::sim::{Call, Sim};

/// Tells the time: a test's own, or the real one.
pub type Clock = Arc<dyn Fn() -> Timestamp + Send + Sync>;

/// Told of each call: the action's name, and the failure if there was one.
pub type CountCall = Arc<dyn Fn(&str, Option<Failure>) + Send + Sync>;

/// Asked before each call, and whether it is one with DryRun: what it meets.
pub type Fate = Arc<dyn Fn(Action, bool) -> Option<Fault> + Send + Sync>;

/// A simulation that several owners call, with the clock they share. Clones are the same simulation.
#[derive(Clone)]
pub struct SharedSim {
    sim: Arc<Mutex<Sim>>,
    clock: Clock,
    /// The region that was asked for. In any other than the simulation's own, nobody answers.
    region: String,
    principal: Principal,
    count: Option<CountCall>,
    fate: Option<Fate>,
}

impl SharedSim {
    /// Calls are made by an administrator.
    pub fn new(sim: Sim, clock: Clock) -> Self {
        let region = sim.settings().region.clone();
        Self { sim: Arc::new(Mutex::new(sim)), clock, region, principal: Principal::default(), count: None, fate: None }
    }

    /// The same simulation, called by somebody else.
    pub fn acting_as(&self, principal: Principal) -> Self {
        Self { principal, ..self.clone() }
    }

    /// The same simulation, whose calls are told to `count` from now on, as `cloud` tells of those to AWS.
    pub fn counting(self, count: impl Fn(&str, Option<Failure>) + Send + Sync + 'static) -> Self {
        Self { count: Some(Arc::new(count)), ..self }
    }

    /// The same simulation, each of whose calls meets what `fate` says, and nothing else that it would not have met.
    pub fn meeting(self, fate: impl Fn(Action, bool) -> Option<Fault> + Send + Sync + 'static) -> Self {
        Self { fate: Some(Arc::new(fate)), ..self }
    }

    /// The simulation itself, for injecting faults and asking for the truth. Do not hold it over an await.
    pub fn lock(&self) -> MutexGuard<'_, Sim> {
        // A panic elsewhere is that test's failure; the state is whole between calls all the same.
        self.sim.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn now(&self) -> Timestamp {
        (self.clock)()
    }

    /// One call with DryRun over an imagined network: never a success.
    fn dry_run(&self, call: Call, check: impl FnOnce(&mut Sim, Timestamp) -> Outcome<()>) -> CloudError {
        let call = call.by(self.principal);
        let never = |sim: &mut Sim, now| match sim.dry_run(&call, now, check) {
            Reply::Whole(said) => Reply::Whole(Err::<Infallible, _>(said)),
            Reply::Truncated(said) => Reply::Truncated(Err(said)),
            Reply::Lost => Reply::Lost,
        };
        let Err(said) = self.over_the_network((call.action(), true), never);
        // Refused by nobody.
        let failure = (said.code != "DryRunOperation").then_some(said.failure);
        self.told(call.action(), failure);
        said
    }

    /// One call over an imagined network.
    pub fn call<T>(
        &self,
        call: Call,
        operation: impl FnOnce(&mut Sim, Timestamp) -> Outcome<T> + Send + 'static,
    ) -> Answer<T> {
        let action = call.action();
        let answer =
            self.over_the_network((action, false), |sim, now| sim.call(call.by(self.principal), now, operation));
        self.told(action, answer.as_ref().err().map(|error| error.failure));
        answer
    }

    fn told(&self, action: Action, failure: Option<Failure>) {
        if let Some(count) = &self.count {
            count(action.name(), failure);
        }
    }

    fn over_the_network<T>(
        &self,
        (action, is_dry): (Action, bool),
        exchange: impl FnOnce(&mut Sim, Timestamp) -> Reply<Outcome<T>>,
    ) -> Answer<T> {
        let now = self.now();
        let mut sim = self.lock();
        if sim.settings().region != self.region {
            let message = format!("no endpoint answers for region {}", self.region);
            return Err(CloudError::new(Failure::Unreachable, "UnknownEndpoint", message));
        }
        if let Some(fate) = &self.fate {
            sim.meet(fate(action, is_dry));
        }
        let fault = sim.network_fault(now);
        let lost = |code: &str, message: &str| Err(CloudError::new(Failure::Unreachable, code, message));
        match fault {
            Some(NetworkFault::Status503) => return lost("HTTP 503", "the endpoint is unavailable"),
            Some(NetworkFault::Reset) => return lost("ConnectionReset", "the connection was reset"),
            Some(NetworkFault::Cut) | None => (),
        }
        match exchange(&mut sim, now) {
            Reply::Whole(_) if fault.is_some() => lost("Truncated", "the answer ended before its length"),
            Reply::Whole(Ok(answer)) => Ok(answer),
            Reply::Whole(Err(error)) if action == ec2::Action::RunInstances.into() => {
                let failure = failure_of_launch(&error.code, error.status);
                Err(CloudError { failure, ..error.into() })
            }
            Reply::Whole(Err(error)) => Err(error.into()),
            Reply::Truncated(_) => lost("Truncated", "the answer ended before its closing tag"),
            Reply::Lost => lost("ConnectionReset", "the connection ended without an answer"),
        }
    }

    /// All pages of a list of EC2. A page that comes twice is an error, not an end.
    fn all<T: Send + 'static>(
        &self,
        action: ec2::Action,
        query: Query,
        read: impl Fn(&mut Ec2<'_>, &Query) -> Outcome<Page<T>> + Clone + Send + 'static,
    ) -> Answer<Vec<T>> {
        /// EC2's largest page.
        const MAX_RESULTS: usize = 1000;
        let mut items = Vec::new();
        let max_results = query.ids.is_empty().then_some(MAX_RESULTS);
        let mut query = Arc::new(Query { page: PageRequest { max_results, next_token: None }, ..query });
        loop {
            let (read, asked) = (read.clone(), query.clone());
            let page = self.call(Call::new(action), move |sim, now| read(&mut sim.ec2(now), &asked))?;
            items.extend(page.items);
            let Some(token) = page.next_token else { return Ok(items) };
            if query.page.next_token.as_ref() == Some(&token) {
                return Err(CloudError::new(Failure::Unreachable, "RepeatedPage", "the same page token came twice"));
            }
            Arc::make_mut(&mut query).page.next_token = Some(token);
        }
    }
}

impl From<SimError> for CloudError {
    fn from(error: SimError) -> Self {
        Self::new(failure_of(&error.code), error.code, steady(&error.message))
    }
}

impl Regions for SharedSim {
    type Cloud = Self;

    fn region(&self, name: &str) -> Arc<Self> {
        Arc::new(Self { region: name.into(), ..self.clone() })
    }
}

/// Filters that only things with all of these tags pass.
fn tagged(tags: &Tags) -> Vec<Filter> {
    tags.iter().map(|(key, value)| Filter::tag(key, value)).collect()
}

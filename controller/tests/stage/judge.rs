//! The judge of what must hold at every moment. It judges from the simulation's own truth and never from what the operator was shown.

mod finishing;
mod following;
mod rule;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard};

use api::{ClusterBenchmark, Launch, Placement, Run, Status};
use cloudsim::Sim;
use jiff::Timestamp;
use planner::desired;
use planner::ports::LaunchRequest;
use planner::prices::price::shipped;
use planner::scale::pool::is_gone;
use planner::world::ledger;

use crate::stage::kubernetes::Server;
use crate::stage::measured::Members;
use finishing::Finishing;
use following::Following;
pub(crate) use rule::{Broken, Rule};

/// The balancer of a report.
#[derive(Clone, Debug)]
pub(crate) struct Through {
    pub(crate) id: String,
    /// It ended before the run did.
    pub(crate) lost: bool,
}

/// Clones are the same judge.
#[derive(Clone, Default)]
pub(crate) struct Judge(Arc<Mutex<Book>>);

#[derive(Default)]
struct Book {
    /// Whether somebody took the object away with all that it had.
    abandoned: bool,
    /// The first rule that was broken in the middle of a step.
    broken: Option<Broken>,
    /// Every line that ever reached the server, by token.
    lines: BTreeMap<String, Launch>,
    /// Hashes of the launches that were asked about.
    rehearsed: BTreeSet<String>,
    /// What the names of the queues begin with that a launch was written down for, by its token.
    stems: BTreeMap<String, String>,
    /// What those begin with that the spec asks for.
    stem: String,
    finishing: Finishing,
    following: Following,
    /// Instances that each token made.
    made: BTreeMap<String, BTreeSet<String>>,
    launched: usize,
    wanted: Vec<(String, usize)>,
    /// Tokens of lines that were written for a former spec.
    former: BTreeSet<String>,
    /// The most instances that each pool was ever allowed to have at the same time, since its last quiet moment.
    allowed: BTreeMap<String, usize>,
    /// Reports in the order in which status first named them.
    reports: Vec<String>,
    /// Report by run and measured hash.
    results: BTreeMap<(String, String), String>,
    /// Hashes of the reports that status ever held.
    hashes: BTreeSet<String>,
    /// Reports that somebody deletes.
    excused: BTreeSet<String>,
    /// Launches that status holds of a run that is on, by run and measured hash.
    parts: BTreeMap<(String, String), usize>,
    /// Workers that a report is about, by its hash.
    workers: BTreeMap<String, BTreeSet<String>>,
    /// The balancer that a report was measured through, by its hash.
    balancers: BTreeMap<String, Through>,
    /// When the load of a report began, of several generators, by the report's hash.
    starts: BTreeMap<String, Option<Timestamp>>,
}

impl Judge {
    fn book(&self) -> MutexGuard<'_, Book> {
        self.0.lock().unwrap()
    }

    /// What it goes by besides the moment itself, in words: what was wanted and allowed, and of clusters that follow their queue
    /// what they had to do.
    pub(crate) fn moment(&self) -> Vec<String> {
        let book = self.book();
        let mut lines = vec![format!("{:?} {:?} {}", book.wanted, book.allowed, book.abandoned)];
        lines.extend(book.former.iter().map(|token| format!("former {token}")));
        lines.extend(book.workers.iter().map(|(report, ids)| format!("{report} is about {ids:?}")));
        lines.extend(book.starts.iter().map(|(report, at)| format!("{report} began {at:?}")));
        lines.extend(book.balancers.iter().map(|(report, through)| format!("{report} went through {through:?}")));
        lines.extend(book.hashes.iter().map(|hash| format!("status held {hash}")));
        if book.following.is_needed() {
            lines.push(format!("{:?} {:?}", book.following, book.finishing));
        }
        lines
    }

    pub(crate) fn convict(&self, rule: Rule, what: impl Into<String>) {
        self.book().broken.get_or_insert(Broken::new(rule, what));
    }

    /// Found between two steps; told at the next.
    pub(crate) fn remember(&self, broken: Broken) {
        self.book().broken.get_or_insert(broken);
    }

    /// A status reached the server.
    pub(crate) fn written(&self, status: &Status) {
        let mut book = self.book();
        let queue = status.placement.as_ref().and_then(|placement| placement.queue.as_ref());
        book.stem = queue.map(|queue| queue.stem.clone()).unwrap_or_default();
        for line in &status.launches {
            if !book.lines.contains_key(&line.token) {
                book.lines.insert(line.token.clone(), line.clone());
                book.finishing.written(&line.token, status.observed_generation);
                let is_writer = line.pool != desired::BALANCER && !line.pool.starts_with(desired::GENERATOR);
                if is_writer && !book.stem.is_empty() {
                    let stem = book.stem.clone();
                    book.stems.insert(line.token.clone(), stem);
                }
            }
        }
        book.hashes.extend(status.runs.iter().map(|run| run.report_sha256.clone()));
        let parts = status.runs.iter().flat_map(|run| &run.parts);
        book.hashes.extend(parts.map(|part| part.report_sha256.clone()));
        if let Some(what) = status.placement.as_ref().and_then(wrong_price) {
            book.broken.get_or_insert(Broken::new(Rule::Priced, what));
        }
    }

    /// A launch is asked about, with whatever answer.
    pub(crate) fn rehearse(&self, request: &LaunchRequest) {
        self.book().rehearsed.insert(ledger::request_sha256(request));
    }

    /// A launch is sent.
    pub(crate) fn launch(&self, request: &LaunchRequest, now: Timestamp) {
        let mut book = self.book();
        let broken = match book.lines.get(&request.token) {
            None => Broken::new(Rule::WrittenFirst, format!("a launch of {} that no status held", request.count)),
            Some(line) if line.not_after.as_ref().is_none_or(|at| now > at.0) => {
                let late = line.not_after.as_ref().map_or(0, |at| now.duration_since(at.0).as_secs());
                Broken::new(Rule::InTime, format!("launch {}/{} is sent {late} s too late", line.pool, line.number))
            }
            Some(line) if line.count != i32::try_from(request.count).unwrap() => {
                let what = format!("launch {}/{} is for {}, not {}", line.pool, line.number, request.count, line.count);
                Broken::new(Rule::WrittenFirst, what)
            }
            Some(line) if !book.rehearsed.contains(&ledger::request_sha256(request)) => {
                let what = format!("launch {}/{} is sent, and was never rehearsed", line.pool, line.number);
                Broken::new(Rule::RehearsedFirst, what)
            }
            Some(_) => return,
        };
        book.broken.get_or_insert(broken);
    }

    /// A queue or a bucket of this name goes. The front may live on when a cluster goes; of a bucket nobody may.
    pub(crate) fn nobody_writes(&self, sim: &Sim, name: &str) {
        let mut book = self.book();
        // The sweeper believes lists that are minutes late.
        if book.abandoned {
            return;
        }
        let writes = |instance: &cloudsim::ec2::Instance| {
            let token = instance.token.as_deref().unwrap_or_default();
            let (Some(stem), Some(line)) = (book.stems.get(token), book.lines.get(token)) else { return false };
            // Those of later settings have a number where others have a cluster.
            let rest =
                name.strip_prefix(stem.as_str()).filter(|rest| !rest.starts_with(|one: char| one.is_ascii_digit()));
            let cluster = rest.and_then(|rest| rest.strip_suffix("-in").or_else(|| rest.strip_suffix("-out")));
            let is_former_front = line.pool == desired::FRONT && *stem != book.stem;
            name.ends_with("-an") || cluster.is_some_and(|cluster| line.pool == cluster || is_former_front)
        };
        let writer = sim.truth().ec2.live_instances().into_iter().find(|instance| writes(instance));
        if let Some(writer) = writer {
            let what = format!("{name} goes, and {} of it is {}", writer.id, writer.state.name());
            book.broken.get_or_insert(Broken::new(Rule::NobodyWrites, what));
        }
    }

    /// Somebody deletes the report of a launch.
    pub(crate) fn excuse(&self, sha256: &str) {
        self.book().excused.insert(sha256.to_owned());
    }

    /// A generator hands out a report about these workers.
    pub(crate) fn reports(&self, sha256: &str, members: &Members, start_at: Option<Timestamp>, balancer: Through) {
        let ids = || members.values().flatten().cloned().collect();
        self.book().workers.entry(sha256.to_owned()).or_insert_with(ids);
        self.book().starts.insert(sha256.to_owned(), start_at);
        self.book().balancers.insert(sha256.to_owned(), balancer);
    }

    /// A generator is told to forget a run that has ended.
    pub(crate) fn forgets(&self, run: &str, sha256: &str) {
        if !self.book().hashes.contains(sha256) {
            self.convict(Rule::ResultsStay, format!("run {run} is forgotten before status holds its report"));
        }
    }

    /// Somebody wiped the status: results go with it, the reports stay.
    pub(crate) fn wiped(&self) {
        let mut book = self.book();
        book.results.clear();
        book.parts.clear();
        book.reports.clear();
        let lines: Vec<String> = book.lines.keys().cloned().collect();
        book.former.extend(lines);
    }

    /// What is there is nobody's any more, until the sweeper finds it.
    pub(crate) fn abandon(&self) {
        self.book().abandoned = true;
    }

    pub(crate) fn is_abandoned(&self) -> bool {
        self.book().abandoned
    }

    pub(crate) fn expect_nothing(&self) {
        self.book().abandoned = false;
    }

    /// After every step.
    pub(crate) fn check(&self, sim: &Sim, server: &Server) -> Result<(), Broken> {
        let mut book = self.book();
        if let Some(broken) = book.broken.take() {
            return Err(broken);
        }
        let foreign = sim.foreign_touched();
        if !foreign.is_empty() {
            return Err(Broken::new(Rule::NothingForeign, format!("touched what is not ours: {foreign:?}")));
        }
        one_of_each(sim)?;
        book.launches_are_lines(sim)?;
        let Some(object) = &server.object else {
            let (live, groups) = (sim.truth().ec2.live_instances().len(), sim.truth().ec2.live_groups().len());
            let volumes = sim.truth().ec2.live_volumes().len();
            let (balancers, targets) =
                (sim.truth().elb.live_load_balancers().len(), sim.truth().elb.live_target_groups().len());
            let (queues, buckets) = (sim.truth().sqs.live_queues().len(), sim.truth().s3.live_buckets().len());
            return match live + groups + volumes + balancers + targets + queues + buckets {
                0 => Ok(()),
                _ if book.abandoned => Ok(()),
                _ => Err(Broken::new(
                    Rule::NothingLeft,
                    format!(
                        "the object is gone; left are {live} instances, {groups} groups, {volumes} volumes, {balancers} load balancers, {targets} target groups, {queues} queues and {buckets} buckets"
                    ),
                )),
            };
        };
        book.finishing.generation = object.metadata.generation.unwrap_or(0);
        book.follows(object);
        book.as_its_queue_asks(sim)?;
        book.never_above_wanted(sim, object)?;
        match &object.status {
            Some(status) => book.results_stay(&status.runs, server),
            None => Ok(()),
        }
    }
}

impl Book {
    /// Every RunInstances that made instances is one line that was written first, and made what it says.
    fn launches_are_lines(&mut self, sim: &Sim) -> Result<(), Broken> {
        if sim.truth().ec2.launched() == self.launched {
            return Ok(());
        }
        self.launched = sim.truth().ec2.launched();
        for instance in sim.truth().ec2.listed_instances() {
            let token = instance.token.clone().unwrap_or_default();
            self.made.entry(token).or_default().insert(instance.id.clone());
        }
        for (token, ids) in &self.made {
            let Some(line) = self.lines.get(token) else {
                return Err(Broken::new(Rule::LaunchesAreLines, format!("{} instances of no line", ids.len())));
            };
            if ids.len() != usize::try_from(line.count).unwrap() {
                let what = format!("launch {}/{} of {} made {}", line.pool, line.number, line.count, ids.len());
                return Err(Broken::new(Rule::LaunchesAreLines, what));
            }
        }
        Ok(())
    }

    /// Live and pending of a pool are never more than wanted; what was wanted before an edit may stay until it is
    /// removed, or can no longer come.
    fn never_above_wanted(&mut self, sim: &Sim, object: &ClusterBenchmark) -> Result<(), Broken> {
        let counts = planner::counts::Counts::of_spec(&object.spec);
        let wanted =
            || desired::pools(&object.spec).into_iter().map(|pool| (pool.name.clone(), counts.of(&pool.name) as usize));
        if !self.wanted.iter().cloned().eq(wanted()) {
            self.wanted = wanted().collect();
            self.former.extend(self.lines.keys().cloned());
        }
        let mut live: BTreeMap<&str, (usize, usize)> = BTreeMap::new();
        for instance in sim.truth().ec2.live_instances() {
            // By the line that made it: tags can be changed by hand.
            let line = self.lines.get(instance.token.as_deref().unwrap_or_default());
            let Some(line) = line.filter(|line| !is_gone(&object.spec, &line.pool, instance.state)) else { continue };
            let (all, fresh) = live.entry(&line.pool).or_default();
            *all += 1;
            *fresh += usize::from(!self.former.contains(&line.token));
        }
        let lines = object.status.iter().flat_map(|status| &status.launches).filter(|line| ledger::is_open(line));
        let coming: Vec<&str> = lines.map(|line| line.pool.as_str()).collect();
        for (pool, wanted) in &self.wanted {
            let (have, fresh) = live.get(pool.as_str()).copied().unwrap_or_default();
            let before = self.allowed.get(pool).copied().unwrap_or(*wanted);
            let settled = have <= *wanted && sim.late_calls() == 0 && !coming.contains(&pool.as_str());
            let allowed = if settled { *wanted } else { before.max(*wanted) };
            if before != allowed || !self.allowed.contains_key(pool) {
                self.allowed.insert(pool.clone(), allowed);
            }
            if have > allowed || fresh > *wanted {
                let what = format!("pool {pool} has {have} instances ({fresh} for this spec), {allowed} are allowed");
                return Err(Broken::new(Rule::NeverAboveWanted, what));
            }
        }
        Ok(())
    }

    /// What was recorded once is not changed, and goes only when newer runs take its place.
    fn results_stay(&mut self, runs: &[Run], server: &Server) -> Result<(), Broken> {
        let broken = |what: String| Err(Broken::new(Rule::ResultsStay, what));
        let is_result = |run: &&Run| matches!(run.outcome.as_str(), "Valid" | "Invalid" | "Failed");
        for run in runs.iter().filter(|run| !run.report.is_empty()) {
            let Some(report) = server.reports.get(&run.report) else {
                return broken(format!("run {} is recorded and its report is not stored", run.id));
            };
            if report.spec.report_sha256 != run.report_sha256 {
                return broken(format!("run {} names another report than the one that is stored", run.id));
            }
            if !self.reports.contains(&run.report) {
                self.reports.push(run.report.clone());
            }
        }
        self.parts.retain(|key, _| runs.iter().any(|run| is_on(run) && key_of(run) == *key));
        for run in runs.iter().filter(|run| is_on(run)) {
            let is_stored = |sha256: &str| server.reports.contains_key(&format!("bench-{}-{}", run.id, &sha256[..10]));
            let is_lost = |sha256: &String| !self.excused.contains(sha256) && !is_stored(sha256);
            if let Some(part) = run.parts.iter().find(|part| is_lost(&part.report_sha256)) {
                return broken(format!(
                    "a launch of run {} is recorded and its report is not stored: {part:?}",
                    run.id
                ));
            }
            // Shares of a launch that one generator lost are measured again.
            let launches = run.parts.len() / generators(run);
            let known = self.parts.entry(key_of(run)).or_default();
            if launches < *known {
                return broken(format!("run {} had {known} launches and has {launches}", run.id));
            }
            *known = launches;
            new_workers(&self.workers, run)?;
            together(&self.starts, run)?;
            one_balancer(&self.balancers, run)?;
        }
        for run in runs.iter().filter(is_result) {
            if self.balancers.get(&run.report_sha256).is_some_and(|through| through.lost) {
                let what = format!("run {} is {} because its balancer was lost", run.id, run.outcome);
                return Err(Broken::new(Rule::OneBalancer, what));
            }
            let key = key_of(run);
            if *self.results.entry(key).or_insert_with(|| run.report.clone()) != run.report {
                return broken(format!("the result of run {} changed", run.id));
            }
        }
        let is_there = |report: &String| runs.iter().any(|run| run.report == *report);
        // Older ones may have made room; those at the end of the list may not.
        let kept = self.reports.iter().position(is_there).unwrap_or(self.reports.len());
        let lost = self.reports[kept..].iter().any(|report| !is_there(report));
        if lost || (kept > 0 && runs.len() < 3) {
            return broken("a result that was recorded is not in status any more".to_owned());
        }
        Ok(())
    }
}

/// Whatever was answered or not, there is never a second one.
fn one_of_each(sim: &Sim) -> Result<(), Broken> {
    let broken = |what: String| Err(Broken::new(Rule::OneOfEach, what));
    let elb = &sim.truth().elb;
    let balancers = elb.live_load_balancers();
    if balancers.len() > 1 {
        return broken(format!("there are {} load balancers", balancers.len()));
    }
    let listeners = elb.live_listeners();
    if listeners.len() > balancers.len() {
        return broken(format!("{} load balancers have {} listeners", balancers.len(), listeners.len()));
    }
    let mut paths = BTreeSet::new();
    for rule in elb.live_rules() {
        if !paths.insert(rule.paths.clone()) {
            return broken(format!("two rules are for {:?}", rule.paths));
        }
    }
    Ok(())
}

/// No two launches of a run are measured on the same workers.
fn new_workers(workers: &BTreeMap<String, BTreeSet<String>>, run: &Run) -> Result<(), Broken> {
    let mut seen: BTreeMap<&String, usize> = BTreeMap::new();
    for (place, part) in run.parts.iter().enumerate() {
        let launch = place / generators(run) + 1;
        for id in workers.get(&part.report_sha256).into_iter().flatten() {
            if let Some(before) = seen.insert(id, launch).filter(|before| *before != launch) {
                let what = format!("{id} is measured in launches {before} and {launch} of run {}", run.id);
                return Err(Broken::new(Rule::NewWorkers, what));
            }
        }
    }
    Ok(())
}

/// All shares of a launch are of one load.
fn together(starts: &BTreeMap<String, Option<Timestamp>>, run: &Run) -> Result<(), Broken> {
    for (launch, shares) in (1..).zip(run.parts.chunks(generators(run))) {
        let moments: BTreeSet<_> = shares.iter().map(|part| starts.get(&part.report_sha256)).collect();
        if moments.len() > 1 {
            let what = format!("what is recorded of launch {launch} of run {} began at {moments:?}", run.id);
            return Err(Broken::new(Rule::Together, what));
        }
    }
    Ok(())
}

/// All shares of a launch went through one balancer.
fn one_balancer(balancers: &BTreeMap<String, Through>, run: &Run) -> Result<(), Broken> {
    for (launch, shares) in (1..).zip(run.parts.chunks(generators(run))) {
        let through = shares.iter().filter_map(|part| balancers.get(&part.report_sha256));
        let ids: BTreeSet<&String> = through.map(|through| &through.id).collect();
        if ids.len() > 1 {
            let what = format!("launch {launch} of run {} was measured through {ids:?}", run.id);
            return Err(Broken::new(Rule::OneBalancer, what));
        }
    }
    Ok(())
}

fn generators(run: &Run) -> usize {
    usize::try_from(run.generators).unwrap()
}

/// List and table are the same here, whichever answered.
fn wrong_price(placement: &Placement) -> Option<String> {
    let right = |name: &str| shipped(&placement.region, name).and_then(|price| i64::try_from(price).ok());
    let wrong = placement.prices.iter().find(|price| price.hourly_usd_micros != right(&price.instance_type))?;
    Some(format!("{wrong:?} is not the price of {} in {}", wrong.instance_type, placement.region))
}

fn is_on(run: &Run) -> bool {
    run.outcome == "Running"
}

fn key_of(run: &Run) -> (String, String) {
    (run.id.clone(), run.measured_sha256.clone())
}

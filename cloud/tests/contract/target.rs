//! Somebody who implements the ports, and the run of all rows against them.

use std::cell::Cell;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use aws_config::SdkConfig;
use jiff::Timestamp;
use planner::owner::{Owner, Tags};
use planner::ports::{
    Addressing, Answer, Architecture, Catalog, Compute, Credits, Image, ImageQuery, Instance, LaunchRequest, Regions,
    Selection, Subnet, SubnetsOf,
};

use crate::rows::Row;

/// Looks before a row gives up: of those that wait in real time, none comes near the time that this takes.
const LOOKS: usize = 500;

/// Puts an object of one byte into a bucket, under a key. Answers why it could not.
pub(crate) type Put = Box<dyn Fn(String, String) -> Pin<Box<dyn Future<Output = Result<(), String>>>>>;

/// One implementation with its time.
pub(crate) struct Target<R: Regions> {
    pub(crate) cloud: Arc<R::Cloud>,
    pub(crate) region: String,
    /// The account's number where nobody there can be asked for it.
    account: Option<String>,
    /// Puts what the ports do not: the objects of others.
    put: Option<Put>,
    /// How the adapters of the tier behind queues reach it, where it is a server.
    tier: Option<SdkConfig>,
    /// Lets time pass where time is ours, or says how long to wait for it.
    pass: Box<dyn Fn() -> Duration>,
    /// Part of every name and token: the target may be shared with earlier runs.
    run: String,
    count: Cell<u32>,
}

impl<R: Regions> Target<R> {
    pub(crate) fn new(regions: &R, region: &str, pass: impl Fn() -> Duration + 'static) -> Self {
        Self {
            cloud: regions.region(region),
            region: region.to_owned(),
            account: None,
            put: None,
            tier: None,
            pass: Box::new(pass),
            run: format!("{}-{}", std::process::id(), Timestamp::now().as_millisecond()),
            count: Cell::new(0),
        }
    }

    pub(crate) fn of_account(self, account: &str) -> Self {
        Self { account: Some(account.to_owned()), ..self }
    }

    pub(crate) fn with_objects(self, put: Put) -> Self {
        Self { put: Some(put), ..self }
    }

    pub(crate) fn with_tier(self, config: SdkConfig) -> Self {
        Self { tier: Some(config), ..self }
    }

    /// New adapters of the tier behind queues, whose objects are in this bucket.
    pub(crate) fn tier(&self, bucket: &str) -> queue::Aws {
        let config = self.tier.as_ref().expect("a target of rows about the tier is a server");
        queue::Aws::new(config, bucket)
    }

    pub(crate) async fn account(&self) -> String {
        match &self.account {
            Some(account) => account.clone(),
            None => self.cloud.identity().await.unwrap().account,
        }
    }

    pub(crate) async fn put(&self, bucket: &str, key: &str) {
        let put = self.put.as_ref().expect("a target of rows about objects can put them");
        // The bucket may just have been made.
        self.eventually(&format!("{key} in {bucket}"), async || put(bucket.to_owned(), key.to_owned()).await.ok())
            .await;
    }

    /// A name that nobody had before.
    pub(crate) fn fresh(&self, what: &str) -> String {
        self.count.set(self.count.get() + 1);
        format!("{what}-{}-{}", self.run, self.count.get())
    }

    /// A few letters and digits that nobody had before, for names that are short.
    pub(crate) fn fresh_word(&self) -> String {
        self.count.set(self.count.get() + 1);
        let millis = Timestamp::now().as_millisecond() & 0xff_ffff_ffff;
        format!("{:x}{millis:x}{:x}", std::process::id(), self.count.get())
    }

    /// Somebody new.
    pub(crate) fn owner(&self) -> Owner {
        Owner {
            installation: self.fresh("installation"),
            kubernetes_cluster: "k-1".into(),
            benchmark_uid: self.fresh("uid"),
            namespace: "team".into(),
            name: "micro-vs-large".into(),
        }
    }

    /// Looks until `probe` has an answer. What is true on AWS is seldom seen at once.
    pub(crate) async fn eventually<T>(&self, what: &str, probe: impl AsyncFn() -> Option<T>) -> T {
        for _ in 0..LOOKS {
            if let Some(seen) = probe().await {
                return seen;
            }
            let pause = (self.pass)();
            if !pause.is_zero() {
                tokio::time::sleep(pause).await;
            }
        }
        panic!("never seen: {what}");
    }

    /// Lists until there are `count`, and as long again nothing more.
    pub(crate) async fn listed(&self, of: Selection, count: usize) -> Vec<Instance> {
        let look = async || {
            let found = self.cloud.instances(&of).await.unwrap();
            assert!(found.len() <= count, "{} instead of {count} for {of:?}", found.len());
            (found.len() == count).then_some(found)
        };
        self.eventually(&format!("{count} instances of {of:?}"), look).await
    }

    /// A call that may come before what it names can be seen.
    pub(crate) async fn once_visible<T>(&self, what: &str, call: impl AsyncFn() -> Answer<T>) -> T {
        let look = async || match call().await {
            Err(error) if matches!(error.failure, planner::Failure::NotFound | planner::Failure::NotYetVisible) => None,
            answer => Some(answer),
        };
        self.eventually(what, look).await.unwrap_or_else(|error| panic!("{what}: {error}"))
    }

    /// The default subnets by zone.
    pub(crate) async fn subnets(&self) -> Vec<Subnet> {
        let mut subnets = self.cloud.subnets(&SubnetsOf::Default).await.unwrap();
        subnets.sort_by(|one, other| one.zone.cmp(&other.zone));
        subnets
    }

    pub(crate) async fn image(&self) -> Image {
        let query = ImageQuery::Alias { alias: "al2023".into(), architecture: Architecture::X86_64 };
        self.cloud.image(&query).await.unwrap().expect("an image of the alias al2023")
    }

    /// A launch of one t2.micro in the first zone.
    pub(crate) async fn launch_of(&self, owner: &Owner) -> LaunchRequest {
        let subnet = self.subnets().await.remove(0);
        let image = self.image().await;
        LaunchRequest {
            token: self.fresh("token"),
            instance_type: "t2.micro".into(),
            count: 1,
            image_id: image.id,
            subnet_id: subnet.id,
            group_ids: vec![],
            public_address: Addressing::Public,
            // Nothing that takes long, because the lab really runs it.
            user_data: "#!/bin/bash\ntrue\n".into(),
            root_device: image.root_device,
            root_gib: image.root_gib,
            volumes: image.volumes,
            credits: Some(Credits::Standard),
            instance_profile: None,
            tags: owner.tags(&Tags::new()),
            not_after: jiff::Timestamp::MAX,
        }
    }

    /// Launches, and waits until it can be named.
    pub(crate) async fn launch(&self, launch: &LaunchRequest) -> Vec<Instance> {
        let made = self.once_visible("a launch", async || self.cloud.launch(launch).await).await;
        assert_eq!(made.len(), launch.count as usize);
        self.listed(Selection::Ids(ids(&made)), made.len()).await;
        made
    }

    /// Terminates, and waits until it is.
    pub(crate) async fn terminate(&self, ids: &[String]) {
        let terminated = async || match self.cloud.terminate(ids).await?.into_iter().next() {
            Some(refused) => Err(refused.error),
            None => Ok(()),
        };
        self.once_visible("a termination", terminated).await;
        let of = Selection::Ids(ids.to_vec());
        let gone = async || {
            let found = self.cloud.instances(&of).await.unwrap();
            found.iter().all(|instance| instance.state == planner::ports::InstanceState::Terminated).then_some(())
        };
        self.eventually(&format!("{ids:?} terminated"), gone).await;
    }
}

pub(crate) fn ids(instances: &[Instance]) -> Vec<String> {
    let mut ids: Vec<_> = instances.iter().map(|instance| instance.id.clone()).collect();
    ids.sort();
    ids
}

/// What a row may take that is known to fail, most of them at once.
const KNOWN_FAILURE: Duration = Duration::from_secs(15);

/// Runs these rows, and fails with the names of those that the target did not keep; or that it kept although it is known
/// to differ: a table of differences that is out of date hides what it could check.
pub(crate) async fn check<R: Regions>(
    name: &str,
    target: Target<R>,
    rows: Vec<Row<R>>,
    known_to_differ: &[(&str, &str)],
) {
    let target = Rc::new(target);
    for (row, _) in known_to_differ {
        assert!(
            rows.iter().any(|(known, _)| known == row),
            "{name} is said to differ in a row that is not there: {row}"
        );
    }
    let (mut failed, mut surprising, mut kept) = (Vec::new(), Vec::new(), 0);
    let local = tokio::task::LocalSet::new();
    for (row, run) in rows {
        if let Some((_, why)) = known_to_differ.iter().find(|(differs, _)| *differs == row) {
            let task = local.spawn_local(run(target.clone()));
            let end = task.abort_handle();
            let ended = local.run_until(tokio::time::timeout(KNOWN_FAILURE, task)).await;
            end.abort();
            match ended {
                Ok(Ok(())) => surprising.push(row),
                Ok(Err(_)) | Err(_) => eprintln!("{name}: {row} differs, as it is known to: {why}"),
            }
            continue;
        }
        // A task of its own, so that one row that panics does not hide the others.
        match local.run_until(local.spawn_local(run(target.clone()))).await {
            Ok(()) => kept += 1,
            Err(_) => failed.push(row),
        }
    }
    eprintln!("{name}: {kept} rows kept, {} failed, {} known to differ", failed.len(), known_to_differ.len());
    assert!(failed.is_empty(), "{name} does not keep: {}", failed.join(", "));
    assert!(surprising.is_empty(), "{name} keeps, and is said to differ in: {}", surprising.join(", "));
}

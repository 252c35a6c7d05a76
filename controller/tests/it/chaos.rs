//! Crashes at chosen effects: before one, or after it happened and before anybody learns of it.

use std::future::Future;
use std::sync::{Arc, Mutex};

use planner::owner::Owner;
use planner::ports::*;
use tokio::sync::Notify;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Moment {
    Before,
    After,
}

#[derive(Clone, Default)]
pub(crate) struct Chaos {
    plan: Arc<Mutex<Option<(u32, Moment)>>>,
    struck: Arc<Notify>,
}

impl Chaos {
    /// The process dies at the `nth` effect from now, counting from 0.
    pub(crate) fn strike_at(&self, nth: u32, moment: Moment) {
        *self.plan.lock().unwrap() = Some((nth, moment));
    }

    pub(crate) fn calm(&self) {
        *self.plan.lock().unwrap() = None;
    }

    /// Ends when the process died.
    pub(crate) async fn death(&self) {
        self.struck.notified().await;
    }

    pub(crate) async fn effect<T>(&self, effect: impl Future<Output = T> + Send) -> T {
        match self.moment() {
            None => return effect.await,
            Some(Moment::Before) => {}
            Some(Moment::After) => drop(effect.await),
        }
        self.struck.notify_one();
        std::future::pending().await
    }

    fn moment(&self) -> Option<Moment> {
        let mut plan = self.plan.lock().unwrap();
        let (left, moment) = (*plan)?;
        *plan = if left == 0 { None } else { Some((left - 1, moment)) };
        (left == 0).then_some(moment)
    }
}

/// A cloud whose effects are where the process can die.
pub(crate) struct Mortal<C> {
    pub(crate) inner: C,
    pub(crate) chaos: Chaos,
}

impl<R: Regions<Cloud = C>, C: Cloud + Clone> Regions for Mortal<R> {
    type Cloud = Mortal<C>;

    fn region(&self, name: &str) -> Arc<Mortal<C>> {
        Arc::new(Mortal { inner: C::clone(&self.inner.region(name)), chaos: self.chaos.clone() })
    }
}

impl<C: Cloud> Compute for Mortal<C> {
    async fn identity(&self) -> Answer<Identity> {
        self.inner.identity().await
    }
    async fn instances(&self, of: &Selection) -> Answer<Vec<Instance>> {
        self.inner.instances(of).await
    }
    async fn launch(&self, launch: &LaunchRequest) -> Answer<Vec<Instance>> {
        self.chaos.effect(self.inner.launch(launch)).await
    }
    async fn terminate(&self, ids: &[String]) -> Answer<()> {
        self.chaos.effect(self.inner.terminate(ids)).await
    }
    async fn console(&self, id: &str) -> Answer<Option<String>> {
        self.inner.console(id).await
    }
}

impl<C: Cloud> Firewall for Mortal<C> {
    async fn groups(&self, owner: &Owner) -> Answer<Vec<Group>> {
        self.inner.groups(owner).await
    }
    async fn create_group(&self, group: &GroupRequest) -> Answer<String> {
        self.chaos.effect(self.inner.create_group(group)).await
    }
    async fn allow(&self, group_id: &str, rule: &Rule) -> Answer<()> {
        self.chaos.effect(self.inner.allow(group_id, rule)).await
    }
    async fn delete_group(&self, group_id: &str) -> Answer<()> {
        self.chaos.effect(self.inner.delete_group(group_id)).await
    }
    async fn interfaces(&self, group_id: &str) -> Answer<Vec<Interface>> {
        self.inner.interfaces(group_id).await
    }
}

impl<C: Cloud> Offer for Mortal<C> {
    async fn subnets(&self, ids: &[String]) -> Answer<Vec<Subnet>> {
        self.inner.subnets(ids).await
    }
    async fn image(&self, image: &ImageQuery) -> Answer<Option<Image>> {
        self.inner.image(image).await
    }
    async fn instance_types(&self, names: &[String]) -> Answer<Vec<InstanceType>> {
        self.inner.instance_types(names).await
    }
    async fn offerings(&self, names: &[String]) -> Answer<Vec<(String, String)>> {
        self.inner.offerings(names).await
    }
}

//! A balancer in this process.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use agent::Drain;
use balancer::{Balancer, Settings, Timeouts};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use wire::{Cluster, Health, Member, MemberStatus, Membership, Policy};

use crate::client::{Client, eventually};

pub(crate) struct Running {
    pub(crate) address: SocketAddr,
    pub(crate) balancer: Arc<Balancer>,
    checks: JoinHandle<()>,
    stop: oneshot::Sender<()>,
    serving: JoinHandle<Drain>,
}

impl Drop for Running {
    fn drop(&mut self) {
        self.checks.abort();
    }
}

impl Running {
    pub(crate) async fn start(clusters: Vec<Cluster>) -> Self {
        Self::with(clusters, Timeouts::default()).await
    }

    pub(crate) async fn with(clusters: Vec<Cluster>, timeouts: Timeouts) -> Self {
        Self::set(clusters, Settings { timeouts, ..Settings::default() }).await
    }

    pub(crate) async fn set(clusters: Vec<Cluster>, settings: Settings) -> Self {
        let balancer = Balancer::new("balancer", settings);
        let listener = agent::listen("--listen", "127.0.0.1:0".parse().unwrap()).await.unwrap();
        let address = listener.local_addr().unwrap();
        let (stop, stopped) = oneshot::channel::<()>();
        let shutdown = async { drop(stopped.await) };
        let served = Arc::clone(&balancer);
        let serving =
            tokio::spawn(
                async move { balancer::serve(listener, served, shutdown, Duration::from_secs(20)).await.unwrap() },
            );
        let checked = Arc::clone(&balancer);
        let checks = tokio::spawn(async { match balancer::check_members(checked).await {} });
        let running = Self { address, balancer, checks, stop, serving };
        running.apply(clusters);
        eventually("every member was checked", || running.balancer.is_checked()).await;
        running
    }

    pub(crate) fn apply(&self, clusters: Vec<Cluster>) {
        self.serve(Membership { clusters, ..Membership::default() });
    }

    pub(crate) fn serve(&self, membership: Membership) {
        self.balancer.apply(membership, None).unwrap();
    }

    /// Keeps any member from being checked from now on.
    pub(crate) async fn stop_checking(&mut self) {
        self.checks.abort();
        let _ = (&mut self.checks).await;
    }

    pub(crate) fn client(&self) -> Client {
        Client::new(self.address)
    }

    pub(crate) fn member(&self, id: &str) -> MemberStatus {
        let status = self.balancer.status();
        status.clusters.into_iter().flat_map(|cluster| cluster.members).find(|member| member.id == id).unwrap()
    }

    pub(crate) async fn until(&self, id: &str, health: Health) {
        eventually(&format!("{id} is {health:?}"), || self.member(id).health == health).await;
    }
}

pub(crate) fn cluster(name: &str, members: Vec<Member>) -> Cluster {
    Cluster {
        name: name.into(),
        path: format!("/{name}"),
        policy: Policy::RoundRobin,
        health: None,
        members,
        scaling: None,
    }
}

#[tokio::test]
async fn dropping_the_shutdown_sender_drains_and_ends() {
    let mut running = Running::start(vec![]).await;
    let (stop, _) = oneshot::channel();
    drop(std::mem::replace(&mut running.stop, stop));
    let serving = std::mem::replace(&mut running.serving, tokio::spawn(async { Drain::Complete }));
    assert_eq!(serving.await.unwrap(), Drain::Complete);
}

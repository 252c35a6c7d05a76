//! The lab's cloud: the AWS endpoint, and instances that are processes.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::sync::Arc;

use anyhow::Context;
use cloudsim::ec2::KubernetesNode;
use cloudsim::{INSTANCE_PROFILE, Policy, Settings, SharedSim};
use jiff::Timestamp;
use lab::balancing::Balancing;
use lab::machine::{self, Processes};
use lab::region::{Region, RunningRegion};
use planner::owner::{NAME, NAMESPACE, POOL, Tags};

use crate::state::State;
use crate::supervisor::admin::Subject;
use crate::supervisor::chaos::{self, InForce, KnobShown, Turn};
use crate::supervisor::ledger::{Bucket, Instance, Ledger, LoadBalancer, Made, Queue};
use crate::supervisor::network::Network;

/// Looks, 10 ms apart.
const LETTING_GO: u32 = 200;

/// A cloud that runs.
pub(crate) struct Cloud {
    region: RunningRegion,
    machines: Arc<Processes>,
    balancing: Balancing,
    state: State,
    /// The settings that knobs go back to.
    calm: Settings,
    /// The Kubernetes cluster lies in its VPC.
    node: KubernetesNode,
}

/// The truth about a cloud, for whoever asks.
pub(crate) struct Seen {
    sim: SharedSim,
    state: State,
    calm: Settings,
    /// After how long the operator believes that what it does not see will not appear.
    settle_seconds: u64,
}

impl Cloud {
    /// Starts it; the endpoint answers when this returns.
    pub(crate) async fn start(state: &State, lab: &Path, network: &Network, region: &str) -> anyhow::Result<Self> {
        let settings = Settings {
            region: region.to_owned(),
            vpc_cidr: network.cidr(),
            public_cidr: network.public_cidr(),
            ..Settings::lab()
        };
        let (machines, events) =
            Processes::start_in(state.directory(), lab).context("instances cannot be started as processes")?;
        let machines = Arc::new(machines);
        let listen = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        let region = Region::start(settings, listen, machines.clone(), events).await;
        let region = region.context("the AWS endpoint cannot be started")?;
        region.keep_objects_in(&state.make("objects").context("objects have no directory")?);
        let calm = region.sim().lock().settings().clone();
        let node = region.sim().lock().ec2(Timestamp::now()).plant_kubernetes_node();
        let node = node.context("the VPC has no address for a node of the Kubernetes cluster")?;
        let balancing = Balancing::start(region.sim(), state.directory(), lab);
        let balancing = balancing.context("load balancers cannot be run")?;
        Ok(Self { region, machines, balancing, state: state.clone(), calm, node })
    }

    /// Lets the operator and the role of instances do what the shipped policies say, filled in for this account and Kubernetes
    /// cluster.
    pub(crate) fn attach_policy(&self, kubernetes_cluster: &str, installation: &str) -> anyhow::Result<()> {
        let sim = self.region.sim();
        let account = sim.lock().settings().account.clone();
        let policies = Policy::all_shipped(&account, kubernetes_cluster, installation);
        let of_instances = Policy::shipped_instance(&account).context("docs/iam-instance-policy.json")?;
        let mut sim = sim.lock();
        sim.attach_all(policies.context("docs/iam-policy*.json")?.map(Arc::new));
        sim.attach_to_role(INSTANCE_PROFILE, [Arc::new(of_instances)]);
        Ok(())
    }

    /// Addresses of the node that the operator's pod is on, and of the pod.
    pub(crate) fn node(&self) -> KubernetesNode {
        self.node
    }

    /// The value of `AWS_ENDPOINT_URL`.
    pub(crate) fn endpoint(&self) -> String {
        format!("http://{}", self.region.endpoint())
    }

    pub(crate) fn seen(&self, settle_seconds: u64) -> Seen {
        Seen { sim: self.region.sim(), state: self.state.clone(), calm: self.calm.clone(), settle_seconds }
    }

    /// Returns when a part of it ends, which none should.
    pub(crate) async fn ended(&mut self) -> anyhow::Error {
        let ended = tokio::select! {
            ended = self.region.ended() => ended,
            ended = self.balancing.ended() => ended,
        };
        match ended {
            Some(error) => anyhow::Error::from(error).context("the cloud broke"),
            None => anyhow::anyhow!("the cloud ended"),
        }
    }

    /// Ends load balancers, the endpoint, then every instance. Returns when their processes are gone.
    pub(crate) async fn stop(self) {
        let Self { region, machines, balancing, .. } = self;
        balancing.stop().await;
        drop(region);
        // Whoever lets go of the machines last waits for their processes. That should be us: the region's tasks, which
        // end within moments, would block others.
        for _ in 0..LETTING_GO {
            if Arc::strong_count(&machines) == 1 {
                break;
            }
            tokio::time::sleep(std::time::Duration::from_millis(10)).await;
        }
        if let Err(error) = tokio::task::spawn_blocking(move || drop(machines)).await {
            tracing::error!(%error, "the instances could not be stopped");
        }
    }

    /// Ends what instances of an earlier lab left behind; how many processes that were.
    pub(crate) fn sweep(state: &State) -> anyhow::Result<usize> {
        machine::sweep_leftovers(state.directory()).context("processes of an earlier lab cannot be ended")
    }

    /// Processes of instances and load balancers that run now.
    pub(crate) fn processes(state: &State) -> usize {
        machine::count_processes(state.directory())
    }
}

impl Subject for Seen {
    fn ledger(&self) -> Ledger {
        let sim = self.sim.lock();
        let cloudsim::Audit {
            launched,
            terminated,
            live,
            groups,
            volumes,
            interfaces,
            load_balancers,
            target_groups,
            queues,
            buckets,
            objects,
            foreign_touched,
            ..
        } = sim.audit();
        let story = sim.story().iter().map(ToString::to_string).collect();
        let mut benchmarks: BTreeMap<String, Made> = BTreeMap::new();
        for (key, instance) in
            sim.truth().ec2.listed_instances().iter().filter_map(|one| Some((benchmark(&one.tags)?, one)))
        {
            benchmarks.entry(key).or_default().instances.push(shown(instance));
        }
        for (key, group) in sim.truth().ec2.live_groups().iter().filter_map(|one| Some((benchmark(&one.tags)?, one))) {
            benchmarks.entry(key).or_default().groups.push(group.id.clone());
        }
        drop(sim);
        let processes = Cloud::processes(&self.state);
        Ledger {
            launched,
            terminated,
            live,
            groups,
            volumes,
            interfaces,
            load_balancers,
            target_groups,
            queues,
            buckets,
            objects,
            processes,
            foreign_touched,
            benchmarks,
            story,
        }
    }

    fn instances(&self) -> Vec<Instance> {
        self.sim.lock().truth().ec2.live_instances().iter().map(|instance| shown(instance)).collect()
    }

    fn load_balancers(&self) -> Vec<LoadBalancer> {
        self.sim.lock().data_path().load_balancers.iter().map(shown_balancer).collect()
    }

    fn queues(&self) -> Vec<Queue> {
        let sim = self.sim.lock();
        let sqs = &sim.truth().sqs;
        let shown = |queue: &Arc<cloudsim::sqs::Queue>| {
            let counts = sqs.messages(queue.number).unwrap_or_default();
            Queue { name: queue.name.clone(), visible: counts.visible, in_flight: counts.in_flight }
        };
        sqs.live_queues().iter().map(shown).collect()
    }

    fn buckets(&self) -> Vec<Bucket> {
        let sim = self.sim.lock();
        let s3 = &sim.truth().s3;
        let shown = |bucket: &Arc<cloudsim::s3::Bucket>| Bucket {
            name: bucket.name.clone(),
            inputs: s3.count_objects(&bucket.name, "in/"),
            outputs: s3.count_objects(&bucket.name, "out/"),
        };
        s3.live_buckets().iter().map(shown).collect()
    }

    fn knobs(&self) -> Vec<KnobShown> {
        chaos::shown(&self.calm, self.sim.lock().settings())
    }

    fn turn(&self, turn: &Turn) -> Result<InForce, String> {
        let mut sim = self.sim.lock();
        let turned = chaos::turned(sim.settings(), turn, Timestamp::now())?;
        sim.set_settings(turned);
        if let Some(seed) = turn.seed {
            sim.reseed(seed);
        }
        Ok(chaos::in_force(&self.calm, sim.settings(), self.settle_seconds))
    }

    fn calm(&self) -> InForce {
        let mut sim = self.sim.lock();
        sim.set_settings(self.calm.clone());
        chaos::in_force(&self.calm, sim.settings(), self.settle_seconds)
    }
}

fn shown(instance: &cloudsim::ec2::Instance) -> Instance {
    let network = instance.network.as_ref();
    Instance {
        id: instance.id.clone(),
        instance_type: instance.instance_type.clone(),
        state: instance.state.name().to_owned(),
        address: network.map_or_else(|| "-".to_owned(), |network| network.private_address.to_string()),
        pool: instance.tags.get(POOL).cloned().unwrap_or_default(),
        launched_at: instance.launched_at.to_string(),
        ended_at: instance.ended_at.map(|at| at.to_string()).unwrap_or_default(),
    }
}

fn shown_balancer(balancer: &cloudsim::elb::BalancerPath) -> LoadBalancer {
    LoadBalancer {
        name: balancer.name.clone(),
        state: balancer.state.name().to_owned(),
        dns_name: balancer.dns_name.clone(),
        addresses: balancer.nodes.iter().map(|node| node.address.to_string()).collect(),
    }
}

/// `namespace/name` of the benchmark that something is for.
fn benchmark(tags: &Tags) -> Option<String> {
    Some(format!("{}/{}", tags.get(NAMESPACE)?, tags.get(NAME)?))
}

//! Things of others in the account of a play.

use cloudsim::elb::LoadBalancerKind;
use cloudsim::sqs::CreateQueue;
use planner::owner::{Owner, POOL, Tags};
use planner::ports::NAME_PREFIX;
use planner::resources::ResourceKind;
use planner::resources::name::names;

use crate::stage::play::Play;

/// Things of others, as near to ours as one can get.
pub(crate) fn plant_neighbours(play: &Play) {
    let ours = Owner {
        installation: "test".into(),
        kubernetes_cluster: "k8s-uid".into(),
        benchmark_uid: "uid-1".into(),
        namespace: "default".into(),
        name: "bench".into(),
    };
    let neighbours = [
        Owner { benchmark_uid: "uid-2".into(), name: "neighbour".into(), ..ours.clone() },
        // Of a benchmark that is gone, and another installation's to remove.
        Owner { installation: "other".into(), benchmark_uid: "uid-9".into(), name: "gone".into(), ..ours.clone() },
        Owner { installation: "other".into(), ..ours.clone() },
        Owner { kubernetes_cluster: "other".into(), ..ours.clone() },
    ];
    let now = play.now();
    for (index, owner) in neighbours.iter().enumerate() {
        let mut tags = owner.tags(&Tags::new());
        tags.insert(POOL.into(), "a".into());
        play.sim.lock().ec2(now).plant_instance(tags.clone());
        play.sim.lock().ec2(now).plant_group(&format!("clusterbench-{index}-members"), tags.clone());
        let name = format!("{NAME_PREFIX}neighbour-{index}");
        play.sim.lock().elb(now).plant_load_balancer(&name, LoadBalancerKind::Application, tags.clone());
        play.sim.lock().elb(now).plant_target_group(&name, tags.clone());
        // Under our very names, where they are not ones that are asked for.
        let name = |kind| format!("{}neighbour-{index}", names(&ours, kind).concat());
        let queue = CreateQueue { name: name(ResourceKind::Queue), tags: tags.clone(), ..CreateQueue::default() };
        play.sim.lock().sqs(now).plant_queue(&queue);
        play.sim.lock().s3(now).plant_bucket(&name(ResourceKind::Bucket), tags);
    }
}

//! The holders of our security groups, and of our bucket: things that are not ours and keep it from being deleted. AWS only
//! says that something does.

use jiff::SignedDuration;

use crate::ports::{Group, InstanceState, Interface};
use crate::resources::ResourceKind;
use crate::world::named::Since;
use crate::world::{Facet, Holder, World};

/// Interfaces of our own instances go some time after them, EC2 does not say how long. What holds a group for longer than
/// this is looked for; asking earlier would find ours.
const LINGERS: SignedDuration = SignedDuration::from_secs(120);

/// Interfaces of a load balancer stay for minutes after it, too, and only AWS can remove them
/// (kubernetes-sigs/cluster-api-provider-aws#1846 saw more than three).
const LINGERS_BEHIND_A_LOAD_BALANCER: SignedDuration = SignedDuration::from_mins(15);

/// Groups of ours that EC2 has refused to delete for so long that it has to be somebody else's doing.
pub fn held(world: &World) -> Vec<String> {
    let groups = world.cloud.groups.known().map(Vec::as_slice).unwrap_or_default();
    let has_balancer = |placement: &api::Placement| ResourceKind::LoadBalancer.is_written(placement);
    let lingers = match world.object.status.placement.as_ref().is_some_and(has_balancer) {
        true => LINGERS_BEHIND_A_LOAD_BALANCER,
        false => LINGERS,
    };
    let is_held = |group: &&Group| {
        let held = world.memory.named.get(&group.name).and_then(|named| named.held.as_ref());
        Since::lasts(held, &group.id, world.now).is_some_and(|lasts| lasts > lingers)
    };
    let instances = world.cloud.instances.known().map(Vec::as_slice).unwrap_or_default();
    // As long as one of ours is there, it is that.
    if matches!(world.cloud.instances, Facet::Unknown(_))
        || instances.iter().any(|i| i.state != InstanceState::Terminated)
    {
        return Vec::new();
    }
    groups.iter().filter(is_held).map(|group| group.id.clone()).collect()
}

/// Why our bucket stays although it was emptied, and the way out. `None`: it goes, or is just being emptied.
pub(crate) fn bucket(world: &World) -> Option<String> {
    let buckets = world.cloud.buckets.known().map(Vec::as_slice).unwrap_or_default();
    let is_held = |name: &str| {
        let held = world.memory.named.get(name).and_then(|named| named.held.as_ref());
        Since::lasts(held, name, world.now).is_some_and(|lasts| lasts > LINGERS)
    };
    let name = &buckets.iter().find(|bucket| is_held(&bucket.name))?.name;
    Some(format!(
        "bucket {name} was emptied and S3 says that it is not empty: somebody switched versioning on, so it keeps former versions of its objects, or puts others into it; delete them all (in the console of S3: Empty, with versions), or the bucket, and the rest follows by itself"
    ))
}

/// What holds our groups and the way out, in words; empty: nothing was looked for.
pub(crate) fn sentences(world: &World) -> String {
    let groups = world.cloud.groups.known().map(Vec::as_slice).unwrap_or_default();
    groups.iter().filter_map(|group| sentence(world, group)).collect::<Vec<_>>().join("; ")
}

fn sentence(world: &World, group: &Group) -> Option<String> {
    let ours = world.cloud.groups.known().map(Vec::as_slice).unwrap_or_default();
    let is_strange = |holder: &&Holder| match holder {
        Holder::Interface(_) => true,
        // One of ours that names it goes with us.
        Holder::Group { id, .. } => ours.iter().all(|group| group.id != *id),
    };
    let holders: Vec<&Holder> = world.holders.get(&group.id)?.iter().filter(is_strange).collect();
    let words: Vec<String> = holders.iter().take(SHOWN).map(|holder| holder.words(&group.id)).collect();
    let more = holders.len().saturating_sub(SHOWN);
    Some(match words.is_empty() {
        true => format!(
            "something that is not ours holds {}, neither an interface nor a rule: look at its VPC associations (aws ec2 describe-security-group-vpc-associations --filters Name=group-id,Values={})",
            group.id, group.id
        ),
        false if more > 0 => format!("{}; and {more} more", words.join("; ")),
        false => words.join("; "),
    })
}

/// Holders of a group that are said: a condition has room for them.
const SHOWN: usize = 3;

impl Holder {
    fn words(&self, group: &str) -> String {
        match self {
            Self::Group { id, name } => {
                format!("security group {id} ({name}) has a rule that names {group}: remove that rule")
            }
            Self::Interface(Interface { id, status, instance_id }) => {
                let of = instance_id.as_ref().map(|instance| format!(" of {instance}")).unwrap_or_default();
                format!("network interface {id} ({status}{of}) is in {group}: take it out of the group, or delete it")
            }
        }
    }
}

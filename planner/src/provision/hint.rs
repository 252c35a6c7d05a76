//! A hint beside a refused launch: the way out in words, from its code and the facts at hand. Nothing is decided by it.

use api::BalancerKind;

use crate::balance::health::LISTENS_NOWHERE;
use crate::counts::Counts;
use crate::desired;
use crate::failure::{CloudError, Failure};
use crate::families::FREE_PLAN;
use crate::prices::price;
use crate::world::{Delivery, World};

/// To be added to the cloud's own words about a launch; empty where these say enough. Codes: EC2 API reference, "Error
/// codes".
pub(crate) fn hint(world: &World, instance_type: &str, message: &str) -> String {
    if is_about_profile(message)
        && let Some(name) = profile(world)
    {
        return format!(
            "; balancer.queue.instanceProfile: make an instance profile {name} in this account, with a role that has docs/iam-instance-policy.json, or name another one (a profile that was just made is not known to EC2 for some seconds)"
        );
    }
    // As `CloudError` is written.
    match message.split(':').next().unwrap_or_default() {
        // Among much else what the free plan answers (nilbuild/developer-roadmap#10171).
        "InvalidParameterCombination" if is_outside_the_free_plan(world, instance_type) => format!(
            "; an account on the free plan may launch {} only (see manifests/samples/free-plan.yaml), and {instance_type} is none of them",
            FREE_PLAN.join(", ")
        ),
        "VcpuLimitExceeded" => vcpus(world),
        "UnauthorizedOperation" if !is_in_the_policy(instance_type) => format!(
            "; the types of docs/iam-policy.json do not include {instance_type}: add it to ec2:InstanceType in the operator's policy"
        ),
        _ => String::new(),
    }
}

/// What to change after a boot that failed, from the last word of its console: the words are those of our own scripts.
pub(crate) fn boot_hint(console: &str, delivery: &Delivery) -> &'static str {
    let is_ours = |word: &str| match delivery {
        Delivery::Pull { base_url } => {
            word.contains(&format!("clusterbench: error: {}", base_url.trim_end_matches('/')))
        }
        Delivery::Push => false,
    };
    match console {
        word if word.contains(" has sha256 ") && is_ours(word) => {
            "put the programs of the operator's version at programs.baseUrl, or their hashes into programs.sha256,"
        }
        // A program of a user's own that is not what its hash says.
        word if word.contains("clusterbench: error: http") && word.contains(" has sha256 ") => {
            "put the right file there, or set worker.artifactSha256 or worker.archive.sha256 to the hash of the one that is there,"
        }
        word if word.contains("clusterbench: error: worker does not listen on ") => LISTENS_NOWHERE,
        // Another image may start what this one does not.
        word if word.contains(" does not listen on ") => "choose another image or type for this pool",
        _ => "change the spec",
    }
}

/// Whether a launch was refused for want of the instance profile that the spec names.
pub(crate) fn lacks_profile(world: &World, error: &CloudError) -> bool {
    error.failure == Failure::Rejected && is_about_profile(&error.to_string()) && profile(world).is_some()
}

/// `InvalidParameterValue: Value (x) for parameter iamInstanceProfile.name is invalid. Invalid IAM Instance Profile name`
///.
fn is_about_profile(message: &str) -> bool {
    message.starts_with("InvalidParameterValue") && message.contains("iamInstanceProfile")
}

fn profile(world: &World) -> Option<&str> {
    let balancer = &world.object.spec.balancer;
    let queue = balancer.queue.as_ref().filter(|_| balancer.kind == BalancerKind::Queue)?;
    Some(&queue.instance_profile)
}

/// Whether the policy as it is shipped names the family.
fn is_in_the_policy(instance_type: &str) -> bool {
    let family = instance_type.split('.').next().unwrap_or_default();
    price::families().any(|known| known == family)
}

/// What the region says of the type itself.
fn is_outside_the_free_plan(world: &World, instance_type: &str) -> bool {
    world.instance_type(instance_type).is_some_and(|fact| !fact.free_tier)
}

/// The need of the whole benchmark: the quota is one for all instances of the account in the region.
fn vcpus(world: &World) -> String {
    let mut need = Vec::new();
    let mut total = 0;
    let counts = Counts::of_spec(&world.object.spec);
    for pool in desired::pools(&world.object.spec) {
        let Some(fact) = world.instance_type(&pool.instance_type) else { return String::new() };
        let vcpus = counts.of(&pool.name) * fact.vcpus;
        total += vcpus;
        need.push(format!("{} {vcpus}", pool.name));
    }
    format!(
        "; this benchmark needs {total} vCPUs ({}) beside whatever else runs in {}: raise the quota L-1216C47A, \"Running On-Demand Standard instances\", in Service Quotas, or choose fewer or smaller instances",
        need.join(", "),
        world.region()
    )
}

#[cfg(test)]
mod tests {
    use super::{Delivery, boot_hint};

    #[test]
    fn what_failed_at_a_boot_has_its_field() {
        let pull = Delivery::Pull { base_url: "https://ours/".to_owned() };
        let hint = |word: &str| boot_hint(&format!("i-1: clusterbench: error: {word}"), &pull);
        assert!(hint("https://a/x has sha256 12, not 34: it was not run").contains("worker.archive.sha256"));
        assert!(hint("https://ours/worker has sha256 12, not 34: it was not run").contains("programs.baseUrl"));
        assert!(!hint("balancer does not listen on 10.0.0.1:80 after 60 s and 3 restarts").contains("worker"));
        assert!(hint("worker does not listen on 10.0.0.1:80 after 60 s and 3 restarts").contains("worker.port"));
        assert_eq!(hint("worker.setup[0]: exit status 1"), "change the spec");
    }
}

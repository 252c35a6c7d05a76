//! Token buckets as EC2 publishes them (EC2 developer guide, "Request throttling"): each action has its own, of the size
//! of its class.

use super::Action;
use crate::engine::throttle::{Cost, Limit};

/// Actions of one class have token buckets of one size.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Class {
    Read,
    /// A list without filters and pages: the same action, a smaller bucket.
    BareRead,
    Mutate,
    Rules,
    Run,
    Terminate,
    /// Its figures have not been read in that page, which could not be reached: they are what other pages repeat of it.
    Start,
    /// Instances launched or started, over and above the calls.
    RunResources,
    /// Instances terminated or stopped, over and above the calls.
    TerminateResources,
}

/// A bucket is of one action and class.
pub(crate) type Bucket = (Action, Class);

impl Class {
    fn limit(self) -> Limit {
        let (size, per_second) = match self {
            Self::Read => (100, 20),
            Self::BareRead => (50, 10),
            Self::Mutate | Self::Rules => (50, 5),
            Self::Run | Self::Start => (5, 2),
            Self::Terminate => (100, 5),
            Self::RunResources => (1000, 2),
            Self::TerminateResources => (1000, 20),
        };
        Limit { size, per_second }
    }
}

fn class(action: Action) -> Class {
    match action {
        Action::RunInstances => Class::Run,
        Action::TerminateInstances => Class::Terminate,
        Action::StartInstances => Class::Start,
        Action::StopInstances | Action::CreateSecurityGroup | Action::DeleteSecurityGroup => Class::Mutate,
        Action::AuthorizeSecurityGroupIngress | Action::RevokeSecurityGroupIngress => Class::Rules,
        Action::DescribeInstances
        | Action::GetConsoleOutput
        | Action::DescribeSecurityGroups
        | Action::DescribeNetworkInterfaces
        | Action::DescribeVolumes
        | Action::DescribeVpcs
        | Action::DescribeSubnets
        | Action::DescribeRouteTables
        | Action::DescribeImages
        | Action::DescribeInstanceTypes
        | Action::DescribeInstanceTypeOfferings
        | Action::DescribeRegions => Class::Read,
    }
}

/// Lists that are dearer without filters, ids and pages, of those that there are here.
const DEAR_WHEN_BARE: [Action; 3] =
    [Action::DescribeInstances, Action::DescribeSecurityGroups, Action::DescribeNetworkInterfaces];

/// The costs of a call: one for itself, and one for the instances that it is about.
pub(crate) fn costs(action: Action, resources: u64, is_bare: bool) -> Vec<Cost<Bucket>> {
    let cost = |class: Class, tokens| Cost { bucket: (action, class), limit: class.limit(), tokens };
    match class(action) {
        Class::Run | Class::Start => vec![cost(class(action), 1), cost(Class::RunResources, resources)],
        Class::Mutate if action == Action::StopInstances => {
            vec![cost(Class::Mutate, 1), cost(Class::TerminateResources, resources)]
        }
        Class::Terminate => vec![cost(Class::Terminate, 1), cost(Class::TerminateResources, resources)],
        Class::Read if is_bare && DEAR_WHEN_BARE.contains(&action) => vec![cost(Class::BareRead, 1)],
        class => vec![cost(class, 1)],
    }
}

//! The actions, by EC2's own names, and the class in which each is throttled.

use serde::{Deserialize, Serialize};

use crate::iam::{About, Principal};

macro_rules! actions {
    ($($name:ident: $class:ident,)*) => {
        /// An action of EC2 or STS.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        pub enum Action { $($name),* }

        impl Action {
            pub const ALL: &[Self] = &[$(Self::$name),*];

            pub fn name(self) -> &'static str {
                match self { $(Self::$name => stringify!($name)),* }
            }

            pub(crate) fn class(self) -> Class {
                match self { $(Self::$name => Class::$class),* }
            }
        }
    };
}

actions! {
    RunInstances: Run,
    TerminateInstances: Terminate,
    DescribeInstances: Read,
    GetConsoleOutput: Read,
    CreateSecurityGroup: Mutate,
    AuthorizeSecurityGroupIngress: Rules,
    RevokeSecurityGroupIngress: Rules,
    DescribeSecurityGroups: Read,
    DeleteSecurityGroup: Mutate,
    DescribeNetworkInterfaces: Read,
    DescribeVolumes: Read,
    DescribeVpcs: Read,
    DescribeSubnets: Read,
    DescribeRouteTables: Read,
    DescribeImages: Read,
    DescribeInstanceTypes: Read,
    DescribeInstanceTypeOfferings: Read,
    DescribeRegions: Read,
    GetCallerIdentity: Identity,
}

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
    /// Instances launched, over and above the calls.
    RunResources,
    TerminateResources,
    /// STS is another service.
    Identity,
}

impl Action {
    pub fn is_mutation(self) -> bool {
        !matches!(self.class(), Class::Read | Class::Identity)
    }

    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|action| action.name() == name)
    }
}

/// What permissions, throttling and faults need to know of a call.
#[derive(Clone, Debug)]
pub struct Call {
    pub about: About,
    pub by: Principal,
    /// A list without filters, ids and page size.
    pub bare: bool,
}

impl Call {
    /// A call without resources, by an administrator.
    pub fn new(action: Action) -> Self {
        Self::about(About::Region(action))
    }

    pub fn about(about: About) -> Self {
        Self { about, by: Principal::default(), bare: false }
    }

    pub fn by(self, by: Principal) -> Self {
        Self { by, ..self }
    }

    pub fn bare(self, bare: bool) -> Self {
        Self { bare, ..self }
    }

    pub fn action(&self) -> Action {
        self.about.action()
    }

    /// Instances that the call is about (launches and terminations).
    pub(crate) fn resources(&self) -> u64 {
        match &self.about {
            About::Launch(request) => u64::from(request.max_count),
            About::Instances(_, ids) => ids.len() as u64,
            About::Region(_) | About::NewGroup(_) | About::Group(..) => 0,
        }
    }
}

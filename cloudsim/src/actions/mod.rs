//! The actions of all services: an enum for each service, and [`Action`], which names service and action.
//!
//! Faults, refusals, permissions and counts of calls are kept by [`Action`]. A new service is a file here, a folder beside
//! `ec2`, a line in `services!` below, and a field of the states in `sim`.

pub(crate) mod cloudwatch;
pub(crate) mod ec2;
pub(crate) mod elb;
pub(crate) mod pricing;
pub(crate) mod s3;
pub(crate) mod sqs;
pub(crate) mod sts;

use std::fmt;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Whether an action changes anything.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Effect {
    Reads,
    Changes,
}

/// The enum of one service's actions: `Name: Reads` or `Name: Changes`. A service whose name in policies is another one
/// than in signatures has both, with `as` between them.
macro_rules! actions {
    ($(#[$doc:meta])* $service:literal: $actions:tt) => {
        crate::actions::actions! { $(#[$doc])* $service as $service: $actions }
    };
    ($(#[$doc:meta])* $signed:literal as $service:literal: { $($name:ident: $effect:ident,)* }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum Action { $($name),* }

        impl Action {
            /// The service's name in policies.
            pub const SERVICE: &'static str = $service;
            /// The service's name in signatures.
            pub const SIGNED: &'static str = $signed;
            pub const ALL: &'static [Self] = &[$(Self::$name),*];

            pub fn name(self) -> &'static str {
                match self { $(Self::$name => stringify!($name)),* }
            }

            pub fn parse(name: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|action| action.name() == name)
            }

            pub(crate) fn effect(self) -> crate::actions::Effect {
                match self { $(Self::$name => crate::actions::Effect::$effect),* }
            }
        }
    };
}
use actions;

/// The services, and [`Action`] over the enums of their actions.
macro_rules! services {
    ($($service:ident: $module:ident,)*) => {
        /// A service of AWS.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum ServiceName { $($service),* }

        impl ServiceName {
            pub const ALL: &'static [Self] = &[$(Self::$service),*];

            /// Its name in signatures, such as `ec2` or `monitoring`.
            pub fn name(self) -> &'static str {
                match self { $(Self::$service => $module::Action::SIGNED),* }
            }

            /// Its name in policies, such as `ec2` or `cloudwatch`.
            pub fn policy_name(self) -> &'static str {
                match self { $(Self::$service => $module::Action::SERVICE),* }
            }

            /// The service with this name in signatures.
            pub fn parse(name: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|service| service.name() == name)
            }

            fn of_policy(name: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|service| service.policy_name() == name)
            }
        }

        /// An action of any service.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum Action { $($service($module::Action)),* }

        $(impl From<$module::Action> for Action {
            fn from(action: $module::Action) -> Self {
                Self::$service(action)
            }
        })*

        impl Action {
            pub fn all() -> impl Iterator<Item = Self> {
                std::iter::empty()$(.chain($module::Action::ALL.iter().copied().map(Self::$service)))*
            }

            pub fn service(self) -> ServiceName {
                match self { $(Self::$service(_) => ServiceName::$service),* }
            }

            /// Its name within its service, such as `RunInstances`.
            pub fn name(self) -> &'static str {
                match self { $(Self::$service(action) => action.name()),* }
            }

            fn effect(self) -> Effect {
                match self { $(Self::$service(action) => action.effect()),* }
            }

            /// The action of this name within a service.
            pub fn of(service: ServiceName, name: &str) -> Option<Self> {
                match service { $(ServiceName::$service => $module::Action::parse(name).map(Self::$service)),* }
            }
        }
    };
}

services! {
    Ec2: ec2,
    Sts: sts,
    Elb: elb,
    CloudWatch: cloudwatch,
    Pricing: pricing,
    S3: s3,
    Sqs: sqs,
}

impl Action {
    pub fn is_mutation(self) -> bool {
        self.effect() == Effect::Changes
    }

    /// Reads `ec2:RunInstances`, and a bare name where only one service has it.
    pub fn parse(text: &str) -> Option<Self> {
        if let Some((service, name)) = text.split_once(':') {
            return Self::of(ServiceName::of_policy(service)?, name);
        }
        let mut named = Self::all().filter(|action| action.name() == text);
        let first = named.next()?;
        named.next().is_none().then_some(first)
    }
}

/// The name that policies use: `ec2:RunInstances`.
impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.service().policy_name(), self.name())
    }
}

impl Serialize for Action {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Action {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).ok_or_else(|| D::Error::custom(format_args!("{text:?} is no action of a service here")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_action_is_read_back_as_it_is_written() {
        for action in Action::all() {
            assert_eq!(Action::parse(&action.to_string()), Some(action));
            assert_eq!(Action::of(action.service(), action.name()), Some(action));
        }
        let launch = Action::from(ec2::Action::RunInstances);
        assert_eq!((Action::parse("RunInstances"), launch.to_string().as_str()), (Some(launch), "ec2:RunInstances"));
        let metrics = Action::from(cloudwatch::Action::GetMetricData);
        assert_eq!(
            (metrics.to_string().as_str(), metrics.service().name()),
            ("cloudwatch:GetMetricData", "monitoring")
        );
        for none in ["", "ec2:", "monitoring:GetMetricData", "sts:RunInstances", "sqs:RunInstances", "runinstances"] {
            assert_eq!(Action::parse(none), None, "{none:?}");
        }
    }
}

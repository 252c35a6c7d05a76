//! Settings of the simulation. The default is calm; every knob names the behaviour of AWS that it stands for.

mod boot_failure;
mod buckets;
mod credentials;
mod load_balancing;
mod manual_changes;
mod network;
mod pricing;
mod queues;

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::actions::Action;
use crate::engine::fault::FaultRates;
use crate::engine::network::EndpointFaults;
use crate::engine::pages::PageRules;
use crate::engine::span::Span;
use crate::engine::throttle::Throttling;
use crate::engine::visibility::{Lag, StaleReads};

pub use boot_failure::BootFailure;
pub use buckets::BucketSettings;
pub use credentials::Credentials;
pub use load_balancing::{LoadBalancing, Provisioned};
pub use manual_changes::{ManualChange, ManualChanges};
pub use network::{DefaultVpc, PublicAccess};
pub use pricing::Pricing;
pub use queues::{Queues, RepeatedTags};

/// The instance profile that every account here has, with a role of the same name, as the console makes them.
pub const INSTANCE_PROFILE: &str = "clusterbench-queue";

/// All knobs. Two simulations with equal settings, seeds and calls give equal answers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
pub struct Settings {
    pub region: String,
    /// Whose credentials are used. Changed while it runs, callers are in another account, in which nothing is: lists are
    /// empty and STS says so (a role or a profile that was switched).
    pub account: String,
    /// The default VPC; /16, because its three subnets are /20 each. In the lab: loopback addresses.
    pub vpc_cidr: String,
    /// The network that public addresses come from.
    pub public_cidr: String,
    /// Networks that reach private addresses of the VPC (peering, VPN): where the operator runs.
    pub peers: Vec<String>,
    pub default_vpc: DefaultVpc,
    /// Account that owns the VPC and shares its subnets with the caller's; the caller's own when absent.
    pub shared_by: Option<String>,
    /// Zones whose subnet is IPv6-only (API reference, CreateDefaultSubnet, Ipv6Native).
    pub ipv6_only: BTreeSet<String>,
    pub public_access: PublicAccess,
    /// Time from RunInstances to `running`.
    pub boot: Span,
    /// Time from TerminateInstances to `terminated`, when no machines are driven.
    pub stop: Span,
    pub machines: Machines,
    /// Lag of instances and interfaces.
    pub lag: Lag,
    /// Lag of security groups that are made and deleted; [`Settings::lag`] when absent. AWS documents
    /// `InvalidGroup.NotFound` for a group that was just created (EC2 developer guide, "Eventual consistency").
    pub group_lag: Option<Lag>,
    /// Lag of rules in groups; [`Settings::lag`] when absent. Same source.
    pub rule_lag: Option<Lag>,
    /// Reads that show an earlier state than reads before them.
    pub stale_reads: StaleReads,
    /// The time that an interface stays after its instance is terminated; up to ten minutes happens.
    pub interface_linger: Span,
    pub terminated: Terminated,
    /// Items per page at most, whatever the caller asks for; 0 = as asked.
    pub page_size: usize,
    /// Pages but the first that come with the token they were asked for with, per thousand. The AWS SDK's own
    /// paginator ends silently there and takes the list for whole (aws-smithy `Paginator`, `stop_on_duplicate_token`).
    pub repeated_page_per_mille: u32,
    pub token: TokenRules,
    /// Pools with a limit; types and zones that are not named are unlimited.
    pub capacity: Vec<CapacityPool>,
    /// The limit of every pool that is not named in [`Settings::capacity`].
    pub pool_capacity: Option<u32>,
    /// Launches that find no capacity whatever the pools hold, per thousand (`InsufficientInstanceCapacity`, HTTP 500:
    /// terraform-provider-aws#21293). What it does to the token is [`TokenRules::after_failure`].
    pub no_capacity_per_mille: u32,
    /// vCPUs that may be live at the same time (`VcpuLimitExceeded`).
    pub vcpu_quota: Option<u32>,
    /// The time that the quota goes on counting an instance that is terminated (EC2 developer guide, "Eventual
    /// consistency": limit errors although instances were terminated).
    pub quota_linger: Span,
    /// Addresses that a subnet has at most (`InsufficientFreeAddressesInSubnet`).
    pub subnet_addresses: Option<u32>,
    pub plan: Plan,
    pub throttling: Throttling,
    /// Part of every bucket, in size and refill, that others in the account use up: buckets are per account and region.
    pub others_percent: u32,
    pub faults: FaultRates,
    pub endpoint: EndpointFaults,
    /// Whether calls are signed as they should be.
    pub credentials: Credentials,
    /// Actions that the caller's policy does not allow (`UnauthorizedOperation`; `AccessDenied` of STS).
    pub denied: BTreeSet<Action>,
    /// A tag that a policy of the organisation wants on every instance and volume (`TagPolicyViolation`).
    pub required_tag: Option<String>,
    /// A zone with a service disruption: launches there fail, and so does DescribeInstances without ids or with ids of
    /// that zone (API reference, DescribeInstances).
    pub zone_outage: Option<String>,
    pub manual_changes: ManualChanges,
    /// Instances that are accepted and then terminate while pending, per thousand.
    pub fails_at_boot_per_mille: u32,
    /// The reasons for which they do; none: any of all.
    pub boot_failures: BTreeSet<BootFailure>,
    /// The delay with which GetConsoleOutput shows what was printed.
    pub console_lag_millis: u64,
    /// Instance profiles that exist, each with the name of its role.
    pub instance_profiles: BTreeMap<String, String>,
    /// How long credentials of an instance's role live, in seconds. AWS's own live for hours; those of a calm lab are renewed
    /// while somebody watches.
    pub role_credentials_seconds: u64,
    /// Load balancers and their metrics.
    pub load_balancing: LoadBalancing,
    /// The Price List.
    pub pricing: Pricing,
    /// Queues and their messages.
    pub queues: Queues,
    /// Buckets and their objects.
    pub buckets: BucketSettings,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            region: "eu-west-1".into(),
            account: "000000000000".into(),
            vpc_cidr: "127.31.0.0/16".into(),
            public_cidr: "127.30.0.0/16".into(),
            peers: vec!["127.0.0.0/24".into()],
            default_vpc: DefaultVpc::Present,
            shared_by: None,
            ipv6_only: BTreeSet::new(),
            public_access: PublicAccess::Off,
            boot: Span::seconds(5, 15),
            stop: Span::seconds(5, 30),
            machines: Machines::Imagined,
            lag: Lag::default(),
            group_lag: None,
            rule_lag: None,
            stale_reads: StaleReads::default(),
            interface_linger: Span::seconds(1, 5),
            terminated: Terminated::default(),
            page_size: 0,
            repeated_page_per_mille: 0,
            token: TokenRules::default(),
            capacity: Vec::new(),
            pool_capacity: None,
            no_capacity_per_mille: 0,
            vcpu_quota: None,
            quota_linger: Span::NONE,
            subnet_addresses: None,
            plan: Plan::Paid,
            throttling: Throttling::Off,
            others_percent: 0,
            faults: FaultRates::default(),
            endpoint: EndpointFaults::default(),
            credentials: Credentials::default(),
            denied: BTreeSet::new(),
            required_tag: None,
            zone_outage: None,
            manual_changes: ManualChanges::default(),
            fails_at_boot_per_mille: 0,
            boot_failures: BTreeSet::new(),
            console_lag_millis: 0,
            instance_profiles: BTreeMap::from([(INSTANCE_PROFILE.into(), INSTANCE_PROFILE.into())]),
            role_credentials_seconds: 15 * 60,
            load_balancing: LoadBalancing::default(),
            pricing: Pricing::default(),
            queues: Queues::default(),
            buckets: BucketSettings::default(),
        }
    }
}

impl Settings {
    pub(crate) fn page_rules(&self) -> PageRules {
        PageRules { most: self.page_size, repeated_per_mille: self.repeated_page_per_mille }
    }

    /// The time after it was sent in which a call can still make something appear: late execution, then lag, then a
    /// stale read. An operator that takes for absent what it does not see must be as patient as that.
    pub fn latest_appearance_millis(&self) -> u64 {
        let late = if self.faults.late_execution == 0 { 0 } else { self.faults.late_by.most() };
        let lags = [Some(self.lag), self.group_lag, self.load_balancing.lag, self.buckets.lag]
            .into_iter()
            .flatten()
            .map(Lag::most)
            .max()
            .unwrap_or(0);
        late + lags.max(self.queues.latest_appearance_millis(self.lag)) + self.stale_reads.most()
    }

    /// Quick enough to watch: for instances that are processes on one machine.
    pub fn lab() -> Self {
        Self {
            boot: Span { least_millis: 300, most_millis: 900 },
            stop: Span { least_millis: 100, most_millis: 300 },
            lag: Lag::up_to(Span { least_millis: 0, most_millis: 200 }),
            interface_linger: Span { least_millis: 200, most_millis: 1_000 },
            throttling: Throttling::Published,
            load_balancing: LoadBalancing {
                provisioning: Span { least_millis: 1_000, most_millis: 3_000 },
                interface_linger: Span { least_millis: 500, most_millis: 3_000 },
                program_start: Span { least_millis: 200, most_millis: 500 },
                ..LoadBalancing::default()
            },
            pricing: Pricing { decoys: true, ..Pricing::default() },
            queues: Queues {
                deletion: Span { least_millis: 0, most_millis: 2_000 },
                purge: Span { least_millis: 0, most_millis: 2_000 },
                count_lag: Span { least_millis: 0, most_millis: 1_000 },
                ..Queues::default()
            },
            ..Self::default()
        }
    }

    /// A bad but ordinary day of EC2: lag of seconds, small pages, throttling, lingering interfaces, burnt tokens.
    pub fn bad_day() -> Self {
        Self {
            boot: Span::seconds(5, 60),
            stop: Span::seconds(5, 90),
            lag: Lag { id: Span::seconds(0, 10), tag: Span::seconds(0, 30), token: Span::seconds(0, 20) },
            interface_linger: Span::seconds(0, 120),
            page_size: 5,
            token: TokenRules { after_failure: AfterFailure::Burnt, ..TokenRules::default() },
            throttling: Throttling::Published,
            load_balancing: LoadBalancing {
                provisioning: Span::seconds(60, 600),
                interface_linger: Span::seconds(60, 600),
                used_linger: Span::seconds(0, 30),
                metric_lag: Span::seconds(0, 120),
                ..LoadBalancing::default()
            },
            buckets: BucketSettings {
                name_linger: Span::seconds(0, 120),
                slow_down_per_mille: 20,
                conflict_per_mille: 20,
                failed_deletion_per_mille: 20,
                ..BucketSettings::default()
            },
            pricing: Pricing { decoys: true, ..Pricing::default() },
            queues: Queues {
                creation: Span::seconds(0, 10),
                count_lag: Span::seconds(0, 60),
                duplicate_per_mille: 20,
                empty_receive_per_mille: 100,
                ..Queues::default()
            },
            ..Self::default()
        }
    }
}

/// The thing that stands behind an instance.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Machines {
    /// Nothing: `terminated` comes after [`Settings::stop`].
    #[default]
    Imagined,
    /// A driver that follows [`crate::Sim::due`]: `terminated` comes with [`crate::Sim::machine_stopped`].
    Driven,
}

/// The fading of a terminated instance from lists.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
pub struct Terminated {
    /// Subnet, VPC, addresses, groups and interface are gone.
    pub fields_seconds: u64,
    /// Tags are gone.
    pub tags_seconds: u64,
    /// The instance is not listed any more: "usually less than one hour".
    pub listed_seconds: u64,
}

impl Default for Terminated {
    fn default() -> Self {
        Self { fields_seconds: 600, tags_seconds: 2_400, listed_seconds: 3_600 }
    }
}

/// Choices that EC2's documentation leaves open about client tokens.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
pub struct TokenRules {
    pub after_failure: AfterFailure,
    pub after_termination: AfterTermination,
    pub quota_check: QuotaCheck,
}

/// The effect of a launch without capacity on its token.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum AfterFailure {
    /// Nothing: another request may use it.
    #[default]
    Free,
    /// It is bound to the parameters of the failed request, as ubicloud#5898 found.
    Burnt,
}

/// The answer to a repeated launch whose instances are terminated.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum AfterTermination {
    /// `IdempotentInstanceTerminated`, since 2025.
    #[default]
    Refused,
    /// 200 with the terminated instances, as before.
    OldAnswer,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum QuotaCheck {
    #[default]
    AfterToken,
    /// A repeat of a launch that used up the quota is refused although it would change nothing.
    BeforeToken,
}

/// `count` instances of a type fit into a zone at the same time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct CapacityPool {
    pub instance_type: String,
    pub zone: String,
    pub count: u32,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Plan {
    #[default]
    Paid,
    /// Only types that are eligible for the free tier may be launched.
    Free,
}

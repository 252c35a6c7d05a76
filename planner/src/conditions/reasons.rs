//! The reasons of conditions: one word each, the conditions that it stands in, a sentence, and the way out.
//!
//! The tables of `docs/conditions.md` are written from here (`cargo xtask gen`). A reason that a stored status holds and
//! that this version does not know is no [`Reason`]: nothing is guessed from it.

use std::fmt;

use api::ConditionType;
use api::ConditionType::{Accepted, Deployed, Measured, Provisioned, Ready, Stalled, ThresholdsMet};

use crate::failure::Failure;

/// What a reason says in some conditions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Row {
    /// Empty: it is the reason of an event only.
    pub conditions: &'static [ConditionType],
    pub reasons: &'static [Reason],
    pub sentence: &'static str,
    /// What somebody may do; empty: nothing has to be done.
    pub way_out: &'static str,
}

macro_rules! reasons {
    ($($reason:ident { $($($condition:ident)|*: $sentence:literal, $way_out:literal;)+ })*) => {
        /// Why a condition is as it is, in one PascalCase word for machines.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum Reason {
            $($(#[doc = $sentence])+ $reason,)*
            /// A call failed, as the failure says; its name is the word.
            Call(Failure),
        }

        impl Reason {
            /// All but those of failed calls.
            const WORDS: &[Self] = &[$(Self::$reason,)*];

            /// The spelling of status.
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$reason => stringify!($reason),)*
                    Self::Call(failure) => failure.name(),
                }
            }
        }

        /// All reasons, in the order of the documents' tables.
        pub const ROWS: &[Row] = &[$($(Row {
            conditions: &[$($condition),*],
            reasons: &[Reason::$reason],
            sentence: $sentence,
            way_out: $way_out,
        },)+)*];
    };
}

reasons! {
    Pending {
        Accepted | Provisioned | Deployed | Measured | Ready: "It was not looked at yet.", "wait";
        ThresholdsMet: "Unknown: there is no result yet.", "wait";
    }
    Placed {
        Accepted: "Account, subnet, images and expiry are chosen and frozen in `status.placement`; the message says where the VPC is the operator's own, and names zones that had no capacity, or do not support a type.", "";
    }
    Deleted {
        Accepted | Deployed | Measured: "The benchmark is being deleted, so nothing is wanted any more.", "wait; `Provisioned` says what is still there";
    }
    Finished {
        Accepted | Deployed | Measured: "The result is recorded and `lifecycle.afterRun` is `Terminate`, so nothing is wanted any more.", "";
    }
    LedgerLost {
        Accepted | Deployed | Measured: "Somebody wiped `status`, or edited its `placement` or `launches` (`status.seal` tells). What exists in the region of the spec is removed, which takes at least seven minutes, then everything begins anew. Recorded results stay.", "wait";
    }
    Expired {
        Accepted | Deployed | Measured: "`lifecycle.maxLifetimeSeconds` has passed, or `budget.maxUsd` is spent but for what the end costs; the results stay.", "delete and create it again to measure again";
    }
    UnknownRegion {
        Accepted: "`region` names none: often a zone (`eu-west-1a`).", "delete the benchmark and create it with a region";
    }
    RegionNotEnabled {
        Accepted: "The account has to enable the region first.", "enable it, or another region";
    }
    UnknownInstanceType {
        Accepted: "The region has no such type.", "choose one that `aws ec2 describe-instance-types` lists";
    }
    NotOffered {
        Accepted: "No zone at hand offers all types.", "other types, or subnets in other zones";
    }
    UnknownSubnet {
        Accepted: "A subnet of `network.subnetIds` does not exist.", "name subnets that exist in this region";
    }
    UnknownZone {
        Accepted: "A zone of `network.zones` has no subnet at hand.", "name zones of this region, or subnets of that zone in `network.subnetIds`";
    }
    TooFewZones {
        Accepted: "There are not as many zones at hand as `network.zoneCount` asks for, with all types and subnets of one kind.", "a lower `network.zoneCount`, other types, or subnets in more zones";
    }
    SubnetsInTwoVpcs {
        Accepted: "The subnets are in more than one VPC.", "name subnets of one";
    }
    NoDefaultVpc {
        Accepted: "The region has no default VPC, and the operator is in no VPC of it that can be told; or the one that it is in has no subnet in an availability zone.", "set `network.subnetIds`";
    }
    NoControlSources {
        Accepted: "The operator does not know which networks its requests to instances come from: it was told none (`controlSources`), and no network interface of its region has the address of its pod or of its node. Or `network.control` is `Public`, for which they have to be told. Nothing is paid for. Stalled.", "set `controlSources` of the chart (`OPERATOR_CONTROL_SOURCES`); where the operator does not reach private addresses, to its public ones as /32, with `network.control: Public`";
    }
    ControlTooWide {
        Accepted: "`network.control` is `Public`, and one of `controlSources` is more than one address. Nothing is launched. Stalled.", "name the operator's public addresses, each as a /32";
    }
    SubnetFull {
        Accepted: "No subnet has enough free addresses.", "name a larger one";
    }
    NoEgress {
        Accepted: "Something is to be fetched, a worker's program or package, and the subnet has no route out by which instances could: none at all, one that VPC Block Public Access closes, or one that this account cannot see ([which is which](aws.md#network)). Or a load balancer is to face the internet, and its subnets have no route to an internet gateway, or generators no public address. Or `network.control` is `Public`, and the subnet has no open route to an internet gateway. Or the spec was changed so that something has to be fetched, and the benchmark was placed where nothing can be: what runs stays.", "a subnet with a NAT or internet gateway; or `network.addressing: Private` when the mirror is reachable without one; or `balancer.application.scheme: Internal`; or `network.control: Private`; a benchmark that exists is deleted for that and created again, or the change taken back";
    }
    Ipv6Only {
        Accepted: "The subnet has no IPv4 addresses.", "a subnet with an IPv4 CIDR block";
    }
    NeedsSecondZone {
        Accepted: "An Application Load Balancer needs subnets of two zones, and there is one.", "a second subnet in `network.subnetIds`, or `balancer.kind: Custom`";
    }
    OverBudget {
        Accepted: "`budget.maxUsd` does not pay the least time of this run with all its instances, or not what an edit or a replacement adds to them; the message has the arithmetic. Nothing is launched, and what runs is not ended for it. Stalled.", "raise `budget.maxUsd`, or lower what the message names";
    }
    PriceUnknown {
        Accepted: "`budget.maxUsd` is set, and an instance type has no price in this region, so what the budget pays cannot be told. Nothing is launched. Stalled.", "start the operator with `--prices`, choose another type, or remove `budget`";
    }
    UnknownImage {
        Accepted: "There is no such image for that architecture.", "correct `image.id` or `image.alias`";
    }
    WrongArchitecture {
        Accepted: "The image is for another architecture than a type needs.", "`image.alias`, which is resolved for each architecture";
    }
    ProgramsTooOld {
        Accepted: "The spec has a field that the programs on the benchmark's instances do not know: they are those of the version that placed it, and stay. Nothing is changed or measured.", "delete the benchmark and create it again, or take the field out";
    }
    NoArtifact {
        Accepted: "The operator has no program for that architecture.", "other types, or [add the program](aws.md#the-programs)";
    }
    NoInstanceProfile {
        Accepted: "A launch was rehearsed and refused, because the account has no instance profile of the name in `balancer.queue.instanceProfile`: nothing is paid for yet. Stalled.", "make one with a role of [this policy](iam-instance-policy.json), or correct the name";
    }
    Running {
        Provisioned: "Every instance runs.", "";
        Measured: "The run is on; rounds done are in the message and in the column Progress.", "wait";
    }
    Launching {
        Provisioned: "Some instances are on their way; after a failed boot the message ends with what the console said.", "wait";
    }
    Replacing {
        Provisioned: "Instances that are not what the spec asks for (any more), or whose boot failed, are being replaced; the message ends with what the console said.", "wait";
    }
    Relaunching {
        Provisioned | Deployed | Measured: "One of `load.launches` is measured and recorded; all workers are replaced for the next one.", "wait";
    }
    Waiting {
        Provisioned: "The run of the former spec is being stopped and its report collected; or a launch was refused when it was rehearsed; or the placement does not do for the spec, or not yet: the message says why.", "wait; see `Accepted`";
        Deployed: "Members are told to the balancer, or boot: the message has counts, and the first member that does not answer as `worker.health` says, or `GET /health` below 500.", "wait; when it is your own program, look at the console line in the message";
        Measured: "Something has to be there before the run begins or goes on; the message says what.", "wait";
    }
    BootFailed {
        Provisioned: "Instances do not get ready; the message ends with the last word of our script on a console: the step that it hangs in, or what failed. Of a program that does not stay up that is how systemd saw it end, such as `exit-code, status=203`, and its last line. An instance that EC2 ended while it was pending is named with EC2's reason (a key of KMS, a snapshot of the image); want of capacity and a quota are said as that, also when EC2 notices them only after the launch. Stalls after three launches of a pool in an hour, five in all.", "mend what the console says (often: the mirror cannot be reached, or a hash is wrong; a program of your own runs without privileges and writes nowhere but in `/tmp`), then change the spec";
    }
    BalancerProvisioning {
        Provisioned: "Every instance runs, or will; the load balancer is being set up by AWS, which takes minutes.", "wait; one without a way to its subnets stays so";
    }
    BalancerImpaired {
        Provisioned: "The load balancer routes requests and lacks what it needs to scale: nothing is measured through it.", "free addresses in its subnets";
    }
    BalancerFailed {
        Provisioned: "AWS could not set the load balancer up, for the reason in the message. Stalled.", "as the message says";
    }
    BalancerUnseen {
        Provisioned: "Load balancers cannot be listed, so none is made and none removed.", "as the message says; often a permission: [the policy](iam-policy-application.json)";
    }
    QueuesProvisioning {
        Provisioned: "Queues or the bucket are being created: no front and no worker is launched before lists show them with our tags.", "wait";
    }
    QueuesUnseen {
        Provisioned: "Queues or buckets cannot be listed, so none is made and none removed, and no front and no worker is launched.", "as the message says; often a permission: [the policy](iam-policy-queue.json)";
    }
    ChangedByHand {
        Provisioned: "Somebody changed the load balancer or a target group in a way that the operator does not set back: its scheme, subnets or security groups, or a health check; the message says what it is and what it should be. Nothing is measured through it. Stalled.", "as the message says";
    }
    NoRecipe {
        Provisioned: "An instance cannot be described, for the reason in the message. Stalled.", "as the message says";
    }
    NotUnderstood {
        Provisioned: "A launch in `status.launches` has a state or a reason that this version of the operator does not know: nothing is launched for its pool, and the launch is not given up. Stalled.", "run the version of the operator that wrote it, or a later one";
        Measured: "The run in `status.runs` has an outcome that this version of the operator does not know: it is neither ended nor begun anew. Stalled.", "run the version of the operator that wrote it, or a later one";
    }
    Moving {
        Provisioned: "The zone had no capacity, or does not support a type as it is asked for: everything in it is terminated, then all is launched in another one.", "wait";
        Deployed | Measured: "All instances are moving to another zone.", "wait";
    }
    TearingDown {
        Provisioned: "Everything is being removed; the message lists what is still there.", "wait; see below";
    }
    GroupInUse {
        Provisioned: "EC2 has not let a security group go for two minutes, because somebody else's group has a rule that names it, or a network interface that is not ours is in it; the message says which. Stalled.", "remove that rule or interface; the rest follows by itself";
    }
    BucketNotEmpty {
        Provisioned: "The bucket was emptied, and S3 has not let it go for two minutes: somebody switched versioning on, so it keeps former versions of its objects, or puts others into it. Everything else goes. Stalled.", "delete all versions of all its objects, or the bucket; the rest follows by itself";
    }
    UnknownKind {
        Provisioned: "`status.placement.kinds` names a kind of resource that this operator does not know, because a later one created it. Nothing is launched or measured; on deletion and at the expiry everything that it does know is removed, and the finalizer stays. Stalled.", "run an operator that knows it: the message names the version";
    }
    TerminationDenied {
        Provisioned: "EC2 refuses to terminate an instance that has to go: somebody edited its tags, protected it, or the permission is missing. All others go. The message and `status.leftovers` name it, with the reason and the time at which it ends itself. Tried again each minute.", "as the message says: put the tags back, switch the protection off, or terminate it by hand";
    }
    NothingLeft {
        Provisioned: "Nothing of the benchmark is left in AWS.", "";
    }
    WrongAccount {
        Provisioned: "The operator's credentials are for another account than this benchmark lives in.", "give it credentials for that account";
    }
    WrongInstallation {
        Provisioned: "Another installation of the operator made this benchmark: its tags and tokens would not be found. Stalled.", "run the operator with that `--installation` again";
    }
    Healthy {
        Deployed: "Balancer and generator answer, and every worker is a healthy member.", "";
    }
    Unhealthy {
        Deployed: "A member has not been healthy for longer than a boot may take (15 minutes). Stalled.", "when it is your own program: it must answer as `worker.health` says, or `GET /health` below 500; the message ends with the console";
    }
    UpdateFailed {
        Deployed: "A worker could not be updated in place: its program was not fetched, has another hash, was not set up, or does not serve or get healthy; the message names it and says what failed. It went back to what it ran before; no other worker is updated, and nothing is measured. Stalled.", "mend the program and set its new hash, or its URL, or set `worker` back to what it was; what could not be fetched is fetched again every 10 minutes";
    }
    ControlUnreachable {
        Deployed: "Balancer or generator did not answer, or its program could not be brought, within the boot deadline (15 minutes). Stalled; instances are not replaced, since that mends no network.", "the message names port and sources: check `controlSources` (`OPERATOR_CONTROL_SOURCES`), routes and peering between the operator and the subnet; an operator that reaches no private address of the VPC needs `network.control: Public`";
    }
    ControlKeyChanged {
        Deployed: "The operator has another control key than balancer and generator were launched with. Stalled.", "delete the benchmark and create it again";
    }
    Starting {
        Measured: "The run is being started: its generators are told to begin.", "wait";
    }
    Collecting {
        Measured: "The run has ended, and its report is being fetched.", "wait";
    }
    Pausing {
        Measured: "`paused` is true: the round that is on is finished, then no load is sent. One in which a cluster with `scaling` needs more instances than are there is void. Several generators keep to the clock: their run is finished, and the message says so.", "set `paused: false`";
    }
    Paused {
        Accepted | Provisioned | Deployed: "`paused` is true: nothing is launched, replaced or measured anew, and a run that is on waits between two rounds (see `Measured`). Deletion and expiry still end everything, and a finished report is still collected. Of a cluster with `scaling`, whoever its queue does not need still finishes and ends, and nobody is started. Stalled until the result is there.", "set `paused: false`";
        Measured: "`paused` is true, and no load is sent. The instances that are left go on costing, and their lifetime goes on. Before the next round the clusters are warmed up again, and the report notes the pause.", "set `paused: false`";
    }
    BalancerGone {
        Measured: "The balancer that the run measures through has ended, by whomever, or another one is there in its place: the run is stopped, its rounds are void, and it begins anew through the next one.", "wait";
    }
    Valid {
        Measured: "The run is finished, its report is stored, and the message is the result.", "";
    }
    Invalid {
        Measured: "The run cannot be trusted; the message says why (voided rounds, a cluster that answered nothing, a generator at its limit, ...). Stalled.", "mend that, then set another `runId`";
        ThresholdsMet: "Unknown: such a run decides nothing.", "see `Measured`";
    }
    Failed {
        Measured: "The run ended early because going on was useless: every connection to a cluster was refused, or ten rounds in a row were voided; the message has the counts. Stalled.", "mend that, then set another `runId`";
        ThresholdsMet: "Unknown: such a run decides nothing.", "see `Measured`";
    }
    TooLong {
        Accepted: "The same, before anything is launched for such a run. Stalled.", "as the message says";
        Measured: "The rounds and launches that are left take longer, by the clock of their phases alone, than `lifecycle.maxLifetimeSeconds` leaves; nothing is begun that would be paid for and lost. Stalled.", "as the message says";
    }
    Expiring {
        Measured: "The last two minutes of `lifecycle.maxLifetimeSeconds`: a run is stopped and what it measured is kept as `Aborted`; none is started.", "delete the benchmark and create it again with more time, fewer rounds or shorter phases";
    }
    Aborted {
        Measured: "The run was stopped three times before its end; the message has the last reason. Stalled. The reports of launches that were measured stay.", "set another `runId`";
    }
    Met {
        ThresholdsMet: "True: every threshold is met; the message has them with what was measured.", "";
    }
    NotMet {
        ThresholdsMet: "False: some threshold is not met; the message has it with what was measured.", "";
    }
    Undecided {
        ThresholdsMet: "Unknown: the interval of a comparison contains the gap that was asked for, or requests that were still open leave a number open.", "more rounds, or another threshold";
    }
    Recorded {
        Ready: "True: the result that was asked for is recorded, and the message is the result. While it is not, `Ready` repeats the first reason in the way.", "";
    }
    CrdTooOld {
        Stalled: "The API server drops parts of the status, because the installed definition is older than the operator; nothing is launched.", "apply `manifests/crds.yaml` of its version, which is noticed within a minute";
    }
    OtherPrice {
        : "The price of an instance type is not of the Price List API, which did not answer or has several, but of the next source; or nobody knows it.", "nothing, if the price in `status.placement.prices` is right; else `operator --prices`, or the permission `pricing:GetProducts`, and create it again";
    }
    InvalidObject {
        : "The stored object cannot be read, usually after a downgrade.", "apply the definition of the operator's version, then the object again";
    }
}

/// Reasons of failed calls that say more in one condition than in the others.
pub const REHEARSED: Row = Row {
    conditions: &[Accepted],
    reasons: &[
        Reason::Call(Failure::Unauthorized),
        Reason::Call(Failure::Rejected),
        Reason::Call(Failure::AccountRestricted),
    ],
    sentence: "A launch was rehearsed and refused: nothing is paid for yet. Before any launch is written down, each is asked for with DryRun, which makes nothing, costs nothing and needs no other permission; the message has AWS's words, and for `Unauthorized` the statement of [the policy](iam-policy.json) that would allow it. Stalled.",
    way_out: "as the message says: the policy, a tag policy of the organisation, the type",
};

impl Reason {
    /// `None`: this version does not know the word.
    pub fn parse(word: &str) -> Option<Self> {
        let known = Self::WORDS.iter().find(|reason| reason.name() == word).copied();
        known.or_else(|| Failure::parse(word).map(Self::Call))
    }

    /// Every reason.
    pub fn all() -> impl Iterator<Item = Self> {
        Self::WORDS.iter().copied().chain(Failure::ALL.iter().copied().map(Self::Call))
    }

    /// Whether a document says what it means in this condition. `Ready`, `Stalled` and `Reconciling` repeat others.
    pub fn stands_in(self, condition: ConditionType) -> bool {
        match (condition, self) {
            (ConditionType::Reconciling | Stalled | Ready, _) => true,
            (ThresholdsMet, Self::Call(_)) => false,
            (_, Self::Call(_)) => true,
            _ => ROWS.iter().any(|row| row.reasons.contains(&self) && row.conditions.contains(&condition)),
        }
    }

    /// Whether AWS refuses something that does not pass with the next try, or a run lost what it had measured.
    pub fn is_refusal(self) -> bool {
        use Failure::{
            AccountRestricted, CredentialsExpired, NameTaken, NoCapacity, QuotaReached, Rejected, Unauthorized,
            Unsupported,
        };
        matches!(
            self,
            Self::TerminationDenied
                | Self::NoInstanceProfile
                | Self::BalancerGone
                | Self::Call(NoCapacity | Unsupported | QuotaReached | Unauthorized)
                | Self::Call(CredentialsExpired | AccountRestricted | Rejected | NameTaken)
        )
    }
}

impl From<Failure> for Reason {
    fn from(failure: Failure) -> Self {
        Self::Call(failure)
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

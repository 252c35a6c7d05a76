//! The kinds of actions, each with its sentence for the documents.

macro_rules! kinds {
    ($($(#[doc = $sentence:literal])+ $kind:ident,)*) => {
        /// An action without what it acts on.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum Kind { $($(#[doc = $sentence])+ $kind,)* }

        impl Kind {
            pub const ALL: &[Self] = &[$(Self::$kind,)*];

            /// One word, for logs, events and metrics.
            pub fn name(self) -> &'static str {
                match self { $(Self::$kind => stringify!($kind),)* }
            }

            /// One sentence, for `docs/metrics.md`.
            pub fn sentence(self) -> &'static str {
                match self { $(Self::$kind => concat!($($sentence,)+),)* }
            }
        }
    };
}

kinds! {
    /// The object gets the finalizer that keeps it until nothing is left.
    AddFinalizer,
    /// The object is let go.
    RemoveFinalizer,
    /// A security group is made.
    CreateGroup,
    /// A rule is added to a security group.
    AuthorizeIngress,
    /// The rule of a generator that is gone, or of a network that the operator is told no more, is taken out of a security group.
    RevokeIngress,
    /// A security group is deleted.
    DeleteGroup,
    /// A load balancer is made.
    CreateLoadBalancer,
    /// A target group is made.
    CreateTargetGroup,
    /// A target group is told how to spread its requests.
    SetAttributes,
    /// A load balancer gets the listener that takes requests.
    CreateListener,
    /// A path is routed to the target group of its cluster.
    CreateRule,
    /// A rule that is not wanted any more is deleted.
    DeleteRule,
    /// Instances become targets of their cluster.
    RegisterTargets,
    /// Targets are taken out.
    DeregisterTargets,
    /// A load balancer is deleted.
    DeleteLoadBalancer,
    /// A target group is deleted.
    DeleteTargetGroup,
    /// A queue is made.
    CreateQueue,
    /// A queue is deleted, with all that is in it.
    DeleteQueue,
    /// A bucket is made.
    CreateBucket,
    /// Objects of a bucket are deleted.
    EmptyBucket,
    /// A bucket is deleted.
    DeleteBucket,
    /// A launch is asked for with DryRun, which makes nothing.
    Rehearse,
    /// Instances are launched.
    Launch,
    /// Instances are terminated.
    Terminate,
    /// Stopped instances of a pool are started again.
    Start,
    /// Instances of a pool that have finished their work are stopped.
    Stop,
    /// The balancer is told its members.
    SetMembership,
    /// Workers are told to run another program in place.
    UpdateWorkers,
    /// A program is brought to an instance that waits for it, or to the one through which workers get it.
    Deliver,
    /// A generator is told to begin a run.
    StartRun,
    /// A report is fetched and stored.
    CollectReport,
    /// One report is made of those of all parts of a run.
    JoinParts,
    /// CloudWatch's account of a run is added to its report.
    RecordMetrics,
    /// A run waits when its round has ended.
    HoldRun,
    /// A run that was held goes on.
    ResumeRun,
    /// A run is stopped.
    StopRun,
    /// A generator forgets a run whose report is recorded.
    ForgetRun,
}

//! The part of a cluster that says how its number of instances follows what waits in its queue.

use kube::KubeSchema;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How the number of instances follows the queue. No field of it has a default in the schema: it is in a list, and a server
/// that adds one would make every later apply of the same file a change.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Debug, PartialEq)]
#[serde(rename_all = "camelCase")]
#[x_kube(
    validation = Rule::new("(self.policy == 'LatencyTarget') == has(self.targetSeconds)").message("scaling.targetSeconds: it is needed for policy LatencyTarget, and for no other: the seconds within which a request is to be answered"),
    validation = Rule::new("(self.policy == 'QueueDepth') == has(self.messagesPerInstance)").message("scaling.messagesPerInstance: it is needed for policy QueueDepth, and for no other: the requests without an answer for which there is to be one instance"),
)]
pub struct Scaling {
    /// LatencyTarget: as many as answer everything within targetSeconds, and no more. QueueDepth: one for so many requests
    /// that are not answered.
    pub policy: ScalingPolicy,
    /// Fewest instances. Default: 0.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = 100))]
    pub min: Option<i32>,
    /// Seconds from a request to its answer. For policy LatencyTarget.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 43_200))]
    pub target_seconds: Option<i32>,
    /// Requests without an answer for each instance. For policy QueueDepth.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 100_000))]
    pub messages_per_instance: Option<i32>,
    /// Launch: an instance is launched when it is needed, and terminated when it is not. StartStop: all are launched once, and
    /// then started and stopped, which is quicker; a stopped one costs its volume. Default: Launch.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pool: Option<ScalingPool>,
}

/// How the number of instances follows the queue.
#[derive(Serialize, Deserialize, Clone, Copy, Debug, PartialEq, Eq, JsonSchema)]
#[allow(missing_docs, reason = "documented variants would make the CRD a oneOf: the type says what each is")]
pub enum ScalingPolicy {
    LatencyTarget,
    QueueDepth,
}

/// Where instances come from when more are needed.
#[derive(Serialize, Deserialize, Clone, Copy, Debug, Default, PartialEq, Eq, JsonSchema)]
#[allow(missing_docs, reason = "documented variants would make the CRD a oneOf: the type says what each is")]
pub enum ScalingPool {
    #[default]
    Launch,
    StartStop,
}

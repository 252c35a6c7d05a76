//! The actions of CloudWatch, by its own names. Calls are signed for `monitoring`, and policies say `cloudwatch`.

super::actions! {
    /// An action of CloudWatch.
    "monitoring" as "cloudwatch": {
        GetMetricData: Reads,
        ListMetrics: Reads,
    }
}

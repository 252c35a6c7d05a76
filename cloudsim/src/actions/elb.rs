//! The actions of ELBv2, by its own names.

super::actions! {
    /// An action of ELBv2.
    "elasticloadbalancing": {
        CreateLoadBalancer: Changes,
        DescribeLoadBalancers: Reads,
        DeleteLoadBalancer: Changes,
        CreateTargetGroup: Changes,
        DescribeTargetGroups: Reads,
        ModifyTargetGroupAttributes: Changes,
        DescribeTargetGroupAttributes: Reads,
        DeleteTargetGroup: Changes,
        CreateListener: Changes,
        DescribeListeners: Reads,
        CreateRule: Changes,
        DescribeRules: Reads,
        DeleteRule: Changes,
        RegisterTargets: Changes,
        DeregisterTargets: Changes,
        DescribeTargetHealth: Reads,
        DescribeTags: Reads,
    }
}

//! The actions of EC2, by its own names.

super::actions! {
    /// An action of EC2.
    "ec2": {
        RunInstances: Changes,
        TerminateInstances: Changes,
        StartInstances: Changes,
        StopInstances: Changes,
        DescribeInstances: Reads,
        GetConsoleOutput: Reads,
        CreateSecurityGroup: Changes,
        AuthorizeSecurityGroupIngress: Changes,
        RevokeSecurityGroupIngress: Changes,
        DescribeSecurityGroups: Reads,
        DeleteSecurityGroup: Changes,
        DescribeNetworkInterfaces: Reads,
        DescribeVolumes: Reads,
        DescribeVpcs: Reads,
        DescribeSubnets: Reads,
        DescribeRouteTables: Reads,
        DescribeImages: Reads,
        DescribeInstanceTypes: Reads,
        DescribeInstanceTypeOfferings: Reads,
        DescribeRegions: Reads,
    }
}

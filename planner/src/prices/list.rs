//! Endpoint of the Price List for a region.

/// The region whose endpoint has the prices of this one. `None`: its partition has no such endpoint.
///
/// The Price List Query API has endpoints in us-east-1, eu-central-1 and ap-south-1, each with all of the prices, and one in
/// cn-northwest-1 for China (AWS Billing user guide, "Finding services and products using the AWS Price List Query API"; the
/// endpoint rules of aws-sdk-pricing: `api.pricing.REGION.amazonaws.com`). GovCloud and the isolated partitions have none.
pub fn endpoint(region: &str) -> Option<&'static str> {
    match region.split('-').next().unwrap_or_default() {
        "cn" => Some("cn-northwest-1"),
        "us" if region.starts_with("us-gov-") || region.starts_with("us-iso") => None,
        "eu" if region.starts_with("eu-iso") => None,
        "eu" | "me" | "il" | "af" => Some("eu-central-1"),
        "ap" => Some("ap-south-1"),
        _ => Some("us-east-1"),
    }
}

#[cfg(test)]
mod tests {
    use super::endpoint;

    #[test]
    fn each_partition_is_asked_at_its_own_endpoint() {
        for (region, at) in [
            ("us-east-1", Some("us-east-1")),
            ("sa-east-1", Some("us-east-1")),
            ("ca-west-1", Some("us-east-1")),
            ("eu-west-1", Some("eu-central-1")),
            ("af-south-1", Some("eu-central-1")),
            ("ap-northeast-1", Some("ap-south-1")),
            ("cn-north-1", Some("cn-northwest-1")),
            ("us-gov-west-1", None),
            ("us-iso-east-1", None),
            ("us-isob-east-1", None),
            ("eu-isoe-west-1", None),
        ] {
            assert_eq!(endpoint(region), at, "{region}");
        }
    }
}

//! AWS error codes and what one can do about each: the only table of its kind.
//!
//! Decided by code, never by message text: messages change without notice. A code that is not listed fails
//! closed: its outcome counts as unknown, so that it is looked up and never believed to have done nothing.

use crate::failure::Failure;

/// The class of an EC2 or STS error code.
pub fn failure_of(code: &str) -> Failure {
    listed(code).unwrap_or(Failure::Unreachable)
}

/// The class of a code that RunInstances answered with this HTTP status. A launch whose outcome counts as unknown is
/// repeated for minutes and then waited for, and its cause is hidden meanwhile; so a code that is not listed is believed
/// to be a refusal where its status says that the request is at fault ("Client errors are indicated by a 4xx HTTP
/// response code", EC2 API reference, "Error codes"). Whether a refusal closes the launch is for the ledger to say: it
/// does not, if the call was made before.
pub fn failure_of_launch(code: &str, http_status: u16) -> Failure {
    listed(code).unwrap_or(match http_status {
        // The server gave up waiting for the request (RFC 9110, 15.5.9): what it read of it is not known.
        408 => Failure::Unreachable,
        // RFC 6585, 4.
        429 => Failure::Throttled,
        400..=499 => Failure::Rejected,
        _ => Failure::Unreachable,
    })
}

fn listed(code: &str) -> Option<Failure> {
    if let Some((_, failure)) = TABLE.iter().find(|(known, _)| *known == code) {
        return Some(*failure);
    }
    // EC2 names these by resource: InvalidVolume.NotFound, InvalidSubnetID.Malformed, ...
    match code.rsplit_once('.') {
        Some((_, "NotFound")) => Some(Failure::NotFound),
        Some((_, "Duplicate")) => Some(Failure::AlreadyExists),
        Some((_, "Malformed")) => Some(Failure::Rejected),
        _ => None,
    }
}

/// Whether somebody decided what this code means.
pub fn is_known(code: &str) -> bool {
    TABLE.iter().any(|(known, _)| *known == code)
}

/// A message without the part that is another one on every call and would make equal failures look different.
pub fn steady(message: &str) -> &str {
    let end = message.find("Encoded authorization failure message").unwrap_or(message.len());
    message[..end].trim_end()
}

/// Sources: the EC2 API reference's list of error codes, the errors of each action in the API references of ELBv2 (its codes
/// have no dot that would tell their class) and SQS, the S3 API reference's list of error codes, the classes that Karpenter branches on, the SDK's list of
/// throttling codes, and for TagPolicyViolation runs-on/runs-on#485.
const TABLE: &[(&str, Failure)] = &[
    // Too many calls.
    ("RequestLimitExceeded", Failure::Throttled),
    ("EC2ThrottledException", Failure::Throttled),
    ("SlowDown", Failure::Throttled),
    ("Throttling", Failure::Throttled),
    ("ThrottlingException", Failure::Throttled),
    ("ThrottledException", Failure::Throttled),
    ("RequestThrottled", Failure::Throttled),
    ("RequestThrottledException", Failure::Throttled),
    ("TooManyRequestsException", Failure::Throttled),
    ("BandwidthLimitExceeded", Failure::Throttled),
    ("PriorRequestNotComplete", Failure::Throttled),
    ("ConcurrentTagAccess", Failure::Throttled),
    ("KmsThrottled", Failure::Throttled),
    // This type, here, now. InsufficientInstanceCapacity comes as HTTP 500 and is a refusal all the same.
    ("InsufficientInstanceCapacity", Failure::NoCapacity),
    ("InsufficientCapacity", Failure::NoCapacity),
    ("InsufficientHostCapacity", Failure::NoCapacity),
    ("InsufficientReservedInstanceCapacity", Failure::NoCapacity),
    ("InsufficientAddressCapacity", Failure::NoCapacity),
    ("InsufficientFreeAddressesInSubnet", Failure::NoCapacity),
    ("UnfulfillableCapacity", Failure::NoCapacity),
    ("ReservationCapacityExceeded", Failure::NoCapacity),
    // HTTP 500 as well.
    ("InsufficientVolumeCapacity", Failure::NoCapacity),
    // "The requested configuration is currently not supported", often a matter of the zone, and not always.
    ("Unsupported", Failure::Unsupported),
    ("AvailabilityZoneNotSupported", Failure::Unsupported),
    // The account's limits.
    ("VcpuLimitExceeded", Failure::QuotaReached),
    ("InstanceLimitExceeded", Failure::QuotaReached),
    ("MaxSpotInstanceCountExceeded", Failure::QuotaReached),
    ("VolumeLimitExceeded", Failure::QuotaReached),
    ("VpcLimitExceeded", Failure::QuotaReached),
    ("NetworkInterfaceLimitExceeded", Failure::QuotaReached),
    ("AddressLimitExceeded", Failure::QuotaReached),
    ("SecurityGroupLimitExceeded", Failure::QuotaReached),
    ("SecurityGroupsPerInterfaceLimitExceeded", Failure::QuotaReached),
    ("SecurityGroupsPerInstanceLimitExceeded", Failure::QuotaReached),
    ("MaxIOPSLimitExceeded", Failure::QuotaReached),
    ("RulesPerSecurityGroupLimitExceeded", Failure::QuotaReached),
    ("TagLimitExceeded", Failure::QuotaReached),
    ("ResourceCountExceeded", Failure::QuotaReached),
    ("ResourceLimitExceeded", Failure::QuotaReached),
    ("TooManyLoadBalancers", Failure::QuotaReached),
    ("TooManyTargetGroups", Failure::QuotaReached),
    ("TooManyListeners", Failure::QuotaReached),
    ("TooManyRules", Failure::QuotaReached),
    ("TooManyTargets", Failure::QuotaReached),
    ("TooManyTags", Failure::QuotaReached),
    ("TooManyActions", Failure::QuotaReached),
    ("TooManyRegistrationsForTargetId", Failure::QuotaReached),
    ("TooManyUniqueTargetGroupsPerLoadBalancer", Failure::QuotaReached),
    ("TargetGroupAssociationLimit", Failure::QuotaReached),
    ("TooManyBuckets", Failure::QuotaReached),
    ("OverLimit", Failure::QuotaReached),
    // Permission.
    ("UnauthorizedOperation", Failure::Unauthorized),
    ("AccessDenied", Failure::Unauthorized),
    ("AccessDeniedException", Failure::Unauthorized),
    ("AuthFailure.ServiceLinkedRoleCreationNotPermitted", Failure::Unauthorized),
    ("AllAccessDisabled", Failure::Unauthorized),
    // EC2: termination protection. ELBv2: deletion protection, a default rule, or an account that may have no load balancer.
    ("OperationNotPermitted", Failure::Unauthorized),
    // Who is asking. A wrong clock looks like this too (RequestExpired, SignatureDoesNotMatch).
    ("AuthFailure", Failure::CredentialsExpired),
    ("ExpiredToken", Failure::CredentialsExpired),
    ("ExpiredTokenException", Failure::CredentialsExpired),
    ("RequestExpired", Failure::CredentialsExpired),
    ("InvalidSecurity.RequestHasExpired", Failure::CredentialsExpired),
    ("InvalidClientTokenId", Failure::CredentialsExpired),
    ("InvalidAccessKeyId", Failure::CredentialsExpired),
    ("SignatureDoesNotMatch", Failure::CredentialsExpired),
    ("InvalidSignatureException", Failure::CredentialsExpired),
    ("IncompleteSignature", Failure::CredentialsExpired),
    ("MissingAuthenticationToken", Failure::CredentialsExpired),
    ("UnrecognizedClientException", Failure::CredentialsExpired),
    ("TokenRefreshRequired", Failure::CredentialsExpired),
    ("InvalidToken", Failure::CredentialsExpired),
    ("RequestTimeTooSkewed", Failure::CredentialsExpired),
    ("AuthorizationHeaderMalformed", Failure::CredentialsExpired),
    // What the account may do at all.
    ("OptInRequired", Failure::AccountRestricted),
    ("PendingVerification", Failure::AccountRestricted),
    ("Blocked", Failure::AccountRestricted),
    ("RegionDisabledException", Failure::AccountRestricted),
    ("AccountDisabled", Failure::AccountRestricted),
    ("AccountProblem", Failure::AccountRestricted),
    ("NotSignedUp", Failure::AccountRestricted),
    // The request, wrong for good.
    ("InvalidParameter", Failure::Rejected),
    ("InvalidParameterValue", Failure::Rejected),
    ("InvalidParameterCombination", Failure::Rejected),
    ("InvalidInstanceType", Failure::Rejected),
    ("InvalidAMIID.Unavailable", Failure::Rejected),
    ("InvalidBlockDeviceMapping", Failure::Rejected),
    ("InvalidGroup.Reserved", Failure::Rejected),
    ("InvalidInput", Failure::Rejected),
    ("InvalidRequest", Failure::Rejected),
    ("InvalidFilter", Failure::Rejected),
    ("FilterLimitExceeded", Failure::Rejected),
    ("MissingInput", Failure::Rejected),
    ("CannotDelete", Failure::Rejected),
    ("InvalidNextToken", Failure::Rejected),
    ("InvalidPaginationToken", Failure::Rejected),
    ("InvalidAction", Failure::Rejected),
    ("InvalidUserData.Malformed", Failure::Rejected),
    ("MalformedQueryString", Failure::Rejected),
    ("MissingParameter", Failure::Rejected),
    ("UnknownParameter", Failure::Rejected),
    ("ValidationError", Failure::Rejected),
    ("UnsupportedOperation", Failure::Rejected),
    ("VPCIdNotSpecified", Failure::Rejected),
    ("VPCResourceNotSpecified", Failure::Rejected),
    ("InvalidSubnet", Failure::Rejected),
    ("InvalidAvailabilityZone", Failure::Rejected),
    ("InvalidClientToken", Failure::Rejected),
    ("InvalidState", Failure::Rejected),
    ("InvalidQueryParameter", Failure::Rejected),
    ("InvalidCharacter", Failure::Rejected),
    ("MissingAction", Failure::Rejected),
    ("InstanceCreditSpecification.NotSupported", Failure::Rejected),
    ("UnsupportedTenancy", Failure::Rejected),
    ("InvalidTarget", Failure::Rejected),
    ("InvalidSecurityGroup", Failure::Rejected),
    ("InvalidConfigurationRequest", Failure::Rejected),
    ("InvalidScheme", Failure::Rejected),
    ("InvalidLoadBalancerAction", Failure::Rejected),
    ("IncompatibleProtocols", Failure::Rejected),
    ("UnsupportedProtocol", Failure::Rejected),
    ("DuplicateTagKeys", Failure::Rejected),
    ("InvalidAddress", Failure::Rejected),
    // SQS: not over HTTPS, or not signed as it wants.
    ("InvalidSecurity", Failure::Rejected),
    ("InvalidAttributeName", Failure::Rejected),
    ("InvalidAttributeValue", Failure::Rejected),
    ("AWS.SimpleQueueService.UnsupportedOperation", Failure::Rejected),
    ("InvalidArgument", Failure::Rejected),
    ("InvalidBucketName", Failure::Rejected),
    // A bucket's name is not of the namespace that the call names.
    ("InvalidNamespaceHeader", Failure::Rejected),
    ("InvalidLocationConstraint", Failure::Rejected),
    ("IllegalLocationConstraintException", Failure::Rejected),
    ("InvalidTag", Failure::Rejected),
    ("InvalidURI", Failure::Rejected),
    ("MalformedXML", Failure::Rejected),
    ("BadDigest", Failure::Rejected),
    ("InvalidDigest", Failure::Rejected),
    // A subnet that the request names and that somebody deleted: nothing that may yet appear.
    ("SubnetNotFound", Failure::Rejected),
    // The request would be refused by a policy of the organisation: HTTP 400, and nothing was made.
    ("TagPolicyViolation", Failure::Rejected),
    ("DryRunOperation", Failure::Rejected),
    // The token of a launch.
    ("IdempotentParameterMismatch", Failure::TokenSpent),
    ("IdempotentInstanceTerminated", Failure::TokenSpent),
    // Not there, or not visible yet; adapters that know that the thing was just made say NotYetVisible.
    ("InvalidInstanceID.NotFound", Failure::NotFound),
    ("InvalidGroup.NotFound", Failure::NotFound),
    ("InvalidSecurityGroupID.NotFound", Failure::NotFound),
    ("InvalidPermission.NotFound", Failure::NotFound),
    ("InvalidSubnetID.NotFound", Failure::NotFound),
    ("InvalidVpcID.NotFound", Failure::NotFound),
    ("InvalidAMIID.NotFound", Failure::NotFound),
    ("InvalidNetworkInterfaceID.NotFound", Failure::NotFound),
    ("LoadBalancerNotFound", Failure::NotFound),
    ("TargetGroupNotFound", Failure::NotFound),
    ("ListenerNotFound", Failure::NotFound),
    ("RuleNotFound", Failure::NotFound),
    // SQS has two spellings: that of its JSON, and that of its older protocol, which it gives to who asks for it in a header,
    // as the SDK does (Smithy, "AWS Query compatible").
    ("QueueDoesNotExist", Failure::NotFound),
    ("AWS.SimpleQueueService.NonExistentQueue", Failure::NotFound),
    ("NoSuchBucket", Failure::NotFound),
    ("NoSuchKey", Failure::NotFound),
    ("NoSuchTagSet", Failure::NotFound),
    // There, but still on its way into the state that the call needs: look again soon.
    ("IncorrectState", Failure::NotYetVisible),
    ("IncorrectInstanceState", Failure::NotYetVisible),
    ("InvalidGroup.Duplicate", Failure::AlreadyExists),
    ("InvalidPermission.Duplicate", Failure::AlreadyExists),
    ("DuplicateLoadBalancerName", Failure::AlreadyExists),
    ("DuplicateTargetGroupName", Failure::AlreadyExists),
    ("DuplicateListener", Failure::AlreadyExists),
    ("PriorityInUse", Failure::AlreadyExists),
    ("QueueNameExists", Failure::AlreadyExists),
    ("QueueAlreadyExists", Failure::AlreadyExists),
    ("BucketAlreadyExists", Failure::AlreadyExists),
    ("BucketAlreadyOwnedByYou", Failure::AlreadyExists),
    ("DependencyViolation", Failure::DependencyViolation),
    ("InvalidGroup.InUse", Failure::DependencyViolation),
    ("ResourceInUse", Failure::DependencyViolation),
    ("BucketNotEmpty", Failure::DependencyViolation),
    // The name of a queue rests for 60 seconds after its deletion.
    ("QueueDeletedRecently", Failure::DependencyViolation),
    ("AWS.SimpleQueueService.QueueDeletedRecently", Failure::DependencyViolation),
    // Another change of the same bucket is under way, which may be its deletion.
    ("OperationAborted", Failure::DependencyViolation),
    // Outcome unknown.
    ("Unavailable", Failure::Unreachable),
    ("ServiceUnavailable", Failure::Unreachable),
    ("InternalError", Failure::Unreachable),
    ("InternalFailure", Failure::Unreachable),
    ("ServerInternal", Failure::Unreachable),
    ("RequestTimeout", Failure::Unreachable),
    ("HealthUnavailable", Failure::Unreachable),
];

#[cfg(test)]
mod tests {
    use super::*;

    /// Every class with the codes that must fall into it, written independently of the table above.
    #[test]
    fn every_code_has_its_class() {
        let rows: &[(Failure, &str)] = &[
            (
                Failure::Throttled,
                "RequestLimitExceeded EC2ThrottledException SlowDown Throttling ThrottlingException ThrottledException \
                 RequestThrottled RequestThrottledException TooManyRequestsException BandwidthLimitExceeded \
                 PriorRequestNotComplete ConcurrentTagAccess KmsThrottled",
            ),
            (
                Failure::NoCapacity,
                "InsufficientInstanceCapacity InsufficientCapacity InsufficientHostCapacity \
                 InsufficientReservedInstanceCapacity InsufficientAddressCapacity InsufficientFreeAddressesInSubnet \
                 UnfulfillableCapacity ReservationCapacityExceeded InsufficientVolumeCapacity",
            ),
            (Failure::Unsupported, "Unsupported AvailabilityZoneNotSupported"),
            (
                Failure::QuotaReached,
                "VcpuLimitExceeded InstanceLimitExceeded MaxSpotInstanceCountExceeded VolumeLimitExceeded \
                 VpcLimitExceeded NetworkInterfaceLimitExceeded AddressLimitExceeded SecurityGroupLimitExceeded \
                 SecurityGroupsPerInterfaceLimitExceeded SecurityGroupsPerInstanceLimitExceeded MaxIOPSLimitExceeded \
                 RulesPerSecurityGroupLimitExceeded TagLimitExceeded \
                 ResourceCountExceeded ResourceLimitExceeded TooManyLoadBalancers TooManyTargetGroups TooManyListeners \
                 TooManyRules TooManyTargets TooManyTags TooManyActions TooManyRegistrationsForTargetId \
                 TooManyUniqueTargetGroupsPerLoadBalancer TargetGroupAssociationLimit TooManyBuckets OverLimit",
            ),
            (
                Failure::Unauthorized,
                "UnauthorizedOperation AccessDenied AccessDeniedException \
                 AuthFailure.ServiceLinkedRoleCreationNotPermitted OperationNotPermitted AllAccessDisabled",
            ),
            (
                Failure::CredentialsExpired,
                "AuthFailure ExpiredToken ExpiredTokenException RequestExpired InvalidClientTokenId InvalidAccessKeyId \
                 SignatureDoesNotMatch InvalidSignatureException IncompleteSignature MissingAuthenticationToken \
                 UnrecognizedClientException TokenRefreshRequired InvalidSecurity.RequestHasExpired InvalidToken \
                 RequestTimeTooSkewed AuthorizationHeaderMalformed",
            ),
            (
                Failure::AccountRestricted,
                "OptInRequired PendingVerification Blocked RegionDisabledException AccountDisabled AccountProblem \
                 NotSignedUp",
            ),
            (
                Failure::Rejected,
                "InvalidParameter InvalidParameterValue InvalidParameterCombination InvalidInstanceType \
                 InvalidAMIID.Unavailable InvalidAMIID.Malformed InvalidBlockDeviceMapping InvalidGroup.Reserved \
                 InvalidInput InvalidRequest InvalidFilter FilterLimitExceeded MissingInput CannotDelete InvalidNextToken InvalidPaginationToken InvalidAction \
                 InvalidUserData.Malformed MalformedQueryString MissingParameter UnknownParameter ValidationError \
                 UnsupportedOperation VPCIdNotSpecified DryRunOperation InvalidInstanceID.Malformed \
                 VPCResourceNotSpecified InvalidSubnet InvalidAvailabilityZone InvalidClientToken InvalidState \
                 InvalidQueryParameter InvalidCharacter MissingAction InstanceCreditSpecification.NotSupported \
                 UnsupportedTenancy TagPolicyViolation InvalidTarget InvalidSecurityGroup InvalidConfigurationRequest \
                 InvalidScheme InvalidLoadBalancerAction IncompatibleProtocols UnsupportedProtocol DuplicateTagKeys \
                 SubnetNotFound InvalidAddress InvalidSecurity InvalidAttributeName InvalidAttributeValue InvalidArgument \
                 AWS.SimpleQueueService.UnsupportedOperation InvalidBucketName InvalidNamespaceHeader InvalidLocationConstraint \
                 IllegalLocationConstraintException InvalidTag InvalidURI MalformedXML BadDigest InvalidDigest",
            ),
            (Failure::TokenSpent, "IdempotentParameterMismatch IdempotentInstanceTerminated"),
            (
                Failure::NotFound,
                "InvalidInstanceID.NotFound InvalidGroup.NotFound InvalidSecurityGroupID.NotFound \
                 InvalidPermission.NotFound InvalidSubnetID.NotFound InvalidVpcID.NotFound InvalidAMIID.NotFound \
                 InvalidNetworkInterfaceID.NotFound InvalidVolume.NotFound LoadBalancerNotFound TargetGroupNotFound \
                 ListenerNotFound RuleNotFound QueueDoesNotExist AWS.SimpleQueueService.NonExistentQueue NoSuchBucket \
                 NoSuchKey NoSuchTagSet",
            ),
            (Failure::NotYetVisible, "IncorrectState IncorrectInstanceState"),
            (
                Failure::AlreadyExists,
                "InvalidGroup.Duplicate InvalidPermission.Duplicate InvalidKeyPair.Duplicate \
                 DuplicateLoadBalancerName DuplicateTargetGroupName DuplicateListener PriorityInUse QueueNameExists \
                 QueueAlreadyExists BucketAlreadyExists BucketAlreadyOwnedByYou",
            ),
            (
                Failure::DependencyViolation,
                "DependencyViolation InvalidGroup.InUse ResourceInUse BucketNotEmpty QueueDeletedRecently \
                 AWS.SimpleQueueService.QueueDeletedRecently OperationAborted",
            ),
            (
                Failure::Unreachable,
                "Unavailable ServiceUnavailable InternalError InternalFailure ServerInternal RequestTimeout \
                 HealthUnavailable",
            ),
        ];
        let mut checked: Vec<&str> = Vec::new();
        for (failure, codes) in rows {
            for code in codes.split_whitespace() {
                assert_eq!(failure_of(code), *failure, "{code}");
                checked.push(code);
            }
        }
        for (code, _) in TABLE {
            assert!(checked.contains(code), "{code} is in the table without a row in this test");
        }
    }

    #[test]
    fn unknown_codes_fail_closed() {
        for code in ["", "Timeout", "Truncated", "SomethingNew", "requestlimitexceeded", "InvalidGroup.Brandnew"] {
            assert_eq!(failure_of(code), Failure::Unreachable, "{code:?}");
            assert!(!failure_of(code).is_refusal());
        }
    }

    /// The request is at fault for every 4xx but those that say otherwise; nothing else is known of a code that is not
    /// listed, and what is listed is what it is listed as.
    #[test]
    fn an_unlisted_code_refuses_a_launch_only_with_a_status_of_the_client() {
        for (status, failure) in [
            (400, Failure::Rejected),
            (403, Failure::Rejected),
            (499, Failure::Rejected),
            (408, Failure::Unreachable),
            (429, Failure::Throttled),
            (500, Failure::Unreachable),
            (503, Failure::Unreachable),
            (302, Failure::Unreachable),
            (200, Failure::Unreachable),
        ] {
            assert_eq!(failure_of_launch("SomethingNew", status), failure, "{status}");
        }
        assert_eq!(failure_of_launch("InsufficientInstanceCapacity", 500), Failure::NoCapacity);
        assert_eq!(failure_of_launch("RequestTimeout", 400), Failure::Unreachable, "listed as an unknown outcome");
        assert_eq!(failure_of_launch("InvalidVolume.NotFound", 400), Failure::NotFound);
    }

    #[test]
    fn equal_refusals_have_equal_messages() {
        let message =
            "You are not authorized to perform this operation. Encoded authorization failure message: 4GIOHlTkIaWHQD0Q";
        assert_eq!(steady(message), "You are not authorized to perform this operation.");
        assert_eq!(steady("plain"), "plain");
    }

    #[test]
    fn no_code_is_listed_twice() {
        let mut codes: Vec<_> = TABLE.iter().map(|(code, _)| code).collect();
        codes.sort();
        let all = codes.len();
        codes.dedup();
        assert_eq!(codes.len(), all);
    }
}

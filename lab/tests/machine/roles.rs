//! An instance with a role: what its programs find without knowing where they are.

use lab::machine::{Role, Secret};
use serde_json::Value;

use super::*;

/// Asks like an SDK: a token, the role, its credentials, the region.
const SCRIPT: &str = r#"#!/bin/bash
imds=$AWS_EC2_METADATA_SERVICE_ENDPOINT/latest
token=$(curl -sf --noproxy '*' -X PUT -H 'X-aws-ec2-metadata-token-ttl-seconds: 60' "$imds/api/token")
get() { curl -sf --noproxy '*' -H "X-aws-ec2-metadata-token: $token" "$imds/meta-data/$1"; }
role=$(get iam/security-credentials/)
echo "$role $(get placement/region) $AWS_ENDPOINT_URL"
first=$(get "iam/security-credentials/$role")
echo "$first"
get iam/info; echo
until [ "$(get "iam/security-credentials/$role")" != "$first" ]; do sleep 0.1; done
echo renewed
"#;

#[test]
fn programs_find_endpoint_and_credentials_that_are_renewed() {
    let (mut lab, address) = (Lab::new("role"), address(19));
    let role = Role {
        name: "queues".to_owned(),
        profile_arn: "arn:aws:iam::000000000000:instance-profile/queues".to_owned(),
        profile_id: "AIPAQUEUES".to_owned(),
        life_seconds: 3,
        secret: Secret::new(),
    };
    let endpoint = Some("http://127.0.0.1:9".to_owned());
    lab.start(MachineSpec { role: Some(role.clone()), endpoint, ..spec(address, SCRIPT.to_owned()) });
    assert_eq!(lab.event(), started());
    let said =
        until("new credentials", || Some(lab.said()).filter(|said| said.last().is_some_and(|last| last == "renewed")));
    assert_eq!(said[0], "queues eu-west-1 http://127.0.0.1:9");
    let read = |line: &str| -> Value { serde_json::from_str(line).unwrap_or_else(|error| panic!("{line}: {error}")) };
    let (credentials, info) = (read(&said[1]), read(&said[2]));
    for key in ["Code", "Type", "AccessKeyId", "SecretAccessKey", "Token", "Expiration", "LastUpdated"] {
        assert!(credentials[key].is_string(), "{key}: {credentials}");
    }
    assert_eq!(info["InstanceProfileArn"], role.profile_arn.as_str());
}

//! The limits of a request: names of buckets, keys, tags, places.

use planner::owner::Tags;

use super::bucket::{CreateBucket, Namespace};
use crate::ec2;
use crate::engine::error::{Outcome, SimError};

/// Bytes of a key (S3 user guide, "Naming Amazon S3 objects").
const KEY: usize = 1024;
/// The region that is none: LocationConstraint is left out for it (API reference, CreateBucket).
pub(super) const NO_CONSTRAINT: &str = "us-east-1";

/// S3 user guide, "General purpose bucket naming rules", "Account regional namespace naming rules".
pub(super) fn check_name(request: &CreateBucket, account: &str, region: &str) -> Outcome<()> {
    let name = &request.name;
    let is_end = |byte: Option<&u8>| byte.is_some_and(u8::is_ascii_alphanumeric);
    let bytes = name.as_bytes();
    let is_allowed = |byte: &u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'.' | b'-');
    let is_address = name.parse::<std::net::Ipv4Addr>().is_ok();
    let has_reserved_start = ["xn--", "sthree-", "amzn-s3-demo-"].iter().any(|start| name.starts_with(start));
    let has_reserved_end =
        ["-s3alias", "--ol-s3", ".mrap", "--x-s3", "--table-s3"].iter().any(|end| name.ends_with(end));
    let has_namespace = match request.namespace {
        Namespace::Global => !name.ends_with("-an"),
        Namespace::AccountRegional => {
            name.strip_suffix(&format!("-{account}-{region}-an")).is_some_and(|prefix| !prefix.is_empty())
        }
    };
    let is_name = (3..=63).contains(&bytes.len())
        && bytes.iter().all(is_allowed)
        && is_end(bytes.first())
        && is_end(bytes.last())
        && !name.contains("..")
        && !is_address
        && !has_reserved_start
        && !has_reserved_end
        && has_namespace;
    if is_name { Ok(()) } else { Err(SimError::new("InvalidBucketName", "The specified bucket is not valid.")) }
}

/// API reference, CreateBucket: LocationConstraint. `EU` is another name of eu-west-1 there.
pub(super) fn check_location(location: Option<&str>, region: &str) -> Outcome<()> {
    let illegal = |named: &str| {
        let message = format!(
            "The {named} location constraint is incompatible for the region specific endpoint this request was sent to."
        );
        SimError::new("IllegalLocationConstraintException", message)
    };
    match location {
        None if region == NO_CONSTRAINT => Ok(()),
        None => Err(illegal("unspecified")),
        Some(NO_CONSTRAINT) => {
            let message = "The specified location-constraint is not valid";
            Err(SimError::new("InvalidLocationConstraint", message))
        }
        Some(place) if place == region || place == "EU" && region == "eu-west-1" => Ok(()),
        Some(place) => Err(illegal(place)),
    }
}

/// The limits are EC2's, the code is not (API reference, "Error responses": InvalidTag).
pub(super) fn check_tags(tags: &Tags) -> Outcome<()> {
    ec2::check_tags(tags).map_err(|error| SimError::new("InvalidTag", error.message))
}

pub(super) fn check_key(key: &str) -> Outcome<()> {
    if key.len() > KEY {
        return Err(SimError::new("KeyTooLongError", "Your key is too long"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code(name: &str, namespace: Namespace) -> Result<(), String> {
        let request = CreateBucket { name: name.to_owned(), namespace, ..CreateBucket::default() };
        check_name(&request, "000000000000", "eu-west-1").map_err(|error| error.code)
    }

    #[test]
    fn names_are_those_of_the_user_guide() {
        for good in ["abc", "a.b-c", "1-2", &"a".repeat(63)] {
            assert_eq!(code(good, Namespace::Global), Ok(()), "{good}");
        }
        for wrong in [
            "ab",
            &"a".repeat(64),
            "Abc",
            "a_b",
            "-abc",
            "abc-",
            "a..b",
            "192.168.5.4",
            "xn--abc",
            "sthree-a",
            "amzn-s3-demo-a",
            "abc-s3alias",
            "abc--x-s3",
            "abc-an",
            "cb-000000000000-eu-west-1-an",
        ] {
            assert_eq!(code(wrong, Namespace::Global), Err("InvalidBucketName".to_owned()), "{wrong}");
        }
    }

    #[test]
    fn a_name_in_the_account_s_own_namespace_ends_with_account_and_region() {
        assert_eq!(code("cb-000000000000-eu-west-1-an", Namespace::AccountRegional), Ok(()));
        for wrong in
            ["cb-000000000001-eu-west-1-an", "cb-000000000000-us-east-1-an", "cb", "-000000000000-eu-west-1-an"]
        {
            assert!(code(wrong, Namespace::AccountRegional).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_place_is_named_everywhere_but_in_virginia() {
        let code = |location, region| check_location(location, region).map_err(|error| error.code);
        assert_eq!(code(Some("eu-west-1"), "eu-west-1"), Ok(()));
        assert_eq!(code(Some("EU"), "eu-west-1"), Ok(()));
        assert_eq!(code(None, "us-east-1"), Ok(()));
        assert_eq!(code(None, "eu-west-1"), Err("IllegalLocationConstraintException".to_owned()));
        assert_eq!(code(Some("eu-west-2"), "eu-west-1"), Err("IllegalLocationConstraintException".to_owned()));
        assert_eq!(code(Some("us-east-1"), "us-east-1"), Err("InvalidLocationConstraint".to_owned()));
    }
}

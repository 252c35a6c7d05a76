//! An address of the operator itself, as the downward API gives it.

use std::net::IpAddr;
use std::str::FromStr;

/// `--address` and `--node-address`. Empty: it is not known, as in a process that is no pod.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct OwnAddress(pub(crate) Option<IpAddr>);

impl FromStr for OwnAddress {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let text = text.trim();
        if text.is_empty() {
            return Ok(Self(None));
        }
        let address = text.parse().map_err(|_| format!("{text:?} is no IP address, such as 10.0.1.23"))?;
        Ok(Self(Some(address)))
    }
}

#[cfg(test)]
mod tests {
    use super::OwnAddress;

    #[test]
    fn an_address_or_nothing() {
        let read = |text: &str| text.parse::<OwnAddress>().map(|address| address.0.map(|one| one.to_string()));
        assert_eq!(read("10.0.1.23"), Ok(Some("10.0.1.23".to_owned())));
        assert_eq!(read("fd00:ec2::23"), Ok(Some("fd00:ec2::23".to_owned())));
        assert_eq!(read(" "), Ok(None));
        assert!(read("10.0.1.0/24").unwrap_err().contains("\"10.0.1.0/24\" is no IP address"));
    }
}

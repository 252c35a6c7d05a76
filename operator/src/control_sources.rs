//! The networks that the operator's own requests come from, as the instances see them. Their control port is open to these.
//!
//! Without any, each benchmark takes those of the VPC that the operator is in, or is refused. There is no other default: one that is
//! wrong would leave the operator before a closed port, or open it to strangers.

use std::str::FromStr;

use ipnet::{IpNet, Ipv4Net};

/// `--control-sources`: networks, none of them the whole internet.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct ControlSources(pub(crate) Vec<Ipv4Net>);

impl FromStr for ControlSources {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let words = text.split(',').map(str::trim).filter(|word| !word.is_empty());
        let mut networks = words.map(network).collect::<Result<Vec<_>, _>>()?;
        networks.sort();
        networks.dedup();
        Ok(Self(networks))
    }
}

fn network(word: &str) -> Result<Ipv4Net, String> {
    let of = |what: String| format!("OPERATOR_CONTROL_SOURCES: {word}: {what}");
    let Ok(network) = word.parse::<IpNet>() else {
        return Err(of(match word.parse::<std::net::Ipv4Addr>() {
            Ok(address) => format!("write {address}/32 for the one address"),
            Err(_) => "is not an IPv4 network such as 172.31.0.0/16".to_owned(),
        }));
    };
    let IpNet::V4(network) = network else {
        return Err(of("leave it out: the operator dials instances at their IPv4 addresses only".to_owned()));
    };
    if network.prefix_len() == 0 {
        return Err(of(
            "would open the control port to the whole internet: name the networks that are yours".to_owned()
        ));
    }
    // EC2 would drop them (API reference, IpRange.CidrIp), and open the port to more than was meant.
    if network != network.trunc() {
        return Err(of(format!("has bits set behind the prefix: write {}, or {}/32", network.trunc(), network.addr())));
    }
    // `010.0.0.0` is 10.0.0.0 to some programs and 8.0.0.0 to others.
    if network.to_string() != word {
        return Err(of(format!("write {network}, without leading zeros")));
    }
    Ok(network)
}

#[cfg(test)]
mod tests {
    use super::ControlSources;

    #[test]
    fn networks_are_taken_once_and_in_order() {
        let taken = |text: &str| {
            let sources: ControlSources = text.parse().unwrap();
            sources.0.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ")
        };
        assert_eq!(taken("172.31.0.0/16"), "172.31.0.0/16");
        assert_eq!(taken("172.31.0.0/16, 100.64.0.0/10,172.31.0.0/16,"), "100.64.0.0/10 172.31.0.0/16");
        assert_eq!(taken("203.0.113.7/32"), "203.0.113.7/32");
        assert_eq!((taken(""), taken(" , ")), (String::new(), String::new()), "none, as a chart writes it");
    }

    #[test]
    fn what_is_wrong_is_said_with_the_way_out() {
        for (text, said) in [
            (
                "10.0.0.0/8,10.1.0.1/8",
                "OPERATOR_CONTROL_SOURCES: 10.1.0.1/8: has bits set behind the prefix: write 10.0.0.0/8, or 10.1.0.1/32",
            ),
            ("100.68.0.18/18", "write 100.68.0.0/18"),
            ("10.1.2.3", "write 10.1.2.3/32 for the one address"),
            ("0.0.0.0/0", "the whole internet"),
            ("fd00:ec2::/64", "leave it out: the operator dials instances at their IPv4 addresses only"),
            ("10.0.0.0/33", "is not an IPv4 network such as 172.31.0.0/16"),
            ("010.0.0.0/8", "write 10.0.0.0/8, without leading zeros"),
            ("10.0.0.0-10.0.0.9", "is not an IPv4 network"),
        ] {
            let error = text.parse::<ControlSources>().unwrap_err();
            assert!(error.contains(said), "{text:?}: {error}");
        }
    }
}

//! IPv4 networks.

use std::fmt;
use std::net::Ipv4Addr;
use std::str::FromStr;

/// A network in CIDR notation. Host bits are dropped when it is parsed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Cidr {
    base: u32,
    prefix: u8,
}

impl Cidr {
    /// The whole internet.
    pub const ANY: Self = Self { base: 0, prefix: 0 };

    pub fn contains(self, address: Ipv4Addr) -> bool {
        self.mask() & u32::from(address) == self.base
    }

    /// Number of addresses in it.
    pub fn size(self) -> u64 {
        1 << (32 - u32::from(self.prefix))
    }

    /// The address `offset` after the first.
    pub fn address(self, offset: u32) -> Ipv4Addr {
        Ipv4Addr::from(self.base.wrapping_add(offset))
    }

    /// The `index`-th network of `prefix` bits inside this one.
    pub fn part(self, prefix: u8, index: u32) -> Self {
        Self { base: self.base + (index << (32 - u32::from(prefix))), prefix }
    }

    pub fn prefix(self) -> u8 {
        self.prefix
    }

    fn mask(self) -> u32 {
        u32::MAX.checked_shl(32 - u32::from(self.prefix)).unwrap_or(0)
    }
}

impl fmt::Display for Cidr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", Ipv4Addr::from(self.base), self.prefix)
    }
}

/// Text that is not a network.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not an IPv4 network such as 10.0.0.0/16")]
pub struct NotACidr(String);

impl FromStr for Cidr {
    type Err = NotACidr;

    fn from_str(text: &str) -> Result<Self, NotACidr> {
        let wrong = || NotACidr(text.to_owned());
        let (address, prefix) = text.split_once('/').ok_or_else(wrong)?;
        let address: Ipv4Addr = address.parse().map_err(|_| wrong())?;
        let prefix: u8 = prefix.parse().ok().filter(|bits| *bits <= 32).ok_or_else(wrong)?;
        let network = Self { base: 0, prefix };
        Ok(Self { base: u32::from(address) & network.mask(), prefix })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn networks_contain_what_they_say() {
        let vpc: Cidr = "127.31.7.9/16".parse().unwrap();
        assert_eq!(vpc.to_string(), "127.31.0.0/16");
        assert_eq!(vpc.size(), 65_536);
        let second = vpc.part(20, 1);
        assert_eq!(second.to_string(), "127.31.16.0/20");
        assert!(second.contains(second.address(4095)) && !second.contains(second.address(4096)));
        assert!(Cidr::ANY.contains(Ipv4Addr::BROADCAST) && Cidr::ANY.to_string() == "0.0.0.0/0");
        assert!("1.2.3.4/32".parse::<Cidr>().unwrap().contains(Ipv4Addr::new(1, 2, 3, 4)));
        for wrong in ["", "1.2.3.4", "1.2.3.4/33", "1.2.3/8", "x/8"] {
            assert!(wrong.parse::<Cidr>().is_err(), "{wrong:?}");
        }
    }
}

//! The hosts file: the lab's DNS for names of load balancers.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::net::Ipv4Addr;
use std::path::Path;

use rand::seq::SliceRandom as _;

/// Replaces the file at once. The addresses of a name are shuffled, as answers of DNS are.
pub(super) fn write(path: &Path, names: &BTreeMap<String, Vec<Ipv4Addr>>) -> io::Result<()> {
    let temporary = path.with_extension("new");
    fs::write(&temporary, text(names))?;
    fs::rename(&temporary, path)
}

/// A line `ADDRESS NAME` for each address.
fn text(names: &BTreeMap<String, Vec<Ipv4Addr>>) -> String {
    let mut text = String::new();
    for (name, addresses) in names {
        let mut shuffled = addresses.clone();
        shuffled.shuffle(&mut rand::rng());
        text.extend(shuffled.iter().map(|address| format!("{address} {name}\n")));
    }
    text
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_order_of_the_addresses_is_written_sooner_or_later() {
        let addresses = vec![Ipv4Addr::new(127, 31, 0, 5), Ipv4Addr::new(127, 31, 16, 5)];
        let names = BTreeMap::from([("internal-cb.example".to_owned(), addresses)]);
        let texts: BTreeSet<String> = (0..100).map(|_| text(&names)).collect();
        let expected = [
            "127.31.0.5 internal-cb.example\n127.31.16.5 internal-cb.example\n",
            "127.31.16.5 internal-cb.example\n127.31.0.5 internal-cb.example\n",
        ];
        assert_eq!(texts, expected.map(str::to_owned).into());
    }
}

//! Hosts file: names with their addresses, in the form of hosts(5).

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::path::Path;

/// Addresses of `host:port` by the file at `path`, in their order there; none: the file does not have the name.
///
/// # Errors
/// The file cannot be read, or its line for the name does not begin with an address.
pub(crate) async fn look_up(path: &Path, authority: &str) -> io::Result<Vec<SocketAddr>> {
    let failed = |kind: io::ErrorKind, why: String| io::Error::new(kind, format!("--hosts {}: {why}", path.display()));
    let text = tokio::fs::read_to_string(path).await;
    let text = text.map_err(|error| failed(error.kind(), format!("it cannot be read: {error}")))?;
    let Some((host, port)) = authority.rsplit_once(':') else { return Ok(Vec::new()) };
    let Ok(port) = port.parse() else { return Ok(Vec::new()) };
    let found = addresses(&text, host).map_err(|why| failed(io::ErrorKind::InvalidData, why))?;
    Ok(found.into_iter().map(|ip| SocketAddr::new(ip, port)).collect())
}

/// Lines that do not have the name may be anything, as for other readers of such files.
fn addresses(text: &str, host: &str) -> Result<Vec<IpAddr>, String> {
    let mut found = Vec::new();
    for (number, line) in (1..).zip(text.lines()) {
        let mut words = line.split('#').next().unwrap_or_default().split_ascii_whitespace();
        let Some(address) = words.next() else { continue };
        if !words.any(|name| name.eq_ignore_ascii_case(host)) {
            continue;
        }
        let address = address.parse();
        found.push(address.map_err(|_| format!("line {number} has {host} and does not begin with an IP address"))?);
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str = "\
# the lab's names
127.0.0.2\tlb.test  lb   # one node
127.0.0.3 other.test
nonsense
::1 LB.test
x.y broken.test
";

    fn found(host: &str) -> Vec<String> {
        addresses(FILE, host).unwrap().iter().map(ToString::to_string).collect()
    }

    #[test]
    fn names_and_aliases_have_their_addresses_in_the_order_of_the_file() {
        assert_eq!(found("lb.test"), ["127.0.0.2", "::1"]);
        assert_eq!(found("lb"), ["127.0.0.2"]);
        assert_eq!(found("one"), [""; 0], "a comment names nobody");
        assert_eq!(found("127.0.0.3"), [""; 0], "an address is no name");
        let why = addresses(FILE, "broken.test").unwrap_err();
        assert_eq!(why, "line 6 has broken.test and does not begin with an IP address");
    }
}

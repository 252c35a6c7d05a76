//! Requests, and whether they are answered. Pure.

use std::net::SocketAddr;

use axum::http::header::HOST;
use axum::http::{HeaderMap, Method, StatusCode, Uri};

/// Port of a name that says none.
const HTTP: u16 = 80;

/// `Err`: the status with which a request is refused, and why. `local` is the address at which it came in.
pub(super) fn judged(
    method: &Method,
    target: &Uri,
    headers: &HeaderMap,
    local: SocketAddr,
) -> Result<(), (StatusCode, String)> {
    let mut hosts = headers.get_all(HOST).iter();
    let host = match (hosts.next(), hosts.next()) {
        (Some(host), None) => host.to_str().unwrap_or_default(),
        _ => "",
    };
    let authority = target.authority().map_or(host, |authority| authority.as_str());
    if !is_ours(host, local) || !is_ours(authority, local) {
        // RFC 9110, 15.5.20.
        return Err((
            StatusCode::MISDIRECTED_REQUEST,
            format!("this is http://{local}/, and no other name is answered"),
        ));
    }
    if !matches!(*method, Method::GET | Method::HEAD) {
        return Err((StatusCode::METHOD_NOT_ALLOWED, "there is only something to GET".to_owned()));
    }
    if target.path() != "/" {
        return Err((StatusCode::NOT_FOUND, format!("there is only http://{local}/")));
    }
    Ok(())
}

/// Whether a name is that of the address. A page of somebody else whose name was pointed here has a browser say that name (DNS
/// rebinding), and may read what it is answered; `localhost` is nobody else's (RFC 6761, section 6.3).
fn is_ours(host: &str, local: SocketAddr) -> bool {
    let says_port =
        host.parse::<SocketAddr>().is_ok() || host.rsplit_once(':').is_some_and(|(name, _)| name == "localhost");
    let whole = if says_port { host.to_owned() } else { format!("{host}:{HTTP}") };
    match whole.strip_prefix("localhost:") {
        Some(port) => local.ip().is_loopback() && port.parse() == Ok(local.port()),
        None => whole.parse() == Ok(local),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ask(method: Method, target: &str, hosts: &[&str], local: &str) -> u16 {
        let mut headers = HeaderMap::new();
        for host in hosts {
            headers.append(HOST, host.parse().unwrap());
        }
        let judged = judged(&method, &target.parse().unwrap(), &headers, local.parse().unwrap());
        judged.err().map_or(200, |(status, _)| status.as_u16())
    }

    #[test]
    fn only_the_name_that_was_bound_is_answered() {
        let get = |hosts: &[&str], local| ask(Method::GET, "/", hosts, local);
        let local = "127.0.0.1:5665";
        for ours in ["127.0.0.1:5665", "localhost:5665"] {
            assert_eq!(get(&[ours], local), 200, "{ours}");
        }
        for other in [
            "evil.example:5665",
            "evil.example",
            "127.0.0.1",
            "127.0.0.1:80",
            "127.0.0.2:5665",
            "localhost",
            "localhost:80",
            "localhost.evil.example:5665",
            "127.0.0.1:5665.evil.example",
            "127.0.0.1:5665@evil.example",
            "0.0.0.0:5665",
            "",
        ] {
            assert_eq!(get(&[other], local), 421, "{other}");
        }
        assert_eq!(get(&[], local), 421);
        assert_eq!(get(&[local, local], local), 421);
        assert_eq!(get(&["[::1]:5665"], "[::1]:5665"), 200);
        assert_eq!(get(&["192.168.0.7"], "192.168.0.7:80"), 200);
        // Only loopback is localhost.
        assert_eq!(get(&["localhost:5665"], "192.168.0.7:5665"), 421);
    }

    #[test]
    fn a_target_that_names_another_host_is_refused_whatever_the_header_says() {
        let get = |target| ask(Method::GET, target, &["127.0.0.1:5665"], "127.0.0.1:5665");
        assert_eq!(get("http://127.0.0.1:5665/"), 200);
        assert_eq!(get("http://evil.example:5665/"), 421);
    }

    #[test]
    fn there_is_one_page_and_it_can_only_be_read() {
        let ask = |method, target| ask(method, target, &["127.0.0.1:5665"], "127.0.0.1:5665");
        assert_eq!([ask(Method::GET, "/?x=1"), ask(Method::HEAD, "/")], [200, 200]);
        assert_eq!([ask(Method::POST, "/"), ask(Method::OPTIONS, "/")], [405, 405]);
        assert_eq!([ask(Method::GET, "/favicon.ico"), ask(Method::GET, "/../")], [404, 404]);
    }
}

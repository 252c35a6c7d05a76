//! Reasons for which TLS with a server is refused, in words, with the way out. Pure.

use jiff::Timestamp;
use rustls::pki_types::UnixTime;
use rustls::{AlertDescription, CertificateError, Error, InvalidMessage};

/// Lasting reason in a handshake that failed; `None`: another try may succeed.
///
/// A server that is not believed must not be measured, and one that is asked for the wrong thing has not failed: both end a run.
pub(crate) fn refusal(error: &Error) -> Option<String> {
    match error {
        Error::InvalidCertificate(error) => Some(certificate(error)),
        Error::AlertReceived(
            AlertDescription::CertificateRequired | AlertDescription::UnknownCA | AlertDescription::AccessDenied,
        ) => Some("the server wants a client certificate, which the generator has none of".to_owned()),
        Error::NoApplicationProtocol | Error::AlertReceived(AlertDescription::NoApplicationProtocol) => {
            Some("the server does not speak HTTP/1.1, the only protocol of the generator".to_owned())
        }
        _ => None,
    }
}

/// Why the first handshake of all failed: whatever it was, the way out is the same for the rest.
pub(crate) fn first_refusal(error: &Error) -> String {
    let said = match error {
        Error::InvalidMessage(InvalidMessage::InvalidContentType | InvalidMessage::UnknownProtocolVersion)
        | Error::InvalidMessage(InvalidMessage::MessageTooLarge) => {
            Some("what answers there does not speak TLS: write http://, or give the port that does".to_owned())
        }
        Error::AlertReceived(AlertDescription::ProtocolVersion | AlertDescription::HandshakeFailure)
        | Error::PeerIncompatible(_) => {
            Some(format!("TLS 1.2 or 1.3 with a common cipher is needed, and there is none ({error})"))
        }
        Error::AlertReceived(AlertDescription::UnrecognisedName) => {
            Some("the server has no site of this name: check the host of the URL".to_owned())
        }
        _ => refusal(error),
    };
    said.unwrap_or_else(|| format!("the TLS handshake failed: {error}"))
}

fn certificate(error: &CertificateError) -> String {
    match error {
        // The second: an authority of the same name, but not the same.
        CertificateError::UnknownIssuer | CertificateError::BadSignature => {
            "its certificate comes from an authority that is not known here: give --ca FILE with that authority's \
             certificate, or --insecure to believe anyone"
                .to_owned()
        }
        CertificateError::Expired => "its certificate has expired: renew it, or give --insecure".to_owned(),
        CertificateError::ExpiredContext { not_after, .. } => {
            format!("its certificate expired at {}: renew it, or give --insecure", moment(*not_after))
        }
        CertificateError::NotValidYet => "its certificate is not valid yet: check this machine's clock".to_owned(),
        CertificateError::NotValidYetContext { not_before, .. } => {
            let from = moment(*not_before);
            format!("its certificate is valid from {from} on: check this machine's clock, or give --insecure")
        }
        CertificateError::NotValidForName => {
            "its certificate is for another host: check the host of the URL".to_owned()
        }
        CertificateError::NotValidForNameContext { expected, presented } => {
            let expected = expected.to_str();
            let presented: Vec<&str> = presented.iter().map(|name| bare(name)).collect();
            let presented = if presented.is_empty() { "no host at all".to_owned() } else { presented.join(", ") };
            format!("its certificate is for {presented} and not for {expected}: write that host, or give --insecure")
        }
        error => {
            format!("its certificate is not believed ({error}): give it by --ca FILE, or --insecure to believe anyone")
        }
    }
}

/// The library says `DnsName(a.example)`.
fn bare(name: &str) -> &str {
    name.split_once('(').and_then(|(_, rest)| rest.strip_suffix(')')).unwrap_or(name).trim_matches('"')
}

fn moment(time: UnixTime) -> String {
    let seconds = i64::try_from(time.as_secs()).unwrap_or(i64::MAX);
    Timestamp::from_second(seconds).map_or_else(|_| "an unknown time".to_owned(), |moment| moment.to_string())
}

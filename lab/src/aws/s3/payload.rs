//! The body of a request: put together when it came in chunks, and compared with what the request says of it.

use std::borrow::Cow;

use cloudsim::s3::{Algorithm, Checksum};
use cloudsim::{Outcome, SimError};
use data_encoding::{BASE64, HEXLOWER};
use http::header::AUTHORIZATION;

use super::chunked::{self, Decoded, incomplete, malformed_trailer};
use super::headers::{CHECKSUM, text};
use super::not_implemented;
use crate::aws::protocol::Request;

/// A body and the digests that it should have.
#[derive(Debug)]
pub(super) struct Payload<'a> {
    pub(super) bytes: Cow<'a, [u8]>,
    pub(super) claims: Vec<Checksum>,
}

/// Says how the body was signed, or is its digest (S3 API reference, "Authenticating Requests: Using the Authorization
/// Header").
const CONTENT_SHA256: &str = "x-amz-content-sha256";

/// Reads the body. Whether it has the digests that are claimed is judged where the call is: with the bucket.
///
/// *Errors*: chunks that are none, a length or a signed digest that is another one.
pub(super) fn read<'a>(request: &Request<'a>) -> Outcome<Payload<'a>> {
    let signed = text(request.headers, CONTENT_SHA256);
    let (bytes, trailer) = match signed.as_deref() {
        Some("STREAMING-UNSIGNED-PAYLOAD-TRAILER") => in_chunks(request, false)?,
        Some("STREAMING-AWS4-HMAC-SHA256-PAYLOAD" | "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER") => {
            in_chunks(request, true)?
        }
        Some("UNSIGNED-PAYLOAD") => (Cow::Borrowed(request.body), Vec::new()),
        Some(digest) => {
            check_signed(request.body, digest)?;
            (Cow::Borrowed(request.body), Vec::new())
        }
        None if request.headers.contains_key(AUTHORIZATION) => {
            let message = format!("Missing required header for this request: {CONTENT_SHA256}");
            return Err(SimError::new("InvalidRequest", message));
        }
        // A presigned URL signs no body.
        None => (Cow::Borrowed(request.body), Vec::new()),
    };
    let claims = claims(request, &trailer)?;
    Ok(Payload { bytes, claims })
}

/// The same, for a body that is a document of a call that must carry a checksum (botocore's model:
/// `requestChecksumRequired`).
pub(super) fn read_checked<'a>(request: &Request<'a>) -> Outcome<Cow<'a, [u8]>> {
    let Payload { bytes, claims } = read(request)?;
    if claims.is_empty() {
        let message = "Missing required header for this request: Content-MD5 OR x-amz-checksum-*";
        return Err(SimError::new("InvalidRequest", message));
    }
    check_claims(&bytes, &claims)?;
    Ok(bytes)
}

/// A document of a call that may carry a checksum.
pub(super) fn read_document<'a>(request: &Request<'a>) -> Outcome<Cow<'a, [u8]>> {
    let Payload { bytes, claims } = read(request)?;
    check_claims(&bytes, &claims)?;
    Ok(bytes)
}

fn check_claims(bytes: &[u8], claims: &[Checksum]) -> Outcome<()> {
    if claims.iter().all(|claim| Checksum::of(claim.algorithm, bytes) == *claim) {
        return Ok(());
    }
    let message = "The checksum or Content-MD5 you specified did not match what we received.";
    Err(SimError::new("BadDigest", message))
}

fn check_signed(body: &[u8], digest: &str) -> Outcome<()> {
    let Ok(claimed) = HEXLOWER.decode(digest.as_bytes()) else {
        let message = format!("{CONTENT_SHA256} must be UNSIGNED-PAYLOAD, a STREAMING-* or a valid sha256 value.");
        return Err(SimError::new("InvalidArgument", message));
    };
    if claimed == Algorithm::Sha256.digest(body) {
        return Ok(());
    }
    let message = format!("The provided '{CONTENT_SHA256}' header does not match what was computed.");
    Err(SimError::new("XAmzContentSHA256Mismatch", message))
}

type Trailer = Vec<(String, String)>;

fn in_chunks<'a>(request: &Request<'a>, is_signed: bool) -> Outcome<(Cow<'a, [u8]>, Trailer)> {
    let Decoded { bytes, trailer } = chunked::decode(request.body, is_signed)?;
    let promised = text(request.headers, "x-amz-decoded-content-length");
    let promised = promised.ok_or_else(|| SimError {
        status: 411,
        ..SimError::new("MissingContentLength", "You must provide the Content-Length HTTP header.")
    })?;
    if promised.parse() != Ok(bytes.len()) {
        return Err(incomplete("another length than x-amz-decoded-content-length"));
    }
    let named = text(request.headers, "x-amz-trailer").unwrap_or_default().to_ascii_lowercase();
    for name in named.split(',').map(str::trim).filter(|name| !name.is_empty()) {
        if !trailer.iter().any(|(came, _)| came == name) {
            return Err(malformed_trailer(&format!("there is no {name}")));
        }
    }
    Ok((Cow::Owned(bytes), trailer))
}

/// The digests that headers and trailer say.
fn claims(request: &Request<'_>, trailer: &Trailer) -> Outcome<Vec<Checksum>> {
    let mut claims = Vec::new();
    if let Some(value) = text(request.headers, "content-md5") {
        let value = BASE64.decode(value.as_bytes()).ok().filter(|digest| digest.len() == Algorithm::Md5.length());
        let invalid = || SimError::new("InvalidDigest", "The Content-MD5 you specified is not valid.");
        claims.push(Checksum { algorithm: Algorithm::Md5, value: value.ok_or_else(invalid)? });
    }
    let in_head = request.headers.iter().filter_map(|(name, value)| Some((name.as_str(), value.to_str().ok()?)));
    let behind = trailer.iter().map(|(name, value)| (name.as_str(), value.as_str()));
    for (name, value) in in_head.chain(behind) {
        let Some(kind) = name.strip_prefix(CHECKSUM).filter(|kind| !matches!(*kind, "mode" | "type")) else { continue };
        let algorithm = algorithm(kind).ok_or_else(|| not_implemented(name))?;
        let value = BASE64.decode(value.as_bytes()).ok().filter(|digest| digest.len() == algorithm.length());
        let invalid = || SimError::new("InvalidRequest", format!("Value for {name} header is invalid."));
        claims.push(Checksum { algorithm, value: value.ok_or_else(invalid)? });
    }
    if request.headers.contains_key("x-amz-sdk-checksum-algorithm") && claims.is_empty() {
        let message = "x-amz-sdk-checksum-algorithm specified, but no corresponding x-amz-checksum-* or x-amz-trailer \
                       headers were found.";
        return Err(SimError::new("InvalidRequest", message));
    }
    Ok(claims)
}

fn algorithm(kind: &str) -> Option<Algorithm> {
    Algorithm::ALL.into_iter().find(|algorithm| algorithm.name().eq_ignore_ascii_case(kind))
}

#[cfg(test)]
mod tests {
    use http::{HeaderMap, HeaderName, HeaderValue, Method};

    use super::*;

    fn with<T>(headers: &[(&str, &str)], body: &[u8], then: impl FnOnce(Outcome<Payload<'_>>) -> T) -> T {
        let named = |(name, value): &(&str, &str)| {
            (HeaderName::from_bytes(name.as_bytes()).unwrap(), HeaderValue::from_str(value).unwrap())
        };
        let headers: HeaderMap = headers.iter().map(named).collect();
        then(read(&Request { method: &Method::PUT, path: "/b/k", query: "", headers: &headers, body }))
    }

    fn code(headers: &[(&str, &str)], body: &[u8]) -> String {
        with(headers, body, |payload| payload.map(|_| ()).unwrap_err().code)
    }

    const AUTHORIZED: (&str, &str) = ("authorization", "AWS4-HMAC-SHA256 Credential=lab/1/eu-west-1/s3/aws4_request");
    const UNSIGNED: (&str, &str) = (CONTENT_SHA256, "UNSIGNED-PAYLOAD");
    const STREAMED: (&str, &str) = (CONTENT_SHA256, "STREAMING-UNSIGNED-PAYLOAD-TRAILER");

    #[test]
    fn a_signed_digest_is_that_of_the_body() {
        let digest = HEXLOWER.encode(&Algorithm::Sha256.digest(b"abc"));
        with(&[AUTHORIZED, (CONTENT_SHA256, &digest)], b"abc", |payload| assert_eq!(*payload.unwrap().bytes, *b"abc"));
        assert_eq!(code(&[AUTHORIZED, (CONTENT_SHA256, &digest)], b"abd"), "XAmzContentSHA256Mismatch");
        assert_eq!(code(&[AUTHORIZED, (CONTENT_SHA256, "none")], b"abc"), "InvalidArgument");
        assert_eq!(code(&[AUTHORIZED], b"abc"), "InvalidRequest");
        with(&[AUTHORIZED, UNSIGNED], b"abc", |payload| assert!(payload.unwrap().claims.is_empty()));
        with(&[], b"abc", |payload| assert_eq!(*payload.unwrap().bytes, *b"abc"));
    }

    #[test]
    fn checksums_come_before_or_behind_the_body() {
        let crc = BASE64.encode(&Algorithm::Crc32.digest(b"abc"));
        with(&[UNSIGNED, ("x-amz-checksum-crc32", &crc)], b"abc", |payload| {
            assert_eq!(payload.unwrap().claims, [Checksum::of(Algorithm::Crc32, b"abc")]);
        });
        let streamed = [STREAMED, ("x-amz-decoded-content-length", "3"), ("x-amz-trailer", "x-amz-checksum-crc32")];
        let body = format!("3\r\nabc\r\n0\r\nx-amz-checksum-crc32:{crc}\r\n\r\n");
        with(&streamed, body.as_bytes(), |payload| {
            let payload = payload.unwrap();
            assert_eq!((&*payload.bytes, payload.claims), (&b"abc"[..], vec![Checksum::of(Algorithm::Crc32, b"abc")]));
        });
        assert_eq!(code(&streamed, b"3\r\nabc\r\n0\r\n\r\n"), "MalformedTrailerError");
        assert_eq!(
            code(&[STREAMED, ("x-amz-decoded-content-length", "4")], b"3\r\nabc\r\n0\r\n\r\n"),
            "IncompleteBody"
        );
        assert_eq!(code(&[STREAMED], b"3\r\nabc\r\n0\r\n\r\n"), "MissingContentLength");
    }

    #[test]
    fn digests_that_are_none_are_refused() {
        for (headers, expected) in [
            (("content-md5", "AAAA"), "InvalidDigest"),
            (("x-amz-checksum-crc32", "AAAA"), "InvalidRequest"),
            (("x-amz-checksum-sha1", "AAAA"), "NotImplemented"),
            (("x-amz-sdk-checksum-algorithm", "CRC32"), "InvalidRequest"),
        ] {
            assert_eq!(code(&[UNSIGNED, headers], b"abc"), expected, "{headers:?}");
        }
    }
}

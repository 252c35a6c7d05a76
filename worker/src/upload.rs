//! Uploads: the body of a request, read whole up to a limit, and the file taken out of it where it is a form.

use std::convert::Infallible;
use std::error::Error;

use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{HeaderMap, StatusCode};
use http_body_util::{BodyExt as _, LengthLimitError, Limited};
use hyper::body::Body;

/// Longest body that is read, with the form around the file.
pub const UPLOAD_LIMIT_BYTES: usize = 5 * 1024 * 1024;

/// The media type of a form with files (RFC 7578).
const FORM: &str = "multipart/form-data";

/// Why a body has no name.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Refusal {
    #[error("the body is longer than {UPLOAD_LIMIT_BYTES} bytes\n")]
    TooLong,
    #[error("the body could not be read: {0}\n")]
    Broken(Box<dyn Error + Send + Sync>),
    #[error("the form could not be read: {0}\n")]
    Form(#[from] multer::Error),
    #[error("the form has no part: upload a file\n")]
    Empty,
}

impl Refusal {
    pub(crate) fn status(&self) -> StatusCode {
        match self {
            Self::TooLong => StatusCode::PAYLOAD_TOO_LARGE,
            Self::Broken(_) | Self::Form(_) | Self::Empty => StatusCode::BAD_REQUEST,
        }
    }
}

/// What was uploaded: the body, or the bytes of the file in it.
pub(crate) async fn content<B>(headers: &HeaderMap, body: B) -> Result<Bytes, Refusal>
where
    B: Body<Data = Bytes>,
    B::Error: Into<Box<dyn Error + Send + Sync>>,
{
    // One that says so is refused before it is sent.
    if body.size_hint().lower() > UPLOAD_LIMIT_BYTES as u64 {
        return Err(Refusal::TooLong);
    }
    let body = match Limited::new(body, UPLOAD_LIMIT_BYTES).collect().await {
        Ok(body) => body.to_bytes(),
        Err(error) if error.is::<LengthLimitError>() => return Err(Refusal::TooLong),
        Err(error) => return Err(Refusal::Broken(error)),
    };
    let media_type = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let is_form = media_type.get(..FORM.len()).is_some_and(|start| start.eq_ignore_ascii_case(FORM));
    if is_form { file(media_type, body).await } else { Ok(body) }
}

/// The first part of a form that is a file, else its first part.
async fn file(media_type: &str, body: Bytes) -> Result<Bytes, Refusal> {
    let boundary = multer::parse_boundary(media_type)?;
    let body = futures::stream::once(async { Ok::<_, Infallible>(body) });
    let mut form = multer::Multipart::new(body, boundary);
    let mut first = None;
    while let Some(part) = form.next_field().await? {
        let is_file = part.file_name().is_some();
        let content = part.bytes().await?;
        if is_file {
            return Ok(content);
        }
        first.get_or_insert(content);
    }
    first.ok_or(Refusal::Empty)
}

#[cfg(test)]
mod tests {
    use http_body_util::Full;

    use super::*;

    async fn uploaded(media_type: &str, body: &[u8]) -> Result<Bytes, Refusal> {
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_TYPE, media_type.parse().expect("value"));
        content(&headers, Full::new(Bytes::copy_from_slice(body))).await
    }

    #[tokio::test]
    async fn a_body_is_what_was_uploaded_also_when_it_is_empty_or_no_text() {
        for body in [&b""[..], b"\xff\xfe\0", b"--x\r\n"] {
            assert_eq!(uploaded("image/png", body).await.expect("a body"), body);
        }
    }

    #[tokio::test]
    async fn a_body_is_read_up_to_its_limit() {
        let long = vec![7; UPLOAD_LIMIT_BYTES + 1];
        assert_eq!(uploaded("image/png", &long[1..]).await.expect("a body").len(), UPLOAD_LIMIT_BYTES);
        let refusal = uploaded("image/png", &long).await.expect_err("too long");
        assert_eq!(refusal.status(), StatusCode::PAYLOAD_TOO_LARGE);
        // Its length is not known ahead: chunks.
        let chunks = futures::stream::iter(
            (0..6).map(|_| Ok::<_, Infallible>(hyper::body::Frame::data(Bytes::from(vec![7; 1 << 20])))),
        );
        let refusal = content(&HeaderMap::new(), http_body_util::StreamBody::new(chunks)).await.expect_err("too long");
        assert_eq!(refusal.status(), StatusCode::PAYLOAD_TOO_LARGE);
    }

    #[tokio::test]
    async fn the_file_of_a_form_is_what_was_uploaded() {
        let form = "Multipart/Form-Data; boundary=x";
        let text = "--x\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\nno\r\n";
        let file = "--x\r\nContent-Disposition: form-data; name=\"inputFile\"; filename=\"a.bin\"\r\nContent-Type: image/png\r\n\r\n\0\u{7f}\r\n\r\n";
        assert_eq!(uploaded(form, format!("{text}{file}--x--\r\n").as_bytes()).await.expect("a file"), "\0\u{7f}\r\n");
        assert_eq!(uploaded(form, format!("{text}--x--\r\n").as_bytes()).await.expect("a part"), "no");
        for (media_type, body, why) in [
            (form, "--x--\r\n".to_owned(), "no part"),
            (form, file.to_owned(), "could not be read"),
            ("multipart/form-data", file.to_owned(), "could not be read"),
        ] {
            let refusal = uploaded(media_type, body.as_bytes()).await.expect_err(why);
            assert!(refusal.status() == StatusCode::BAD_REQUEST && refusal.to_string().contains(why), "{refusal}");
        }
    }
}

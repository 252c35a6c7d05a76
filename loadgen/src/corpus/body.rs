//! Body of a request with a file: the file and its type, or a form with it. Pure.

use wire::sha256_hex;

/// Media types by suffix: those of the IANA registry, and Netpbm's, which are not in it.
const TYPES: [(&str, &str); 24] = [
    ("aac", "audio/aac"),
    ("bmp", "image/bmp"),
    ("csv", "text/csv"),
    ("gif", "image/gif"),
    ("htm", "text/html"),
    ("html", "text/html"),
    ("jpeg", "image/jpeg"),
    ("jpg", "image/jpeg"),
    ("json", "application/json"),
    ("mp3", "audio/mpeg"),
    ("mp4", "video/mp4"),
    ("ogg", "audio/ogg"),
    ("pbm", "image/x-portable-bitmap"),
    ("pdf", "application/pdf"),
    ("pgm", "image/x-portable-graymap"),
    ("png", "image/png"),
    ("ppm", "image/x-portable-pixmap"),
    ("svg", "image/svg+xml"),
    ("tif", "image/tiff"),
    ("tiff", "image/tiff"),
    ("txt", "text/plain"),
    ("wav", "audio/wav"),
    ("webp", "image/webp"),
    ("xml", "application/xml"),
];

/// Media type of a file by its suffix; `application/octet-stream` where nobody knows (RFC 2046, 4.5.1).
pub(super) fn media_type(name: &str) -> &'static str {
    let suffix = name.rsplit_once('.').map_or("", |(_, suffix)| suffix);
    let known = TYPES.iter().find(|(known, _)| known.eq_ignore_ascii_case(suffix));
    known.map_or("application/octet-stream", |(_, media_type)| media_type)
}

/// A form with one file in it (RFC 7578): its media type, and its bytes. The same file makes the same form.
pub(super) fn form(field: &str, name: &str, media_type: &str, content: &[u8]) -> (String, Vec<u8>) {
    let boundary = boundary(content);
    let (field, name) = (quoted(field), quoted(name));
    let mut body = format!(
        "--{boundary}\r\nContent-Disposition: form-data; name=\"{field}\"; filename=\"{name}\"\r\n\
         Content-Type: {media_type}\r\n\r\n"
    )
    .into_bytes();
    body.extend_from_slice(content);
    body.extend_from_slice(format!("\r\n--{boundary}--\r\n").as_bytes());
    (format!("multipart/form-data; boundary={boundary}"), body)
}

/// A line that is nowhere in the content.
fn boundary(content: &[u8]) -> String {
    let mut hash = sha256_hex(content);
    loop {
        let boundary = format!("loadgen-{}", &hash[..32]);
        if !content.windows(boundary.len()).any(|window| window == boundary.as_bytes()) {
            return boundary;
        }
        hash = sha256_hex(hash.as_bytes());
    }
}

/// A name between quotes, as browsers write it (HTML, "multipart/form-data encoding algorithm").
fn quoted(name: &str) -> String {
    name.replace('"', "%22").replace('\r', "%0D").replace('\n', "%0A")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_follow_from_the_suffix() {
        assert_eq!(
            ["a.JPG", "a.tar.png", "a", "a.zzz"].map(media_type),
            ["image/jpeg", "image/png", "application/octet-stream", "application/octet-stream"]
        );
    }

    #[test]
    fn a_form_holds_the_file_as_it_is() {
        let (media_type, body) = form("inputFile", "a\"\n.png", "image/png", b"\0\r\n--");
        let boundary = media_type.strip_prefix("multipart/form-data; boundary=").unwrap();
        let expected = format!(
            "--{boundary}\r\nContent-Disposition: form-data; name=\"inputFile\"; filename=\"a%22%0A.png\"\r\n\
             Content-Type: image/png\r\n\r\n\0\r\n--\r\n--{boundary}--\r\n"
        );
        assert_eq!(String::from_utf8(body).unwrap(), expected);
        assert!(boundary.len() <= 70, "RFC 2046, 5.1.1");
    }
}

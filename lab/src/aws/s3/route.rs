//! The action that a request names by its method, path and query (botocore's model of S3: `requestUri` of each operation).

use std::borrow::Cow;

use cloudsim::{Outcome, SimError};
use http::Method;

use super::not_implemented;
use crate::aws::protocol::query::{OF_SIGNATURE, Params};
use crate::aws::protocol::rpc::Value;
use crate::aws::protocol::{Asked, Request};

/// The action's name, and what is left of the query.
pub(crate) fn read(request: &Request<'_>) -> Outcome<Asked> {
    let mut params = Params::parse(request.query.as_bytes());
    for name in OF_SIGNATURE {
        params.text(name);
    }
    let (bucket, key) = place(request)?;
    let action = match (bucket.is_empty(), key.is_empty()) {
        (true, _) if *request.method == Method::GET => "ListBuckets",
        (true, _) => return Err(not_allowed()),
        (false, true) => of_bucket(request.method, &mut params)?,
        (false, false) => of_object(request)?,
    };
    Ok(Asked { action: action.to_owned(), params, document: Value::Null })
}

fn of_bucket(method: &Method, params: &mut Params) -> Outcome<&'static str> {
    let with = |params: &mut Params, name: &str| params.is_there(name);
    let action = match method.as_str() {
        "PUT" if with(params, "tagging") => "PutBucketTagging",
        "PUT" if with(params, "versioning") => "PutBucketVersioning",
        "PUT" => "CreateBucket",
        "HEAD" => "HeadBucket",
        "DELETE" => "DeleteBucket",
        "POST" if with(params, "delete") => "DeleteObjects",
        "GET" if with(params, "location") => "GetBucketLocation",
        "GET" if with(params, "tagging") => "GetBucketTagging",
        "GET" if with(params, "versioning") => "GetBucketVersioning",
        "GET" if with(params, "versions") => "ListObjectVersions",
        "GET" if params.text("list-type").as_deref() == Some("2") => "ListObjectsV2",
        _ => {
            // It is refused by the name of what the query asks for, or as a list of the first version.
            params.finish().map_err(|error| not_implemented(&error.message))?;
            return Err(not_implemented(&format!("{method} without list-type=2")));
        }
    };
    Ok(action)
}

fn of_object(request: &Request<'_>) -> Outcome<&'static str> {
    match request.method.as_str() {
        "PUT" if request.headers.contains_key("x-amz-copy-source") => Err(not_implemented("x-amz-copy-source")),
        "PUT" => Ok("PutObject"),
        "GET" => Ok("GetObject"),
        "HEAD" => Ok("HeadObject"),
        "DELETE" => Ok("DeleteObject"),
        _ => Err(not_implemented("POST of an object")),
    }
}

/// Bucket and key; each empty where there is none.
pub(super) fn place(request: &Request<'_>) -> Outcome<(String, String)> {
    let path = request.path.strip_prefix('/').unwrap_or(request.path);
    let (bucket, key) = path.split_once('/').unwrap_or((path, ""));
    Ok((decoded(bucket)?.into_owned(), decoded(key)?.into_owned()))
}

/// RFC 3986, 2.1. A plus sign is one.
fn decoded(text: &str) -> Outcome<Cow<'_, str>> {
    if !text.contains('%') {
        return Ok(Cow::Borrowed(text));
    }
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, after @ ..] = rest {
        let escaped = (*first == b'%').then(|| after.get(..2)).flatten();
        let byte = escaped.and_then(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok());
        match byte {
            Some(byte) => {
                bytes.push(byte);
                rest = &after[2..];
            }
            None => {
                bytes.push(*first);
                rest = after;
            }
        }
    }
    let text = String::from_utf8(bytes);
    text.map(Cow::Owned).map_err(|_| SimError::new("InvalidURI", "Couldn't parse the specified URI."))
}

fn not_allowed() -> SimError {
    let message = "The specified method is not allowed against this resource.";
    SimError { status: 405, ..SimError::new("MethodNotAllowed", message) }
}

#[cfg(test)]
mod tests {
    use http::HeaderMap;

    use super::*;

    fn action(method: &Method, path: &str, query: &str) -> Result<String, String> {
        let headers = HeaderMap::new();
        let request = Request { method, path, query, headers: &headers, body: b"" };
        read(&request).map(|asked| asked.action).map_err(|error| error.code)
    }

    #[test]
    fn actions_are_told_by_method_path_and_query() {
        for (method, path, query, expected) in [
            ("GET", "/", "", "ListBuckets"),
            ("PUT", "/b", "", "CreateBucket"),
            ("PUT", "/b/", "", "CreateBucket"),
            ("GET", "/b", "location", "GetBucketLocation"),
            ("GET", "/b", "list-type=2&prefix=", "ListObjectsV2"),
            ("GET", "/b", "versions", "ListObjectVersions"),
            ("POST", "/b", "delete", "DeleteObjects"),
            ("PUT", "/b/k", "x-id=PutObject", "PutObject"),
            ("HEAD", "/b/k/l", "", "HeadObject"),
        ] {
            let method: Method = method.parse().unwrap();
            assert_eq!(action(&method, path, query), Ok(expected.to_owned()), "{method} {path}?{query}");
        }
        for (method, path, query) in [("GET", "/b", ""), ("GET", "/b", "acl"), ("POST", "/b/k", "uploads")] {
            let method: Method = method.parse().unwrap();
            assert_eq!(action(&method, path, query), Err("NotImplemented".to_owned()), "{method} {path}?{query}");
        }
        assert_eq!(action(&Method::PUT, "/", ""), Err("MethodNotAllowed".to_owned()));
    }

    #[test]
    fn keys_are_decoded_as_paths_are() {
        let headers = HeaderMap::new();
        let place = |path| {
            place(&Request { method: &Method::GET, path, query: "", headers: &headers, body: b"" }).map_err(|e| e.code)
        };
        assert_eq!(place("/b/in/a%20b+c%2Fd%"), Ok(("b".to_owned(), "in/a b+c/d%".to_owned())));
        assert_eq!(place("/b//x"), Ok(("b".to_owned(), "/x".to_owned())));
        assert_eq!(place("/b/%FF"), Err("InvalidURI".to_owned()));
    }
}

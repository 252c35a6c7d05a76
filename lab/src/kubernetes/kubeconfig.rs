//! Kubeconfig files.

use data_encoding::BASE64;
use serde_json::json;

use crate::kubernetes::certificates::Identity;

/// The proof of a client's identity.
pub(crate) enum User<'a> {
    Certificate(&'a Identity),
    /// A file with a token, which is read anew as it is replaced.
    TokenFile(&'a str),
}

/// A kubeconfig with one context and everything inside, so that it works from any directory. JSON is YAML.
pub(crate) fn text(server: &str, authority_base64: &str, user: &User<'_>) -> String {
    let user = match user {
        User::Certificate(identity) => json!({
            "client-certificate-data": BASE64.encode(identity.certificate.as_bytes()),
            "client-key-data": BASE64.encode(identity.key.as_bytes()),
        }),
        User::TokenFile(path) => json!({ "tokenFile": path }),
    };
    let mut cluster = json!({ "server": server });
    if !authority_base64.is_empty() {
        cluster["certificate-authority-data"] = json!(authority_base64);
    }
    let config = json!({
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{ "name": "lab", "cluster": cluster }],
        "users": [{ "name": "lab", "user": user }],
        "contexts": [{ "name": "lab", "context": { "cluster": "lab", "user": "lab", "namespace": "default" } }],
        "current-context": "lab",
    });
    format!("{config:#}\n")
}

/// Server and certificate authority (base64, may be empty) of the current context, from
/// `kubectl config view --raw --minify --flatten -o json`.
pub(crate) fn server_of(view: &str) -> Option<(String, String)> {
    let view: serde_json::Value = serde_json::from_str(view).ok()?;
    let cluster = &view["clusters"][0]["cluster"];
    let authority = cluster["certificate-authority-data"].as_str().unwrap_or_default();
    Some((cluster["server"].as_str()?.to_owned(), authority.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_can_be_read() {
        let written = text("https://127.0.0.1:1", "Y2E=", &User::TokenFile("/t"));
        assert_eq!(server_of(&written), Some(("https://127.0.0.1:1".to_owned(), "Y2E=".to_owned())));
        assert_eq!(server_of("{}"), None);
    }
}

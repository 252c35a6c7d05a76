//! Refuses a corpus that no request could be made of. Pure.

use wire::{ClusterName, Corpus, RequestSpec};

use crate::InvalidSpec;

/// Checks the corpus of a request, if it has one; what the archive holds is checked when it is there.
pub(crate) fn validate_corpus(request: &RequestSpec) -> Result<(), InvalidSpec> {
    let invalid = |field: &str, problem: String| Err(InvalidSpec { field: field.to_owned(), problem });
    let Some(Corpus { url, sha256, field }) = &request.corpus else { return Ok(()) };
    if !(url.starts_with("http://") || url.starts_with("https://")) {
        return invalid("request.corpus.url", format!("is {url:?}: it must start with http:// or https://"));
    }
    if sha256.len() != 64 || !sha256.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f')) {
        let problem = format!("is {sha256:?}: give 64 lower-case hexadecimal digits (sha256sum)");
        return invalid("request.corpus.sha256", problem);
    }
    if let Some(name) = field.as_ref().filter(|name| name.is_empty() || name.len() > 64) {
        return invalid("request.corpus.field", format!("is {name:?}: give a name of 1 to 64 characters"));
    }
    if !matches!(request.method.as_str(), "POST" | "PUT") {
        return invalid("request.method", format!("is {:?}: files are sent with POST or PUT", request.method));
    }
    if !request.body.is_empty() {
        return invalid("request.body", "is not empty: the files of the corpus are the bodies, remove it".to_owned());
    }
    if request.expect.body.is_some() || request.expect.cluster_name != ClusterName::Ignored {
        let problem = "asks for a body: the right answers are those of the corpus, remove it".to_owned();
        return invalid("request.expect", problem);
    }
    let typed = request.headers.iter().position(|header| header.name.eq_ignore_ascii_case("content-type"));
    if let (Some(index), Some(_)) = (typed, field) {
        let problem = "is Content-Type, which says where the form's parts begin: remove it".to_owned();
        return invalid(&format!("request.headers[{index}].name"), problem);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use wire::{Expect, Header};

    use super::*;

    #[test]
    fn the_field_that_is_wrong_is_named() {
        let good = RequestSpec {
            method: "POST".into(),
            corpus: Some(Corpus { url: "https://h/c.tar".into(), sha256: "0a".repeat(32), field: Some("f".into()) }),
            ..RequestSpec::default()
        };
        assert_eq!(validate_corpus(&good), Ok(()));
        assert_eq!(validate_corpus(&RequestSpec::default()), Ok(()));
        type Case = (fn(&mut RequestSpec), fn(&mut Corpus), &'static str);
        let cases: [Case; 8] = [
            (|_| (), |corpus| corpus.url = "file:///c.tar".into(), "request.corpus.url: is"),
            (|_| (), |corpus| corpus.sha256 = "0A".repeat(32), "request.corpus.sha256: is"),
            (|_| (), |corpus| corpus.field = Some(String::new()), "request.corpus.field: is"),
            (|request| request.method = "GET".into(), |_| (), "request.method: is \"GET\""),
            (|request| request.body = "x".into(), |_| (), "request.body: is not empty"),
            (|request| request.expect.body = Some("x".into()), |_| (), "request.expect: asks for a body"),
            (
                |request| request.expect = Expect { cluster_name: ClusterName::InBody, ..Expect::default() },
                |_| (),
                "request.expect: asks for a body",
            ),
            (
                |request| request.headers = vec![Header { name: "content-Type".into(), value: "a/b".into() }],
                |_| (),
                "request.headers[0].name: is Content-Type",
            ),
        ];
        for (change, change_corpus, start) in cases {
            let mut request = good.clone();
            change(&mut request);
            request.corpus.as_mut().map(change_corpus);
            let error = validate_corpus(&request).unwrap_err().to_string();
            assert!(error.starts_with(start), "{error} does not start with {start}");
        }
    }
}

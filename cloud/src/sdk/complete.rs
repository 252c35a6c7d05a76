//! The end of an XML answer, required of each.
//!
//! The SDK's decoder stops at the end of the bytes without complaint: most cuts through an answer of four instances
//! decode as an answer with fewer. Since an empty or shorter list lets the planner launch or let go, an answer without
//! its closing root tag is an error, whatever was decoded from it. Of JSON the decoder requires the end itself, and takes no
//! bytes at all for an empty document.

use aws_sdk_ec2::config::interceptors::AfterDeserializationInterceptorContextRef;
use aws_sdk_ec2::config::{ConfigBag, Intercept, RuntimeComponents};
use aws_sdk_ec2::error::BoxError;
use aws_smithy_runtime_api::client::orchestrator::Metadata;

/// An answer that ends before its root element does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the answer (HTTP {status}, {bytes} bytes) is not whole")]
pub(crate) struct Cut {
    pub(crate) status: u16,
    pub(crate) bytes: usize,
}

/// Requires the end of every answer of a client, errors included: half an error code is another code.
#[derive(Debug)]
pub(crate) struct Complete {
    is_complete: fn(&[u8]) -> bool,
    /// Actions whose success may have no body.
    wordless: &'static [&'static str],
}

impl Complete {
    /// The end of answers in XML.
    pub(crate) fn xml(wordless: &'static [&'static str]) -> Self {
        Self { is_complete, wordless }
    }

    /// Anything at all in answers in JSON.
    pub(crate) fn json(wordless: &'static [&'static str]) -> Self {
        Self { is_complete: |json| !json.trim_ascii().is_empty(), wordless }
    }

    fn may_be_empty(&self, status: u16, config: &ConfigBag) -> bool {
        let action = config.load::<Metadata>().map(Metadata::name);
        (200..300).contains(&status) && action.is_some_and(|action| self.wordless.contains(&action))
    }
}

impl Intercept for Complete {
    fn name(&self) -> &'static str {
        "Complete"
    }

    fn read_after_deserialization(
        &self,
        context: &AfterDeserializationInterceptorContextRef<'_>,
        _components: &RuntimeComponents,
        config: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        // The body is absent here only when reading it failed, which is an error of its own already.
        let response = context.response();
        let (Some(body), status) = (response.body().bytes(), response.status().as_u16()) else { return Ok(()) };
        if (self.is_complete)(body) || body.is_empty() && self.may_be_empty(status, config) {
            return Ok(());
        }
        Err(Cut { status, bytes: body.len() }.into())
    }
}

/// Whether `xml` ends with the closing tag of its first element. White space around is allowed, nothing else.
pub(crate) fn is_complete(xml: &[u8]) -> bool {
    let Some((name, is_empty)) = root(xml) else { return false };
    let end = xml.trim_ascii_end();
    if is_empty {
        return end.ends_with(b"/>");
    }
    let Some(end) = end.strip_suffix(b">") else { return false };
    let Some(end) = end.trim_ascii_end().strip_suffix(name) else { return false };
    end.ends_with(b"</")
}

/// Name of the root element, and whether it is an empty-element tag.
fn root(xml: &[u8]) -> Option<(&[u8], bool)> {
    let mut rest = xml.strip_prefix(b"\xef\xbb\xbf").unwrap_or(xml).trim_ascii_start();
    loop {
        // What may stand before the root: declaration, comments, a document type without an internal subset.
        let end: &[u8] = match rest {
            [b'<', b'?', ..] => b"?>",
            [b'<', b'!', b'-', b'-', ..] => b"-->",
            [b'<', b'!', ..] => b">",
            _ => break,
        };
        let at = rest.windows(end.len()).position(|window| window == end)?;
        rest = rest[at + end.len()..].trim_ascii_start();
    }
    let tag = rest.strip_prefix(b"<")?;
    let close = tag.iter().position(|byte| *byte == b'>')?;
    let tag = &tag[..close];
    let name = tag.split(|byte| byte.is_ascii_whitespace() || *byte == b'/').next()?;
    (!name.is_empty()).then_some((name, tag.ends_with(b"/")))
}

#[cfg(test)]
mod tests {
    use super::is_complete;

    #[test]
    fn whole_answers_are_complete() {
        for xml in [
            "<A/>",
            "<A></A>",
            "<A xmlns=\"urn:x\" />",
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<A xmlns=\"urn:x\"><b>1</b></A>\n",
            "\u{feff}<?xml version=\"1.0\"?><!-- <B> --><A>x</A >  \r\n",
        ] {
            assert!(is_complete(xml.as_bytes()), "{xml}");
        }
    }

    #[test]
    fn everything_else_is_not() {
        for xml in [
            "",
            " ",
            "plain text",
            "<A",
            "<A>",
            "<A><A/>",
            "<AB></B>",
            "<A></AB>",
            "<A></A><",
            "<A></A>x",
            "<?xml?>",
            "<>",
        ] {
            assert!(!is_complete(xml.as_bytes()), "{xml}");
        }
    }

    #[test]
    fn no_cut_is_complete() {
        let xml =
            "<?xml version=\"1.0\"?>\n<Response xmlns=\"urn:x\"><a><b>1</b><b/></a><c>&lt;/Response&gt;</c></Response>";
        assert!(is_complete(xml.as_bytes()));
        for end in 0..xml.len() {
            assert!(!is_complete(&xml.as_bytes()[..end]), "{}", &xml[..end]);
        }
    }
}

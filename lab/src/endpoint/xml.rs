//! Answers as XML: EC2's and STS's envelopes, and the small shapes that many answers share.

use cloudsim::SimError;
use planner::owner::Tags;
use quick_xml::se::to_string_with_root;
use serde::Serialize;

const EC2: &str = "http://ec2.amazonaws.com/doc/2016-11-15/";
const STS: &str = "https://sts.amazonaws.com/doc/2011-06-15/";
const DECLARATION: &str = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n";

/// The services behind the endpoint. Their envelopes differ.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Service {
    Ec2,
    Sts,
}

/// EC2 writes lists as `<item>`s.
#[derive(Debug, Serialize)]
pub(crate) struct Items<T> {
    pub(crate) item: Vec<T>,
}

impl<T> Items<T> {
    pub(crate) fn of<S>(all: impl IntoIterator<Item = S>, shape: impl FnMut(S) -> T) -> Self {
        Self { item: all.into_iter().map(shape).collect() }
    }
}

#[derive(Debug, Serialize)]
pub(crate) struct Tag {
    key: String,
    value: String,
}

pub(crate) fn tags(tags: &Tags) -> Items<Tag> {
    Items::of(tags, |(key, value)| Tag { key: key.clone(), value: value.clone() })
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct GroupItem {
    group_id: String,
    group_name: String,
}

pub(crate) fn groups(groups: &[cloudsim::GroupName]) -> Items<GroupItem> {
    Items::of(groups, |group| GroupItem { group_id: group.id.clone(), group_name: group.name.clone() })
}

/// `true` of actions that answer nothing else.
#[derive(Debug, Serialize)]
pub(crate) struct Return {
    #[serde(rename = "return")]
    pub(crate) value: bool,
}

/// A time as EC2 writes it.
pub(crate) fn time(at: jiff::Timestamp) -> String {
    format!("{at:.3}")
}

/// The elements inside the answer's root.
pub(crate) fn content(answer: &impl Serialize) -> Result<String, SimError> {
    let root = to_string_with_root("r", answer)
        .map_err(|error| SimError::new("InternalError", format!("the lab could not write its answer: {error}")))?;
    Ok(root.strip_prefix("<r>").and_then(|rest| rest.strip_suffix("</r>")).unwrap_or_default().to_owned())
}

/// The whole answer of an action.
pub(crate) fn answer(service: Service, action: &str, content: &str, request_id: &str) -> String {
    match service {
        Service::Ec2 => format!(
            "{DECLARATION}<{action}Response xmlns=\"{EC2}\"><requestId>{request_id}</requestId>{content}\
             </{action}Response>"
        ),
        Service::Sts => format!(
            "{DECLARATION}<{action}Response xmlns=\"{STS}\"><{action}Result>{content}</{action}Result>\
             <ResponseMetadata><RequestId>{request_id}</RequestId></ResponseMetadata></{action}Response>"
        ),
    }
}

/// The whole answer to a call that failed.
pub(crate) fn error(service: Service, error: &SimError, request_id: &str) -> String {
    let code = quick_xml::escape::escape(&error.code);
    let message = quick_xml::escape::escape(&error.message);
    match service {
        Service::Ec2 => format!(
            "{DECLARATION}<Response><Errors><Error><Code>{code}</Code><Message>{message}</Message></Error></Errors>\
             <RequestID>{request_id}</RequestID></Response>"
        ),
        Service::Sts => {
            let party = if error.status >= 500 { "Receiver" } else { "Sender" };
            format!(
                "{DECLARATION}<ErrorResponse xmlns=\"{STS}\"><Error><Type>{party}</Type><Code>{code}</Code>\
                 <Message>{message}</Message></Error><RequestId>{request_id}</RequestId></ErrorResponse>"
            )
        }
    }
}

//! Protocols: how a request names its action and parameters, and how answers and errors are written.
//!
//! The names are Smithy's. The protocol that a service speaks is said by [`super::api::of`].

pub(super) mod query;

use cloudsim::{Outcome, SimError};
use http::{HeaderMap, HeaderValue, Method};

use query::Params;

/// A request as it came.
pub(crate) struct Request<'a> {
    pub(crate) method: &'a Method,
    pub(crate) query: &'a str,
    pub(crate) headers: &'a HeaderMap,
    pub(crate) body: &'a [u8],
}

/// A protocol of AWS.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Protocol {
    /// `ec2Query`: the Query protocol as only EC2 speaks it.
    Ec2Query,
    /// `awsQuery`: the Query protocol of all others.
    AwsQuery,
}

/// The interface of a service: protocol, version, and the namespace of its answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Api {
    pub(crate) protocol: Protocol,
    pub(crate) version: &'static str,
    pub(crate) namespace: &'static str,
}

impl Api {
    /// The action's name and its parameters.
    ///
    /// *Errors*: a request for another version of the API.
    pub(super) fn read(&self, request: &Request<'_>) -> Outcome<(String, Params)> {
        match self.protocol {
            Protocol::Ec2Query | Protocol::AwsQuery => query::read(request, self.version),
        }
    }

    /// The whole answer of an action that gave `content`.
    pub(super) fn write_answer(&self, request: &Request<'_>, content: &str, request_id: &str) -> String {
        let action = query::action_name(request);
        match self.protocol {
            Protocol::Ec2Query => query::ec2_answer(self.namespace, &action, content, request_id),
            Protocol::AwsQuery => query::aws_answer(self.namespace, &action, content, request_id),
        }
    }

    /// The whole answer to a call that failed.
    pub(super) fn write_error(&self, error: &SimError, request_id: &str) -> String {
        match self.protocol {
            Protocol::Ec2Query => query::ec2_error(error, request_id),
            Protocol::AwsQuery => query::aws_error(self.namespace, error, request_id),
        }
    }

    pub(super) fn content_type(&self) -> HeaderValue {
        match self.protocol {
            Protocol::Ec2Query | Protocol::AwsQuery => HeaderValue::from_static("text/xml;charset=UTF-8"),
        }
    }
}

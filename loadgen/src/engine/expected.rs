//! Check of an answer against the one that is expected. Pure.

use std::collections::HashSet;

use wire::{ClusterName, Expect, Members};

use crate::corpus::File;
use crate::engine::recording::Failure;

/// Longest body that is looked at; a longer one is not the expected one.
const LOOKED_AT_BYTES: usize = 1024 * 1024;

/// Expectation of the answers of one cluster.
#[derive(Clone, Debug, Default)]
pub(crate) struct Expected {
    status: Option<u16>,
    body: Option<Vec<u8>>,
    /// `"cluster":"name"`, as serde writes it, of each cluster that may answer. Empty: the body need not name one.
    clusters: Vec<Vec<u8>>,
    /// Members that may answer; `None`: anyone.
    members: Option<HashSet<Vec<u8>>>,
    /// Each request has a right answer of its own, that to its file.
    is_by_file: bool,
}

impl Expected {
    pub(crate) fn new(expect: &Expect, clusters: &[&str], members: Option<HashSet<Vec<u8>>>) -> Self {
        let named =
            |cluster: &&str| format!("\"cluster\":{}", serde_json::to_string(cluster).unwrap_or_default()).into_bytes();
        Self {
            status: expect.status,
            body: expect.body.as_ref().map(|body| body.as_bytes().to_vec()),
            clusters: match expect.cluster_name {
                ClusterName::Ignored => Vec::new(),
                ClusterName::InBody => clusters.iter().map(named).collect(),
            },
            members: members.filter(|_| expect.members == Members::Known),
            is_by_file: false,
        }
    }

    /// The same, where each request has a right answer of its own.
    pub(crate) fn by_file(self, is_by_file: bool) -> Self {
        Self { is_by_file, ..self }
    }

    /// Whether bodies have to be kept until they are whole.
    pub(crate) fn looks_at_bodies(&self) -> bool {
        self.is_by_file || self.body.is_some() || !self.clusters.is_empty()
    }

    /// An answer without a name may be from anyone: workers need not name themselves.
    pub(crate) fn knows(&self, member: &[u8]) -> bool {
        member.is_empty() || self.members.as_ref().is_none_or(|members| members.contains(member))
    }

    /// 4xx and 5xx are failures: a fast refusal must not look like speed. So is an answer to another question, or another than
    /// that to `file`.
    pub(crate) fn judge(
        &self,
        status: u16,
        is_known_member: bool,
        body: &[u8],
        file: Option<&File>,
    ) -> Result<(), Failure> {
        match (self.status, status) {
            (Some(expected), status) if expected == status => {}
            (_, 400..500) => return Err(Failure::ClientError),
            (_, 500..) => return Err(Failure::ServerError),
            (Some(_), _) => return Err(Failure::WrongAnswer),
            (None, _) => {}
        }
        let is_body = self.body.as_ref().is_none_or(|expected| expected == body);
        let is_cluster = self.clusters.is_empty() || self.clusters.iter().any(|name| contains(body, name));
        let is_of_file = file.is_none_or(|file| file.is_right(body));
        if is_known_member && is_body && is_cluster && is_of_file { Ok(()) } else { Err(Failure::WrongAnswer) }
    }
}

/// Adds to a body that will be looked at.
pub(crate) fn keep(body: &mut Vec<u8>, more: &[u8]) {
    // One byte too long is enough to be wrong.
    let room = (LOOKED_AT_BYTES + 1).saturating_sub(body.len());
    body.extend_from_slice(&more[..more.len().min(room)]);
}

fn contains(text: &[u8], part: &[u8]) -> bool {
    text.windows(part.len()).any(|window| window == part)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn expected(expect: Expect) -> Expected {
        Expected::new(&expect, &["blue"], None)
    }

    #[test]
    fn without_expectations_only_the_status_class_counts() {
        let any = expected(Expect::default());
        assert!(!any.looks_at_bodies() && any.knows(b"x"));
        assert_eq!([200, 302].map(|status| any.judge(status, true, b"", None)), [Ok(()); 2]);
        assert_eq!(any.judge(404, true, b"", None), Err(Failure::ClientError));
        assert_eq!(any.judge(503, true, b"", None), Err(Failure::ServerError));
    }

    #[test]
    fn an_expected_status_may_be_an_error_and_anything_else_is_wrong() {
        let teapot = expected(Expect { status: Some(418), ..Expect::default() });
        assert_eq!(teapot.judge(418, true, b"", None), Ok(()));
        assert_eq!(teapot.judge(200, true, b"", None), Err(Failure::WrongAnswer));
        assert_eq!(teapot.judge(500, true, b"", None), Err(Failure::ServerError));
    }

    #[test]
    fn bodies_and_cluster_names_are_compared() {
        let hello = expected(Expect { body: Some("hello".into()), ..Expect::default() });
        assert!(hello.looks_at_bodies());
        assert_eq!(hello.judge(200, true, b"hello", None), Ok(()));
        assert_eq!(hello.judge(200, true, b"hello ", None), Err(Failure::WrongAnswer));
        let blue = expected(Expect { cluster_name: ClusterName::InBody, ..Expect::default() });
        let body = br#"{"instanceId":"i-7","cluster":"blue","workMicros":0,"queuedMicros":0}"#;
        assert_eq!(blue.judge(200, true, body, None), Ok(()));
        assert_eq!(blue.judge(200, true, br#"{"cluster":"blues"}"#, None), Err(Failure::WrongAnswer));
        assert_eq!(blue.judge(200, true, b"", None), Err(Failure::WrongAnswer));
        let in_body = Expect { cluster_name: ClusterName::InBody, ..Expect::default() };
        let either = Expected::new(&in_body, &["red", "blue"], None);
        assert_eq!(either.judge(200, true, body, None), Ok(()));
        assert_eq!(either.judge(200, true, br#"{"cluster":"green"}"#, None), Err(Failure::WrongAnswer));
    }

    #[test]
    fn strangers_answer_wrongly() {
        let members = HashSet::from([b"i-1".to_vec()]);
        let known = Expect { members: Members::Known, ..Expect::default() };
        let ours = Expected::new(&known, &["blue"], Some(members.clone()));
        assert!(Expected::new(&Expect::default(), &["blue"], Some(members)).knows(b"i-2"));
        assert!(ours.knows(b"i-1") && !ours.knows(b"i-2"));
        assert!(ours.knows(b""), "a worker need not name itself");
        assert_eq!(ours.judge(200, false, b"", None), Err(Failure::WrongAnswer));
    }

    #[test]
    fn endless_bodies_do_not_fill_the_memory() {
        let mut body = Vec::new();
        for _ in 0..3 {
            keep(&mut body, &[0; LOOKED_AT_BYTES]);
        }
        assert_eq!(body.len(), LOOKED_AT_BYTES + 1);
    }
}

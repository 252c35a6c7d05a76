//! Roster of the members that a run was told of: the generator asks each of them itself, where what stands in front of them
//! answers no question about them.

use std::collections::BTreeMap;

use futures::future::join_all;
use http::{HeaderMap, Response};
use wire::RunMember;

use crate::run::members::MEMBER_LIMIT;
use crate::run::sight::{SeenCluster, SeenMember, Sight};
use crate::target::fetch::answer;
use crate::{Resolver, Target};

#[derive(Debug)]
pub(crate) struct Roster(Vec<RunMember>);

impl Roster {
    pub(crate) fn new(members: &[RunMember]) -> Self {
        Self(members.to_vec())
    }

    /// Asks all of them at the same time: each is an instance of its own.
    pub(crate) async fn look(&self) -> Sight {
        let mut clusters: BTreeMap<&str, Vec<SeenMember>> = BTreeMap::new();
        for (member, seen) in self.0.iter().zip(join_all(self.0.iter().map(seen)).await) {
            clusters.entry(&member.cluster).or_default().push(seen);
        }
        let cluster = |(name, members): (&str, _)| SeenCluster::asked(name, members);
        Sight(clusters.into_iter().map(cluster).collect())
    }
}

/// A member by its own word. Below 500 it is well, as our balancer takes it: a program of a user's own need not have that
/// page.
async fn seen(member: &RunMember) -> SeenMember {
    let RunMember { id, address, .. } = member.clone();
    let unseen = |ill: String| SeenMember {
        id: id.clone(),
        address: address.clone(),
        ill: Some(ill),
        boot: None,
        slots: None,
        counts: None,
    };
    let target = match Target::parse("member", &format!("http://{address}/health")) {
        Ok(target) => target,
        Err(error) => return unseen(format!("cannot be asked: {error}")),
    };
    match answer(&target, &Resolver::system(), MEMBER_LIMIT).await {
        Ok(answer) if answer.status().is_server_error() => {
            unseen(format!("answers {} to GET /health", answer.status()))
        }
        Ok(answer) => SeenMember { ill: None, ..with_headers(unseen(String::new()), answer) },
        Err(why) => unseen(format!("does not answer GET /health ({why})")),
    }
}

fn with_headers<B>(seen: SeenMember, answer: Response<B>) -> SeenMember {
    let headers = answer.headers();
    let slots = text(headers, "x-slots").and_then(|slots| slots.parse().ok());
    SeenMember { boot: text(headers, "x-boot"), slots, ..seen }
}

fn text(headers: &HeaderMap, name: &str) -> Option<String> {
    Some(headers.get(name)?.to_str().ok()?.to_owned())
}

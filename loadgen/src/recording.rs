//! What happened to the requests of one stretch of load, on one thread or on all.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use http::{HeaderMap, HeaderValue, StatusCode};
use stats::Latencies;
use wire::{BACKEND_HEADER, BOOT_HEADER, Failures, MemberShare};

/// Members are told apart up to this number; answers of any more count as unnamed. A backend that invents a new name
/// for every answer must not fill the generator's memory.
const MOST_BACKENDS: usize = 1024;

/// Why a request has no good answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Failure {
    Connect,
    Timeout,
    Broken,
}

/// Counts of requests that have ended. Merged by adding.
#[derive(Debug, Default)]
pub(crate) struct Recording {
    pub(crate) latencies: Latencies,
    pub(crate) failures: Failures,
    backends: HashMap<Vec<u8>, Backend>,
    /// When the last request ended.
    pub(crate) ended: Option<Instant>,
}

#[derive(Clone, Debug, Default)]
struct Backend {
    answers: u64,
    boot: Option<HeaderValue>,
    restarted: bool,
}

impl Backend {
    fn saw(&mut self, boot: Option<&HeaderValue>) {
        match (&self.boot, boot) {
            (Some(known), Some(now)) => self.restarted |= known != now,
            (None, Some(now)) => self.boot = Some(now.clone()),
            (_, None) => {}
        }
    }
}

impl Recording {
    /// A whole answer. 4xx and 5xx are failures: a fast refusal must not look like speed.
    pub(crate) fn answered(&mut self, status: StatusCode, headers: &HeaderMap, took: Duration) {
        if status.is_server_error() {
            self.failures.server_error += 1;
        } else if status.is_client_error() {
            self.failures.client_error += 1;
        } else {
            // Rounded to the nearest microsecond.
            self.latencies.record(((took.as_nanos() + 500) / 1000) as u64);
        }
        let backend = self.backend(headers.get(BACKEND_HEADER).map_or(b"", |name| name.as_bytes()));
        backend.answers += 1;
        backend.saw(headers.get(BOOT_HEADER));
    }

    pub(crate) fn failed(&mut self, failure: Failure) {
        match failure {
            Failure::Connect => self.failures.connect += 1,
            Failure::Timeout => self.failures.timeout += 1,
            Failure::Broken => self.failures.broken += 1,
        }
    }

    fn backend(&mut self, name: &[u8]) -> &mut Backend {
        let known = self.backends.contains_key(name);
        let name = if known || self.backends.len() < MOST_BACKENDS { name } else { b"" };
        if !known {
            return self.backends.entry(name.to_vec()).or_default();
        }
        // Looked up again by slice: an owned key for every answer would be an allocation for every answer.
        #[allow(clippy::unwrap_used, reason = "it is known, two lines above")]
        self.backends.get_mut(name).unwrap()
    }

    pub(crate) fn merge(&mut self, other: Self) {
        self.latencies.merge(&other.latencies);
        self.failures.add(&other.failures);
        for (name, theirs) in other.backends {
            let ours = self.backend(&name);
            ours.answers += theirs.answers;
            ours.restarted |= theirs.restarted;
            ours.saw(theirs.boot.as_ref());
        }
        self.ended = self.ended.max(other.ended);
    }

    /// Requests that have ended, well or not.
    pub(crate) fn requests(&self) -> u64 {
        self.latencies.count() + self.failures.total()
    }

    /// A member whose `x-boot` changed while it was measured.
    pub(crate) fn restarted(&self) -> Option<String> {
        let mut names: Vec<String> =
            self.backends.iter().filter(|(_, backend)| backend.restarted).map(|(name, _)| text(name)).collect();
        names.sort();
        names.into_iter().next()
    }

    /// Answers per member, by name.
    pub(crate) fn answers(&self) -> Vec<(String, u64)> {
        let mut answers: Vec<_> = self.backends.iter().map(|(name, backend)| (text(name), backend.answers)).collect();
        answers.sort();
        answers
    }
}

/// Shares of members in thousandths of all answers.
pub(crate) fn shares(answers: impl IntoIterator<Item = (String, u64)>) -> Vec<MemberShare> {
    let answers: Vec<_> = answers.into_iter().collect();
    let all: u64 = answers.iter().map(|(_, count)| count).sum();
    answers
        .into_iter()
        .map(|(id, requests)| MemberShare {
            id,
            requests,
            share_per_mille: ((requests * 1000 + all / 2) / all.max(1)) as u32,
        })
        .collect()
}

fn text(name: &[u8]) -> String {
    String::from_utf8_lossy(name).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(backend: &str, boot: &str) -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert(BACKEND_HEADER, backend.parse().unwrap());
        headers.insert(BOOT_HEADER, boot.parse().unwrap());
        headers
    }

    fn answer(recording: &mut Recording, backend: &str, boot: &str) {
        recording.answered(StatusCode::OK, &headers(backend, boot), Duration::from_micros(1500));
    }

    #[test]
    fn counts_by_status_and_member() {
        let mut recording = Recording::default();
        answer(&mut recording, "i-1", "a");
        answer(&mut recording, "i-1", "a");
        answer(&mut recording, "i-2", "b");
        recording.answered(StatusCode::NOT_FOUND, &HeaderMap::new(), Duration::ZERO);
        recording.answered(StatusCode::BAD_GATEWAY, &headers("i-2", "b"), Duration::ZERO);
        recording.failed(Failure::Timeout);
        assert_eq!(recording.requests(), 6);
        assert_eq!((recording.latencies.count(), recording.failures.total()), (3, 3));
        assert_eq!(recording.answers(), [(String::new(), 1), ("i-1".into(), 2), ("i-2".into(), 2)]);
        let shares = shares(recording.answers());
        assert_eq!(shares.iter().map(|share| share.share_per_mille).collect::<Vec<_>>(), [200, 400, 400]);
        assert_eq!(recording.restarted(), None);
    }

    #[test]
    fn a_changed_boot_is_noticed_within_and_across_threads() {
        let mut one = Recording::default();
        answer(&mut one, "i-1", "a");
        let mut two = Recording::default();
        answer(&mut two, "i-1", "b");
        assert_eq!((one.restarted(), two.restarted()), (None, None));
        one.merge(two);
        assert_eq!(one.restarted().as_deref(), Some("i-1"));
        let mut within = Recording::default();
        answer(&mut within, "i-1", "a");
        answer(&mut within, "i-1", "b");
        assert_eq!(within.restarted().as_deref(), Some("i-1"));
    }

    #[test]
    fn invented_names_do_not_fill_the_memory() {
        let mut recording = Recording::default();
        for number in 0..3000 {
            answer(&mut recording, &format!("i-{number}"), "a");
        }
        assert!(recording.answers().len() <= MOST_BACKENDS + 1);
        assert_eq!(recording.answers().iter().map(|(_, count)| count).sum::<u64>(), 3000);
    }
}

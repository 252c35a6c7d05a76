//! Applications of workers that are updated in place: what a starter is told to run, what it runs, and how a relay passes
//! the one and the other on.
//!
//! The operator dials no worker. It signs an [`Application`] for one starter and hands it to a relay, the balancer or the
//! first generator; the starter checks the signature itself, so a relay can withhold and not forge.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::sha256_hex;

/// Path of a starter that takes an [`Application`].
pub const APPLICATION_PATH: &str = "/v1/application";
/// Path of a relay that takes a list of [`Errand`]s and answers with a list of [`Answer`]s.
pub const APPLICATIONS_PATH: &str = "/v1/applications";

/// What stands in place of a URL where the program is brought to the instance instead: it is known by its hash alone.
pub const BROUGHT: &str = "brought:";

/// A program and how it is started.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Application {
    /// Where it is fetched, or [`BROUGHT`].
    pub url: String,
    /// SHA-256 of the program, or of its archive. Nothing else is run.
    pub sha256: String,
    /// Environment of the program, beside that of every worker.
    pub environment: BTreeMap<String, String>,
    /// What is made of it, if it is an archive. Absent: it is one executable file. A starter of an earlier version refuses it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub archive: Option<Archive>,
}

/// How the files of an archive become a program.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Archive {
    /// Shell lines that run once among the files, before the program is started.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub setup: Vec<String>,
    /// The program and its arguments.
    pub command: Vec<String>,
}

impl Application {
    /// The same for the same program, set up in the same way, in the same environment, wherever it is fetched.
    pub fn id(&self) -> String {
        match &self.archive {
            // The same as before there were archives: starters of both versions have to agree.
            None => digest(&(&self.sha256, &self.environment)),
            Some(archive) => digest(&(&self.sha256, &self.environment, archive)),
        }
    }

    /// Another one where it is fetched elsewhere too: what a launch was made with, and may fail for.
    pub fn fingerprint(&self) -> String {
        match &self.archive {
            None => digest(&(&self.url, &self.sha256, &self.environment)),
            Some(archive) => digest(&(&self.url, &self.sha256, &self.environment, archive)),
        }
    }
}

fn digest(value: &impl Serialize) -> String {
    // Plain values: serialisation cannot fail.
    sha256_hex(&serde_json::to_vec(value).unwrap_or_default())
}

/// Answer to `GET /status` of a starter.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct StarterStatus {
    /// Id of the instance that answers.
    pub instance_id: String,
    /// [`Application::id`] of what serves. Empty: nothing does.
    pub serving: String,
    /// The value for `If-Match`. It rises whenever a program is ended for another one, also when the old one is started
    /// again, and is kept over restarts: the same version is the same program all the time. 0: nothing has served yet.
    #[serde(default)]
    pub version: u64,
    /// [`Application::id`] of what is being fetched or started.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub starting: Option<String>,
    /// What was ordered last, if that came to nothing. What was started is told of after a restart too.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<ApplicationFailure>,
}

/// An application that could not be started.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ApplicationFailure {
    /// Its [`Application::id`].
    pub application: String,
    /// Where it was fetched, or was to be.
    pub url: String,
    /// Whether it was started: what served before was ended for it. Otherwise it could not be fetched, is another program, or
    /// was not set up, and nothing was ended.
    pub started: bool,
    /// Seconds since then.
    pub age_seconds: u64,
    /// Reason for people.
    pub why: String,
}

impl ApplicationFailure {
    /// Whether this very application failed, from this very place.
    pub fn is_of(&self, application: &Application) -> bool {
        self.application == application.id() && self.url == application.url
    }
}

/// What a relay is to do at one starter: to ask it, or to bring it an order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Errand {
    /// Id of the member.
    pub id: String,
    /// IP address and port of its starter.
    pub address: String,
    /// What it is to run. Absent: it is only asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub order: Option<Order>,
}

/// A `PUT` of [`APPLICATION_PATH`], signed for the member.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Order {
    /// Value of [`crate::SIGNATURE_HEADER`].
    pub signature: String,
    /// Value of [`crate::NOT_AFTER_HEADER`].
    pub not_after: String,
    /// Value of `If-Match`.
    pub if_match: String,
    /// The [`Application`], byte for byte as it was signed.
    pub body: String,
}

/// What a relay heard at one starter.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Answer {
    /// Id of the member.
    pub id: String,
    /// What it said.
    pub said: Said,
}

/// The answer of a starter.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Said {
    /// Its status; where there was an order, after it.
    Status(StarterStatus),
    /// It did not take the order, or is no starter.
    Refused {
        /// HTTP status of the answer.
        status: u16,
        /// Its own words.
        why: String,
    },
    /// It gave no answer in time.
    Silent(String),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_application_is_known_by_program_and_environment_and_not_by_where_it_is_fetched() {
        let application = |url: &str, sha256: &str, work: &str| Application {
            url: url.into(),
            sha256: sha256.into(),
            environment: BTreeMap::from([("WORK".to_owned(), work.to_owned())]),
            archive: None,
        };
        let one = application("http://a/x", "aa", "echo").id();
        assert_eq!(one, application("http://b/x", "aa", "echo").id());
        assert_ne!(one, application("http://a/x", "ab", "echo").id());
        assert_ne!(one, application("http://a/x", "aa", "spin:1ms").id());
        // Starters know it so that have never heard of archives.
        assert_eq!(one, sha256_hex(br#"["aa",{"WORK":"echo"}]"#));
    }

    #[test]
    fn an_archive_is_another_one_with_another_setup_or_command() {
        let application = |setup: &str, command: &str| Application {
            url: "http://a/x".into(),
            sha256: "aa".into(),
            environment: BTreeMap::new(),
            archive: Some(Archive { setup: vec![setup.into()], command: vec![command.into()] }),
        };
        let (one, file) = (application("a", "b"), Application { archive: None, ..application("a", "b") });
        let all = [&one, &application("b", "b"), &application("a", "a"), &file];
        for of in [Application::id, Application::fingerprint] {
            let different: std::collections::BTreeSet<String> = all.into_iter().map(of).collect();
            assert_eq!(different.len(), all.len());
        }
        let document = serde_json::to_string(&file).unwrap();
        assert!(!document.contains("archive"), "an earlier starter takes it: {document}");
        assert_eq!(serde_json::from_str::<Application>(&serde_json::to_string(&one).unwrap()).unwrap(), one);
    }

    #[test]
    fn what_failed_is_known_by_where_it_was_fetched_too() {
        let application = |url: &str| Application {
            url: url.into(),
            sha256: "aa".into(),
            environment: BTreeMap::from([("WORK".to_owned(), "echo".to_owned())]),
            archive: None,
        };
        let (one, corrected) = (application("http://a/x"), application("http://b/x"));
        assert_ne!(one.fingerprint(), corrected.fingerprint());
        let failure = ApplicationFailure {
            application: one.id(),
            url: one.url.clone(),
            started: false,
            age_seconds: 0,
            why: "404".into(),
        };
        assert!(failure.is_of(&one) && !failure.is_of(&corrected));
    }
}

//! Messages in the queues, and the keys of objects. Pure.
//!
//! A message is JSON, because a message of SQS is text in which XML may not forbid a character: bytes go as base64, or as an
//! object that the message is about (SQS API reference, SendMessage).

use std::fmt;
use std::str::FromStr;

use bytes::Bytes;
use data_encoding::{BASE64, HEXLOWER_PERMISSIVE};
use serde::{Deserialize, Serialize};

/// Version of both messages.
const VERSION: u32 = 1;
/// Longest body of an answer that travels in its message. Base64 makes it a third longer, which leaves room in the 256 KiB
/// that queues of earlier years have as their limit.
const INLINE_BYTES: usize = 64 * 1024;

/// Where inputs are kept in the bucket.
pub const REQUESTS: &str = "in/";
/// Where outputs are kept in the bucket.
pub const ANSWERS: &str = "out/";

/// Key of the body of a request.
pub fn input_key(cluster: &str, id: Id) -> String {
    format!("{REQUESTS}{cluster}/{id}")
}

/// Key of the body of its answer.
pub fn output_key(cluster: &str, id: Id) -> String {
    format!("{ANSWERS}{cluster}/{id}")
}

/// Id of a request: 128 random bits, written as 32 hexadecimal digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Id(u128);

impl Id {
    /// An id of which no second one is ever drawn.
    pub fn random() -> Self {
        Self(rand::random())
    }
}

impl From<u128> for Id {
    fn from(bits: u128) -> Self {
        Self(bits)
    }
}

impl fmt::Display for Id {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{:032x}", self.0)
    }
}

impl FromStr for Id {
    type Err = Unreadable;

    fn from_str(text: &str) -> Result<Self, Unreadable> {
        let bytes = HEXLOWER_PERMISSIVE.decode(text.as_bytes()).ok().and_then(|bytes| bytes.try_into().ok());
        bytes.map(|bytes| Self(u128::from_be_bytes(bytes))).ok_or_else(|| Unreadable(format!("{text:?} is no id")))
    }
}

impl Serialize for Id {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Id {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

/// A message that is none of ours, or of another version.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the message cannot be read: {0}")]
pub struct Unreadable(String);

/// A request that waits for a worker. Its body is the object [`input_key`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RequestMessage {
    /// Version of the message.
    pub v: u32,
    /// Its id.
    pub id: Id,
    /// Name of the cluster that it is for.
    pub cluster: String,
    /// Method, as the client's.
    pub method: String,
    /// Path and query, as the client's.
    pub path: String,
    /// Media type of the body, as the client said it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub content_type: Option<String>,
    /// Value of `x-clusterbench-seed`, as the client sent it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seed: Option<String>,
}

impl RequestMessage {
    /// A GET of a path, to which the rest is added.
    pub fn new(id: Id, cluster: impl Into<String>, method: impl Into<String>, path: impl Into<String>) -> Self {
        let (cluster, method, path) = (cluster.into(), method.into(), path.into());
        Self { v: VERSION, id, cluster, method, path, content_type: None, seed: None }
    }

    /// Reads the text of a message.
    ///
    /// # Errors
    /// When it is not this message, or another version of it.
    pub fn read(text: &str) -> Result<Self, Unreadable> {
        read(text, |message: &Self| message.v)
    }

    /// The text of the message.
    pub fn text(&self) -> String {
        text(self)
    }
}

/// The answer to a request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AnswerMessage {
    /// Version of the message.
    pub v: u32,
    /// Id of the request.
    pub id: Id,
    /// Status code.
    pub status: u16,
    /// Media type of the body.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub content_type: Option<String>,
    /// The body, or where it is.
    pub content: Content,
    /// Instance that gave the answer.
    pub backend: String,
    /// Process that gave the answer.
    pub boot: String,
    /// How often the request was taken out of its queue until now.
    pub attempts: u32,
    /// Time that the input took from its object to the puller.
    pub input_micros: u64,
    /// Time that the program took. Absent: it was not run for this answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub work_micros: Option<u64>,
    /// Time that the output took into its object.
    pub output_micros: u64,
    /// Time for which the answer keeps a slot of its worker busy, from the receive of the request to its deletion; the part after
    /// this message is that of the answer before. 0: not known.
    #[serde(default)]
    pub busy_micros: u64,
    /// When the request was sent, by the clock of the queues. 0: not known.
    pub request_sent_millis: u64,
}

/// The body of an answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Content {
    /// The body itself, as base64.
    Inline(String),
    /// The object [`output_key`] holds it; its length in bytes.
    Stored(u64),
}

impl Content {
    /// The way that is right for a body of this length.
    pub fn of(body: &Bytes) -> Self {
        if body.len() <= INLINE_BYTES { Self::Inline(BASE64.encode(body)) } else { Self::Stored(body.len() as u64) }
    }

    /// The body, where the message holds it.
    ///
    /// # Errors
    /// When it is no base64.
    pub fn inline(&self) -> Result<Option<Bytes>, Unreadable> {
        match self {
            Self::Stored(_) => Ok(None),
            Self::Inline(text) => BASE64
                .decode(text.as_bytes())
                .map(|body| Some(Bytes::from(body)))
                .map_err(|error| Unreadable(format!("its body is no base64: {error}"))),
        }
    }
}

impl AnswerMessage {
    /// An answer without times.
    pub fn new(id: Id, status: u16, content: Content) -> Self {
        let (backend, boot) = (String::new(), String::new());
        let (input_micros, work_micros, output_micros, busy_micros, request_sent_millis) = (0, None, 0, 0, 0);
        let (v, content_type, attempts) = (VERSION, None, 0);
        Self {
            v,
            id,
            status,
            content_type,
            content,
            backend,
            boot,
            attempts,
            input_micros,
            work_micros,
            output_micros,
            busy_micros,
            request_sent_millis,
        }
    }

    /// Time for which a slot of the worker was busy, in microseconds. `None`: the program was not run for it.
    pub fn busy(&self) -> Option<u64> {
        self.work_micros.map(|work| work.max(self.busy_micros))
    }

    /// Reads the text of a message.
    ///
    /// # Errors
    /// When it is not this message, or another version of it.
    pub fn read(text: &str) -> Result<Self, Unreadable> {
        read(text, |message: &Self| message.v)
    }

    /// The text of the message.
    pub fn text(&self) -> String {
        text(self)
    }
}

fn read<T: for<'de> Deserialize<'de>>(text: &str, version: impl Fn(&T) -> u32) -> Result<T, Unreadable> {
    let message: T = serde_json::from_str(text).map_err(|error| Unreadable(error.to_string()))?;
    match version(&message) {
        VERSION => Ok(message),
        other => Err(Unreadable(format!("it is of version {other}, and this program reads version {VERSION}"))),
    }
}

fn text(message: &impl Serialize) -> String {
    // Serialisation of these types cannot fail: no maps, no custom code that does.
    let text = serde_json::to_string(message).unwrap_or_default();
    // JSON escapes control characters and leaves these two, which XML does not know (XML 1.0, 2.2).
    text.replace('\u{fffe}', "\\ufffe").replace('\u{ffff}', "\\uffff")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Whether SQS takes the text: #x9 | #xA | #xD | #x20 to #xD7FF | #xE000 to #xFFFD | #x10000 to #x10FFFF.
    fn is_xml(text: &str) -> bool {
        text.chars().all(|c| matches!(c, '\t' | '\n' | '\r' | ' '..='\u{fffd}' | '\u{10000}'..))
    }

    proptest! {
        #[test]
        fn whatever_is_written_is_read_back_and_has_only_characters_of_xml(
            bits in any::<u128>(),
            texts in proptest::array::uniform4(any::<String>()),
            is_seeded in any::<bool>(),
        ) {
            let [cluster, method, path, seed] = texts;
            let message = RequestMessage {
                content_type: (!is_seeded).then(|| seed.clone()),
                seed: is_seeded.then_some(seed),
                ..RequestMessage::new(bits.into(), cluster, method, path)
            };
            prop_assert!(is_xml(&message.text()));
            prop_assert_eq!(RequestMessage::read(&message.text()).unwrap(), message);
        }

        #[test]
        fn bodies_of_any_bytes_survive(body in proptest::collection::vec(any::<u8>(), 0..2_000)) {
            let body = Bytes::from(body);
            let answer = AnswerMessage::new(7.into(), 200, Content::of(&body));
            let read = AnswerMessage::read(&answer.text()).unwrap();
            prop_assert_eq!(read.content.inline().unwrap(), Some(body));
        }
    }

    #[test]
    fn a_body_up_to_64_kib_is_in_the_message_and_a_longer_one_is_not() {
        let content = |length| Content::of(&Bytes::from(vec![0; length]));
        assert!(matches!(content(65_536), Content::Inline(text) if text.len() < 90_000));
        assert_eq!(content(65_537), Content::Stored(65_537));
        assert_eq!(content(65_537).inline(), Ok(None));
        assert_eq!(content(0).inline(), Ok(Some(Bytes::new())));
    }

    #[test]
    fn what_is_none_of_ours_is_refused_with_the_reason() {
        let error = |text| RequestMessage::read(text).unwrap_err().to_string();
        assert!(error("hello").contains("expected value"));
        let other = RequestMessage::new(1.into(), "a", "GET", "/a").text().replace("\"v\":1", "\"v\":2");
        assert!(error(&other).contains("version 2"), "{}", error(&other));
        let short = RequestMessage::new(1.into(), "a", "GET", "/a").text().replace("00000001\"", "1\"");
        assert!(error(&short).contains("is no id"), "{}", error(&short));
    }

    #[test]
    fn keys_tell_cluster_and_id() {
        assert_eq!(input_key("micro", 255.into()), format!("in/micro/{:0>32}", "ff"));
        assert_eq!(output_key("micro", 255.into()), format!("out/micro/{:0>32}", "ff"));
        assert_ne!(Id::random(), Id::random());
    }
}

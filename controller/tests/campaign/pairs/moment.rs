//! The hash of a moment, which is the same for moments that differ in nothing but ids and the time of day.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;

use jiff::Timestamp;

use crate::stage::play::Play;

/// What was, or will be, further away than this decides nothing any more: longer than any time that planner, sweeper and judge wait
/// for, which is an hour, but for the lifetime, which no play comes near to.
const HORIZON: i64 = 3_700;
/// Hexadecimal digits from which on a word is an id, a token or a hash.
const DIGITS: usize = 8;
/// Decimal digits of seconds since 1970.
const EPOCH_DIGITS: usize = 10;

/// Reads moments. A line that it has read before, as most were in the pass before, it does not read again.
#[derive(Default)]
pub(super) struct Reader(HashMap<String, Arc<Line>>);

/// A line without its ids and times.
struct Line {
    text: u128,
    times: Vec<Timestamp>,
    ids: Vec<String>,
}

impl Reader {
    /// `None`: the moment cannot be compared.
    pub(super) fn hash(&mut self, play: &Play, step: usize) -> Option<u128> {
        Some(self.hash_of(play.moment()?, step, play.now()))
    }

    fn hash_of(&mut self, lines: Vec<String>, step: usize, now: Timestamp) -> u128 {
        let lines: Vec<Arc<Line>> = lines.into_iter().map(|text| self.line(text)).collect();
        let mut lines: Vec<(u128, &[String])> = lines.iter().map(|line| (line.at(now), line.ids.as_slice())).collect();
        // The order of things that are alike but for their ids is that of their ids.
        lines.sort_unstable();
        let mut numbers: HashMap<&str, usize> = HashMap::new();
        let numbered: Vec<(u128, Vec<usize>)> = lines
            .into_iter()
            .map(|(text, ids)| {
                let number = |id| {
                    let next = numbers.len();
                    *numbers.entry(id).or_insert(next)
                };
                (text, ids.iter().map(String::as_str).map(number).collect())
            })
            .collect();
        twice(&(step, numbered))
    }

    fn line(&mut self, text: String) -> Arc<Line> {
        if let Some(line) = self.0.get(&text) {
            return line.clone();
        }
        let line = Arc::new(Line::read(&text));
        self.0.insert(text, line.clone());
        line
    }
}

impl Line {
    fn read(line: &str) -> Self {
        let (mut text, mut times, mut ids) = (String::with_capacity(line.len()), Vec::new(), Vec::new());
        let mut rest = line;
        // Bytes, because millions of lines are read: each that is looked for, and the one after a word, begins a character.
        while let Some(start) = rest.bytes().position(|one| one.is_ascii_alphanumeric()) {
            text.push_str(&rest[..start]);
            rest = &rest[start..];
            if rest.as_bytes()[0].is_ascii_digit() {
                let long = leading(rest, |one| one.is_ascii_alphanumeric() || matches!(one, b'-' | b':' | b'.'));
                if let Some(time) = time(long) {
                    times.push(time);
                    text.push('@');
                    rest = &rest[long.len()..];
                    continue;
                }
                let address = long.split(':').next().unwrap_or_default();
                if address.starts_with("127.") && address.split('.').count() == 4 {
                    ids.push(address.to_owned());
                    text.push('#');
                    rest = &rest[address.len()..];
                    continue;
                }
            }
            let word = leading(rest, |one| one.is_ascii_alphanumeric());
            let is_id = word.len() >= DIGITS
                && word.bytes().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte))
                && word.bytes().any(|byte| byte.is_ascii_digit());
            if is_id {
                ids.push(word.to_owned());
                text.push('#');
            } else {
                text.push_str(word);
            }
            rest = &rest[word.len()..];
            // Processes are told apart by their numbers.
            if word == "operator" && rest.starts_with('-') {
                let digits = leading(&rest[1..], |one| one.is_ascii_digit());
                ids.push(digits.to_owned());
                text.push('#');
                rest = &rest[1 + digits.len()..];
            }
        }
        text.push_str(rest);
        Self { text: twice(&text), times, ids }
    }

    /// What it says now: with how far away its times are.
    fn at(&self, now: Timestamp) -> u128 {
        if self.times.is_empty() {
            return self.text;
        }
        let distances: Vec<i128> = self.times.iter().map(|time| distance(*time, now)).collect();
        twice(&(self.text, distances))
    }
}

/// Twice as many bits as one hash has: among millions of moments no two may have the same one by chance.
fn twice(what: &impl Hash) -> u128 {
    let [mut one, mut other] = [DefaultHasher::new(), DefaultHasher::new()];
    other.write_u8(1);
    what.hash(&mut one);
    what.hash(&mut other);
    u128::from(one.finish()) << 64 | u128::from(other.finish())
}

fn leading(text: &str, is_part: impl Fn(u8) -> bool) -> &str {
    &text[..text.bytes().position(|one| !is_part(one)).unwrap_or(text.len())]
}

/// `2027-01-15T08:00:03Z`, or seconds since 1970 as `1800000003.5`.
fn time(word: &str) -> Option<Timestamp> {
    let (whole, rest) = word.split_once('.').unwrap_or((word, "0"));
    let is_epoch = whole.len() == EPOCH_DIGITS && whole.starts_with('1') && !rest.is_empty();
    if is_epoch && [whole, rest].iter().all(|digits| digits.bytes().all(|byte| byte.is_ascii_digit())) {
        let millis: f64 = word.parse::<f64>().ok()? * 1e3;
        return Timestamp::from_millisecond(millis.round() as i64).ok();
    }
    let bytes = word.as_bytes();
    let is_time = bytes.len() >= 20 && bytes[4] == b'-' && bytes[10] == b'T' && word.ends_with('Z');
    is_time.then(|| word.parse().ok()).flatten()
}

/// Milliseconds from now, as far as they decide anything.
fn distance(time: Timestamp, now: Timestamp) -> i128 {
    let distance = time.duration_since(now);
    if distance.as_secs().abs() < HORIZON {
        distance.as_millis()
    } else if distance.is_negative() {
        i128::MIN
    } else {
        i128::MAX
    }
}

#[test]
fn moments_differ_in_what_decides_and_not_in_ids_or_in_the_time_of_day() {
    let at = |second| Timestamp::from_second(second).unwrap();
    let hash = |lines: &[&str], second| {
        Reader::default().hash_of(lines.iter().map(|line| (*line).to_owned()).collect(), 0, at(second))
    };
    let first = ["i-00000000000000001 of operator-0 at 127.31.0.4:80 since 1970-01-01T00:00:10Z", "b"];
    let same = ["b", "i-0ffffffffffffffff of operator-7 at 127.31.0.9:80 since 1970-01-01T00:01:50.0Z"];
    assert_eq!(hash(&first, 15), hash(&same, 115));
    assert_ne!(hash(&first, 15), hash(&first, 16), "one is older");
    assert_eq!(hash(&first, 5_000), hash(&first, 6_000), "both are long ago");
    let epochs = ["since: Some(1800000003.5), seen: [(1800000003, 2)]"];
    assert_ne!(hash(&epochs, 1_800_000_004), hash(&epochs, 1_800_000_005), "one needed it longer ago");
    let two = |one: &str, other: &str| hash(&[&format!("a {one} {other}"), &format!("b {one}")], 0);
    assert_eq!(two("11111111", "22222222"), two("33333333", "44444444"));
    assert_ne!(two("11111111", "22222222"), two("11111111", "11111111"), "it is about the same thing twice");
    let mut reader = Reader::default();
    let mut again = |second| reader.hash_of(vec!["a 11111111 at 1970-01-01T00:00:10Z".to_owned()], 0, at(second));
    assert_ne!(again(15), again(16), "a line that was read before is as old as it is now");
    assert_eq!(again(15), hash(&["a 22222222 at 1970-01-01T00:00:20Z"], 25));
}

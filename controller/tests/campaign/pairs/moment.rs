//! The hash of a moment, which is the same for moments that differ in nothing but ids and the time of day.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};

use jiff::Timestamp;

use crate::stage::play::Play;

/// What was, or will be, further away than this decides nothing any more: longer than any time that planner, sweeper and judge wait
/// for, which is an hour, but for the lifetime, which no play comes near to.
const HORIZON: i64 = 3_700;
/// Hexadecimal digits from which on a word is an id, a token or a hash.
const DIGITS: usize = 8;
/// Decimal digits of seconds since 1970.
const EPOCH_DIGITS: usize = 10;

/// `None`: the moment cannot be compared.
pub(super) fn hash(play: &Play, step: usize) -> Option<u128> {
    let lines = play.moment()?;
    Some(hash_of(&lines, step, play.now()))
}

fn hash_of(lines: &[String], step: usize, now: Timestamp) -> u128 {
    let mut lines: Vec<(String, Vec<&str>)> = lines.iter().map(|line| without_ids(line, now)).collect();
    // The order of things that are alike but for their ids is that of their ids.
    lines.sort();
    let mut numbers: HashMap<&str, usize> = HashMap::new();
    let [mut one, mut other] = [DefaultHasher::new(), DefaultHasher::new()];
    other.write_u8(1);
    for hasher in [&mut one, &mut other] {
        step.hash(hasher);
    }
    for (text, ids) in &lines {
        let numbered: Vec<usize> = ids
            .iter()
            .map(|id| {
                let next = numbers.len();
                *numbers.entry(id).or_insert(next)
            })
            .collect();
        for hasher in [&mut one, &mut other] {
            (text, &numbered).hash(hasher);
        }
    }
    u128::from(one.finish()) << 64 | u128::from(other.finish())
}

/// A line in which each id is `#` and each time the distance from now; and its ids, in their order.
fn without_ids(line: &str, now: Timestamp) -> (String, Vec<&str>) {
    let (mut text, mut ids) = (String::with_capacity(line.len()), Vec::new());
    let mut rest = line;
    // Bytes, because millions of lines are read: each that is looked for, and the one after a word, begins a character.
    while let Some(start) = rest.bytes().position(|one| one.is_ascii_alphanumeric()) {
        text.push_str(&rest[..start]);
        rest = &rest[start..];
        if rest.as_bytes()[0].is_ascii_digit() {
            let long = leading(rest, |one| one.is_ascii_alphanumeric() || matches!(one, b'-' | b':' | b'.'));
            if let Some(time) = time(long) {
                text.push_str(&distance(time, now));
                rest = &rest[long.len()..];
                continue;
            }
            let address = long.split(':').next().unwrap_or_default();
            if address.starts_with("127.") && address.split('.').count() == 4 {
                ids.push(address);
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
            ids.push(word);
            text.push('#');
        } else {
            text.push_str(word);
        }
        rest = &rest[word.len()..];
        // Processes are told apart by their numbers.
        if word == "operator" && rest.starts_with('-') {
            let digits = leading(&rest[1..], |one| one.is_ascii_digit());
            ids.push(digits);
            text.push('#');
            rest = &rest[1 + digits.len()..];
        }
    }
    text.push_str(rest);
    (text, ids)
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

fn distance(time: Timestamp, now: Timestamp) -> String {
    let distance = time.duration_since(now);
    if distance.as_secs().abs() < HORIZON {
        format!("{}ms", distance.as_millis())
    } else if distance.is_negative() {
        "long ago".to_owned()
    } else {
        "far".to_owned()
    }
}

#[test]
fn moments_differ_in_what_decides_and_not_in_ids_or_in_the_time_of_day() {
    let at = |second| Timestamp::from_second(second).unwrap();
    let hash = |lines: &[&str], second| {
        hash_of(&lines.iter().map(|line| (*line).to_owned()).collect::<Vec<_>>(), 0, at(second))
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
}

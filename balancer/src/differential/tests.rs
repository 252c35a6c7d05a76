use std::path::Path;

use rand::seq::IndexedRandom;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::*;

const METHODS: &[&str] = &["GET", "POST", "HEAD", "PUT", "TRACE", "OPTIONS", "x", "GE T", "G\0T", ""];
const TARGETS: &[&str] = &[
    "/",
    "/a",
    "/a?b=c",
    "/a%20b",
    "*",
    "http://h/a",
    "http://h?q",
    "a",
    "/a b",
    "/\u{e9}",
    "/#f",
    "/a|b",
    "/{}",
    "/`",
    "/?<",
    "/a\\b",
    "http://h:x/",
    "http://[::1]:8/",
];
const VERSIONS: &[&str] = &["HTTP/1.1", "HTTP/1.0", "HTTP/1.1", "HTTP/1.2", "HTTP/2.0", "HTTP/1.1 ", "HTTP/1"];
const LINES: &[&str] = &[
    "Host: h",
    "Host: h",
    "Host: h:80",
    "Host : h",
    "Host: [::1]",
    "Host: h:x",
    "Content-Length: 3",
    "Content-Length: 3",
    "Content-Length: 03",
    "Content-Length: 3, 3",
    "Content-Length: x",
    "Content-Length: 0",
    "Transfer-Encoding: chunked",
    "Transfer-Encoding: Chunked",
    "Transfer-Encoding: gzip, chunked",
    "Transfer-Encoding: identity",
    "X: a  b \t",
    "X:",
    "X",
    ": y",
    " folded",
    "X: \u{e9}",
    "X: a\0b",
    "Connection: close",
    "Connection: upgrade",
    "Connection: x, content-length, transfer-encoding",
    "Via: 1.0 a",
    "X-Forwarded-For: 192.0.2.9",
    "TE: trailers",
    "Connection: te",
    "Upgrade: websocket",
    "Upgrade: h2c, WebSocket",
    "HTTP2-Settings: x",
    "Max-Forwards: 1",
    "Max-Forwards: 0",
    "Connection: max-forwards",
    "Expect: 100-continue",
];
const ENDS: &[&str] = &["\r\n", "\r\n", "\r\n", "\r\n", "\r\n", "\r\n", "\r\n", "\r\n", "\n", "\r"];
const BODIES: &[&str] = &[
    "",
    "abc",
    "abcdef",
    "3\r\nabc\r\n0\r\n\r\n",
    "1;x=y\r\na\r\n2\r\nbc\r\n0\r\nT: u\r\n\r\n",
    "3\nabc\r\n0\r\n\r\n",
    "0x3\r\nabc\r\n0\r\n\r\n",
    "3 \r\nabc\r\n0\r\n\r\n",
    "3 ; x = \"y\"\r\nabc\r\n0\t;z\r\n\r\n",
    "3 4\r\nabc\r\n0\r\n\r\n",
    "3\r\nabc0\r\n\r\n",
];

/// A request of pieces, now and then with a byte changed.
fn request(random: &mut ChaCha8Rng) -> Vec<u8> {
    let mut pick = |from: &[&'static str]| from.choose(random).copied().unwrap_or("");
    let mut text = format!("{} {} {}{}", pick(METHODS), pick(TARGETS), pick(VERSIONS), pick(ENDS));
    text += &format!("Host: h{}", pick(ENDS));
    for _ in 0..random.random_range(0..4) {
        text += LINES.choose(random).copied().unwrap_or("");
        text += ENDS.choose(random).copied().unwrap_or("");
    }
    text += "\r\n";
    text += BODIES.choose(random).copied().unwrap_or("");
    spoiled(text, random)
}

const STATUSES: &[&str] =
    &["200 OK", "200", "204 No Content", "304 Not Modified", "500 \u{e9}", "103 Early", "101 S", "99", "2000"];
const RESPONSE_LINES: &[&str] = &["Date: x", "X-Backend: y", "Upgrade: websocket", "X : y", "X\t: y", "X\u{c}: y"];

/// A response of pieces, now and then with an interim one before it or a byte changed.
fn response(random: &mut ChaCha8Rng) -> Vec<u8> {
    let mut pick = |from: &[&'static str]| from.choose(random).copied().unwrap_or("");
    let mut text = format!("{} {}{}", pick(VERSIONS), pick(STATUSES), pick(ENDS));
    if text.starts_with("HTTP/1.1 103") {
        text += &format!("{}\r\n\r\nHTTP/1.1 200 OK\r\n", pick(LINES));
    }
    for _ in 0..random.random_range(0..4) {
        let lines = if random.random_range(0..3) == 0 { RESPONSE_LINES } else { LINES };
        text += lines.choose(random).copied().unwrap_or("");
        text += ENDS.choose(random).copied().unwrap_or("");
    }
    text += "\r\n";
    text += BODIES.choose(random).copied().unwrap_or("");
    spoiled(text, random)
}

fn spoiled(text: String, random: &mut ChaCha8Rng) -> Vec<u8> {
    let mut bytes = text.into_bytes();
    if random.random_range(0..4) == 0 {
        let at = random.random_range(0..bytes.len());
        bytes[at] = random.random();
    }
    bytes
}

/// Compares many messages, and says how many were taken. `SEED` makes others of them.
fn taken(mut compare: impl FnMut(&mut ChaCha8Rng) -> Result<bool, String>) -> u32 {
    const SEED: u64 = 20_261_125;
    let seed = std::env::var("SEED").map_or(SEED, |seed| seed.parse().unwrap());
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let taken = (0..20_000).map(|_| u32::from(compare(&mut random).unwrap_or_else(|differ| panic!("{differ}")))).sum();
    println!("seed {seed}: {taken} of 20000 were taken");
    taken
}

#[test]
fn requests_that_we_take_hyper_takes_and_reads_alike_before_and_behind_us() {
    let taken = taken(|random| requests(&request(random)));
    assert!(taken > 300, "only {taken} requests were taken: the comparison compares too little");
}

#[test]
fn responses_that_we_take_hyper_takes_and_reads_alike_before_and_behind_us() {
    let taken = taken(|random| responses(&response(random), random.random_range(0..4) == 0));
    assert!(taken > 300, "only {taken} responses were taken: the comparison compares too little");
}

/// Messages that fuzzing found, and those that a fuzzer begins with.
fn corpus(name: &str) -> Vec<Vec<u8>> {
    let directory = Path::new("../http1/fuzz/corpus").join(name);
    let files: Vec<_> =
        std::fs::read_dir(directory).unwrap().map(|entry| std::fs::read(entry.unwrap().path()).unwrap()).collect();
    assert!(files.len() >= 10, "{} files", files.len());
    files
}

#[test]
fn the_corpora_are_read_alike() {
    for bytes in corpus("request") {
        requests(&bytes).unwrap_or_else(|differ| panic!("{differ}"));
    }
    for bytes in corpus("response") {
        fuzzed_response(&bytes).unwrap_or_else(|differ| panic!("{differ}"));
    }
}

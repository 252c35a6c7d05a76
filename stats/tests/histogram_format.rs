//! Our histograms are what other HDR tools read and write.
//!
//! Three readers agree: the `hdrhistogram` crate, the decoder below, which was written from the format's description
//! (HdrHistogram's V2 encoding: zlib around ZigZag LEB128 counts) and shares only zlib with it, and, for the constant, the
//! Python implementation (`hdrhistogram` 0.10.8 on PyPI).
#![allow(clippy::unwrap_used, reason = "a test that panics has failed")]

use std::io::Read;

use data_encoding::BASE64;
use stats::Latencies;

const COMPRESSED_V2: u32 = 0x1c84_9314;
const PLAIN_V2: u32 = 0x1c84_9313;

/// Squares of 1 to 1000, and three times 7,000 s, as written by the Python implementation with bounds of 1 us and
/// 7,200 s and three significant digits.
const BY_PYTHON: &str = "HISTFAAAAYJ4nK3QwUpCQRQGYOcXu4iIyEUiTCQkJCQkJCREJCQsJCQkJCIiIiIiIiIiIloUtGjRwkWLFi1atIjoIVr2Ej1Cj9BxmpoZZ+71Cvnxn/+cy4ULjl933VDI+Qz9/MKiWS+v+cVQ7Us8QBgOYkjAxSjSyCKHPAooooQyKqihjgaaaKGNDtaxiW3sYh+HOMYpznGJK4YbhluGO4Yuwz3DA8MjwxPDM8MLwxujt9ewQbbIDtkjB+SInJAzcoEqfa2GeVInC6RBlkiTLJMWWSFtsko69G6BmxaKwoxQEmaFsjAnVIQqyXBZHmmCR8rxSJM8Up5HmuKRCpQU/dsyplEtpjEtprQWU0bLr7gmobSZhNJ2SaXNJJW2c5U24yptl+IzShw+zQ4mZm05vaNPs4OJW1tO7+jT7H4RX47H5fi2nLY7WNTZf/u1upnXsKIeV9S35bTdwaLOXsIC+9vst+3Jf4kMfBKx7uYWrAdP79t+DR+vy+/2nsHbvum77X7/YCPf/mhZew==";

/// What a histogram says: counts by the lowest value that is counted together with others.
#[derive(Debug, PartialEq)]
struct Decoded {
    digits: u32,
    lowest: u64,
    highest: u64,
    counts: Vec<(u64, u64)>,
}

/// Big-endian fields, then counts; a negative count stands for so many empty slots.
fn decode(text: &str) -> Decoded {
    let bytes = BASE64.decode(text.as_bytes()).unwrap();
    let number = |bytes: &[u8], at: usize| u32::from_be_bytes(bytes[at..at + 4].try_into().unwrap());
    let long = |bytes: &[u8], at: usize| u64::from_be_bytes(bytes[at..at + 8].try_into().unwrap());
    assert_eq!((number(&bytes, 0), number(&bytes, 4) as usize), (COMPRESSED_V2, bytes.len() - 8));
    let mut plain = Vec::new();
    flate2::read::ZlibDecoder::new(&bytes[8..]).read_to_end(&mut plain).unwrap();
    assert_eq!((number(&plain, 0), number(&plain, 4) as usize), (PLAIN_V2, plain.len() - 40));
    let (digits, lowest, highest) = (number(&plain, 12), long(&plain, 16), long(&plain, 24));
    assert_eq!(number(&plain, 8), 0, "no normalizing offset");
    assert_eq!(f64::from_bits(long(&plain, 32)), 1.0, "values are integers");
    let mut payload = plain[40..].iter().copied();
    let (mut slot, mut counts) = (0u64, Vec::new());
    while let Some(count) = leb128(&mut payload) {
        if count < 0 {
            slot += count.unsigned_abs();
            continue;
        }
        if count > 0 {
            counts.push((value(slot, digits), count as u64));
        }
        slot += 1;
    }
    Decoded { digits, lowest, highest, counts }
}

/// ZigZag LEB128 as HdrHistogram has it: at most nine bytes, the ninth whole.
fn leb128(bytes: &mut impl Iterator<Item = u8>) -> Option<i64> {
    let mut read = u64::from(bytes.next()?);
    let mut number = read & 0x7f;
    for index in 1..9 {
        if read & 0x80 == 0 {
            break;
        }
        read = u64::from(bytes.next().unwrap());
        number |= if index == 8 { read << 56 } else { (read & 0x7f) << (7 * index) };
    }
    Some((number >> 1) as i64 ^ -((number & 1) as i64))
}

/// Lowest value of a slot: the first bucket counts one by one, every next half as many slots, twice as wide.
fn value(slot: u64, digits: u32) -> u64 {
    let in_bucket = (2 * 10u64.pow(digits)).next_power_of_two();
    let half = in_bucket / 2;
    if slot < in_bucket {
        return slot;
    }
    let bucket = slot / half - 1;
    (slot % half + half) << bucket
}

fn recorded(values: impl IntoIterator<Item = u64>) -> Latencies {
    let mut latencies = Latencies::new();
    values.into_iter().for_each(|value| latencies.record(value));
    latencies
}

#[test]
fn what_we_write_is_read_by_another_implementation() {
    let read = decode(&recorded([1, 1, 1, 700, 2047, 2049, 1_000_000, 7_199_999_999]).encode());
    assert_eq!((read.digits, read.lowest, read.highest), (3, 1, 7_200_000_000));
    assert_eq!(read.counts.iter().map(|(_, count)| count).sum::<u64>(), 8);
    assert_eq!(read.counts[..3], [(1, 3), (700, 1), (2047, 1)]);
    for ((value, _), truth) in read.counts[3..].iter().zip([2049u64, 1_000_000, 7_199_999_999]) {
        assert!(*value <= truth && truth - value <= truth / 1000, "{value} for {truth}");
    }
    assert_eq!(decode(&Latencies::new().encode()).counts, []);
}

#[test]
fn what_another_implementation_writes_is_read_by_us() {
    let ours = Latencies::decode(BY_PYTHON).unwrap();
    assert_eq!(ours, recorded((1..=1000).map(|i| i * i).chain([7_000_000_000; 3])));
    assert_eq!(decode(BY_PYTHON), decode(&ours.encode()));
    // Printed by Python: get_value_at_percentile of 50, 90, 99, 99.9.
    let python = [252_031, 815_615, 986_111, 7_000_293_375];
    assert_eq!([500, 900, 990, 999].map(|per_mille| ours.quantile(per_mille).unwrap()), python);
}

#[test]
fn coarse_histograms_are_off_by_one_percent_and_a_third_as_long() {
    let values: Vec<u64> = (0..10_000u64).map(|i| 2_000 + (i * i) % 9_973 + i % 97).collect();
    let fine = recorded(values.iter().copied());
    let (fine_text, coarse_text) = (fine.encode(), fine.encode_coarsely());
    assert!(coarse_text.len() * 2 < fine_text.len(), "{} of {}", coarse_text.len(), fine_text.len());
    let (fine, coarse) = (fine.quantiles(0), Latencies::decode(&coarse_text).unwrap().quantiles(0));
    for (fine, coarse) in [(fine.p50_micros, coarse.p50_micros), (fine.p99_micros, coarse.p99_micros)] {
        let (fine, coarse) = (fine.unwrap(), coarse.unwrap());
        assert!(fine.abs_diff(coarse) * 100 <= fine, "{coarse} for {fine}");
    }
    assert_eq!(decode(&coarse_text).counts.iter().map(|(_, count)| count).sum::<u64>(), 10_000);
}

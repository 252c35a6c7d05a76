//! Bytes of a request: made once, with holes for the number of the request and the work it asks for.

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use wire::{Connections, RequestSpec, Work, WorkDistribution};

use crate::corpus::{File, Turns};
use crate::{SEED_HEADER, Target};

/// Streams of a round's seed that work is drawn from, one for each request, apart from those of orders and arrivals.
const STREAM: u64 = 1 << 40;
/// Work of an hour is a mistake of the distribution's tail, and more than any request may take.
const MOST_WORK_MICROS: f64 = 3.6e9;

/// Everything that requests to one target with one seed have in common.
#[derive(Debug)]
pub(crate) struct Template {
    /// Up to the work, if requests carry any; else up to the number.
    start: Vec<u8>,
    /// From after the work up to the number.
    middle: Vec<u8>,
    /// What follows the number, where it is the same for all.
    end: Vec<u8>,
    /// Files, of which each request ends with one.
    files: Option<Turns>,
    /// Whether the type of a file is said by the request's own header.
    has_type: bool,
    work: Option<Work>,
    seed: u64,
    pub(crate) is_head: bool,
}

impl Template {
    pub(crate) fn new(target: &Target, spec: &RequestSpec, seed: u64, files: Option<Turns>) -> Self {
        let mut start = format!("{} {}", spec.method, target.path).into_bytes();
        if spec.work.is_some() {
            start.extend_from_slice(if target.path.query().is_some() { b"&work_micros=" } else { b"?work_micros=" });
        }
        let mut middle = b" HTTP/1.1\r\n".to_vec();
        let mut header = |name: &[u8], value: &[u8]| {
            for part in [name, b": ", value, b"\r\n"] {
                middle.extend_from_slice(part);
            }
        };
        let given = |name: &str| spec.headers.iter().any(|header| header.name.eq_ignore_ascii_case(name));
        for (name, value) in target.headers.iter().filter(|(name, _)| !given(name.as_str())) {
            header(name.as_str().as_bytes(), value.as_bytes());
        }
        for given in &spec.headers {
            header(given.name.as_bytes(), given.value.as_bytes());
        }
        // A method that may have a body says how long it is, even if it is empty (RFC 9110, 8.6).
        let has_body = !spec.body.is_empty() || matches!(spec.method.as_str(), "POST" | "PUT" | "PATCH");
        if has_body && files.is_none() {
            header(b"content-length", spec.body.len().to_string().as_bytes());
        }
        if spec.connections == Connections::PerRequest {
            header(b"connection", b"close");
        }
        middle.extend_from_slice(format!("{SEED_HEADER}: {seed}-").as_bytes());
        let end = [b"\r\n\r\n", spec.body.as_bytes()].concat();
        let has_type = given("content-type");
        Self { start, middle, end, files, has_type, work: spec.work, seed, is_head: spec.method == "HEAD" }
    }

    pub(crate) fn has_files(&self) -> bool {
        self.files.is_some()
    }

    /// The file that request `index` sends.
    pub(crate) fn file(&self, index: u64) -> Option<&File> {
        self.files.as_ref()?.file(index)
    }

    /// Replaces `bytes` by request `index`. Allocates only until `bytes` is as long as the longest request.
    pub(crate) fn write(&self, index: u64, bytes: &mut Vec<u8>) {
        bytes.clear();
        bytes.extend_from_slice(&self.start);
        if let Some(work) = self.work {
            write_number(work_micros(work, self.seed, index), bytes);
        }
        bytes.extend_from_slice(&self.middle);
        write_number(index, bytes);
        let Some(file) = self.file(index) else { return bytes.extend_from_slice(&self.end) };
        if !self.has_type {
            bytes.extend_from_slice(b"\r\ncontent-type: ");
            bytes.extend_from_slice(file.media_type.as_bytes());
        }
        bytes.extend_from_slice(b"\r\ncontent-length: ");
        write_number(file.body.len() as u64, bytes);
        bytes.extend_from_slice(b"\r\n\r\n");
        bytes.extend_from_slice(&file.body);
    }
}

/// The work of request `index`: the same for every cluster of a round, whoever sends it.
fn work_micros(work: Work, seed: u64, index: u64) -> u64 {
    let mean = f64::from(work.mean_micros);
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    random.set_stream(STREAM + index);
    let mut uniform = || ((random.next_u64() >> 11) + 1) as f64 / (1u64 << 53) as f64;
    let micros = match work.distribution {
        WorkDistribution::Constant => mean,
        WorkDistribution::Exponential => -uniform().ln() * mean,
        WorkDistribution::Lognormal => {
            // Box and Muller; exp(normal - 1/2) has mean 1 when sigma is 1.
            let normal = (-2.0 * uniform().ln()).sqrt() * (std::f64::consts::TAU * uniform()).cos();
            (normal - 0.5).exp() * mean
        }
    };
    micros.round().min(MOST_WORK_MICROS) as u64
}

/// Decimal digits, without the machinery of `write!`.
fn write_number(number: u64, bytes: &mut Vec<u8>) {
    let mut digits = [0u8; 20];
    let (mut left, mut at) = (number, digits.len());
    loop {
        at -= 1;
        digits[at] = b'0' + (left % 10) as u8;
        left /= 10;
        if left == 0 {
            break;
        }
    }
    bytes.extend_from_slice(&digits[at..]);
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use wire::Header;

    use super::*;
    use crate::corpus::{Files, Table};

    fn text(url: &str, spec: &RequestSpec, index: u64) -> String {
        let mut bytes = Vec::new();
        Template::new(&Target::parse("c", url).unwrap(), spec, 9, None).write(index, &mut bytes);
        String::from_utf8(bytes).unwrap()
    }

    #[test]
    fn a_plain_request() {
        let agent = concat!("loadgen/", env!("CARGO_PKG_VERSION"));
        assert_eq!(
            text("http://h:1/a?b=c", &RequestSpec::default(), 1_234_567_890),
            format!(
                "GET /a?b=c HTTP/1.1\r\nhost: h:1\r\nuser-agent: {agent}\r\nx-clusterbench-seed: 9-1234567890\r\n\r\n"
            )
        );
    }

    #[test]
    fn a_request_with_everything() {
        let spec = RequestSpec {
            method: "POST".into(),
            headers: vec![
                Header { name: "User-Agent".into(), value: "me".into() },
                Header { name: "accept".into(), value: "*/*".into() },
            ],
            body: "{}".into(),
            connections: Connections::PerRequest,
            work: Some(Work { distribution: WorkDistribution::Constant, mean_micros: 77 }),
            ..RequestSpec::default()
        };
        assert_eq!(
            text("http://h:1/a", &spec, 0),
            "POST /a?work_micros=77 HTTP/1.1\r\nhost: h:1\r\nUser-Agent: me\r\naccept: */*\r\ncontent-length: 2\r\n\
             connection: close\r\nx-clusterbench-seed: 9-0\r\n\r\n{}"
        );
        assert!(text("http://h:1/a?b=c", &spec, 0).starts_with("POST /a?b=c&work_micros=77 HTTP"));
    }

    #[test]
    fn a_request_sends_the_file_whose_turn_it_is() {
        let files = [("b.png", &b"\0\xff"[..]), ("a.bin", b"one\r\n")];
        let table = Table::parse(b"file,name\na,x\nb.png,y\n", None).unwrap();
        let files = files.map(|(name, content)| (name.to_owned(), content.to_vec())).to_vec();
        let files = Arc::new(Files::new(files, &table, None).unwrap());
        let spec = RequestSpec { method: "POST".into(), ..RequestSpec::default() };
        let ends = |spec: &RequestSpec, index| {
            let mut bytes = Vec::new();
            let turns = Some(Turns::new(files.clone(), None));
            Template::new(&Target::parse("c", "http://h:1/a").unwrap(), spec, 9, turns).write(index, &mut bytes);
            let at = bytes.windows(5).position(|five| five == b"seed:").unwrap();
            bytes.split_off(at)
        };
        let first = b"seed: 9-4\r\ncontent-type: application/octet-stream\r\ncontent-length: 5\r\n\r\none\r\n";
        assert_eq!(ends(&spec, 4), first);
        assert_eq!(ends(&spec, 1), b"seed: 9-1\r\ncontent-type: image/png\r\ncontent-length: 2\r\n\r\n\0\xff");
        let header = Header { name: "Content-Type".into(), value: "x/y".into() };
        let typed = RequestSpec { headers: vec![header], ..spec };
        assert_eq!(ends(&typed, 1), b"seed: 9-1\r\ncontent-length: 2\r\n\r\n\0\xff", "it is said already");
    }

    #[test]
    fn work_has_the_mean_it_was_given_and_is_drawn_from_seed_and_number() {
        for (distribution, tolerance) in [(WorkDistribution::Exponential, 0.02), (WorkDistribution::Lognormal, 0.03)] {
            let work = Work { distribution, mean_micros: 2000 };
            let sum: u64 = (0..50_000).map(|index| work_micros(work, 5, index)).sum();
            let mean = sum as f64 / 50_000.0;
            assert!((mean / 2000.0 - 1.0).abs() < tolerance, "{distribution:?}: mean {mean}");
            assert_eq!(work_micros(work, 5, 3), work_micros(work, 5, 3));
            assert_ne!(work_micros(work, 5, 3), work_micros(work, 6, 3));
            assert_ne!(work_micros(work, 5, 3), work_micros(work, 5, 4));
        }
    }

    #[test]
    fn numbers_have_all_their_digits() {
        for number in [0, 9, 10, 12_345, u64::MAX] {
            let mut bytes = Vec::new();
            write_number(number, &mut bytes);
            assert_eq!(bytes, number.to_string().as_bytes());
        }
    }
}

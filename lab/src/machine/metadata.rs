//! Instance metadata, version 2 only, on the instance's own address.

use std::collections::HashMap;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use super::MachineSpec;

/// Port of the metadata service. 80 would need a privilege.
pub const METADATA_PORT: u16 = 1338;

/// EC2's own bounds of a token's life.
const TOKEN_SECONDS: std::ops::RangeInclusive<u64> = 1..=21_600;
/// A request that is longer, or slower, is no request for metadata.
const REQUEST_BYTES: u64 = 8 * 1024;
const REQUEST_TIME: Duration = Duration::from_secs(5);

struct Service {
    spec: MachineSpec,
    /// Until when a token is good.
    tokens: Mutex<HashMap<String, Instant>>,
}

/// Serves until the process ends.
pub(super) fn serve(spec: MachineSpec) -> io::Result<()> {
    let listener = TcpListener::bind((spec.address, METADATA_PORT))?;
    let service = Arc::new(Service { spec, tokens: Mutex::default() });
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let service = service.clone();
            thread::spawn(move || {
                // A client that goes away or talks nonsense is its own problem.
                let _ = service.respond(stream);
            });
        }
    });
    Ok(())
}

#[derive(Debug)]
struct Request {
    method: String,
    path: String,
    token: Option<String>,
    token_seconds: Option<String>,
}

#[derive(Debug, PartialEq, Eq)]
struct Answer {
    status: &'static str,
    body: String,
    /// Life of the token in the body.
    token_seconds: Option<u64>,
}

impl Answer {
    fn ok(body: impl Into<String>) -> Self {
        Self { status: "200 OK", body: body.into(), token_seconds: None }
    }

    fn error(status: &'static str) -> Self {
        Self { status, body: String::new(), token_seconds: None }
    }
}

impl Service {
    fn respond(&self, mut stream: TcpStream) -> io::Result<()> {
        stream.set_read_timeout(Some(REQUEST_TIME))?;
        let answer = match Request::read(BufReader::new(stream.try_clone()?.take(REQUEST_BYTES)))? {
            Some(request) => self.answer(&request),
            None => Answer::error("400 Bad Request"),
        };
        let Answer { status, body, token_seconds } = answer;
        let ttl = token_seconds.map(|seconds| format!("x-aws-ec2-metadata-token-ttl-seconds: {seconds}\r\n"));
        let (ttl, length) = (ttl.unwrap_or_default(), body.len());
        write!(
            stream,
            "HTTP/1.1 {status}\r\nserver: EC2ws\r\ncontent-type: text/plain\r\n{ttl}content-length: {length}\r\nconnection: close\r\n\r\n{body}"
        )
    }

    fn answer(&self, request: &Request) -> Answer {
        match (request.method.as_str(), request.path.as_str()) {
            ("PUT", "/latest/api/token") => self.issue(request),
            ("GET", _) if !self.knows(request.token.as_deref()) => Answer::error("401 Unauthorized"),
            ("GET", path) => lookup(&self.spec, path).map_or_else(|| Answer::error("404 Not Found"), Answer::ok),
            _ => Answer::error("405 Method Not Allowed"),
        }
    }

    fn issue(&self, request: &Request) -> Answer {
        let seconds = request.token_seconds.as_deref().and_then(|text| text.parse().ok());
        let Some(seconds) = seconds.filter(|seconds| TOKEN_SECONDS.contains(seconds)) else {
            return Answer::error("400 Bad Request");
        };
        let token = data_encoding::BASE64.encode(&rand::random::<[u8; 40]>());
        let (now, mut tokens) = (Instant::now(), self.tokens.lock().unwrap_or_else(PoisonError::into_inner));
        tokens.retain(|_, until| *until > now);
        tokens.insert(token.clone(), now + Duration::from_secs(seconds));
        Answer { token_seconds: Some(seconds), ..Answer::ok(token) }
    }

    fn knows(&self, token: Option<&str>) -> bool {
        let tokens = self.tokens.lock().unwrap_or_else(PoisonError::into_inner);
        token.and_then(|token| tokens.get(token)).is_some_and(|until| *until > Instant::now())
    }
}

impl Request {
    /// `None`: not HTTP, or cut off.
    fn read(mut from: impl BufRead) -> io::Result<Option<Self>> {
        let mut line = String::new();
        from.read_line(&mut line)?;
        let mut words = line.split_whitespace();
        let (Some(method), Some(path)) = (words.next(), words.next()) else { return Ok(None) };
        let mut request = Self { method: method.to_owned(), path: path.to_owned(), token: None, token_seconds: None };
        loop {
            let mut line = String::new();
            if from.read_line(&mut line)? == 0 {
                return Ok(None);
            }
            let Some((name, value)) = line.trim_end().split_once(':') else { return Ok(Some(request)) };
            match name.to_ascii_lowercase().as_str() {
                "x-aws-ec2-metadata-token" => request.token = Some(value.trim().to_owned()),
                "x-aws-ec2-metadata-token-ttl-seconds" => request.token_seconds = Some(value.trim().to_owned()),
                _ => {}
            }
        }
    }
}

/// The value at a path, if there is one.
fn lookup(spec: &MachineSpec, path: &str) -> Option<String> {
    let version = path.strip_prefix("/latest/").or_else(|| path.strip_prefix("/2021-07-15/"))?;
    if version == "user-data" {
        return (!spec.user_data.is_empty()).then(|| spec.user_data.clone());
    }
    let address = |address: Ipv4Addr| Some(address.to_string());
    match version.strip_prefix("meta-data/")? {
        "instance-id" => Some(spec.id.clone()),
        "instance-type" => Some(spec.instance_type.clone()),
        "ami-id" => Some(spec.image_id.clone()),
        "local-ipv4" => address(spec.address),
        "public-ipv4" => address(spec.public_address?),
        "placement/region" => Some(spec.region.clone()),
        "placement/availability-zone" => Some(spec.zone.clone()),
        "placement/availability-zone-id" => Some(spec.zone_id.clone()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn service() -> Service {
        let spec = MachineSpec {
            id: "i-0123456789abcdef0".to_owned(),
            address: Ipv4Addr::new(127, 77, 0, 1),
            vcpus: 2,
            instance_type: "t2.large".to_owned(),
            image_id: "ami-1".to_owned(),
            region: "eu-west-1".to_owned(),
            zone: "eu-west-1a".to_owned(),
            zone_id: "euw1-az3".to_owned(),
            public_address: None,
            user_data: "#!/bin/bash\n".to_owned(),
        };
        Service { spec, tokens: Mutex::default() }
    }

    fn ask(service: &Service, text: &str) -> Answer {
        let request = Request::read(text.replace('\n', "\r\n").as_bytes()).expect("read").expect("a request");
        service.answer(&request)
    }

    #[test]
    fn nothing_is_told_without_a_token() {
        let service = service();
        let path = "/latest/meta-data/instance-id";
        for head in ["", "x-aws-ec2-metadata-token: made up\n"] {
            assert_eq!(ask(&service, &format!("GET {path} HTTP/1.1\n{head}\n")).status, "401 Unauthorized");
        }
        for life in ["", "x-aws-ec2-metadata-token-ttl-seconds: 0\n", "x-aws-ec2-metadata-token-ttl-seconds: 21601\n"] {
            assert_eq!(ask(&service, &format!("PUT /latest/api/token HTTP/1.1\n{life}\n")).status, "400 Bad Request");
        }
        let life = "X-aws-ec2-metadata-token-ttl-seconds: 60";
        let issued = ask(&service, &format!("PUT /latest/api/token HTTP/1.1\n{life}\n\n"));
        assert_eq!(issued.token_seconds, Some(60));
        let token = format!("X-AWS-EC2-Metadata-Token: {}", issued.body);
        assert_eq!(ask(&service, &format!("GET {path} HTTP/1.1\n{token}\n\n")).body, "i-0123456789abcdef0");
        assert_eq!(ask(&service, &format!("GET /latest/meta-data/x HTTP/1.1\n{token}\n\n")).status, "404 Not Found");
        service.tokens.lock().expect("tokens").values_mut().for_each(|until| *until = Instant::now());
        assert_eq!(ask(&service, &format!("GET {path} HTTP/1.1\n{token}\n\n")).status, "401 Unauthorized");
    }

    #[test]
    fn what_an_instance_knows_of_itself() {
        let mut spec = service().spec;
        let get = |spec: &MachineSpec, path: &str| lookup(spec, &format!("/latest/{path}"));
        assert_eq!(get(&spec, "meta-data/placement/availability-zone-id").as_deref(), Some("euw1-az3"));
        assert_eq!(get(&spec, "meta-data/local-ipv4").as_deref(), Some("127.77.0.1"));
        assert_eq!(get(&spec, "meta-data/public-ipv4"), None);
        spec.public_address = Some(Ipv4Addr::new(203, 0, 113, 9));
        assert_eq!(get(&spec, "meta-data/public-ipv4").as_deref(), Some("203.0.113.9"));
        assert_eq!(get(&spec, "user-data").as_deref(), Some("#!/bin/bash\n"));
        assert_eq!(get(&spec, "meta-data/iam/security-credentials/"), None);
    }
}

//! Instance metadata, version 2 only, on the instance's own address.

use std::collections::HashMap;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use serde_json::json;

use super::MachineSpec;
use super::credentials::{Credentials, Role};

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
    /// Those of its role that were issued last.
    credentials: Mutex<Option<Credentials>>,
}

/// Serves until the process ends.
pub(super) fn serve(spec: MachineSpec) -> io::Result<()> {
    let listener = TcpListener::bind((spec.address, METADATA_PORT))?;
    let service = Arc::new(Service { spec, tokens: Mutex::default(), credentials: Mutex::default() });
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
            ("GET", path) => self.look_up(path).map_or_else(|| Answer::error("404 Not Found"), Answer::ok),
            _ => Answer::error("405 Method Not Allowed"),
        }
    }

    fn look_up(&self, path: &str) -> Option<String> {
        let version = path.strip_prefix("/latest/").or_else(|| path.strip_prefix("/2021-07-15/"))?;
        let of_role = version.strip_prefix("meta-data/iam/").zip(self.spec.role.as_ref());
        of_role.map_or_else(|| lookup(&self.spec, version), |(path, role)| self.of_role(role, path, Timestamp::now()))
    }

    /// What an instance knows of its role (EC2 user guide, "Instance metadata categories": `iam/...`).
    fn of_role(&self, role: &Role, path: &str, now: Timestamp) -> Option<String> {
        const CREDENTIALS: &str = "security-credentials";
        if path == "info" {
            let info = json!({
                "Code": "Success",
                "LastUpdated": whole_seconds(self.credentials(role, now).issued_at),
                "InstanceProfileArn": role.profile_arn,
                "InstanceProfileId": role.profile_id,
            });
            return Some(info.to_string());
        }
        match path.strip_prefix(CREDENTIALS)?.strip_prefix('/').unwrap_or_default() {
            "" => Some(role.name.clone()),
            name if name == role.name => {
                let Credentials { access_key, secret_key, token, issued_at, expires_at } = self.credentials(role, now);
                let document = json!({
                    "Code": "Success",
                    "LastUpdated": whole_seconds(issued_at),
                    "Type": "AWS-HMAC",
                    "AccessKeyId": access_key,
                    "SecretAccessKey": secret_key,
                    "Token": token,
                    "Expiration": whole_seconds(expires_at),
                });
                Some(document.to_string())
            }
            _ => None,
        }
    }

    /// Those that were issued last, or new ones where less than a third of their life is left: nobody is ever handed some
    /// that are about to expire.
    fn credentials(&self, role: &Role, now: Timestamp) -> Credentials {
        let mut last = self.credentials.lock().unwrap_or_else(PoisonError::into_inner);
        let is_young = |one: &&Credentials| {
            let left = one.expires_at.as_second() - now.as_second();
            u64::try_from(left).is_ok_and(|left| left.saturating_mul(3) > role.life_seconds)
        };
        if let Some(young) = last.as_ref().filter(is_young) {
            return young.clone();
        }
        last.insert(role.secret.issue(&self.spec.id, now, role.life_seconds)).clone()
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

fn whole_seconds(at: Timestamp) -> String {
    at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

/// The value at a path below a version, if there is one.
fn lookup(spec: &MachineSpec, version: &str) -> Option<String> {
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
    use crate::machine::credentials::Secret;

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
            endpoint: None,
            role: None,
        };
        Service { spec, tokens: Mutex::default(), credentials: Mutex::default() }
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
        let get = |spec: &MachineSpec, path: &str| lookup(spec, path);
        assert_eq!(get(&spec, "meta-data/placement/availability-zone-id").as_deref(), Some("euw1-az3"));
        assert_eq!(get(&spec, "meta-data/local-ipv4").as_deref(), Some("127.77.0.1"));
        assert_eq!(get(&spec, "meta-data/public-ipv4"), None);
        spec.public_address = Some(Ipv4Addr::new(203, 0, 113, 9));
        assert_eq!(get(&spec, "meta-data/public-ipv4").as_deref(), Some("203.0.113.9"));
        assert_eq!(get(&spec, "user-data").as_deref(), Some("#!/bin/bash\n"));
    }

    #[test]
    fn an_instance_without_a_role_has_no_credentials() {
        let service = service();
        for path in
            ["iam/security-credentials/", "iam/security-credentials", "iam/security-credentials/any", "iam/info"]
        {
            assert_eq!(service.look_up(&format!("/latest/meta-data/{path}")), None, "{path}");
        }
    }

    #[test]
    fn credentials_of_the_role_are_renewed_before_they_expire() {
        let mut service = service();
        let role = Role {
            name: "queues".to_owned(),
            profile_arn: "arn:aws:iam::000000000000:instance-profile/queues".to_owned(),
            profile_id: "AIPAQUEUES".to_owned(),
            life_seconds: 900,
            secret: Secret::new(),
        };
        service.spec.role = Some(role.clone());
        assert_eq!(service.look_up("/latest/meta-data/iam/security-credentials/").as_deref(), Some("queues"));
        assert_eq!(service.look_up("/latest/meta-data/iam/security-credentials/other"), None);
        let info = service.look_up("/latest/meta-data/iam/info").expect("info");
        assert!(info.contains(&role.profile_arn), "{info}");
        let begin = Timestamp::now();
        let read = |seconds: i64| -> serde_json::Value {
            let now = begin + jiff::SignedDuration::from_secs(seconds);
            let text = service.of_role(&role, "security-credentials/queues", now).expect("credentials");
            serde_json::from_str(&text).expect("JSON")
        };
        let first = read(0);
        assert_eq!((&first["Code"], &first["Type"]), (&json!("Success"), &json!("AWS-HMAC")));
        assert_eq!(read(590), first, "most of their life is left");
        let second = read(610);
        assert_ne!(second["AccessKeyId"], first["AccessKeyId"]);
        assert!(second["Expiration"].as_str() > first["Expiration"].as_str(), "{second} {first}");
        let (key, token) = (second["AccessKeyId"].as_str(), second["Token"].as_str());
        let id = role.secret.recognise(key.unwrap_or_default(), token, begin);
        assert_eq!(id.as_deref(), Ok("i-0123456789abcdef0"));
    }
}

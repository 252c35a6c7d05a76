//! The worker: each request gets its answer here.

use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::{ALLOW, CACHE_CONTROL, CONTENT_TYPE};
use http::request::Parts;
use http::{HeaderName, HeaderValue, Method, Request, Response, StatusCode};
use http_body_util::Full;
use hyper::body::Body;
use serde::Serialize;

use crate::config::Config;
use crate::demand::Demands;
use crate::duration::LONGEST;
use crate::machine::{Calibrator, Machine};
use crate::measurements::{Ended, Measurements};
use crate::names::name_of;
use crate::paths::{InvalidPath, Paths};
use crate::processor::burn;
use crate::profile::Kind;
use crate::slots::{Served, Slots};
use crate::timer::Timers;
use crate::upload;

/// A request that carries this header has the demand that belongs to its text; see [`Demands::replayed`].
pub const REPLAY_HEADER: &str = "x-clusterbench-seed";

// The same names as in the balancer's and the generator's wire format. The worker does not link that crate:
// it stands for any user's application, which would not either.
const BACKEND: HeaderName = HeaderName::from_static("x-backend");
const BOOT: HeaderName = HeaderName::from_static("x-boot");
const SLOTS: HeaderName = HeaderName::from_static("x-slots");
/// A request that carries it is answered with the same, so that whoever asked can tell answers apart.
const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// Pages about the worker itself, which are read only.
const PAGES: [&str; 4] = ["/health", "/metrics", "/machine", "/calibration"];

/// One worker process.
pub struct Worker {
    instance_id: String,
    cluster: String,
    paths: Paths,
    demands: Demands,
    slots: Slots,
    timers: Timers,
    measurements: Measurements,
    calibrator: Arc<Calibrator>,
    identity: [(HeaderName, HeaderValue); 3],
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Answer<'a> {
    instance_id: &'a str,
    cluster: &'a str,
    /// Work that this request was, whatever time it took.
    work_micros: u64,
    /// Time for which it waited for a slot.
    queued_micros: u64,
}

impl Worker {
    /// `listening` is the address that is really served, which names a worker without a name.
    pub fn new(config: &Config, listening: std::net::SocketAddr) -> Result<Self, InvalidPath> {
        let unnamed = config.instance_id.is_empty();
        let instance_id = if unnamed { listening.to_string() } else { config.instance_id.clone() };
        let slots = config.slot_count();
        let value = |text: &str| HeaderValue::from_str(text).unwrap_or(HeaderValue::from_static("invalid"));
        let boot = format!("{:016x}", rand::random::<u64>());
        Ok(Self {
            identity: [(BACKEND, value(&instance_id)), (BOOT, value(&boot)), (SLOTS, HeaderValue::from(slots))],
            instance_id,
            cluster: config.cluster.clone(),
            paths: config.paths()?,
            demands: Demands::new(config.work, config.seed.unwrap_or_else(rand::random)),
            slots: Slots::new(slots),
            timers: Timers::default(),
            measurements: Measurements::default(),
            calibrator: Arc::default(),
        })
    }

    /// Answers one request: GET with who the worker is, after its work, and without reading a body; POST and PUT with the
    /// name of what they upload.
    ///
    /// *Cancellation*: a client that goes away leaves queue and slot; CPU time being burnt is burnt to the end.
    pub async fn answer<B>(&self, request: Request<B>) -> Response<Full<Bytes>>
    where
        B: Body<Data = Bytes>,
        B::Error: Into<Box<dyn Error + Send + Sync>>,
    {
        let id = request.headers().get(REQUEST_ID).cloned();
        let mut response = self.respond(request).await;
        let id = id.map(|id| (REQUEST_ID, id));
        for (name, value) in self.identity.iter().cloned().chain(id) {
            response.headers_mut().insert(name, value);
        }
        response
    }

    async fn respond<B>(&self, request: Request<B>) -> Response<Full<Bytes>>
    where
        B: Body<Data = Bytes>,
        B::Error: Into<Box<dyn Error + Send + Sync>>,
    {
        let (head, body) = request.into_parts();
        let path = head.uri.path();
        let is_upload = matches!(head.method, Method::POST | Method::PUT) && !PAGES.contains(&path);
        if !is_upload && !matches!(head.method, Method::GET | Method::HEAD) {
            self.measurements.ended(Ended::Refused);
            let methods = if PAGES.contains(&path) { "GET, HEAD" } else { "GET, HEAD, POST, PUT" };
            let mut response = text(StatusCode::METHOD_NOT_ALLOWED, format!("{path} is answered for {methods}\n"));
            response.headers_mut().insert(ALLOW, HeaderValue::from_static(methods));
            return response;
        }
        match path {
            "/health" => text(StatusCode::OK, "ok\n"),
            "/metrics" => self.metrics(),
            "/machine" => json(&Machine::read()),
            "/calibration" => match self.calibrator.calibrate().await {
                Some(calibration) => json(&calibration),
                None => text(StatusCode::SERVICE_UNAVAILABLE, "another calibration is on: ask again in a second\n"),
            },
            path if self.paths.owns(path) => {
                let _in_flight = self.measurements.enter();
                if !is_upload {
                    return self.work(&head, None).await;
                }
                match upload::content(&head.headers, body).await {
                    Ok(content) => self.work(&head, Some(content)).await,
                    Err(refusal) => {
                        self.measurements.ended(Ended::Refused);
                        text(refusal.status(), refusal.to_string())
                    }
                }
            }
            _ => {
                self.measurements.ended(Ended::NotFound);
                let serves = self.paths.cluster_path();
                text(StatusCode::NOT_FOUND, format!("{} serves {serves}, not {path}\n", self.instance_id))
            }
        }
    }

    async fn work(&self, head: &Parts, uploaded: Option<Bytes>) -> Response<Full<Bytes>> {
        let demand = match self.demand(head) {
            Ok(demand) => demand,
            Err(why) => {
                self.measurements.ended(Ended::Refused);
                return text(StatusCode::BAD_REQUEST, why);
            }
        };
        let served = self.serve(demand).await;
        self.measurements.ended(Ended::Answered(served));
        if let Some(content) = uploaded {
            let mut response = text(StatusCode::OK, name_of(&content));
            response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
            return response;
        }
        let answer = Answer {
            instance_id: &self.instance_id,
            cluster: &self.cluster,
            work_micros: micros(demand),
            queued_micros: micros(served.queued),
        };
        json(&answer)
    }

    /// The request's own number, else the draw that belongs to its seed, else the next draw of this process.
    fn demand(&self, head: &Parts) -> Result<Duration, String> {
        if self.demands.profile().kind == Kind::Echo {
            return Ok(Duration::ZERO);
        }
        let asked = head.uri.query().unwrap_or("").split('&').find_map(|pair| pair.strip_prefix("work_micros="));
        if let Some(asked) = asked {
            let longest = micros(LONGEST);
            return match asked.parse::<u64>() {
                Ok(value) if value <= longest => Ok(Duration::from_micros(value)),
                _ => Err(format!("work_micros is {asked:?}: it must be a whole number from 0 to {longest}\n")),
            };
        }
        Ok(match head.headers.get(REPLAY_HEADER) {
            Some(replay) => self.demands.replayed(replay.as_bytes()),
            None => self.demands.next(),
        })
    }

    async fn serve(&self, demand: Duration) -> Served {
        match self.demands.profile().kind {
            Kind::Echo => Served::default(),
            Kind::Sleep => self.slots.serve(self.timers.sleep(demand)).await,
            Kind::Spin => self.slots.serve(spin(demand)).await,
            Kind::Timesliced => {
                let start = std::time::Instant::now();
                spin(demand).await;
                Served { queued: Duration::ZERO, service: start.elapsed() }
            }
        }
    }

    fn metrics(&self) -> Response<Full<Bytes>> {
        let mut response = text(StatusCode::OK, self.measurements.text(self.slots.count(), self.slots.queue_length()));
        let exposition = HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8");
        response.headers_mut().insert(CONTENT_TYPE, exposition);
        response
    }
}

/// Burns off the reactor's threads, so that accepting and answering go on meanwhile.
async fn spin(demand: Duration) {
    // It ends in an error only when the runtime is going down.
    let _ = tokio::task::spawn_blocking(move || burn(demand)).await;
}

fn json(answer: &impl Serialize) -> Response<Full<Bytes>> {
    // Strings and numbers always serialise.
    let mut body = serde_json::to_vec(answer).unwrap_or_default();
    body.push(b'\n');
    let mut response = Response::new(Full::new(Bytes::from(body)));
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    // Something in between that answered from memory would be measured instead of us.
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

fn text(status: StatusCode, body: impl Into<Bytes>) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(body.into()));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    response
}

fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;
    use http_body_util::BodyExt as _;

    use super::*;

    fn worker(args: &[&str]) -> Worker {
        let config = Config::try_parse_from([&["worker"], args].concat()).expect("valid flags");
        Worker::new(&config, "127.0.0.1:8001".parse().expect("address")).expect("valid path")
    }

    async fn get(worker: &Worker, path: &str, replay: Option<&str>) -> (StatusCode, http::HeaderMap, String) {
        let mut request = Request::get(path);
        if let Some(replay) = replay {
            request = request.header(REPLAY_HEADER, replay);
        }
        let (parts, body) = worker.answer(request.body(Full::<Bytes>::default()).expect("request")).await.into_parts();
        let body = body.collect().await.expect("body").to_bytes();
        (parts.status, parts.headers, String::from_utf8(body.to_vec()).expect("text"))
    }

    #[tokio::test]
    async fn every_answer_names_the_worker() {
        let worker = worker(&["--instance-id", "i-7", "--cluster", "blue", "--slots", "3"]);
        let boot = get(&worker, "/", None).await.1[BOOT].clone();
        for path in ["/", "/blue", "/blue/x", "/red", "/health", "/metrics", "/machine"] {
            let (_, headers, _) = get(&worker, path, None).await;
            assert_eq!(
                (&headers[BACKEND], &headers[SLOTS], &headers[BOOT]),
                (&"i-7".parse().expect("value"), &"3".parse().expect("value"), &boot),
                "{path}"
            );
        }
    }

    #[tokio::test]
    async fn no_cluster_can_be_served_where_a_page_is() {
        for page in wire::WORKER_PAGES {
            let worker = worker(&["--cluster", "blue", "--cluster-path", page]);
            let (status, _, body) = get(&worker, page, None).await;
            assert!(status == StatusCode::OK && !body.contains("\"cluster\":"), "{page}: {status} {body}");
            assert!(get(&worker, &format!("{page}/deep"), None).await.2.contains("\"cluster\":\"blue\""), "{page}");
        }
    }

    #[tokio::test]
    async fn only_its_own_cluster_is_served() {
        let worker = worker(&["--instance-id", "i-7", "--cluster", "blue"]);
        for (path, status) in [("/", 200), ("/blue", 200), ("/blue/x?a=1", 200), ("/red", 404), ("/bluer", 404)] {
            assert_eq!(get(&worker, path, None).await.0, status, "{path}");
        }
        let (_, _, body) = get(&worker, "/blue", None).await;
        assert_eq!(body, "{\"instanceId\":\"i-7\",\"cluster\":\"blue\",\"workMicros\":0,\"queuedMicros\":0}\n");
        assert_eq!(get(&worker, "/red", None).await.2, "i-7 serves /blue, not /red\n");
        assert!(get(&worker, "/metrics", None).await.2.contains("worker_requests_total{result=\"not_found\"} 3"));
    }

    #[tokio::test]
    async fn a_request_may_bring_its_demand() {
        let worker = worker(&["--work", "sleep:exponential:1ms"]);
        assert!(get(&worker, "/?x=1&work_micros=7", None).await.2.contains("\"workMicros\":7,"));
        for wrong in ["-1", "", "1.5", "600000001"] {
            let (status, _, body) = get(&worker, &format!("/?work_micros={wrong}"), None).await;
            assert_eq!((status, body.starts_with("work_micros is ")), (StatusCode::BAD_REQUEST, true), "{body}");
        }
    }

    #[tokio::test]
    async fn a_replayed_request_is_the_same_work_on_every_worker() {
        let args = ["--work", "spin:exponential:100us"];
        let (one, other) = (worker(&args), worker(&args));
        let work = async |worker: &Worker, replay: &str| {
            let body = get(worker, "/", Some(replay)).await.2;
            serde_json::from_str::<serde_json::Value>(&body).expect("JSON")["workMicros"].as_u64().expect("number")
        };
        assert_eq!(work(&one, "a").await, work(&other, "a").await);
        assert_ne!(work(&one, "a").await, work(&other, "b").await);
    }

    #[tokio::test]
    async fn says_what_it_runs_on_and_how_fast_that_is() {
        let worker = worker(&[]);
        let number = async |path: &str, field: &str| {
            let (status, _, body) = get(&worker, path, None).await;
            assert_eq!(status, StatusCode::OK, "{body}");
            let answer: serde_json::Value = serde_json::from_str(&body).expect("JSON");
            answer[field].as_u64().unwrap_or_else(|| panic!("{field} in {body}"))
        };
        let before = number("/machine", "busyMillis").await;
        assert!(number("/calibration", "micros").await > 0);
        assert!(number("/machine", "busyMillis").await > before, "a calibration is work");
        assert!(number("/machine", "totalMillis").await >= before + number("/machine", "stolenMillis").await);
        assert!(get(&worker, "/machine", None).await.2.contains("\"kernel\":"));
    }

    async fn send(
        worker: &Worker,
        method: &str,
        path: &str,
        body: &'static [u8],
    ) -> (StatusCode, http::HeaderMap, String) {
        let request = Request::builder().method(method).uri(path).header("x-request-id", "r-1");
        let request = request.body(Full::new(Bytes::from_static(body))).expect("request");
        let (parts, body) = worker.answer(request).await.into_parts();
        let body = body.collect().await.expect("body").to_bytes();
        (parts.status, parts.headers, String::from_utf8(body.to_vec()).expect("text"))
    }

    #[tokio::test]
    async fn an_upload_is_answered_with_its_name_after_the_work() {
        let worker = worker(&["--instance-id", "i-7", "--cluster", "blue", "--work", "sleep:1ms"]);
        for (method, path) in [("POST", "/blue"), ("PUT", "/blue/x"), ("POST", "/")] {
            let (status, headers, body) = send(&worker, method, path, b"abc").await;
            assert_eq!((status, body.as_str()), (StatusCode::OK, name_of(b"abc")), "{method} {path}");
            assert_eq!(headers[CONTENT_TYPE], "text/plain; charset=utf-8");
            assert!(headers["x-request-id"] == "r-1" && headers[BACKEND] == "i-7", "{headers:?}");
        }
        assert_eq!(send(&worker, "POST", "/red", b"abc").await.0, StatusCode::NOT_FOUND);
        let metrics = get(&worker, "/metrics", None).await.2;
        assert!(metrics.contains("worker_requests_total{result=\"answered\"} 3"), "{metrics}");
        assert!(metrics.contains("worker_service_seconds_bucket{le=\"0.0005\"} 0"), "they were work: {metrics}");
    }

    #[tokio::test]
    async fn other_methods_are_refused() {
        let worker = worker(&[]);
        for (method, path, allowed) in [
            ("DELETE", "/", "GET, HEAD, POST, PUT"),
            ("POST", "/health", "GET, HEAD"),
            ("PATCH", "/metrics", "GET, HEAD"),
        ] {
            let (status, headers, body) = send(&worker, method, path, b"").await;
            assert!(
                status == StatusCode::METHOD_NOT_ALLOWED && headers[ALLOW] == allowed,
                "{method} {path}: {headers:?}"
            );
            assert!(body.ends_with(&format!(" for {allowed}\n")), "{body}");
        }
    }
}

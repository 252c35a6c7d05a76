//! Deliveries: programs that the operator puts here once, and members that are to have them and that it does not dial
//! itself. A program is known by its hash, so whoever it passes through changes nothing of it.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::body::{Body, HttpBody};
use axum::extract::{Path, State as Shared};
use axum::routing::put;
use axum::{Json, Router};
use bytes::{Bytes, BytesMut};
use http::{HeaderMap, Request, StatusCode, header};
use http_body_util::{BodyExt, Full, Limited};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::Instant;
use wire::{
    DELIVERIES_PATH, Deliveries, Loaders, Loading, PROGRAM_LIMIT_BYTES, PROGRAM_LONGEST, PROGRAM_SILENCE,
    PROGRAMS_PATH, Receiver, sha256_hex,
};

use crate::exchange::{Failed, exchange};
use crate::{Problem, document};

/// Time for one look at a member. All are looked at at once, and the operator waits for 5 s.
const PATIENCE: Duration = Duration::from_secs(3);
/// Time for one program to one member: 64 MB at half a megabyte a second, in one VPC.
const LONGEST: Duration = Duration::from_secs(140);
/// Members that are handed something at the same time: a small instance has no more to send with.
const AT_ONCE: usize = 16;
/// How long a program is kept that nobody asks for any more.
const KEPT: Duration = Duration::from_secs(300);
/// Programs that are kept: more are none of one benchmark's.
const MOST: usize = 6;

/// What is held and under way. Clones are the same one.
#[derive(Clone)]
pub(crate) struct Relay {
    state: Arc<Mutex<State>>,
    turns: Arc<Semaphore>,
}

#[derive(Default)]
struct State {
    /// The programs by their hash, each with when it was asked for last.
    programs: BTreeMap<String, (Bytes, Instant)>,
    /// Address and hash of what is being handed over.
    coming: BTreeSet<(SocketAddr, String)>,
    /// Why it could not be, the last time, by address.
    failures: BTreeMap<SocketAddr, String>,
}

impl Relay {
    pub(crate) fn new() -> Self {
        Self { state: Arc::default(), turns: Arc::new(Semaphore::new(AT_ONCE)) }
    }

    /// `PUT` of [`DELIVERIES_PATH`]. To be put behind a [`crate::Guard`].
    pub(crate) fn deliveries(&self) -> Router {
        Router::new().route(DELIVERIES_PATH, put(deliver)).with_state(self.clone())
    }

    /// `PUT` of [`PROGRAMS_PATH`] and a hash, whose body is too long to be held before the request is trusted.
    pub(crate) fn programs(&self) -> Router {
        Router::new().route(&format!("{PROGRAMS_PATH}/{{sha256}}"), put(take)).with_state(self.clone())
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The program, if it is here. It is kept for a while longer.
    fn held(&self, sha256: &str) -> Option<Bytes> {
        let mut state = self.lock();
        let (program, asked_at) = state.programs.get_mut(sha256)?;
        *asked_at = Instant::now();
        Some(program.clone())
    }

    /// Keeps a program until nobody has asked for it for a while.
    fn keep(&self, sha256: String, program: Bytes) {
        let mut state = self.lock();
        state.programs.insert(sha256.clone(), (program, Instant::now()));
        while state.programs.len() > MOST {
            let oldest = state.programs.iter().min_by_key(|(_, (_, asked_at))| *asked_at);
            let Some(oldest) = oldest.map(|(sha256, _)| sha256.clone()) else { break };
            state.programs.remove(&oldest);
        }
        drop(state);
        let relay = self.clone();
        tokio::spawn(async move {
            while let Some(left) = relay.left(&sha256) {
                tokio::time::sleep(left).await;
            }
        });
    }

    /// How long a program is still kept. `None`: no more, or it is gone.
    fn left(&self, sha256: &str) -> Option<Duration> {
        let mut state = self.lock();
        let (_, asked_at) = state.programs.get(sha256)?;
        let left = KEPT.saturating_sub(asked_at.elapsed());
        if left.is_zero() {
            state.programs.remove(sha256);
            return None;
        }
        Some(left)
    }

    /// Hands a program over, unless that is under way.
    fn hand(&self, to: SocketAddr, sha256: &str, program: &Bytes) {
        let what = (to, sha256.to_owned());
        if !self.lock().coming.insert(what.clone()) {
            return;
        }
        let (relay, program) = (self.clone(), program.clone());
        tokio::spawn(async move {
            // It is never closed.
            let turn = relay.turns.acquire().await;
            let handed = tokio::time::timeout(LONGEST, bring(to, &what.1, program)).await;
            let handed = handed.unwrap_or_else(|_| Err(format!("no answer within {} s", LONGEST.as_secs()).into()));
            drop(turn);
            let mut state = relay.lock();
            match handed {
                Ok(()) => drop(state.failures.remove(&to)),
                Err(why) => drop(state.failures.insert(to, format!("{to}: {why}"))),
            }
            state.coming.remove(&what);
        });
    }

    /// What the loader at an address says. `None`: there is none, or no answer.
    async fn look(&self, at: SocketAddr) -> Option<Loading> {
        let said = tokio::time::timeout(PATIENCE, ask(at)).await.ok()?.ok()?;
        let state = self.lock();
        let coming = said.missing.iter().filter(|sha256| state.coming.contains(&(at, (*sha256).clone())));
        Some(Loading { coming: coming.cloned().collect(), failure: state.failures.get(&at).cloned(), ..said })
    }
}

/// A program, if it is what its path says.
async fn take(
    Shared(relay): Shared<Relay>,
    Path(sha256): Path<String>,
    headers: HeaderMap,
    body: Body,
) -> Result<StatusCode, Problem> {
    let length = headers.get(header::CONTENT_LENGTH).and_then(|text| text.to_str().ok()?.parse::<u64>().ok());
    let length = length.ok_or_else(|| Problem::new(StatusCode::LENGTH_REQUIRED, "how long is it?"))?;
    let too_long = |why: String| Problem::new(StatusCode::PAYLOAD_TOO_LARGE, why);
    if length > PROGRAM_LIMIT_BYTES {
        return Err(too_long(format!("{length} bytes: the limit is {PROGRAM_LIMIT_BYTES}")));
    }
    let limit = usize::try_from(PROGRAM_LIMIT_BYTES).unwrap_or(usize::MAX);
    let whole = patiently(Limited::new(body, limit)).await;
    let whole = whole.ok_or_else(|| Problem::new(StatusCode::REQUEST_TIMEOUT, "the program did not come in time"))?;
    let program = whole.map_err(|error| too_long(format!("the program could not be read: {error}")))?;
    let hashed = program.clone();
    let got = tokio::task::spawn_blocking(move || sha256_hex(&hashed)).await;
    let got = got.map_err(|error| Problem::new(StatusCode::INTERNAL_SERVER_ERROR, error.to_string()))?;
    if got != sha256 {
        let why = format!("the body has sha256 {got}, not {sha256}: it was not kept");
        return Err(Problem::new(StatusCode::UNPROCESSABLE_ENTITY, why));
    }
    relay.keep(sha256, program);
    Ok(StatusCode::CREATED)
}

/// A body that may come slowly, as long as something does. `None`: nothing did, or it took very long.
async fn patiently<B: HttpBody<Data = Bytes> + Unpin>(mut body: B) -> Option<Result<Bytes, B::Error>> {
    let (end, mut whole) = (Instant::now() + PROGRAM_LONGEST, BytesMut::new());
    loop {
        let within = end.min(Instant::now() + PROGRAM_SILENCE);
        match tokio::time::timeout_at(within, body.frame()).await.ok()? {
            Some(Ok(frame)) => whole.extend_from_slice(frame.data_ref().map_or(&[][..], |data| data)),
            Some(Err(error)) => return Some(Err(error)),
            None => return Some(Ok(whole.freeze())),
        }
    }
}

async fn deliver(Shared(relay): Shared<Relay>, body: Bytes) -> Result<Json<Loaders>, Problem> {
    let Deliveries { program, members } = document(&body)?;
    let members = members.into_iter().filter_map(|Receiver { id, address }| Some((id, address.parse().ok()?)));
    let members: Vec<(String, SocketAddr)> = members.collect();
    if let Some(sha256) = program {
        let held = relay.held(&sha256);
        let missing = || Problem::new(StatusCode::NOT_FOUND, format!("{sha256} is not here: put it here first"));
        let program = held.ok_or_else(missing)?;
        members.iter().for_each(|(_, address)| relay.hand(*address, &sha256, &program));
        return Ok(Json(Loaders::new()));
    }
    let mut looks = JoinSet::new();
    for (id, address) in members {
        let relay = relay.clone();
        looks.spawn(async move { relay.look(address).await.map(|said| (id, said)) });
    }
    Ok(Json(looks.join_all().await.into_iter().flatten().collect()))
}

async fn ask(at: SocketAddr) -> Result<Loading, Failed> {
    let request = Request::get(PROGRAMS_PATH).header(header::HOST, at.to_string()).body(Full::default())?;
    let (status, body) = exchange(at, request).await?;
    if status != StatusCode::SERVICE_UNAVAILABLE {
        return Err(format!("{status}: no loader").into());
    }
    Ok(serde_json::from_slice(&body)?)
}

async fn bring(to: SocketAddr, sha256: &str, program: Bytes) -> Result<(), Failed> {
    let request = Request::put(format!("{PROGRAMS_PATH}/{sha256}")).header(header::HOST, to.to_string());
    let (status, body) = exchange(to, request.body(Full::new(program))?).await?;
    if status.is_success() {
        return Ok(());
    }
    Err(format!("{status} {}", String::from_utf8_lossy(&body).trim()).into())
}

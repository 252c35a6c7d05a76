//! Pullers of a test by their addresses, reached without a network: lines may be cut or silent, and answers may be bent.

use std::collections::BTreeMap;
use std::fmt;
use std::future::{Future, pending};
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock};
use std::time::{Duration, SystemTime};

use queue::front::{Asked, Pullers, Unwell};
use queue::puller::Puller;
use queue::{Duty, Objects, Order, Program, PullerStatus, Queues};
use tokio::time::{sleep, timeout};
use wire::{ClusterScaling, Member, Membership};

/// Way of a question, and of its answer.
const LATENCY: Duration = Duration::from_millis(10);

/// A puller whatever it is over.
trait Line: Send + Sync {
    fn obey(self: Arc<Self>, order: Option<Order>) -> Pin<Box<dyn Future<Output = PullerStatus> + Send>>;
    fn status(&self) -> PullerStatus;
}

impl<C: Queues + Objects, P: Program> Line for Puller<C, P> {
    /// What its page does.
    fn obey(self: Arc<Self>, order: Option<Order>) -> Pin<Box<dyn Future<Output = PullerStatus> + Send>> {
        Box::pin(async move {
            order.iter().for_each(|order| Puller::obey(&self, order).unwrap());
            let _ = self.check().await;
            Puller::status(&self)
        })
    }

    fn status(&self) -> PullerStatus {
        Puller::status(self)
    }
}

/// Faults of a front or a puller, put between the two.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Bent {
    Not,
    /// A puller says that it is drained while a poll is on.
    PollIsNothing,
    /// A front takes silence for a word.
    SilenceIsAWord,
}

#[derive(Default)]
struct Lines {
    pullers: BTreeMap<SocketAddr, Arc<dyn Line>>,
    silent: BTreeMap<SocketAddr, ()>,
    heard: BTreeMap<SocketAddr, PullerStatus>,
    orders: Vec<Order>,
}

/// All lines.
pub(crate) struct Board {
    lines: Mutex<Lines>,
    bent: Bent,
}

impl fmt::Debug for Board {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Board").field("bent", &self.bent).finish_non_exhaustive()
    }
}

/// Address of the instance `i-NUMBER`.
pub(crate) fn address(id: &str) -> SocketAddr {
    let number: u16 = id.trim_start_matches("i-").parse().unwrap();
    ([10, 0, (number >> 8) as u8, number as u8], 8_082).into()
}

/// The start of every boot here: a minute and a half before the tests.
fn since() -> i64 {
    static SINCE: OnceLock<i64> = OnceLock::new();
    *SINCE.get_or_init(|| SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs() as i64 - 90)
}

/// The cluster `micro` with these members, of which these are to drain.
pub(crate) fn scaled(members: &[&str], drain: &[&str]) -> Membership {
    let mut membership = crate::stage::membership(&[]);
    let cluster = &mut membership.clusters[0];
    let member = |id: &&str| Member { id: (*id).into(), address: address(id).to_string(), vcpus: None };
    cluster.members = members.iter().map(member).collect();
    cluster.scaling = Some(ClusterScaling {
        least: 0,
        starting: 0,
        lacking: 0,
        drain: drain.iter().map(|id| (*id).to_owned()).collect(),
        since: members.iter().map(|id| ((*id).to_owned(), since())).collect(),
    });
    membership
}

impl Board {
    pub(crate) fn new(bent: Bent) -> Arc<Self> {
        Arc::new(Self { lines: Mutex::default(), bent })
    }

    fn lines(&self) -> MutexGuard<'_, Lines> {
        self.lines.lock().unwrap()
    }

    /// A puller is reached from now on, in place of whoever was there.
    pub(crate) fn connect<C: Queues + Objects, P: Program>(&self, puller: &Arc<Puller<C, P>>) {
        let at = address(&Puller::status(puller).instance_id);
        self.lines().pullers.insert(at, Arc::clone(puller) as Arc<dyn Line>);
    }

    /// Nobody listens there any more.
    pub(crate) fn cut(&self, id: &str) {
        self.lines().pullers.remove(&address(id));
    }

    /// Whoever is there is not heard, or is again.
    pub(crate) fn silence(&self, id: &str, is_silent: bool) {
        let mut lines = self.lines();
        if is_silent {
            lines.silent.insert(address(id), ());
        } else {
            lines.silent.remove(&address(id));
        }
    }

    /// How a puller really is. `None`: there is none.
    pub(crate) fn truth(&self, id: &str) -> Option<PullerStatus> {
        self.lines().pullers.get(&address(id)).map(|line| line.status())
    }

    /// Orders that came.
    pub(crate) fn orders(&self) -> Vec<Order> {
        self.lines().orders.clone()
    }

    async fn reach(&self, address: SocketAddr, order: Option<Order>) -> Result<PullerStatus, Unwell> {
        sleep(LATENCY).await;
        if self.lines().silent.contains_key(&address) {
            return pending().await;
        }
        let line = self.lines().pullers.get(&address).cloned().ok_or(Unwell::Refused)?;
        self.lines().orders.extend(order.clone());
        let status = line.obey(order).await;
        sleep(LATENCY).await;
        if self.lines().silent.contains_key(&address) { pending().await } else { Ok(status) }
    }
}

impl Pullers for Board {
    fn ask(&self, address: SocketAddr, order: Option<Order>) -> Asked<'_> {
        Box::pin(async move {
            let is_to_drain = order.as_ref().is_some_and(|order| order.duty == Duty::Drain);
            match self.bent {
                Bent::Not => self.reach(address, order).await,
                Bent::PollIsNothing => {
                    let status = self.reach(address, order).await?;
                    let drained = status.duty == Duty::Drain && status.in_flight == 0;
                    Ok(PullerStatus { drained, ..status })
                }
                Bent::SilenceIsAWord => {
                    let told = timeout(Duration::from_secs(2), self.reach(address, order)).await;
                    if let Ok(told) = told {
                        let status = told?;
                        self.lines().heard.insert(address, status.clone());
                        return Ok(status);
                    }
                    let heard = self.lines().heard.get(&address).cloned().ok_or(Unwell::Silent)?;
                    let drained = is_to_drain;
                    Ok(PullerStatus { duty: if drained { Duty::Drain } else { heard.duty }, drained, ..heard })
                }
            }
        })
    }
}

//! A region of the lab: a simulation in real time, its endpoint, and the machines behind its instances.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use cloudsim::ec2::{self, Change, MachineStart};
use cloudsim::{Audit, Settings, SharedSim, Sim, StoryLine};
use jiff::Timestamp;
use tokio::net::TcpListener;
use tokio::sync::mpsc::UnboundedReceiver;
use tokio::task::{JoinError, JoinSet};

use crate::aws::{Polls, Served, Store, serve};
use crate::gateway;
use crate::machine::{MachineEvent, MachineSpec, Machines, Role, Secret};

/// Pause between two looks at the simulation when nothing is known to be due: a test may have changed it directly.
const POLL_INTERVAL: Duration = Duration::from_millis(50);

/// Starts regions.
pub struct Region;

impl Region {
    /// Starts a region whose instances are `machines`.
    ///
    /// *Guarantees*: the endpoint answers when this returns.
    /// *Errors*: the address is taken, or a network in `settings` is none.
    /// *Cancellation*: dropping what is returned ends endpoint and driver at once; the machines are the caller's.
    pub async fn start(
        settings: Settings,
        listen: SocketAddr,
        machines: Arc<dyn Machines>,
        events: UnboundedReceiver<MachineEvent>,
    ) -> io::Result<RunningRegion> {
        let settings = Settings { machines: cloudsim::Machines::Driven, ..settings };
        start(settings, listen, Some((machines, events))).await
    }

    /// Starts a region whose instances run by being said to.
    ///
    /// *Errors* and *Cancellation* as [`Region::start`].
    pub async fn start_without_machines(settings: Settings, listen: SocketAddr) -> io::Result<RunningRegion> {
        let settings = Settings { machines: cloudsim::Machines::Imagined, ..settings };
        start(settings, listen, None).await
    }

    /// For tests of clients: on a free port of the loopback address, without machines.
    ///
    /// # Panics
    /// When there is no free port, or a network in `settings` is none.
    #[expect(clippy::expect_used, reason = "for tests, where a panic is the report")]
    pub async fn start_for_tests(settings: Settings) -> RunningRegion {
        let listen = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        Self::start_without_machines(settings, listen).await.expect("a free port on the loopback address")
    }
}

/// A region that answers until it is dropped.
pub struct RunningRegion {
    sim: SharedSim,
    endpoint: SocketAddr,
    seed: u64,
    objects: Arc<Store>,
    tasks: JoinSet<()>,
}

impl RunningRegion {
    /// The address of the AWS endpoint: `http://` and this is the value of `AWS_ENDPOINT_URL`.
    pub fn endpoint(&self) -> SocketAddr {
        self.endpoint
    }

    /// The simulation, for scripting faults and asking for the truth.
    pub fn sim(&self) -> SharedSim {
        self.sim.clone()
    }

    /// From now on the bytes of objects go to this directory, which is there; before, they are kept in memory. Called once.
    pub fn keep_objects_in(&self, directory: &Path) {
        self.objects.use_directory(directory);
    }

    /// The seed that chance was drawn from.
    pub fn seed(&self) -> u64 {
        self.seed
    }

    /// The truth: what was launched, what is left.
    pub fn audit(&self) -> Audit {
        self.sim.lock().audit()
    }

    /// Everything that happened, in order.
    pub fn story(&self) -> Vec<StoryLine> {
        self.sim.lock().story().to_vec()
    }

    /// Ends endpoint and driver; the port is free when this returns.
    pub async fn stop(mut self) {
        self.tasks.shutdown().await;
    }

    /// Waits until a part of the region ends, which none should.
    pub async fn ended(&mut self) -> Option<JoinError> {
        self.tasks.join_next().await.and_then(Result::err)
    }
}

async fn start(
    settings: Settings,
    listen: SocketAddr,
    driven: Option<(Arc<dyn Machines>, UnboundedReceiver<MachineEvent>)>,
) -> io::Result<RunningRegion> {
    let seed = rand::random();
    let sim = Sim::new(seed, settings).map_err(|error| io::Error::new(io::ErrorKind::InvalidInput, error))?;
    let sim = SharedSim::new(sim, Arc::new(Timestamp::now));
    let listener = TcpListener::bind(listen).await?;
    let endpoint = listener.local_addr()?;
    tracing::info!(%endpoint, seed, "the AWS endpoint answers");
    let (machines, events) = driven.unzip();
    let (changed, secret, objects) = (tokio::sync::Notify::new(), Secret::new(), Arc::new(Store::default()));
    let polls = Polls::default();
    let served = Served { sim: sim.clone(), changed, polls, objects: objects.clone(), machines, endpoint, secret };
    let served = Arc::new(served);
    let mut tasks = JoinSet::new();
    if served.machines.is_some() {
        tasks.spawn(gateway::run(sim.clone()));
    }
    tasks.spawn(drive(served.clone(), events));
    tasks.spawn(async move { match serve(listener, served).await {} });
    Ok(RunningRegion { sim, endpoint, seed, objects, tasks })
}

/// Turns what is due in the simulation into machines, and what machines do into the simulation.
async fn drive(served: Arc<Served>, mut events: Option<UnboundedReceiver<MachineEvent>>) {
    loop {
        let (due, pause) = due(&served.sim);
        for change in due {
            carry_out(&served, change);
        }
        let event = tokio::select! {
            event = next(&mut events) => event,
            () = served.changed.notified() => continue,
            () = tokio::time::sleep(pause) => continue,
        };
        match event {
            Some(event) => take_in(&served, event),
            // Whoever runs the machines is gone; those that are left will never be reported.
            None => events = None,
        }
    }
}

/// The next event; never without machines.
async fn next(events: &mut Option<UnboundedReceiver<MachineEvent>>) -> Option<MachineEvent> {
    match events {
        Some(events) => events.recv().await,
        None => std::future::pending().await,
    }
}

fn due(sim: &SharedSim) -> (Vec<Change>, Duration) {
    let now = sim.now();
    let mut sim = sim.lock();
    let due = sim.ec2(now).due();
    let until_next = sim.next_event().and_then(|at| Duration::try_from(at.duration_since(now)).ok());
    (due, until_next.map_or(POLL_INTERVAL, |until| until.min(POLL_INTERVAL)))
}

fn carry_out(served: &Served, change: Change) {
    let Some(machines) = &served.machines else { return };
    match change {
        Change::Start(start) => {
            let id = start.instance.id.clone();
            match spec(*start, served) {
                Some(spec) => machines.start(spec),
                None => take_in(served, MachineEvent::Failed { id, why: "it has no network".into() }),
            }
        }
        Change::Stop { id } => machines.stop(&id),
    }
}

fn spec(start: MachineStart, served: &Served) -> Option<MachineSpec> {
    let MachineStart { instance, user_data } = start;
    let network = instance.network.as_ref()?;
    let (region, role) = {
        let sim = served.sim.lock();
        let settings = sim.settings();
        (settings.region.clone(), role(instance.instance_profile.as_deref(), settings, &served.secret))
    };
    Some(MachineSpec {
        id: instance.id.clone(),
        address: network.private_address,
        vcpus: instance.vcpus,
        instance_type: instance.instance_type.clone(),
        image_id: instance.image_id.clone(),
        region,
        zone: instance.zone.clone(),
        zone_id: instance.zone_id.clone(),
        public_address: network.public_address,
        user_data,
        endpoint: Some(format!("http://{}", served.endpoint)),
        role,
    })
}

/// What the metadata of an instance with this profile tell of its role.
fn role(profile: Option<&str>, settings: &Settings, secret: &Secret) -> Option<Role> {
    let profile = profile?;
    Some(Role {
        name: settings.instance_profiles.get(profile)?.clone(),
        profile_arn: ec2::instance_profile_arn(&settings.account, profile),
        profile_id: ec2::instance_profile_id(profile),
        life_seconds: settings.role_credentials_seconds,
        secret: secret.clone(),
    })
}

fn take_in(served: &Served, event: MachineEvent) {
    let now = served.sim.now();
    // The last words of a machine, before it is forgotten.
    let last_words = |id: &str| {
        let text = served.machines.as_ref().map(|machines| machines.console(id)).unwrap_or_default();
        if !text.is_empty() {
            served.sim.lock().ec2(now).set_console(id, text);
        }
    };
    match event {
        MachineEvent::Started { id } => tracing::debug!(id, "a machine has started"),
        // In both cases nothing of it is left; the simulation knows whether it was told to stop.
        MachineEvent::PoweredOff { id } | MachineEvent::Stopped { id } => {
            last_words(&id);
            served.sim.lock().ec2(now).machine_stopped(&id);
        }
        MachineEvent::Failed { id, why } => {
            tracing::warn!(id, why, "a machine failed");
            last_words(&id);
            served.sim.lock().ec2(now).machine_failed(&id, &why);
        }
    }
}

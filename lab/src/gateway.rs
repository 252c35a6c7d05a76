//! The internet gateway of the lab's VPC: connections to the public addresses of instances reach their private ones.
//!
//! In a VPC that is a translation of addresses for all ports (VPC user guide, "Internet gateways"). Here it is a listener for each port
//! that a rule opens to networks, and every connection is judged as the simulation judges it: by who calls, from where, and
//! by the rules of that moment.

use std::collections::BTreeMap;
use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddrV4};
use std::time::Duration;

use cloudsim::SharedSim;
use cloudsim::ec2::{PermissionSource, Protocol, State};
use planner::ports::InstanceState;
use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

/// Pause between two looks at the simulation: a rule is there as soon as a caller has read that it is.
const POLL_INTERVAL: Duration = Duration::from_millis(50);

/// Public addresses and ports that rules open, and the private addresses behind them.
type Doors = BTreeMap<SocketAddrV4, Ipv4Addr>;

/// Keeps the doors of a region open until it is dropped.
pub(crate) async fn run(sim: SharedSim) {
    // Dropped, a door takes its listener and its connections with it.
    let mut open: BTreeMap<(SocketAddrV4, Ipv4Addr), JoinSet<()>> = BTreeMap::new();
    loop {
        let wanted = doors(&sim.lock().truth().ec2);
        open.retain(|(public, private), _| wanted.get(public) == Some(private));
        for (public, private) in wanted {
            if open.contains_key(&(public, private)) {
                continue;
            }
            match TcpListener::bind(public).await {
                Ok(listener) => {
                    let mut door = JoinSet::new();
                    door.spawn(take(sim.clone(), listener, public, private));
                    open.insert((public, private), door);
                }
                // The port is free when whoever had the address before has let go of it.
                Err(error) => tracing::debug!(%public, %error, "the gateway cannot listen yet"),
            }
        }
        tokio::time::sleep(POLL_INTERVAL).await;
    }
}

fn doors(ec2: &State) -> Doors {
    let groups = ec2.live_groups();
    let ports = |id: &str| -> Vec<u16> {
        let of_group = groups.iter().filter(|group| group.id == id).flat_map(|group| &group.ingress);
        let opened = of_group.filter_map(|rule| {
            let permission = &rule.permission;
            let (from, to) = permission.ports.filter(|_| permission.protocol == Protocol::Tcp)?;
            (from == to && matches!(permission.source, PermissionSource::Cidr(_))).then_some(from)
        });
        opened.collect()
    };
    let mut doors = Doors::new();
    for instance in ec2.live_instances().iter().filter(|instance| instance.state == InstanceState::Running) {
        let Some((network, public)) = instance.network.as_ref().and_then(|one| Some((one, one.public_address?))) else {
            continue;
        };
        for port in network.groups.iter().flat_map(|group| ports(&group.id)) {
            doors.insert(SocketAddrV4::new(public, port), network.private_address);
        }
    }
    doors
}

async fn take(sim: SharedSim, listener: TcpListener, public: SocketAddrV4, private: Ipv4Addr) {
    let mut connections = JoinSet::new();
    loop {
        let (caller, from) = match listener.accept().await {
            Ok(accepted) => accepted,
            Err(error) => {
                tracing::warn!(%public, %error, "the gateway lost a connection");
                tokio::time::sleep(POLL_INTERVAL).await;
                continue;
            }
        };
        while connections.try_join_next().is_some() {}
        let IpAddr::V4(from) = from.ip() else { continue };
        if let Err(why) = sim.lock().can_connect(from, *public.ip(), public.port()) {
            tracing::info!(why, "the gateway lets nobody through");
            continue;
        }
        connections.spawn(async move {
            if let Err(error) = pass(caller, SocketAddrV4::new(private, public.port())).await {
                tracing::debug!(%public, %error, "a connection through the gateway broke");
            }
        });
    }
}

async fn pass(mut caller: TcpStream, to: SocketAddrV4) -> io::Result<()> {
    let mut instance = TcpStream::connect(to).await?;
    copy_bidirectional(&mut caller, &mut instance).await.map(|_| ())
}

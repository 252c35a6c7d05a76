//! The driver between a simulation in real time and machines.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "in tests a panic is the report")]

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use cloudsim::ec2::{RunInstances, Shutdown};
use cloudsim::{Policy, Settings, Span};
use jiff::{SignedDuration, Timestamp};
use lab::machine::{Credentials, MachineEvent, MachineSpec, Machines};
use lab::region::{Region, RunningRegion};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};

/// Machines that do nothing but tell what was asked of them.
#[derive(Clone)]
struct Imagined {
    asked: Arc<Mutex<Vec<String>>>,
    specs: Arc<Mutex<BTreeMap<String, MachineSpec>>>,
    events: UnboundedSender<MachineEvent>,
}

impl Machines for Imagined {
    fn start(&self, spec: MachineSpec) {
        self.asked.lock().unwrap().push(format!("start {}", spec.id));
        self.events.send(MachineEvent::Started { id: spec.id.clone() }).unwrap();
        self.specs.lock().unwrap().insert(spec.id.clone(), spec);
    }

    fn stop(&self, id: &str) {
        self.asked.lock().unwrap().push(format!("stop {id}"));
        self.events.send(MachineEvent::Stopped { id: id.to_owned() }).unwrap();
    }

    fn console(&self, id: &str) -> String {
        format!("console of {id}")
    }
}

async fn start() -> (RunningRegion, Imagined) {
    let (events, received) = unbounded_channel();
    let machines = Imagined { asked: Arc::default(), specs: Arc::default(), events };
    let settings = Settings { boot: Span::NONE, ..Settings::default() };
    let listen = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    let region = Region::start(settings, listen, Arc::new(machines.clone()), received).await.unwrap();
    (region, machines)
}

fn launch(region: &RunningRegion, count: u32) -> Vec<String> {
    launch_with(region, count, None)
}

fn launch_with(region: &RunningRegion, count: u32, profile: Option<&str>) -> Vec<String> {
    let sim = region.sim();
    let request = RunInstances {
        image_id: "ami-0a120230000000861".into(),
        instance_type: "t2.large".into(),
        min_count: count,
        max_count: count,
        subnet_id: Some("subnet-0de0fa170000000b0".into()),
        user_data: "#!/bin/bash\n".into(),
        shutdown: Shutdown::Terminate,
        instance_profile: profile.map(str::to_owned),
        ..RunInstances::default()
    };
    let now = sim.now();
    let made = sim.lock().ec2(now).run_instances(&request).unwrap();
    made.iter().map(|instance| instance.id.clone()).collect()
}

/// Polls until it holds. Ten seconds are far more than a driver that looks every 50 ms needs.
async fn until(what: &str, holds: impl Fn() -> bool) {
    for _ in 0..1000 {
        if holds() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("never: {what}");
}

fn state(region: &RunningRegion, id: &str) -> &'static str {
    region.sim().lock().truth().ec2.instance(id).unwrap().state.name()
}

#[tokio::test]
async fn a_machine_lives_as_long_as_its_instance() {
    let (region, machines) = start().await;
    let id = launch(&region, 1).remove(0);
    until("started", || machines.specs.lock().unwrap().contains_key(&id)).await;
    let spec = machines.specs.lock().unwrap()[&id].clone();
    assert_eq!((spec.vcpus, spec.instance_type.as_str(), spec.zone.as_str()), (2, "t2.large", "eu-west-1b"));
    assert_eq!((spec.address, spec.user_data.as_str()), (Ipv4Addr::new(127, 31, 16, 10), "#!/bin/bash\n"));
    assert_eq!(state(&region, &id), "running");
    let now = region.sim().now();
    region.sim().lock().ec2(now).terminate_instances(std::slice::from_ref(&id)).unwrap();
    until("terminated", || state(&region, &id) == "terminated").await;
    assert_eq!(*machines.asked.lock().unwrap(), [format!("start {id}"), format!("stop {id}")]);
    let console = region.sim().lock().ec2(now).console_output(&id, false).unwrap();
    assert_eq!(console.text, Some(format!("console of {id}")), "its last words are kept");
}

#[tokio::test]
async fn a_machine_that_is_stopped_and_started_again_has_its_address_and_one_that_cannot_is_stopped() {
    let (region, machines) = start().await;
    let id = launch(&region, 1).remove(0);
    let asked = || machines.asked.lock().unwrap().clone();
    until("started", || !asked().is_empty()).await;
    let first = machines.specs.lock().unwrap()[&id].clone();
    let one = std::slice::from_ref(&id);
    region.sim().lock().ec2(region.sim().now()).stop_instances(one).unwrap();
    until("stopped", || state(&region, &id) == "stopped").await;
    region.sim().lock().ec2(region.sim().now()).start_instances(one).unwrap();
    until("started again", || asked().len() == 3).await;
    assert_eq!(asked(), [format!("start {id}"), format!("stop {id}"), format!("start {id}")]);
    let second = machines.specs.lock().unwrap()[&id].clone();
    assert_ne!(second.public_address, first.public_address);
    assert_eq!(MachineSpec { public_address: first.public_address, ..second }, first);
    machines.events.send(MachineEvent::Failed { id: id.clone(), why: "no bash".into() }).unwrap();
    until("stopped", || state(&region, &id) == "stopped").await;
    let reason = region.sim().lock().truth().ec2.instance(&id).unwrap().state_reason.clone().unwrap();
    assert_eq!(reason.code, "Server.InternalError");
}

#[tokio::test]
async fn a_machine_that_powers_off_is_a_shutdown_and_one_that_fails_is_a_failure() {
    let (region, machines) = start().await;
    let ids = launch(&region, 2);
    until("started", || machines.specs.lock().unwrap().len() == 2).await;
    machines.events.send(MachineEvent::PoweredOff { id: ids[0].clone() }).unwrap();
    machines.events.send(MachineEvent::Failed { id: ids[1].clone(), why: "no bash".into() }).unwrap();
    until("terminated", || region.audit().terminated == 2).await;
    let reason = |id: &str| region.sim().lock().truth().ec2.instance(id).unwrap().state_reason.clone().unwrap();
    assert_eq!(reason(&ids[0]).code, "Client.InstanceInitiatedShutdown");
    assert_eq!(reason(&ids[1]).code, "Server.InternalError");
    assert!(reason(&ids[1]).message.contains("no bash"));
    assert_eq!(region.audit().live, 0);
}

/// One request to EC2's or STS's Query API as an instance makes it: what is answered.
async fn ask(
    region: &RunningRegion,
    service: &str,
    form: &str,
    credentials: &Credentials,
    token: Option<&str>,
) -> String {
    let to = region.endpoint();
    let mut stream = TcpStream::connect(to).await.unwrap();
    let token = token.map(|token| format!("x-amz-security-token: {token}\r\n")).unwrap_or_default();
    let scope = format!("Credential={}/20261123/eu-west-1/{service}/aws4_request", credentials.access_key);
    let request = format!(
        "POST / HTTP/1.1\r\nhost: {to}\r\nauthorization: AWS4-HMAC-SHA256 {scope}, SignedHeaders=host, Signature=00\r\n\
         {token}connection: close\r\ncontent-type: application/x-www-form-urlencoded\r\ncontent-length: {}\r\n\r\n{form}",
        form.len()
    );
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    answer
}

#[tokio::test]
async fn an_instance_calls_with_the_credentials_of_its_role_and_may_do_nothing_of_ec2() {
    let (region, machines) = start().await;
    let plain = launch(&region, 1).remove(0);
    let id = launch_with(&region, 1, Some("clusterbench-queue")).remove(0);
    until("started", || machines.specs.lock().unwrap().len() == 2).await;
    assert_eq!(machines.specs.lock().unwrap()[&plain].role, None);
    let spec = machines.specs.lock().unwrap()[&id].clone();
    assert_eq!(spec.endpoint, Some(format!("http://{}", region.endpoint())));
    let role = spec.role.unwrap();
    assert_eq!((role.name.as_str(), role.life_seconds), ("clusterbench-queue", 900));
    assert_eq!(role.profile_arn, "arn:aws:iam::000000000000:instance-profile/clusterbench-queue");
    let policy = Policy::shipped_instance("000000000000").unwrap();
    region.sim().lock().attach_to_role("clusterbench-queue", [Arc::new(policy)]);

    let own = role.secret.issue(&id, Timestamp::now(), 900);
    let who = ask(&region, "sts", "Version=2011-06-15&Action=GetCallerIdentity", &own, Some(&own.token)).await;
    let arn = format!("<Arn>arn:aws:sts::000000000000:assumed-role/clusterbench-queue/{id}</Arn>");
    assert!(who.contains(&arn), "{who}");
    for form in ["DescribeInstances", "DescribeImages&Owner.1=amazon", &format!("TerminateInstances&InstanceId.1={id}")]
    {
        let form = format!("Version=2016-11-15&Action={form}");
        let answer = ask(&region, "ec2", &form, &own, Some(&own.token)).await;
        assert!(answer.contains("<Code>UnauthorizedOperation</Code>") && answer.contains(&id), "{form}: {answer}");
    }
    assert_eq!(state(&region, &id), "running");

    let old = role.secret.issue(&id, Timestamp::now() - SignedDuration::from_secs(901), 900);
    let other = role.secret.issue(&plain, Timestamp::now(), 900);
    let describe = "Version=2016-11-15&Action=DescribeInstances";
    for (credentials, token, code) in [
        (&own, None, "AuthFailure"),
        (&own, Some(other.token.as_str()), "AuthFailure"),
        (&own, Some("made up"), "AuthFailure"),
        (&old, Some(old.token.as_str()), "RequestExpired"),
        // Who has no role may do nothing either, whatever it signs with.
        (&other, Some(other.token.as_str()), "UnauthorizedOperation"),
    ] {
        let answer = ask(&region, "ec2", describe, credentials, token).await;
        assert!(answer.contains(&format!("<Code>{code}</Code>")), "{code}: {answer}");
    }
}

#[tokio::test]
async fn a_stopped_region_leaves_no_port_and_lets_go_of_its_machines() {
    let (region, machines) = start().await;
    let endpoint = region.endpoint();
    region.stop().await;
    assert!(tokio::net::TcpStream::connect(endpoint).await.is_err());
    until("let go of", || Arc::strong_count(&machines.asked) == 1).await;
}

#[tokio::test]
async fn a_dropped_region_leaves_no_port() {
    let (region, _machines) = start().await;
    let endpoint = region.endpoint();
    drop(region);
    for _ in 0..1000 {
        if tokio::net::TcpStream::connect(endpoint).await.is_err() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("{endpoint} still answers");
}

/// What many new accounts may run at the same time.
const VCPUS_OF_A_NEW_ACCOUNT: u32 = 8;

#[test]
fn the_free_plans_sample_keeps_to_its_types_and_to_eight_vcpus() {
    let sample = include_str!("../../manifests/samples/free-plan.yaml");
    let sample: serde_norway::Value = serde_norway::from_str(sample).unwrap();
    let spec = &sample["spec"];
    let mut instances: Vec<(&str, u64)> = spec["clusters"]
        .as_sequence()
        .unwrap()
        .iter()
        .map(|cluster| (cluster["instanceType"].as_str().unwrap(), cluster["count"].as_u64().unwrap()))
        .collect();
    // Left out, both would be c6i.large.
    for one in [&spec["balancer"], &spec["load"]["generator"]] {
        instances.push((one["instanceType"].as_str().unwrap(), 1));
    }
    let mut vcpus = 0;
    for (name, count) in instances {
        let facts = cloudsim::ec2::instance_types::instance_type(name).unwrap_or_else(|| panic!("there is no {name}"));
        assert!(facts.free_tier, "{name} is not in the free plan");
        vcpus += facts.vcpus * u32::try_from(count).unwrap();
    }
    assert!(vcpus <= VCPUS_OF_A_NEW_ACCOUNT, "{vcpus} vCPUs");
}

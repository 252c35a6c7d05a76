//! Load balancers of a simulation as processes.

use std::fs;
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::sync::Arc;

use cloudsim::cloudwatch::{GetMetricData, Metric, MetricDataQuery, NAMESPACE, ScanBy};
use cloudsim::ec2::{RunInstances, Shutdown};
use cloudsim::elb::{CreateListener, CreateLoadBalancer, CreateRule, CreateTargetGroup, RuleAction};
use cloudsim::{Lag, LoadBalancing, Settings, SharedSim, Span};
use jiff::{SignedDuration, Timestamp};
use lab::balancing::Balancing;
use lab::machine::{MachineEvent, MachineSpec, Machines, count_processes, hosts_file};
use lab::region::{Region, RunningRegion};
use planner::owner::Tags;
use planner::ports::{self, Scheme, TargetState};
use rustix::process::{Pid, Signal, kill_process};
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};

use super::*;

const PORT: u16 = 8080;
const VPC: &str = "vpc-0de0fa17000000010";
const SUBNETS: [&str; 2] = ["subnet-0de0fa170000000a0", "subnet-0de0fa170000000b0"];

/// Machines that start at once and are nothing.
struct Imagined(UnboundedSender<MachineEvent>);

impl Machines for Imagined {
    fn start(&self, spec: MachineSpec) {
        let _ = self.0.send(MachineEvent::Started { id: spec.id });
    }

    fn stop(&self, id: &str) {
        let _ = self.0.send(MachineEvent::Stopped { id: id.to_owned() });
    }

    fn console(&self, _: &str) -> String {
        String::new()
    }
}

/// A region whose load balancers are processes.
struct Cloud {
    region: RunningRegion,
    balancing: Option<Balancing>,
    state: PathBuf,
}

impl Cloud {
    async fn start(network: &str) -> Self {
        let (events, received) = unbounded_channel();
        let settings = Settings {
            boot: Span::NONE,
            lag: Lag::up_to(Span::NONE),
            vpc_cidr: network.to_owned(),
            load_balancing: LoadBalancing {
                provisioning: Span { least_millis: 300, most_millis: 300 },
                interface_linger: Span::NONE,
                ..Settings::lab().load_balancing
            },
            ..Settings::lab()
        };
        let listen = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        let region = Region::start(settings, listen, Arc::new(Imagined(events)), received).await.expect("a region");
        let state =
            std::env::temp_dir().join(format!("balancing-{}-{}", std::process::id(), network.replace('/', "-")));
        fs::create_dir_all(state.join("instances")).expect("a directory");
        let balancing = Balancing::start(region.sim(), &state, env!("CARGO_BIN_EXE_lab").as_ref()).expect("nodes");
        Self { region, balancing: Some(balancing), state }
    }

    fn sim(&self) -> SharedSim {
        self.region.sim()
    }

    /// The addresses in the hosts file, sorted.
    fn addresses(&self) -> Vec<Ipv4Addr> {
        let text = fs::read_to_string(hosts_file(&self.state)).expect("it is always there");
        let addresses = text.lines().map(|line| {
            let (address, name) = line.split_once(' ').expect("ADDRESS NAME");
            assert!(name.starts_with("internal-cb-one-"), "{name}");
            address.parse().expect("an address")
        });
        let mut addresses: Vec<_> = addresses.collect();
        addresses.sort();
        addresses
    }

    fn launch(&self, subnet: &str) -> (String, Ipv4Addr) {
        let request = RunInstances {
            image_id: "ami-0a120230000000861".into(),
            instance_type: "t2.large".into(),
            min_count: 1,
            max_count: 1,
            subnet_id: Some(subnet.to_owned()),
            user_data: String::new(),
            shutdown: Shutdown::Terminate,
            ..RunInstances::default()
        };
        let (sim, now) = (self.sim(), self.sim().now());
        let made = sim.lock().ec2(now).run_instances(&request).expect("an instance").remove(0);
        (made.id.clone(), made.network.as_ref().expect("a network").private_address)
    }

    /// A load balancer that routes `/cluster1` to a target group: ARNs of both.
    fn create(&self) -> (String, String) {
        let (sim, now) = (self.sim(), self.sim().now());
        let mut sim = sim.lock();
        let mut elb = sim.elb(now);
        let tags = Tags::new;
        let group_ids = Vec::new();
        let subnet_ids = SUBNETS.map(str::to_owned).into();
        let (name, scheme) = ("cb-one".to_owned(), Scheme::Internal);
        let request = CreateLoadBalancer { name, scheme, subnet_ids, group_ids, tags: tags() };
        let balancer = elb.create_load_balancer(&request).expect("a load balancer").arn.clone();
        let health_check = ports::HealthCheck {
            path: "/health".into(),
            interval_seconds: 5,
            timeout_seconds: 2,
            healthy_count: 2,
            unhealthy_count: 2,
            statuses: "200".into(),
        };
        let (name, vpc_id) = ("cb-group".to_owned(), VPC.to_owned());
        let request = CreateTargetGroup { name, port: PORT, vpc_id, health_check, tags: tags() };
        let group = elb.create_target_group(&request).expect("a group").arn;
        let fixed = RuleAction::FixedResponse { status: 404, content_type: "text/plain".into(), body: String::new() };
        let load_balancer_arn = balancer.clone();
        let request = CreateListener { load_balancer_arn, port: PORT, default_action: fixed, tags: tags() };
        let listener_arn = elb.create_listener(&request).expect("a listener").arn.clone();
        let action = RuleAction::Forward([(group.clone(), 1)].into());
        let paths = vec!["/cluster1".to_owned(), "/cluster1/*".to_owned()];
        let request = CreateRule { listener_arn, priority: 1, paths, action, tags: tags() };
        elb.create_rule(&request).expect("a rule");
        (balancer, group)
    }

    fn is_healthy(&self, group: &str) -> bool {
        let (sim, now) = (self.sim(), self.sim().now());
        let found = sim.lock().elb(now).describe_target_health(group, &[]).expect("health");
        found.len() == 2 && found.iter().all(|one| one.state == TargetState::Healthy)
    }

    /// The sum of a metric of the load balancer.
    fn sum(&self, balancer: &str, metric: &str) -> f64 {
        let dimension = balancer.split_once("loadbalancer/").expect("an ARN").1;
        let dimensions = BTreeMap::from([("LoadBalancer".to_owned(), dimension.to_owned())]);
        let metric = Metric { namespace: NAMESPACE.into(), name: metric.into(), dimensions };
        let query = MetricDataQuery { id: "q".into(), metric, period: 60, statistic: "Sum".into(), label: None };
        let minute = Timestamp::from_second(Timestamp::now().as_second().div_euclid(60) * 60).expect("a time");
        let request = GetMetricData {
            queries: vec![query],
            start: minute - SignedDuration::from_mins(10),
            end: minute + SignedDuration::from_mins(1),
            scan_by: ScanBy::TimestampAscending,
            max_datapoints: None,
            next_token: None,
        };
        let (sim, now) = (self.sim(), self.sim().now());
        let answer = sim.lock().cloudwatch(now).get_metric_data(&request).expect("data");
        answer.results.iter().flat_map(|result| &result.points).map(|point| point.value).sum()
    }

    async fn until(&self, what: &str, is_so: impl Fn(&Self) -> bool) {
        let deadline = Instant::now() + PATIENCE;
        while !is_so(self) {
            assert!(Instant::now() < deadline, "waited in vain for {what}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    async fn stop(mut self) {
        self.balancing.take().expect("running").stop().await;
        assert_eq!((count_processes(&self.state), self.addresses().len()), (0, 0));
        fs::remove_dir_all(&self.state).expect("clean");
    }
}

impl Drop for Cloud {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.state);
    }
}

/// The process that serves an address.
fn node_at(address: Ipv4Addr) -> Option<Pid> {
    let listen = format!("--listen={address}:{PORT}");
    let processes = fs::read_dir("/proc").expect("processes").flatten();
    processes.filter_map(|entry| Pid::from_raw(entry.file_name().to_str()?.parse().ok()?)).find(|pid| {
        let words = fs::read(format!("/proc/{}/cmdline", pid.as_raw_pid())).unwrap_or_default();
        words.split(|byte| *byte == 0).any(|word| word == listen.as_bytes())
    })
}

fn answers(address: Ipv4Addr) -> bool {
    TcpStream::connect((address, PORT)).is_ok()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_load_balancer_lives_as_long_as_in_the_simulation() {
    let cloud = Cloud::start("127.131.0.0/16").await;
    assert_eq!(cloud.addresses(), [Ipv4Addr::LOCALHOST; 0]);
    let (arn, group) = cloud.create();
    let instances = SUBNETS.map(|subnet| cloud.launch(subnet));
    let backends = instances.clone().map(|(id, address)| {
        let listener = TcpListener::bind((address, PORT)).expect("the instance's address");
        let body = id.clone();
        Backend::listening(listener, &id, move |_, stream| backend::reply(stream, 200, &body))
    });
    let ids = instances.map(|(id, _)| id);
    cloud
        .until("the instances to run", |cloud| {
            let sim = cloud.sim();
            let sim = sim.lock();
            ids.iter().all(|id| sim.truth().ec2.instance(id).is_some_and(|one| one.state.name() == "running"))
        })
        .await;
    let (sim, now) = (cloud.sim(), cloud.sim().now());
    sim.lock().elb(now).register_targets(&group, &ids).unwrap();

    cloud.until("a name with an address in each zone", |cloud| cloud.addresses().len() == 2).await;
    let addresses = cloud.addresses();
    assert_eq!(count_processes(&cloud.state), 2);
    cloud.until("healthy targets", |cloud| cloud.is_healthy(&group)).await;
    for address in &addresses {
        let mut client = Client::new((*address, PORT).into());
        let served: std::collections::BTreeSet<String> =
            (0..10).map(|_| client.get("/cluster1/x").text().to_owned()).collect();
        assert_eq!(served, ids.clone().into(), "each node sends to the targets of both zones");
        assert_eq!(client.get("/").status, 404);
    }
    cloud.until("its metrics", |cloud| cloud.sum(&arn, "RequestCount") >= 20.0).await;
    assert_eq!(cloud.sum(&arn, "RequestCount"), 20.0);
    assert_eq!(cloud.sum(&arn, "HTTPCode_Target_2XX_Count"), 20.0);
    assert_eq!(backends.iter().map(Backend::count).sum::<usize>(), 20);

    // One that dies is started again, and knows everything.
    let killed = node_at(addresses[0]).expect("a process");
    kill_process(killed, Signal::KILL).unwrap();
    cloud
        .until("another process", |_| node_at(addresses[0]).is_some_and(|pid| pid != killed) && answers(addresses[0]))
        .await;
    cloud.until("an answer of a target", |_| get((addresses[0], PORT).into(), "/cluster1").status == 200).await;
    assert_eq!(cloud.addresses(), addresses);

    // One that moves is found at its new address, and still answers at the old one.
    let now = cloud.sim().now();
    sim.lock().elb(now).scale(&arn).unwrap();
    cloud.until("another address", |cloud| cloud.addresses() != addresses).await;
    let moved: Vec<_> = cloud.addresses().into_iter().filter(|address| !addresses.contains(address)).collect();
    assert_eq!((cloud.addresses().len(), moved.len()), (2, 1));
    for address in addresses.iter().chain(&moved) {
        assert_eq!(get((*address, PORT).into(), "/cluster1").status, 200, "{address}");
    }

    let now = cloud.sim().now();
    sim.lock().elb(now).delete_load_balancer(&arn).unwrap();
    cloud.until("the end of the name", |cloud| cloud.addresses().is_empty()).await;
    cloud.until("the end of its nodes", |cloud| count_processes(&cloud.state) == 0).await;
    assert!(!addresses.iter().chain(&moved).any(|address| answers(*address)));
    cloud.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn stopping_ends_all_nodes_that_run_and_one_that_stands_still() {
    let cloud = Cloud::start("127.132.0.0/16").await;
    cloud.create();
    cloud.until("a name with an address in each zone", |cloud| cloud.addresses().len() == 2).await;
    kill_process(node_at(cloud.addresses()[0]).expect("a process"), Signal::STOP).unwrap();
    cloud.stop().await;
}

#[test]
fn a_node_ends_with_its_parent_though_its_input_is_open() {
    let script = r#""$0" albnode --listen 127.0.0.1:0 --parent $$ <&0 & wait"#;
    let mut parent = Command::new("sh")
        .args(["-c", script, env!("CARGO_BIN_EXE_lab")])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(parent.stdout.take().unwrap()).lines();
    assert!(lines.next().unwrap().unwrap().contains("listening"));
    parent.kill().unwrap();
    // The other end of its output is closed when it ends.
    assert!(lines.map_while(Result::ok).count() < 60);
    parent.wait().unwrap();
}

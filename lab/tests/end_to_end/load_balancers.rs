//! A benchmark behind an Application Load Balancer, and one that changes what stands in front.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use serde_json::{Value, json};

use crate::bench::{Bench, REQUESTS, runs, spec};
use crate::lab::{Lab, shared, until};

const ROUNDS: u32 = 6;

/// Status line and body, as somebody in the network gets them.
fn get(address: &str, path: &str) -> (String, String) {
    let mut stream = TcpStream::connect((address, 8080)).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    write!(stream, "GET {path} HTTP/1.1\r\nHost: balancer.test\r\nConnection: close\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    (head.lines().next().unwrap().to_owned(), body.to_owned())
}

/// Addresses of a name in the lab's hosts file.
fn addresses(lab: &Lab, name: &str) -> Vec<String> {
    let hosts = std::fs::read_to_string(lab.state().join("hosts")).unwrap();
    let lines = hosts.lines().filter(|line| line.split_whitespace().skip(1).any(|word| word == name));
    lines.filter_map(|line| line.split_whitespace().next()).map(str::to_owned).collect()
}

fn workers(bench: &Bench) -> Vec<String> {
    let pools = bench.only_running();
    ["one", "two"].iter().flat_map(|pool| pools[*pool].clone()).collect()
}

#[test]
fn paths_lead_to_their_clusters_and_the_rest_nowhere_and_another_kind_keeps_the_workers() {
    let Some(lab) = shared("load balancers") else { return };
    let mut wanted = spec(ROUNDS, 1000);
    wanted["balancer"] = json!({ "kind": "Application" });
    let bench = Bench::apply(lab, "behind", wanted);
    let seen = bench.ready();
    let pools = bench.only_running();
    let names: Vec<&str> = pools.keys().map(String::as_str).collect();
    assert_eq!(names, ["generator", "one", "two"], "there is no instance of a balancer");
    let balancer = &seen["status"]["balancer"];
    let told = ["kind", "state", "targets"].map(|field| balancer[field].as_str().unwrap_or_default().to_owned());
    assert_eq!(told, ["Application", "active", "2/2"]);
    assert_eq!(balancer["zones"].as_array().unwrap().len(), 2);

    let endpoint = balancer["endpoint"].as_str().unwrap();
    let name = endpoint.trim_start_matches("http://").trim_end_matches(":8080");
    let addresses = addresses(lab, name);
    assert_eq!(addresses.len(), 2, "one node in each zone");
    for address in &addresses {
        for path in ["/one", "/one/below"] {
            let (status, body) = get(address, path);
            assert!(status.contains("200") && body.contains(r#""cluster":"one""#), "{path}: {status} {body}");
        }
        for path in ["/one0", "/", "/One"] {
            assert!(get(address, path).0.contains("404"), "{path}");
        }
    }
    through_both_nodes(&bench, &addresses);

    // The other way round and back, without touching the workers.
    let before = workers(&bench);
    bench.patch(json!({ "balancer": { "kind": "Custom" } }));
    let seen = bench.ready();
    assert_eq!(workers(&bench), before);
    assert_eq!(runs(&seen).len(), 2);
    until("the load balancer is gone", || balancers(lab) == (0, 0));
    bench.delete();
}

/// Every request that was counted went through one of the nodes, about half through each.
fn through_both_nodes(bench: &Bench, addresses: &[String]) {
    let [(_, report)] = bench.reports().try_into().unwrap_or_else(|reports| panic!("{reports:#?}"));
    for cluster in &report.clusters {
        assert_eq!((cluster.requests, cluster.failures.total()), (REQUESTS * u64::from(ROUNDS), 0));
        assert_eq!(cluster.members.len(), 1, "{:?}", cluster.members);
        let mut used: Vec<&str> = cluster.addresses.iter().map(|one| one.address.trim_end_matches(":8080")).collect();
        used.sort_unstable();
        let mut wanted: Vec<&str> = addresses.iter().map(String::as_str).collect();
        wanted.sort_unstable();
        assert_eq!(used, wanted);
        // An address that let nobody in once rests for a second, which is several of these short rounds. Shares of longer
        // ones are judged in the generator's own tests.
        assert!(cluster.addresses.iter().all(|one| one.share_per_mille > 100), "{:?}", cluster.addresses);
    }
}

/// Name or address of what stands in front.
fn front(seen: &Value) -> String {
    let endpoint = seen["status"]["balancer"]["endpoint"].as_str().unwrap();
    endpoint.trim_start_matches("http://").trim_end_matches(":8080").to_owned()
}

/// More requests than the slots of one cluster: who sends one after the other gets the faster cluster each time.
fn at_once(address: &str) -> Vec<(String, String)> {
    let ask = || get(address, "/anything");
    std::thread::scope(|scope| {
        let asked: Vec<_> = (0..32).map(|_| scope.spawn(ask)).collect();
        asked.into_iter().map(|one| one.join().unwrap()).collect()
    })
}

/// `/one` is its cluster's alone; everything else is answered by any member of both.
fn serves_all_together(address: &str) {
    assert!((0..4).all(|_| get(address, "/one").1.contains(r#""cluster":"one""#)));
    let mut clusters = std::collections::BTreeSet::new();
    until("both clusters have answered", || {
        for (status, body) in at_once(address) {
            assert!(status.contains("200"), "{status} {body}");
            clusters.extend(["one", "two"].into_iter().filter(|name| body.contains(&format!(r#""cluster":"{name}""#))));
        }
        clusters.len() == 2
    });
}

#[test]
fn all_members_serve_and_are_measured_together_behind_either_balancer() {
    let Some(lab) = shared("a shared path") else { return };
    let mut wanted = spec(2, 1000);
    wanted["network"] = json!({ "ingressCidrs": ["203.0.113.7/32"] });
    wanted["balancer"] = json!({ "publicStatus": true, "shared": { "path": "/", "measured": true } });
    let bench = Bench::apply(lab, "together", wanted);
    let ours = front(&bench.ready());
    serves_all_together(&ours);
    let (status, body) = get(&ours, "/status");
    let told: Value = serde_json::from_str(&body).unwrap();
    assert!(status.contains("200") && told["clusters"][1]["members"][0]["health"] == "Healthy", "{status} {body}");

    let application = json!({ "scheme": "InternetFacing" });
    let facing = json!({ "kind": "Application", "publicStatus": false, "application": application });
    bench.patch(json!({ "balancer": facing }));
    let name = front(&bench.ready());
    assert!(name.starts_with("cb-"), "{name}: it is not internal");
    let public = addresses(lab, &name);
    assert_eq!(public.len(), 2);
    public.iter().for_each(|address| serves_all_together(address));

    let reports = bench.reports();
    assert_eq!(reports.len(), 2);
    for (_, report) in &reports {
        let shared = report.clusters.iter().find(|cluster| cluster.cluster == "shared").unwrap();
        assert_eq!((shared.requests, shared.failures.total()), (2 * REQUESTS, 0));
        assert_eq!(shared.members.len(), 2, "{:?}", shared.members);
        assert!(report.comparisons.iter().all(|one| one.cluster == "two" && one.baseline == "one"));
        // A busy machine makes runs invalid, which say nothing else.
        let is_said = report.verdict.contains("shared: all members of one and two behind /: ");
        assert!(is_said || report.validity == wire::Validity::Invalid, "{}", report.verdict);
    }
    let says = |words: &str| reports.iter().any(|(_, one)| one.environment.settings.join("; ").contains(words));
    assert!(says("internet-facing and reached over its public addresses"));
    bench.delete();
    until("the load balancer is gone", || balancers(lab) == (0, 0));
}

/// Load balancers and target groups that exist.
fn balancers(lab: &Lab) -> (u64, u64) {
    let ledger: Value = lab.ledger();
    (ledger["loadBalancers"].as_u64().unwrap(), ledger["targetGroups"].as_u64().unwrap())
}

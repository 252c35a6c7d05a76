//! Plans as text.

use std::fmt::Write;

use api::{ConditionType, Launch};
use planner::ports::{Rule, Source};
use planner::{Action, Plan, World, owner, plan};

use crate::fixture::world;

/// The plan for a world, one line for each thing it wants.
pub(crate) fn planned(text: &str) -> String {
    let world = world(text);
    spell(&world, &plan(&world))
}

pub(crate) fn spell(world: &World, plan: &Plan) -> String {
    let mut text = String::new();
    for action in plan.actions() {
        writeln!(text, "{}", action_text(action)).unwrap();
    }
    // Times are for what it costs, see `cost.rs`.
    let timeless = |line: &Launch| Launch { launched_at: None, ended_at: None, bound: String::new(), ..line.clone() };
    let known = |token: &str| world.object.status.launches.iter().find(|line| line.token == token);
    for line in &plan.ledger {
        match known(&line.token) {
            None => writeln!(text, "write down {}/{} x{}", line.pool, line.number, line.count).unwrap(),
            Some(old) if timeless(old) != timeless(line) => {
                let reason = if line.reason.is_empty() { String::new() } else { format!(" ({})", line.reason) };
                writeln!(
                    text,
                    "line {}/{} {}{reason} [{}]",
                    line.pool,
                    line.number,
                    line.state,
                    line.instance_ids.join(" ")
                )
                .unwrap();
            }
            Some(_) => {}
        }
    }
    if plan.placement != world.object.status.placement {
        let before = world.object.status.placement.as_ref();
        match &plan.placement {
            Some(placement)
                if before.is_some_and(|b| b.subnet_id == placement.subnet_id && b.left != placement.left) =>
            {
                writeln!(text, "leave {}", placement.left.last().map_or("", |left| left.zone.as_str())).unwrap();
            }
            Some(placement) if before.is_some_and(|b| b.relaunches != placement.relaunches) => {
                writeln!(text, "relaunch {}", placement.relaunches).unwrap();
            }
            Some(placement) => writeln!(text, "place in {} {}", placement.subnet_id, placement.addressing).unwrap(),
            None => writeln!(text, "forget the placement").unwrap(),
        }
    }
    for kind in [ConditionType::Accepted, ConditionType::Provisioned, ConditionType::Deployed, ConditionType::Measured]
    {
        let condition = plan.conditions.get(kind);
        if condition.reason != planner::Reason::Pending {
            writeln!(text, "{}={} {}: {}", kind.name(), condition.status.name(), condition.reason, condition.message)
                .unwrap();
        }
    }
    if let Some(by) = plan.conditions.stalled_by {
        writeln!(text, "stalled by {}", by.name()).unwrap();
    }
    writeln!(text, "wake {}s", plan.wake.as_secs()).unwrap();
    text
}

fn action_text(action: &Action) -> String {
    match action {
        Action::AddFinalizer => "add finalizer".into(),
        Action::RemoveFinalizer => "remove finalizer".into(),
        Action::CreateGroup(group) => format!("create group {}", group.name),
        Action::AuthorizeIngress { group_id, rule, .. } => format!("allow {group_id} {}", rule_text(rule)),
        Action::RevokeIngress { group_id, rule, .. } => format!("forbid {group_id} {}", rule_text(rule)),
        Action::DeleteGroup { id, .. } => format!("delete group {id}"),
        Action::CreateLoadBalancer(request) => {
            format!("create load balancer {} in {}", request.name, request.subnet_ids.join(" "))
        }
        Action::CreateTargetGroup(request) => format!("create target group {} for {}", request.name, request.port),
        Action::SetAttributes { name, .. } => format!("set attributes of {name}"),
        Action::CreateListener { name, request } => format!("create listener {} of {name}", request.port),
        Action::CreateRule { request, .. } => format!("create rule {}: {}", request.priority, request.paths.join(" ")),
        Action::DeleteRule { priority, .. } => format!("delete rule {priority}"),
        Action::RegisterTargets { ids, .. } => {
            format!("register {}", ids.iter().cloned().collect::<Vec<_>>().join(" "))
        }
        Action::DeregisterTargets { ids, .. } => {
            format!("deregister {}", ids.iter().cloned().collect::<Vec<_>>().join(" "))
        }
        Action::DeleteLoadBalancer { name, .. } => format!("delete load balancer {name}"),
        Action::DeleteTargetGroup { name, .. } => format!("delete target group {name}"),
        Action::CreateQueue(request) => format!("create queue {}", request.name),
        Action::DeleteQueue { name, .. } => format!("delete queue {name}"),
        Action::CreateBucket(request) => format!("create bucket {}", request.name),
        Action::EmptyBucket { name, account } => format!("empty bucket {name} of {account}"),
        Action::DeleteBucket { name, account } => format!("delete bucket {name} of {account}"),
        Action::Rehearse(request) => {
            format!(
                "rehearse {}/{} {} x{}",
                request.tags[owner::POOL],
                request.tags[owner::LAUNCH],
                request.instance_type,
                request.count
            )
        }
        Action::Launch(request) => {
            format!(
                "launch {}/{} {} x{}",
                request.tags[owner::POOL],
                request.tags[owner::LAUNCH],
                request.instance_type,
                request.count
            )
        }
        Action::Terminate(ids) => format!("terminate {}", ids.iter().cloned().collect::<Vec<_>>().join(" ")),
        Action::Start(ids) => format!("start {}", ids.iter().cloned().collect::<Vec<_>>().join(" ")),
        Action::Stop(ids) => format!("stop {}", ids.iter().cloned().collect::<Vec<_>>().join(" ")),
        Action::SetMembership { expect, to, .. } => {
            let finishing = |cluster: &wire::Cluster| {
                let drain = cluster.scaling.iter().flat_map(|scaling| &scaling.drain).cloned().collect::<Vec<_>>();
                if drain.is_empty() { String::new() } else { format!(" of which {} finish", drain.join(" ")) }
            };
            let size =
                |cluster: &wire::Cluster| format!("{}={}{}", cluster.name, cluster.members.len(), finishing(cluster));
            let sizes: Vec<String> = to.clusters.iter().map(size).collect();
            format!("set membership after {expect}: {}", sizes.join(" "))
        }
        Action::UpdateWorkers { recipients, .. } => {
            let to: Vec<String> = recipients.iter().map(|one| format!("{} (v{})", one.id, one.version)).collect();
            format!("update {}", to.join(" "))
        }
        Action::Deliver { instance_id, program, members, .. } => {
            let to: Vec<&str> = members.iter().map(|(id, _)| id.as_str()).collect();
            format!("deliver {} to {instance_id} {}", &program[..4], to.join(" ")).trim_end().to_owned()
        }
        Action::StartRun { run, .. } => {
            format!("start run {} of {} rounds", of(&run.id), run.rounds.count)
        }
        Action::CollectReport { run, .. } => format!("collect report of {}", of(&run.name())),
        Action::RecordMetrics { report, account } => {
            format!("record metrics of {report}: {}", account.checks.len())
        }
        Action::HoldRun { name, .. } => format!("hold run {}", of(name)),
        Action::ResumeRun { name, .. } => format!("resume run {}", of(name)),
        Action::StopRun { name, .. } => format!("stop run {}", of(name)),
        Action::JoinParts { run, reports } => format!("join {} reports of run {}", reports.len(), run.id),
        Action::ForgetRun { name, .. } => format!("forget run {}", of(name)),
    }
}

fn rule_text(rule: &Rule) -> String {
    let source = match &rule.source {
        Source::Cidr(cidr) => cidr.to_string(),
        Source::Group(group) => group.clone(),
    };
    format!("{}-{} from {source}", rule.from_port, rule.to_port)
}

/// A run by its id, with the launch if it has several: its name without the hash.
fn of(name: &str) -> String {
    let mut parts = name.split('.');
    let (id, _, launch) = (parts.next().unwrap(), parts.next(), parts.next());
    launch.map_or(id.to_owned(), |launch| format!("{id}, launch {launch}"))
}

//! The official `aws` command line against the lab's endpoint.
//!
//! Skipped, and says so, where there is no `aws` on the PATH.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "in tests a panic is the report")]

use std::process::Stdio;

use cloudsim::{Settings, Span};
use lab::aws::{ACCESS_KEY, SECRET_KEY};
use lab::region::{Region, RunningRegion};
use serde_json::Value;
use tokio::process::Command;

struct Aws {
    region: RunningRegion,
    settings: Settings,
}

impl Aws {
    /// `None` without the command.
    async fn start() -> Option<Self> {
        let found = Command::new("aws").arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status().await;
        if !found.is_ok_and(|status| status.success()) {
            eprintln!("SKIPPED: there is no aws command line on PATH (pip install awscli)");
            return None;
        }
        // Everything at once, so that no test waits for an instance.
        let settings =
            Settings { boot: Span::NONE, stop: Span::NONE, interface_linger: Span::NONE, ..Settings::default() };
        Some(Self { region: Region::start_for_tests(settings.clone()).await, settings })
    }

    async fn output(&self, key: &str, words: &str, last: &[&str]) -> std::process::Output {
        let mut command = Command::new("aws");
        command
            .args(["--endpoint-url", &format!("http://{}", self.region.endpoint()), "--output", "json"])
            .args(words.split_whitespace())
            .args(last)
            .env_remove("AWS_PROFILE")
            .env_remove("AWS_SESSION_TOKEN")
            .env("AWS_CONFIG_FILE", "/dev/null")
            .env("AWS_SHARED_CREDENTIALS_FILE", "/dev/null")
            .env("AWS_ACCESS_KEY_ID", key)
            .env("AWS_SECRET_ACCESS_KEY", SECRET_KEY)
            .env("AWS_REGION", &self.settings.region)
            .env("AWS_DEFAULT_REGION", &self.settings.region)
            .env("AWS_MAX_ATTEMPTS", "1")
            .env("AWS_PAGER", "")
            .stdin(Stdio::null())
            .kill_on_drop(true);
        command.output().await.unwrap()
    }

    async fn with(&self, words: &str, last: &[&str]) -> Value {
        let output = self.output(ACCESS_KEY, words, last).await;
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "aws {words}: {errors}");
        if output.stdout.is_empty() { Value::Null } else { serde_json::from_slice(&output.stdout).unwrap() }
    }

    async fn ok(&self, words: &str) -> Value {
        self.with(words, &[]).await
    }

    /// The error code in the command's message.
    async fn refused(&self, words: &str) -> String {
        let output = self.output(ACCESS_KEY, words, &[]).await;
        assert!(!output.status.success(), "aws {words} succeeded");
        code(&output)
    }
}

/// `An error occurred (Code) when calling ...`
fn code(output: &std::process::Output) -> String {
    let errors = String::from_utf8_lossy(&output.stderr).into_owned();
    let code = errors.split_once("An error occurred (").and_then(|(_, rest)| rest.split_once(')'));
    code.map_or(errors.clone(), |(code, _)| code.to_owned())
}

const IMAGE: &str = "ami-0a120230000000861";
const SUBNET: &str = "subnet-0de0fa170000000a0";

#[tokio::test]
async fn instances_and_groups_come_and_go() {
    let Some(aws) = Aws::start().await else { return };
    let group = aws
        .with(
            "ec2 create-security-group --group-name members --tag-specifications \
             ResourceType=security-group,Tags=[{Key=owner,Value=us}] --description",
            &["members of a test"],
        )
        .await["GroupId"]
        .as_str()
        .unwrap()
        .to_owned();
    let allowed = aws
        .ok(&format!(
            "ec2 authorize-security-group-ingress --group-id {group} --protocol tcp --port 8000-8080 --cidr 127.0.0.0/8"
        ))
        .await;
    assert_eq!(allowed["SecurityGroupRules"][0]["FromPort"], 8000);
    aws.ok(&format!(
        "ec2 authorize-security-group-ingress --group-id {group} --protocol tcp --port 0-65535 --source-group {group}"
    ))
    .await;
    let run = format!(
        "ec2 run-instances --image-id {IMAGE} --instance-type t2.micro --count 2 --client-token token --subnet-id \
         {SUBNET} --security-group-ids {group} --user-data hello --instance-initiated-shutdown-behavior terminate \
         --metadata-options HttpTokens=required,HttpPutResponseHopLimit=1 --credit-specification CpuCredits=standard \
         --tag-specifications ResourceType=instance,Tags=[{{Key=owner,Value=us}}]"
    );
    let made = aws.ok(&run).await;
    let ids: Vec<&str> =
        made["Instances"].as_array().unwrap().iter().map(|one| one["InstanceId"].as_str().unwrap()).collect();
    assert_eq!(ids.len(), 2);
    let again = aws.ok(&run).await;
    assert_eq!(again["ReservationId"], made["ReservationId"], "the token makes it the same launch");
    let seen = aws.ok("ec2 describe-instances --filters Name=tag:owner,Values=us").await;
    let instances = seen["Reservations"][0]["Instances"].as_array().unwrap();
    assert_eq!(instances.len(), 2);
    for instance in instances {
        assert_eq!(instance["State"]["Name"], "running");
        assert_eq!(instance["ClientToken"], "token");
        assert_eq!(instance["SecurityGroups"][0]["GroupId"], group.as_str());
        assert_eq!(instance["Placement"]["AvailabilityZone"], "eu-west-1a");
        assert_eq!(instance["MetadataOptions"]["HttpTokens"], "required");
        assert!(instance["PrivateIpAddress"].as_str().unwrap().starts_with("127.31.0."));
        assert!(instance["LaunchTime"].as_str().unwrap().starts_with("20"));
    }
    let interfaces = aws.ok(&format!("ec2 describe-network-interfaces --filters Name=group-id,Values={group}")).await;
    assert_eq!(interfaces["NetworkInterfaces"].as_array().unwrap().len(), 2);
    assert_eq!(aws.refused(&format!("ec2 delete-security-group --group-id {group}")).await, "DependencyViolation");
    aws.ok(&format!("ec2 get-console-output --instance-id {}", ids[0])).await;
    let before = instances[0]["PublicIpAddress"].as_str().unwrap();
    let first = instances[0]["InstanceId"].as_str().unwrap();
    assert_eq!(aws.refused(&format!("ec2 stop-instances --dry-run --instance-ids {first}")).await, "DryRunOperation");
    assert_eq!(
        aws.refused(&format!("ec2 stop-instances --hibernate --instance-ids {first}")).await,
        "UnsupportedOperation"
    );
    let stopped = aws.ok(&format!("ec2 stop-instances --instance-ids {first}")).await;
    assert_eq!(stopped["StoppingInstances"][0]["PreviousState"]["Name"], "running");
    aws.ok(&format!("ec2 wait instance-stopped --instance-ids {first}")).await;
    let seen = aws.ok(&format!("ec2 describe-instances --instance-ids {first}")).await;
    let stopped = &seen["Reservations"][0]["Instances"][0];
    assert_eq!(stopped["StateReason"]["Code"], "Client.UserInitiatedShutdown");
    assert_eq!(stopped["PrivateIpAddress"], instances[0]["PrivateIpAddress"]);
    assert!(stopped["PublicIpAddress"].is_null(), "{stopped}");
    let started = aws.ok(&format!("ec2 start-instances --instance-ids {first}")).await;
    assert_eq!(started["StartingInstances"][0]["PreviousState"]["Name"], "stopped");
    aws.ok(&format!("ec2 wait instance-running --instance-ids {first}")).await;
    let seen = aws.ok(&format!("ec2 describe-instances --instance-ids {first}")).await;
    let started = &seen["Reservations"][0]["Instances"][0];
    assert_eq!(started["PrivateIpAddress"], instances[0]["PrivateIpAddress"]);
    assert_ne!(started["PublicIpAddress"].as_str().unwrap(), before);
    assert!(started["StateReason"].is_null(), "{started}");
    let gone = aws.ok(&format!("ec2 terminate-instances --instance-ids {}", ids.join(" "))).await;
    assert_eq!(gone["TerminatingInstances"][0]["PreviousState"]["Name"], "running");
    assert_eq!(aws.refused(&run).await, "IdempotentInstanceTerminated");
    let groups = aws.ok(&format!("ec2 describe-security-groups --group-ids {group}")).await;
    let permissions = groups["SecurityGroups"][0]["IpPermissions"].as_array().unwrap();
    assert_eq!(permissions.len(), 2);
    assert_eq!(permissions[1]["UserIdGroupPairs"][0]["GroupId"], group.as_str());
    aws.ok(&format!(
        "ec2 revoke-security-group-ingress --group-id {group} --protocol tcp --port 8000-8080 --cidr 127.0.0.0/8"
    ))
    .await;
    aws.ok(&format!("ec2 delete-security-group --group-id {group}")).await;
    let ledger = aws.region.audit();
    assert_eq!((ledger.launched, ledger.terminated, ledger.live, ledger.groups), (2, 2, 0, 0));
}

#[tokio::test]
async fn the_region_describes_itself() {
    let Some(aws) = Aws::start().await else { return };
    assert_eq!(aws.ok("sts get-caller-identity").await["Account"], "000000000000");
    assert_eq!(aws.ok("ec2 describe-regions").await["Regions"][0]["RegionName"], "eu-west-1");
    let vpcs = aws.ok("ec2 describe-vpcs --filters Name=is-default,Values=true").await;
    assert_eq!(vpcs["Vpcs"][0]["CidrBlock"], "127.31.0.0/16");
    let subnets = aws.ok("ec2 describe-subnets --filters Name=default-for-az,Values=true").await;
    assert_eq!(subnets["Subnets"].as_array().unwrap().len(), 3);
    let tables = aws.ok("ec2 describe-route-tables").await;
    assert_eq!(tables["RouteTables"][0]["Associations"][0]["Main"], true);
    assert_eq!(tables["RouteTables"][0]["Routes"][1]["DestinationCidrBlock"], "0.0.0.0/0");
    let images = aws
        .ok("ec2 describe-images --owners amazon --filters Name=name,Values=al2023-ami-2023.*-kernel-6.1-arm64")
        .await;
    assert_eq!(images["Images"][0]["Architecture"], "arm64");
    assert_eq!(images["Images"][0]["BlockDeviceMappings"][0]["Ebs"]["VolumeSize"], 8);
    let types = aws.ok("ec2 describe-instance-types --instance-types c7g.large").await;
    assert_eq!(types["InstanceTypes"][0]["VCpuInfo"]["DefaultVCpus"], 2);
    assert_eq!(types["InstanceTypes"][0]["MemoryInfo"]["SizeInMiB"], 4096);
    assert_eq!(types["InstanceTypes"][0]["ProcessorInfo"]["SupportedArchitectures"][0], "arm64");
    // The command line follows the pages by itself.
    let all = aws.ok("ec2 describe-instance-types --page-size 20 --query length(InstanceTypes)").await;
    assert_eq!(all, cloudsim::ec2::instance_types::instance_types().len());
    let offered = aws
        .ok("ec2 describe-instance-type-offerings --location-type availability-zone --filters \
             Name=instance-type,Values=t2.micro")
        .await;
    assert_eq!(offered["InstanceTypeOfferings"].as_array().unwrap().len(), 2);
    assert_eq!(aws.ok("ec2 describe-security-groups").await["SecurityGroups"][0]["GroupName"], "default");
    assert_eq!(aws.ok("ec2 describe-instances").await["Reservations"].as_array().unwrap().len(), 0);
}

#[tokio::test]
async fn volumes_are_seen_and_left() {
    let Some(aws) = Aws::start().await else { return };
    let images = aws.ok(&format!("ec2 describe-images --image-ids {}", cloudsim::ec2::IMAGE_WITH_DATA)).await;
    let mappings = images["Images"][0]["BlockDeviceMappings"].as_array().unwrap();
    assert_eq!(mappings.len(), 4);
    assert_eq!(
        (&mappings[1]["DeviceName"], &mappings[1]["Ebs"]["DeleteOnTermination"]),
        (&"/dev/sdf".into(), &false.into())
    );
    assert_eq!(mappings[3]["VirtualName"], "ephemeral0");
    let made = aws
        .with(
            &format!(
                "ec2 run-instances --image-id {} --instance-type t2.micro --count 1 --subnet-id {SUBNET} \
                 --block-device-mappings",
                cloudsim::ec2::IMAGE_WITH_DATA
            ),
            &["DeviceName=/dev/sdf,Ebs={DeleteOnTermination=true}", "DeviceName=/dev/sdb,NoDevice="],
        )
        .await;
    let id = made["Instances"][0]["InstanceId"].as_str().unwrap().to_owned();
    assert_eq!(made["Instances"][0]["BlockDeviceMappings"].as_array().unwrap().len(), 3);
    let of_it = format!("ec2 describe-volumes --filters Name=attachment.instance-id,Values={id}");
    let volumes = aws.ok(&of_it).await;
    assert_eq!(volumes["Volumes"].as_array().unwrap().len(), 3);
    aws.ok(&format!("ec2 terminate-instances --instance-ids {id}")).await;
    assert_eq!(aws.ok(&of_it).await["Volumes"].as_array().unwrap().len(), 0);
    let left = aws.ok("ec2 describe-volumes --filters Name=status,Values=available").await;
    assert_eq!((&left["Volumes"][0]["Size"], left["Volumes"].as_array().unwrap().len()), (&5.into(), 1));
    assert_eq!(aws.region.audit().volumes, 1);
}

#[tokio::test]
async fn refusals_are_those_of_aws() {
    let Some(aws) = Aws::start().await else { return };
    let rows = [
        ("ec2 describe-instances --instance-ids i-0123456789abcdef0", "InvalidInstanceID.NotFound"),
        ("ec2 describe-instances --filters Name=colour,Values=red", "InvalidParameterValue"),
        ("ec2 terminate-instances --instance-ids i-0123456789abcdef0", "InvalidInstanceID.NotFound"),
        ("ec2 run-instances --image-id ami-0 --instance-type t2.micro", "InvalidAMIID.NotFound"),
        ("ec2 describe-instances --dry-run", "DryRunOperation"),
        ("ec2 reboot-instances --instance-ids i-0123456789abcdef0", "InvalidAction"),
        ("ec2 describe-vpcs --vpc-ids vpc-1", "InvalidVpcID.NotFound"),
    ];
    for (words, expected) in rows {
        assert_eq!(aws.refused(words).await, expected, "aws {words}");
    }
    let stranger = aws.output("AKIASTRANGER", "ec2 describe-instances", &[]).await;
    assert_eq!(code(&stranger), "AuthFailure");
    let stranger = aws.output("AKIASTRANGER", "sts get-caller-identity", &[]).await;
    assert_eq!(code(&stranger), "InvalidClientTokenId");
}

#[tokio::test]
async fn load_balancers_and_their_metrics_come_and_go() {
    let Some(aws) = Aws::start().await else { return };
    let vpc = aws.ok("ec2 describe-vpcs").await["Vpcs"][0]["VpcId"].as_str().unwrap().to_owned();
    let create = format!(
        "elbv2 create-load-balancer --name cb-one --scheme internal --subnets {SUBNET} subnet-0de0fa170000000b0 \
         --tags Key=owner,Value=us"
    );
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let arn = text(&aws.ok(&create).await["LoadBalancers"][0]["LoadBalancerArn"]);
    assert_eq!(text(&aws.ok(&create).await["LoadBalancers"][0]["LoadBalancerArn"]), arn, "the name makes it the same");
    let other = create.replace("--scheme internal ", "");
    assert_eq!(aws.refused(&other).await, "DuplicateLoadBalancerName");
    let seen = &aws.ok("elbv2 describe-load-balancers --names cb-one").await["LoadBalancers"][0];
    assert_eq!((&seen["State"]["Code"], &seen["Type"]), (&"provisioning".into(), &"application".into()));
    assert_eq!(seen["AvailabilityZones"].as_array().unwrap().len(), 2);
    assert!(text(&seen["DNSName"]).starts_with("internal-cb-one-") && text(&seen["CreatedTime"]).starts_with("20"));
    let tags = aws.ok(&format!("elbv2 describe-tags --resource-arns {arn}")).await;
    assert_eq!(tags["TagDescriptions"][0]["Tags"], serde_json::json!([{ "Key": "owner", "Value": "us" }]));
    let group = aws
        .ok(&format!(
            "elbv2 create-target-group --name cb-group --protocol HTTP --port 8080 --vpc-id {vpc} --health-check-path \
             /health --health-check-interval-seconds 5 --health-check-timeout-seconds 2 --matcher HttpCode=200-499"
        ))
        .await;
    let group = &group["TargetGroups"][0];
    assert_eq!((&group["HealthCheckIntervalSeconds"], &group["Port"]), (&5.into(), &8080.into()));
    assert_eq!(
        (&group["Matcher"]["HttpCode"], &group["LoadBalancerArns"]),
        (&"200-499".into(), &serde_json::json!([]))
    );
    let group = text(&group["TargetGroupArn"]);
    let attributes = aws
        .ok(&format!(
            "elbv2 modify-target-group-attributes --target-group-arn {group} --attributes \
             Key=deregistration_delay.timeout_seconds,Value=30"
        ))
        .await;
    let delay = serde_json::json!({ "Key": "deregistration_delay.timeout_seconds", "Value": "30" });
    assert!(attributes["Attributes"].as_array().unwrap().contains(&delay), "{attributes}");
    let listener = aws
        .ok(&format!(
            "elbv2 create-listener --load-balancer-arn {arn} --protocol HTTP --port 8080 --default-actions \
             Type=fixed-response,FixedResponseConfig={{StatusCode=404,ContentType=text/plain}}"
        ))
        .await;
    let listener = text(&listener["Listeners"][0]["ListenerArn"]);
    let rule = format!(
        "elbv2 create-rule --listener-arn {listener} --priority 10 --conditions Field=path-pattern,Values=/a,/a/* \
         --actions Type=forward,TargetGroupArn={group}"
    );
    aws.ok(&rule).await;
    assert_eq!(aws.refused(&rule).await, "PriorityInUse");
    let rules = aws.ok(&format!("elbv2 describe-rules --listener-arn {listener}")).await;
    let rules = rules["Rules"].as_array().unwrap();
    let ours = rules.iter().find(|rule| rule["Priority"] == "10").unwrap();
    assert_eq!(ours["Conditions"][0]["PathPatternConfig"]["Values"], serde_json::json!(["/a", "/a/*"]));
    assert_eq!(ours["Actions"][0]["TargetGroupArn"], group.as_str());
    assert_eq!(rules.iter().filter(|rule| rule["IsDefault"] == true).count(), 1);
    let unknown = format!("elbv2 register-targets --target-group-arn {group} --targets Id=i-0123456789abcdef0");
    assert_eq!(aws.refused(&unknown).await, "InvalidTarget");
    let refused = aws.refused(&format!("elbv2 delete-target-group --target-group-arn {group}")).await;
    assert_eq!(refused, "ResourceInUse");
    aws.check_metrics(&arn, &group).await;
    aws.ok(&format!("elbv2 delete-load-balancer --load-balancer-arn {arn}")).await;
    aws.ok(&format!("elbv2 delete-target-group --target-group-arn {group}")).await;
    assert_eq!(aws.refused("elbv2 describe-load-balancers --names cb-one").await, "LoadBalancerNotFound");
    assert_eq!(aws.refused("elbv2 describe-account-limits").await, "InvalidAction");
}

impl Aws {
    /// The command line asks CloudWatch in JSON.
    async fn check_metrics(&self, balancer: &str, group: &str) {
        let balancer = balancer.split_once(":loadbalancer/").unwrap().1;
        let group = group.rsplit(':').next().unwrap();
        let now = jiff::Timestamp::now();
        let minute = jiff::Timestamp::from_second(now.as_second() / 60 * 60 - 300).unwrap();
        self.region.sim().lock().cloudwatch(now).put("RequestCount", balancer, Some(group), minute, 1.0, 25);
        let listed = self.ok("cloudwatch list-metrics --namespace AWS/ApplicationELB --metric-name RequestCount").await;
        assert_eq!(listed["Metrics"].as_array().unwrap().len(), 2, "with and without the target group: {listed}");
        let dimensions = serde_json::json!([
            { "Name": "LoadBalancer", "Value": balancer },
            { "Name": "TargetGroup", "Value": group },
        ]);
        let metric = serde_json::json!({
            "Namespace": "AWS/ApplicationELB", "MetricName": "RequestCount", "Dimensions": dimensions,
        });
        let query =
            serde_json::json!([{ "Id": "q1", "MetricStat": { "Metric": metric, "Period": 60, "Stat": "Sum" } }]);
        let (from, to) = (minute.to_string(), now.to_string());
        let span = ["--start-time", &from, "--end-time", &to, "--metric-data-queries", &query.to_string()];
        let data = self.with("cloudwatch get-metric-data", &span).await;
        assert_eq!(data["MetricDataResults"][0]["Values"], serde_json::json!([25.0]), "{data}");
        assert_eq!(data["MetricDataResults"][0]["StatusCode"], "Complete");
        let expression = serde_json::json!([{ "Id": "q1", "Expression": "SEARCH('x', 'Sum', 60)" }]).to_string();
        let span = ["--start-time", &from, "--end-time", &to, "--metric-data-queries", &expression];
        let output = self.output(ACCESS_KEY, "cloudwatch get-metric-data", &span).await;
        assert_eq!(code(&output), "UnsupportedOperation");
    }
}

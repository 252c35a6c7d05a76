//! Answers of ELBv2 about load balancers, as it writes them.

use super::*;

pub(super) const BALANCER: &str = "arn:aws:elasticloadbalancing:eu-west-1:1:loadbalancer/app/cb-1/1";
pub(super) const GROUP: &str = "arn:aws:elasticloadbalancing:eu-west-1:1:targetgroup/cb-1/1";
pub(super) const LISTENER: &str = "arn:aws:elasticloadbalancing:eu-west-1:1:listener/app/cb-1/1/1";
pub(super) const RULE: &str = "arn:aws:elasticloadbalancing:eu-west-1:1:listener-rule/app/cb-1/1/1/1";

pub(super) fn arn(kind: &str, name: &str) -> String {
    format!("arn:aws:elasticloadbalancing:eu-west-1:1:{kind}/{name}/1")
}

/// The shape that ELBv2 gives answers (API reference, the examples of each action).
pub(super) fn answer(action: &str, content: &str) -> String {
    format!(
        "<{action}Response xmlns=\"http://elasticloadbalancing.amazonaws.com/doc/2015-12-01/\"><{action}Result>{content}\
         </{action}Result><ResponseMetadata><RequestId>req-1</RequestId></ResponseMetadata></{action}Response>"
    )
}

pub(super) fn refused(code: &str) -> String {
    format!(
        "<ErrorResponse xmlns=\"http://elasticloadbalancing.amazonaws.com/doc/2015-12-01/\"><Error><Type>Sender</Type>\
         <Code>{code}</Code><Message>words of {code}</Message></Error><RequestId>req-1</RequestId></ErrorResponse>"
    )
}

pub(super) fn balancer(name: &str) -> String {
    format!(
        "<member><LoadBalancerArn>{arn}</LoadBalancerArn><DNSName>internal-{name}.eu-west-1.elb.amazonaws.com</DNSName>\
         <CreatedTime>2026-11-29T00:00:00.000Z</CreatedTime><LoadBalancerName>{name}</LoadBalancerName>\
         <Scheme>internal</Scheme><VpcId>vpc-1</VpcId><State><Code>provisioning</Code></State><Type>application</Type>\
         <AvailabilityZones><member><ZoneName>eu-west-1a</ZoneName><SubnetId>subnet-1</SubnetId></member><member>\
         <ZoneName>eu-west-1b</ZoneName><SubnetId>subnet-2</SubnetId></member></AvailabilityZones><SecurityGroups>\
         <member>sg-1</member></SecurityGroups><IpAddressType>ipv4</IpAddressType></member>",
        arn = arn("loadbalancer/app", name)
    )
}

pub(super) fn balancers(items: &[String], marker: &str) -> String {
    let content = format!("<LoadBalancers>{}</LoadBalancers><NextMarker>{marker}</NextMarker>", items.concat());
    answer("DescribeLoadBalancers", &content)
}

pub(super) fn group(name: &str) -> String {
    format!(
        "<member><TargetGroupArn>{arn}</TargetGroupArn><TargetGroupName>{name}</TargetGroupName><Protocol>HTTP</Protocol>\
         <Port>8080</Port><VpcId>vpc-1</VpcId><HealthCheckProtocol>HTTP</HealthCheckProtocol><HealthCheckPort>traffic-port\
         </HealthCheckPort><HealthCheckEnabled>true</HealthCheckEnabled><HealthCheckIntervalSeconds>5\
         </HealthCheckIntervalSeconds><HealthCheckTimeoutSeconds>2</HealthCheckTimeoutSeconds><HealthyThresholdCount>2\
         </HealthyThresholdCount><UnhealthyThresholdCount>3</UnhealthyThresholdCount><HealthCheckPath>/health\
         </HealthCheckPath><Matcher><HttpCode>200-499</HttpCode></Matcher><LoadBalancerArns><member>{BALANCER}</member>\
         </LoadBalancerArns><TargetType>instance</TargetType><ProtocolVersion>HTTP1</ProtocolVersion></member>",
        arn = arn("targetgroup", name)
    )
}

pub(super) fn groups(items: &[String]) -> String {
    answer("DescribeTargetGroups", &format!("<TargetGroups>{}</TargetGroups>", items.concat()))
}

/// Tags of each that was asked for.
pub(super) fn tagged(arns: &[&str]) -> String {
    let one = |arn: &&str| {
        format!(
            "<member><ResourceArn>{arn}</ResourceArn><Tags><member><Key>k</Key><Value>{arn}</Value></member></Tags>\
             </member>"
        )
    };
    let content: String = arns.iter().map(one).collect();
    answer("DescribeTags", &format!("<TagDescriptions>{content}</TagDescriptions>"))
}

pub(super) fn listeners() -> String {
    let content = format!(
        "<Listeners><member><ListenerArn>{LISTENER}</ListenerArn><LoadBalancerArn>{BALANCER}</LoadBalancerArn>\
         <Port>8080</Port><Protocol>HTTP</Protocol><DefaultActions><member><Type>fixed-response</Type></member>\
         </DefaultActions></member></Listeners>"
    );
    answer("DescribeListeners", &content)
}

pub(super) fn rules() -> String {
    let rule = |number: u32, path: &str| {
        format!(
            "<member><RuleArn>{RULE}{number}</RuleArn><Priority>{number}</Priority><IsDefault>false</IsDefault><Conditions>\
             <member><Field>path-pattern</Field><Values><member>{path}/*</member><member>{path}</member></Values>\
             <PathPatternConfig><Values><member>{path}/*</member><member>{path}</member></Values></PathPatternConfig>\
             </member></Conditions><Actions><member><Type>forward</Type><TargetGroupArn>{GROUP}</TargetGroupArn>\
             <ForwardConfig><TargetGroups><member><TargetGroupArn>{GROUP}</TargetGroupArn><Weight>1</Weight></member>\
             </TargetGroups></ForwardConfig></member></Actions></member>"
        )
    };
    let default = format!(
        "<member><RuleArn>{RULE}d</RuleArn><Priority>default</Priority><IsDefault>true</IsDefault><Conditions/><Actions>\
         <member><Type>fixed-response</Type></member></Actions></member>"
    );
    let rules = [rule(2, "/cluster2"), rule(1, "/cluster1"), default].concat();
    answer("DescribeRules", &format!("<Rules>{rules}</Rules>"))
}

pub(super) fn health() -> String {
    let target = |id: u32, health: &str| {
        format!(
            "<member><Target><Id>i-{id}</Id><Port>8080</Port></Target><HealthCheckPort>8080</HealthCheckPort>\
             <TargetHealth>{health}</TargetHealth></member>"
        )
    };
    let targets = [
        target(1, "<State>healthy</State>"),
        target(2, "<State>healthy</State>"),
        target(
            3,
            "<State>unhealthy</State><Reason>Target.Timeout</Reason><Description>Request timed out</Description>",
        ),
        target(4, "<State>draining</State><Reason>Target.DeregistrationInProgress</Reason>"),
    ];
    let content = format!("<TargetHealthDescriptions>{}</TargetHealthDescriptions>", targets.concat());
    answer("DescribeTargetHealth", &content)
}

pub(super) fn attributes() -> String {
    let one = |key: &str, value: &str| format!("<member><Key>{key}</Key><Value>{value}</Value></member>");
    let all = [
        one("stickiness.enabled", "false"),
        one("deregistration_delay.timeout_seconds", "30"),
        one("load_balancing.algorithm.type", "least_outstanding_requests"),
    ];
    answer("DescribeTargetGroupAttributes", &format!("<Attributes>{}</Attributes>", all.concat()))
}

/// A region with two load balancers, two groups, a listener with two rules, and four targets.
pub(super) fn usual(form: &Form) -> String {
    match value(form, "Action").unwrap_or_default() {
        "DescribeLoadBalancers" => balancers(&["cb-1", "cb-2"].map(balancer), ""),
        "DescribeTargetGroups" => groups(&["cb-1", "cb-2"].map(group)),
        "DescribeTags" => tagged(&list(form, "ResourceArns.member")),
        "DescribeListeners" => listeners(),
        "DescribeRules" => rules(),
        "DescribeTargetHealth" => health(),
        "DescribeTargetGroupAttributes" => attributes(),
        action => answer(action, ""),
    }
}

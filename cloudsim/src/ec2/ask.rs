//! What EC2 asks IAM about a call.
//!
//! Source of resources and keys: Service Authorization Reference, "Actions, resources, and condition keys for Amazon EC2".
//! A thing that is to be created has `*` for its id (so the messages of refusals show it); its tags are those of the
//! request. A thing that is there has its tags as EC2 sees them at that moment. What EC2 does not know has none: a policy
//! by tags then denies what would be NotFound otherwise (aws/karpenter-provider-aws#2100, runs-on/terraform-aws-runs-on#60).

use std::sync::Arc;

use planner::owner::Tags;

use crate::action::Action;
use crate::group::{CreateSecurityGroup, SecurityGroup};
use crate::instance::{BlockDevice, Instance, RunInstances};
use crate::network::Subnet;
use crate::sim::Sim;
use crate::versions::{Path, Versions};

/// What a call is about, as far as IAM can tell things apart.
#[derive(Clone, Debug)]
pub enum About {
    /// Calls that have no resources: lists.
    Region(Action),
    Launch(Arc<RunInstances>),
    Instances(Action, Vec<String>),
    NewGroup(Arc<CreateSecurityGroup>),
    Group(Action, String),
}

/// One question: may this be done with that?
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ask {
    /// Such as `ec2:RunInstances`.
    pub action: String,
    /// An ARN, or `*` for actions without resources.
    pub resource: String,
    /// Keys with their values.
    pub context: Vec<(String, Vec<String>)>,
}

/// `sts:GetCallerIdentity` needs no permission, and no policy can deny it (API reference, GetCallerIdentity).
const FREE: Action = Action::GetCallerIdentity;

impl About {
    pub fn action(&self) -> Action {
        match self {
            Self::Region(action) | Self::Instances(action, _) | Self::Group(action, _) => *action,
            Self::Launch(_) => Action::RunInstances,
            Self::NewGroup(_) => Action::CreateSecurityGroup,
        }
    }
}

impl Ask {
    /// Values of a key. Names of keys are not case-sensitive, tags in them included (IAM user guide, "IAM JSON policy
    /// elements: Condition").
    pub(crate) fn values(&self, key: &str) -> Option<&[String]> {
        self.context.iter().find(|(name, _)| name.eq_ignore_ascii_case(key)).map(|(_, values)| values.as_slice())
    }

    fn with(mut self, key: impl Into<String>, value: impl Into<String>) -> Self {
        self.context.push((key.into(), vec![value.into()]));
        self
    }

    fn with_some(self, key: &str, value: Option<impl Into<String>>) -> Self {
        match value {
            Some(value) => self.with(key, value),
            None => self,
        }
    }

    /// Of something that is there. Both spellings are supplied.
    fn tagged(mut self, tags: &Tags) -> Self {
        for (key, value) in tags {
            self = self.with(format!("aws:ResourceTag/{key}"), value).with(format!("ec2:ResourceTag/{key}"), value);
        }
        self
    }

    /// Of something that is to be created.
    fn with_new_tags(mut self, tags: &Tags) -> Self {
        for (key, value) in tags {
            self = self.with(format!("aws:RequestTag/{key}"), value);
        }
        if !tags.is_empty() {
            self.context.push(("aws:TagKeys".to_owned(), tags.keys().cloned().collect()));
        }
        self
    }
}

impl Sim {
    /// In the order in which this simulation asks; EC2's own is not documented.
    pub fn asks(&mut self, about: &About) -> Vec<Ask> {
        match about {
            About::Region(FREE) => Vec::new(),
            About::Region(action) => vec![self.ask(action.name(), "*".to_owned())],
            About::Launch(request) => self.asks_of_launch(request),
            About::Instances(action, ids) => {
                let look = self.look(Path::Id);
                let here = |id: &String| self.instances.get(id).filter(|_| !self.is_elsewhere());
                let seen = |id: &String| here(id).and_then(|record| record.seen.seen(look)).cloned();
                ids.iter().map(|id| self.ask_about_instance(action.name(), id, seen(id).as_deref())).collect()
            }
            About::NewGroup(request) => self.asks_of_new_group(request),
            About::Group(action, id) => {
                let group = self.seen_group(id);
                vec![self.ask_about_group(action.name(), id, group.as_deref())]
            }
        }
    }

    pub(crate) fn ask_about_instance(&self, action: &str, id: &str, instance: Option<&Instance>) -> Ask {
        let ask = self.ask(action, self.arn("instance", id));
        let Some(instance) = instance else { return ask };
        ask.tagged(&instance.tags)
            .with("ec2:InstanceID", id)
            .with("ec2:InstanceType", &instance.instance_type)
            .with("ec2:AvailabilityZone", &instance.zone)
            .with("ec2:MetadataHttpTokens", &instance.http_tokens)
    }

    fn ask_about_group(&self, action: &str, id: &str, group: Option<&SecurityGroup>) -> Ask {
        let ask = self.ask(action, self.arn("security-group", id));
        let Some(group) = group else { return ask };
        ask.tagged(&group.tags).with("ec2:SecurityGroupID", id).with("ec2:Vpc", self.arn("vpc", &group.vpc_id))
    }

    fn asks_of_launch(&mut self, request: &RunInstances) -> Vec<Ask> {
        const RUN: &str = "RunInstances";
        let subnet = self.subnet_of(request).ok();
        let zone = subnet.as_ref().map(|subnet| subnet.zone.clone()).or_else(|| request.zone.clone());
        let image_of = |sim: &Self| sim.network.images.iter().find(|image| image.id == request.image_id).cloned();
        let image = image_of(self);
        // Images are nobody's in their ARN.
        let arn = format!("arn:aws:ec2:{}::image/{}", self.settings.region, request.image_id);
        let of_image = self.ask(RUN, arn).with("ec2:ImageID", &request.image_id);
        let mut asks = vec![match &image {
            Some(image) => {
                of_image.tagged(&image.tags).with("ec2:Owner", &image.owner_alias).with("ec2:Public", "true")
            }
            None => of_image,
        }];
        asks.push(self.ask_about_subnet(RUN, request, subnet.as_ref()));
        let interface = request.interface.as_ref();
        let groups = interface.map_or(&request.group_ids, |interface| &interface.group_ids).clone();
        let groups = match (&subnet, groups.is_empty()) {
            (Some(subnet), true) => self.default_group(subnet).into_iter().collect(),
            _ => groups,
        };
        for id in groups {
            let group = self.seen_group(&id);
            asks.push(self.ask_about_group(RUN, &id, group.as_deref()));
        }
        asks.push(
            self.ask(RUN, self.arn("instance", "*"))
                .with_new_tags(&request.tags_of("instance"))
                .with("ec2:InstanceType", &request.instance_type)
                .with("ec2:Tenancy", "default")
                .with("ec2:RootDeviceType", "ebs")
                .with_some("ec2:AvailabilityZone", zone.clone())
                .with_some("ec2:MetadataHttpTokens", request.http_tokens.clone())
                .with_some(
                    "ec2:MetadataHttpPutResponseHopLimit",
                    request.http_put_response_hop_limit.map(|limit| limit.to_string()),
                ),
        );
        let root = image.map(|image| BlockDevice { size_gib: Some(image.root_gib), ..BlockDevice::default() });
        let volumes =
            if request.block_devices.is_empty() { root.into_iter().collect() } else { request.block_devices.clone() };
        for volume in volumes.into_iter().filter(|volume| !volume.no_device) {
            asks.push(
                self.ask(RUN, self.arn("volume", "*"))
                    .with_new_tags(&request.tags_of("volume"))
                    .with("ec2:Encrypted", volume.encrypted.unwrap_or(false).to_string())
                    .with_some("ec2:VolumeType", volume.volume_type)
                    .with_some("ec2:VolumeSize", volume.size_gib.map(|size| size.to_string()))
                    .with_some("ec2:AvailabilityZone", zone.clone()),
            );
        }
        let vpc = subnet.as_ref().map(|subnet| self.arn("vpc", &subnet.vpc_id));
        asks.push(
            self.ask(RUN, self.arn("network-interface", "*"))
                .with_new_tags(&request.tags_of("network-interface"))
                .with_some("ec2:AvailabilityZone", zone)
                .with_some("ec2:Subnet", subnet.as_ref().map(|subnet| self.arn("subnet", &subnet.id)))
                .with_some("ec2:Vpc", vpc)
                .with_some(
                    "ec2:AssociatePublicIpAddress",
                    interface.and_then(|interface| interface.associate_public_address).map(|is| is.to_string()),
                ),
        );
        asks.extend(
            ["instance", "volume", "network-interface"]
                .into_iter()
                .filter_map(|kind| self.ask_to_tag(RUN, kind, &request.tags_of(kind))),
        );
        asks
    }

    fn ask_about_subnet(&self, action: &str, request: &RunInstances, subnet: Option<&Subnet>) -> Ask {
        let Some(subnet) = subnet else {
            let id = request.interface.as_ref().and_then(|interface| interface.subnet_id.as_ref());
            let id = id.or(request.subnet_id.as_ref()).map_or("*", String::as_str);
            return self.ask(action, self.arn("subnet", id));
        };
        self.ask(action, self.arn("subnet", &subnet.id))
            .tagged(&subnet.tags)
            .with("ec2:SubnetID", &subnet.id)
            .with("ec2:AvailabilityZone", &subnet.zone)
            .with("ec2:Vpc", self.arn("vpc", &subnet.vpc_id))
    }

    fn asks_of_new_group(&self, request: &CreateSecurityGroup) -> Vec<Ask> {
        const CREATE: &str = "CreateSecurityGroup";
        let vpc = self.vpc_of(request).ok();
        let id = vpc.or_else(|| request.vpc_id.clone()).unwrap_or_else(|| "*".to_owned());
        let tags = self.network.vpcs.iter().find(|vpc| vpc.id == id).map(|vpc| vpc.tags.clone()).unwrap_or_default();
        let of_group = self.ask(CREATE, self.arn("security-group", "*")).with_new_tags(&request.tags);
        let of_vpc = self.ask(CREATE, self.arn("vpc", &id)).tagged(&tags).with("ec2:VpcID", &id);
        [Some(of_group), Some(of_vpc), self.ask_to_tag(CREATE, "security-group", &request.tags)]
            .into_iter()
            .flatten()
            .collect()
    }

    /// Tags in a call that creates something need a permission of their own (EC2 user guide, "Grant permission to tag
    /// Amazon EC2 resources during creation").
    fn ask_to_tag(&self, creating: &str, kind: &str, tags: &Tags) -> Option<Ask> {
        let ask = self.ask("CreateTags", self.arn(kind, "*")).with_new_tags(tags).with("ec2:CreateAction", creating);
        (!tags.is_empty()).then_some(ask)
    }

    fn ask(&self, action: &str, resource: String) -> Ask {
        let context = Vec::new();
        let ask = Ask { action: format!("ec2:{action}"), resource, context };
        let region = &self.settings.region;
        ask.with("aws:RequestedRegion", region).with("ec2:Region", region)
    }

    /// Of a thing in the caller's account.
    fn arn(&self, kind: &str, id: &str) -> String {
        format!("arn:aws:ec2:{}:{}:{kind}/{id}", self.settings.region, self.settings.account)
    }

    fn seen_group(&mut self, id: &str) -> Option<Arc<SecurityGroup>> {
        let look = self.look(Path::Id);
        let here = self.groups.get(id).filter(|_| !self.is_elsewhere());
        here.and_then(|record| record.seen(look).and(record.truth())).cloned()
    }

    fn default_group(&self, subnet: &Subnet) -> Option<String> {
        let mut groups = self.groups.values().filter_map(Versions::truth);
        groups.find(|group| group.name == "default" && group.vpc_id == subnet.vpc_id).map(|group| group.id.clone())
    }
}

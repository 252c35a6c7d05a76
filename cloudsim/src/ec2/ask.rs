//! Questions that EC2 asks IAM about a call.
//!
//! Source of resources and keys: Service Authorization Reference, "Actions, resources, and condition keys for Amazon EC2".
//! A thing that is to be created has `*` for its id (so the messages of refusals show it); its tags are those of the
//! request. A thing that is there has its tags as EC2 sees them at that moment. What EC2 does not know has none: a policy
//! by tags then denies what would be NotFound otherwise (aws/karpenter-provider-aws#2100, runs-on/terraform-aws-runs-on#60).

use std::sync::Arc;

use planner::owner::Tags;

use super::group::{CreateSecurityGroup, SecurityGroup};
use super::instance::{BlockDevice, Instance, RunInstances};
use super::network::Subnet;
use super::profile::{ask_to_pass, instance_profile_arn};
use super::{About, Action, Ec2};
use crate::engine::visibility::Path;
use crate::iam::Ask;
use crate::settings::Settings;

const SERVICE: &str = Action::SERVICE;

impl Ec2<'_> {
    /// The question about an action without resources, such as a list.
    pub(crate) fn ask_about_region(&self, action: Action) -> Ask {
        self.ask(action.name(), "*".to_owned())
    }

    /// The questions about a call, in the order in which this simulation asks; EC2's own is not documented.
    pub(crate) fn asks(&mut self, about: &About) -> Vec<Ask> {
        match about {
            About::Launch(request) => self.asks_of_launch(request),
            About::Instances(action, ids) => {
                let view = self.read_view(Path::Id);
                let here = |id: &String| self.state.instances.get(id).filter(|_| !self.is_elsewhere());
                let seen = |id: &String| here(id).and_then(|record| record.seen.seen(view)).cloned();
                ids.iter().map(|id| ask_about_instance(self.settings, *action, id, seen(id).as_deref())).collect()
            }
            About::NewGroup(request) => self.asks_of_new_group(request),
            About::Group(action, id) => {
                let group = self.seen_group(id);
                vec![self.ask_about_group(action.name(), id, group.as_deref())]
            }
        }
    }

    fn ask_about_group(&self, action: &str, id: &str, group: Option<&SecurityGroup>) -> Ask {
        let ask = self.ask(action, self.arn("security-group", id));
        let Some(group) = group else { return ask };
        ask.tagged(SERVICE, &group.tags).with("ec2:SecurityGroupID", id).with("ec2:Vpc", self.arn("vpc", &group.vpc_id))
    }

    fn asks_of_launch(&mut self, request: &RunInstances) -> Vec<Ask> {
        const RUN: &str = "RunInstances";
        let subnet = self.subnet_of(request).ok();
        let zone = subnet.as_ref().map(|subnet| subnet.zone.clone()).or_else(|| request.zone.clone());
        let image_of = |sim: &Self| sim.state.network.images.iter().find(|image| image.id == request.image_id).cloned();
        let image = image_of(self);
        // Images are nobody's in their ARN.
        let arn = format!("arn:aws:ec2:{}::image/{}", self.settings.region, request.image_id);
        let of_image = self.ask(RUN, arn).with("ec2:ImageID", &request.image_id);
        let mut asks = vec![match &image {
            Some(image) => {
                of_image.tagged(SERVICE, &image.tags).with("ec2:Owner", &image.owner_alias).with("ec2:Public", "true")
            }
            None => of_image,
        }];
        asks.push(self.ask_about_subnet(RUN, request, subnet.as_ref()));
        let interface = request.interface.as_ref();
        let groups = interface.map_or(&request.group_ids, |interface| &interface.group_ids).clone();
        let groups = match (&subnet, groups.is_empty()) {
            (Some(subnet), true) => {
                self.state.default_group(&subnet.vpc_id).map(|group| group.id.clone()).into_iter().collect()
            }
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
                )
                .with_some(
                    "ec2:InstanceProfile",
                    request.instance_profile.as_ref().map(|name| instance_profile_arn(&self.settings.account, name)),
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
        asks.extend(ask_to_pass(self.settings, request));
        asks
    }

    fn ask_about_subnet(&self, action: &str, request: &RunInstances, subnet: Option<&Subnet>) -> Ask {
        let Some(subnet) = subnet else {
            let id = request.wanted_subnet().unwrap_or("*");
            return self.ask(action, self.arn("subnet", id));
        };
        self.ask(action, self.arn("subnet", &subnet.id))
            .tagged(SERVICE, &subnet.tags)
            .with("ec2:SubnetID", &subnet.id)
            .with("ec2:AvailabilityZone", &subnet.zone)
            .with("ec2:Vpc", self.arn("vpc", &subnet.vpc_id))
    }

    fn asks_of_new_group(&self, request: &CreateSecurityGroup) -> Vec<Ask> {
        const CREATE: &str = "CreateSecurityGroup";
        let vpc = self.vpc_of(request).ok();
        let id = vpc.or_else(|| request.vpc_id.clone()).unwrap_or_else(|| "*".to_owned());
        let tags =
            self.state.network.vpcs.iter().find(|vpc| vpc.id == id).map(|vpc| vpc.tags.clone()).unwrap_or_default();
        let of_group = self.ask(CREATE, self.arn("security-group", "*")).with_new_tags(&request.tags);
        let of_vpc = self.ask(CREATE, self.arn("vpc", &id)).tagged(SERVICE, &tags).with("ec2:VpcID", &id);
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
        ask(self.settings, action, resource)
    }

    fn arn(&self, kind: &str, id: &str) -> String {
        arn(self.settings, kind, id)
    }

    fn seen_group(&mut self, id: &str) -> Option<Arc<SecurityGroup>> {
        let view = self.read_view(Path::Id);
        let here = self.state.groups.get(id).filter(|_| !self.is_elsewhere());
        here.and_then(|record| record.seen(view).and(record.truth())).cloned()
    }
}

/// The question about one instance. One that EC2 does not show has no tags.
pub(crate) fn ask_about_instance(settings: &Settings, action: Action, id: &str, instance: Option<&Instance>) -> Ask {
    let ask = ask(settings, action.name(), arn(settings, "instance", id));
    let Some(instance) = instance else { return ask };
    ask.tagged(SERVICE, &instance.tags)
        .with("ec2:InstanceID", id)
        .with("ec2:InstanceType", &instance.instance_type)
        .with("ec2:AvailabilityZone", &instance.zone)
        .with("ec2:MetadataHttpTokens", &instance.http_tokens)
}

fn ask(settings: &Settings, action: &str, resource: String) -> Ask {
    let region = &settings.region;
    Ask::new(format!("{SERVICE}:{action}"), resource).with("aws:RequestedRegion", region).with("ec2:Region", region)
}

/// ARN of a thing in the caller's account.
fn arn(settings: &Settings, kind: &str, id: &str) -> String {
    format!("arn:aws:ec2:{}:{}:{kind}/{id}", settings.region, settings.account)
}

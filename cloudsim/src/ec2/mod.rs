//! EC2: its state, its actions, and what it does by itself.
//!
//! [`State`] is the truth of one region. [`Ec2`] is EC2 at one moment, with the actions as methods: they answer as EC2
//! would on a good day, with its error codes. Throttling, refusals and faults come before, in [`crate::Sim::call`].

mod about;
mod ask;
mod balancer_nodes;
mod catalog;
mod connect;
mod group;
pub mod guest;
mod images;
mod instance;
pub mod instance_types;
mod interfaces;
mod kubernetes_node;
mod launch;
mod lifecycle;
mod machines;
mod manual_changes;
mod moment;
mod near_misses;
mod network;
mod power;
mod profile;
mod refusal;
mod security_groups;
mod shown_network;
mod state;
mod tags;
mod throttle;
mod volume;

pub use crate::actions::ec2::Action;
pub use about::About;
pub use catalog::{LocationType, Offering, RegionInfo};
pub use group::{CreateSecurityGroup, IngressRule, Permission, PermissionSource, Protocol, SecurityGroup};
pub use images::{IMAGE_WITH_DATA, Image, Mapping, Store};
pub use instance::{
    Attached, BlockDevice, Console, GroupName, Instance, InstanceVolume, InterfaceRequest, NetworkInterface,
    RunInstances, Shutdown, StateChange, StateReason,
};
pub use kubernetes_node::KubernetesNode;
pub use network::{Network, Route, RouteTable, Subnet, Target, Vpc};
pub use profile::{instance_profile_arn, instance_profile_id};
pub use state::{Change, MachineStart, State};
pub use volume::{Attachment, Volume};

pub(crate) use ask::ask_about_instance;
pub(crate) use near_misses::near_misses;
pub(crate) use network::{ANYWHERE, routes_of};
pub(crate) use profile::role_of;
pub(crate) use refusal::unauthorized;
pub(crate) use tags::check_tags;
pub(crate) use throttle::costs;

use crate::engine::Engine;
use crate::engine::error::Outcome;
use crate::engine::query::{Page, Query};
use crate::engine::visibility::{Path, ReadView};
use crate::settings::Settings;
use state::Event;

/// EC2's bounds on MaxResults.
const PAGE_SIZES: std::ops::RangeInclusive<usize> = 5..=1000;

/// EC2 at one moment.
pub struct Ec2<'a> {
    engine: &'a mut Engine,
    settings: &'a Settings,
    state: &'a mut State,
}

impl<'a> Ec2<'a> {
    pub(crate) fn new(engine: &'a mut Engine, settings: &'a Settings, state: &'a mut State) -> Self {
        Self { engine, settings, state }
    }

    /// `event` happens so many milliseconds from now.
    fn after(&mut self, millis: u64, event: Event) {
        self.state.agenda.enter(self.engine, millis, event);
    }

    fn draw_lag(&mut self) -> [u64; 3] {
        self.engine.draw_lag(self.settings.lag)
    }

    fn read_view(&mut self, path: Path) -> ReadView {
        self.engine.read_view(path, self.settings.stale_reads)
    }

    /// Calls are made with credentials of another account: nothing of this one can be seen or touched.
    fn is_elsewhere(&self) -> bool {
        self.engine.is_elsewhere(&self.settings.account)
    }

    /// One page: of a list made by `make` and shuffled, or of one that was begun before.
    fn list<T: Clone + Send + 'static>(
        &mut self,
        query: &Query,
        make: impl FnOnce(&Self, &Query) -> Outcome<Vec<T>>,
    ) -> Outcome<Page<T>> {
        let items = match self.engine.continued(query, PAGE_SIZES)? {
            Some(rest) => rest,
            None => {
                let whole = make(self, query)?;
                self.engine.shuffled(whole)
            }
        };
        Ok(self.engine.page(query, items, self.settings.page_rules()))
    }

    /// A list of things that no call changes.
    fn fixed<T: Clone + Send + 'static>(&mut self, query: &Query, found: Outcome<Vec<T>>) -> Outcome<Page<T>> {
        let found = found?;
        self.list(query, |_, _| Ok(found))
    }
}

//! Network interfaces: listed, detached, and in the way of their groups for a while.

use std::sync::Arc;

use super::Ec2;
use super::instance::NetworkInterface;
use super::state::Event;
use crate::engine::error::{Outcome, SimError};
use crate::engine::query::{Page, Query, accepts, check};
use crate::engine::visibility::Path;

impl Ec2<'_> {
    /// DescribeNetworkInterfaces.
    pub fn describe_network_interfaces(&mut self, query: &Query) -> Outcome<Page<Arc<NetworkInterface>>> {
        check::<NetworkInterface>(&query.filters)?;
        let view = self.read_view(if query.ids.is_empty() { Path::Tag } else { Path::Id });
        let forgotten_at = self.engine.forgotten_at(self.settings.stale_reads);
        self.state.interfaces.retain(|_, interface| !interface.is_forgotten(forgotten_at));
        self.list(query, |sim, query| {
            let seen = |id: &String| sim.state.interfaces.get(id).and_then(|interface| interface.seen(view));
            let is_missing = |id: &&String| sim.is_elsewhere() || seen(id).is_none();
            if let Some(missing) = query.ids.iter().find(is_missing) {
                let message = format!("The networkInterface ID '{missing}' does not exist");
                return Err(SimError::new("InvalidNetworkInterfaceID.NotFound", message));
            }
            let here = sim.state.interfaces.values().filter(|_| !sim.is_elsewhere());
            let all = here.filter_map(|interface| interface.seen(view));
            let named = all.filter(|interface| query.ids.is_empty() || query.ids.contains(&interface.id));
            Ok(named.filter(|interface| accepts(&query.filters, interface.as_ref())).cloned().collect())
        })
    }

    /// The interface of a terminated instance: it stays a while, and keeps its groups from being deleted.
    pub(crate) fn detach(&mut self, interface_id: &str) {
        let lag = self.draw_lag();
        if let Some(record) = self.state.interfaces.get_mut(interface_id) {
            let detached = record.truth().map(|interface| NetworkInterface {
                instance_id: None,
                public_address: None,
                ..NetworkInterface::clone(interface)
            });
            record.push(detached, self.engine.now(), lag);
        }
        let linger = self.settings.interface_linger.draw(&mut self.state.random.times);
        self.after(linger, Event::InterfaceGone(interface_id.into()));
    }

    pub(crate) fn interface_gone(&mut self, interface_id: &str) {
        let lag = self.draw_lag();
        if let Some(record) = self.state.interfaces.get_mut(interface_id) {
            record.push(None, self.engine.now(), lag);
            self.engine.tell(format!("{interface_id} is gone"));
        }
    }
}

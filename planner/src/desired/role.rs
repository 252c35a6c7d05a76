//! Roles of instances: what each runs, and the ports that it serves.

use api::Placement;

use crate::ports::Addressing;

/// Port of the balancer, or of the front, for requests.
pub const BALANCER_PORT: u16 = 8080;
/// Port of the control API of balancer, front and generator.
pub const CONTROL_PORT: u16 = 8081;
/// Port of the puller beside a worker's program.
pub const PULLER_PORT: u16 = 8082;

/// What an instance is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Role {
    Worker,
    Balancer,
    /// Takes requests and puts them into queues.
    Front,
    Generator,
}

impl Role {
    /// The role as it names files, units and the `ROLE` variable.
    pub fn name(self) -> &'static str {
        match self {
            Self::Worker => "worker",
            Self::Balancer => "balancer",
            Self::Front => "front",
            Self::Generator => "generator",
        }
    }

    /// Whether the operator dials its instances. Of workers it hears from what stands in front.
    fn is_dialled(self) -> bool {
        !matches!(self, Self::Worker)
    }

    /// Name of the program that the role runs, and of its artifact.
    pub fn program(self) -> &'static str {
        match self {
            Self::Worker => "worker",
            Self::Balancer => "balancer",
            Self::Front => "front",
            Self::Generator => "loadgen",
        }
    }
}

/// Whether the operator dials instances of this placement at public addresses.
pub(crate) fn is_control_public(placement: &Placement) -> bool {
    Addressing::parse(&placement.control) == Some(Addressing::Public)
}

/// Whether instances of a role get a public address. `None`: a word of the placement is not known.
pub(crate) fn addressing(placement: &Placement, role: Role) -> Option<Addressing> {
    let of_all = Addressing::parse(&placement.addressing)?;
    // Placements of an earlier version say nothing.
    let control =
        if placement.control.is_empty() { Addressing::Private } else { Addressing::parse(&placement.control)? };
    Some(if role.is_dialled() && control == Addressing::Public { Addressing::Public } else { of_all })
}

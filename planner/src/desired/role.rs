//! Roles of instances: what each runs, and the ports that it serves.

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

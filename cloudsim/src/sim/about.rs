//! A call of any service: who makes it, and what it is about.

use crate::actions::Action;
use crate::ec2;
use crate::elb;
use crate::iam::Principal;
use crate::s3;
use crate::sqs;

/// The things that a call is about.
#[derive(Clone, Debug)]
pub enum About {
    /// No thing in particular: lists.
    Nothing(Action),
    Ec2(ec2::About),
    Elb(elb::About),
    Sqs(sqs::About),
    S3(s3::About),
}

impl From<ec2::About> for About {
    fn from(about: ec2::About) -> Self {
        Self::Ec2(about)
    }
}

impl From<elb::About> for About {
    fn from(about: elb::About) -> Self {
        Self::Elb(about)
    }
}

impl From<sqs::About> for About {
    fn from(about: sqs::About) -> Self {
        Self::Sqs(about)
    }
}

impl From<s3::About> for About {
    fn from(about: s3::About) -> Self {
        Self::S3(about)
    }
}

impl About {
    pub fn action(&self) -> Action {
        match self {
            Self::Nothing(action) => *action,
            Self::Ec2(about) => about.action().into(),
            Self::Elb(about) => about.action().into(),
            Self::Sqs(about) => about.action().into(),
            Self::S3(about) => about.action().into(),
        }
    }

    /// Things that cost tokens over and above the call.
    pub(crate) fn resources(&self) -> u64 {
        match self {
            Self::Nothing(_) | Self::Elb(_) | Self::Sqs(_) | Self::S3(_) => 0,
            Self::Ec2(about) => about.resources(),
        }
    }
}

/// Everything that permissions, throttling and faults need to know of a call.
#[derive(Clone, Debug)]
pub struct Call {
    pub about: About,
    pub by: Principal,
    /// A list without filters, ids and page size.
    pub bare: bool,
}

impl Call {
    /// A call without resources, by an administrator.
    pub fn new(action: impl Into<Action>) -> Self {
        Self::about(About::Nothing(action.into()))
    }

    pub fn about(about: impl Into<About>) -> Self {
        Self { about: about.into(), by: Principal::default(), bare: false }
    }

    pub fn by(self, by: Principal) -> Self {
        Self { by, ..self }
    }

    pub fn bare(self, bare: bool) -> Self {
        Self { bare, ..self }
    }

    pub fn action(&self) -> Action {
        self.about.action()
    }
}

//! Cost of one instance for an hour, with what comes with it.

use api::{Launch, PlacedImage, Placement};

use super::credits::surplus_hour;
use crate::ports::Addressing;
use crate::prices::price;
use crate::prices::small_change::{ADDRESS_HOUR, margin, volume_hour};

/// One instance for an hour, in millionths of a US dollar.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Hourly {
    /// Instance, volumes and public address: these are certain.
    pub certain: u64,
    /// Surplus credits of an unlimited type that is always busy: an upper bound.
    pub surplus: u64,
    /// What a budget keeps besides, because volumes have no price of the region.
    pub margin: u64,
}

impl Hourly {
    /// What status says.
    pub fn at_most(self) -> u64 {
        self.certain.saturating_add(self.surplus)
    }

    /// What a budget pays.
    pub(crate) fn safe(self) -> u64 {
        self.at_most().saturating_add(self.margin)
    }
}

/// An instance of a line, at its own price; where it was written without one, at what is frozen for its type. `None`: there
/// is none either.
pub fn of_line(placement: &Placement, line: &Launch) -> Option<Hourly> {
    let own = line.hourly_usd_micros.filter(|price| *price > 0);
    let price = u64::try_from(own.or_else(|| price(placement, &line.instance_type))?).ok()?;
    Some(hourly(placement, price.saturating_add(extras_of_line(placement, line)), &line.image_id, &line.instance_type))
}

/// Volumes and public address of an instance of a line, as it was launched with.
pub(crate) fn extras_of_line(placement: &Placement, line: &Launch) -> u64 {
    let own = line.extras_usd_micros.and_then(|extras| u64::try_from(extras).ok());
    own.unwrap_or_else(|| extras(placement, &line.image_id, of_all(placement)))
}

/// An instance of a type that has such addresses, by the largest image in use. `None`: it has no price.
pub fn of_type(placement: &Placement, instance_type: &str, addressing: Option<Addressing>) -> Option<Hourly> {
    let price = u64::try_from(price(placement, instance_type)?).ok()?;
    let certain = price.saturating_add(extras(placement, "", addressing));
    Some(hourly(placement, certain, "", instance_type))
}

/// So many seconds of what costs so much an hour, rounded up.
pub fn part_of_hour(hourly: u64, seconds: u64) -> u64 {
    let micros = (u128::from(hourly) * u128::from(seconds)).div_ceil(3_600);
    u64::try_from(micros).unwrap_or(u64::MAX)
}

/// The frozen price of a type. `None`: it is not known.
pub fn price(placement: &Placement, instance_type: &str) -> Option<i64> {
    price::placed(placement, instance_type)?.hourly_usd_micros.filter(|price| *price > 0)
}

fn hourly(placement: &Placement, certain: u64, image: &str, instance_type: &str) -> Hourly {
    Hourly {
        certain,
        surplus: surplus_hour(instance_type).unwrap_or(0),
        margin: margin(&placement.region, volumes(placement, image)),
    }
}

/// Volumes and public address of an instance of this image that is launched now.
pub(crate) fn extras(placement: &Placement, image: &str, addressing: Option<Addressing>) -> u64 {
    volumes(placement, image).saturating_add(addressing.map_or(0, address))
}

/// Volumes of an instance of this image. One that the placement does not name any more is as large as the largest that it
/// does.
fn volumes(placement: &Placement, image: &str) -> u64 {
    let named = placement.images.iter().find(|placed| placed.id == image);
    volume_hour(named.map_or_else(|| largest(placement), gib))
}

/// The public address of an instance.
pub(crate) fn address(addressing: Addressing) -> u64 {
    match addressing {
        Addressing::Public => ADDRESS_HOUR,
        Addressing::Private => 0,
    }
}

/// What all instances have: those of the versions whose lines do not say what came with each. `None`: the placement's word for it is
/// not known.
fn of_all(placement: &Placement) -> Option<Addressing> {
    Addressing::parse(&placement.addressing)
}

fn largest(placement: &Placement) -> u64 {
    placement.images.iter().map(gib).max().unwrap_or(0)
}

/// All volumes of an instance.
pub(crate) fn gib(image: &PlacedImage) -> u64 {
    let all = std::iter::once(image.root_gib).chain(image.volumes.iter().map(|volume| volume.gib));
    all.map(|gib| u64::try_from(gib).unwrap_or(0)).sum()
}

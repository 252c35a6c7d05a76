//! Knobs of the Price List.

use super::value::{SWITCH, show_switch, switch};
use super::{Kind, Knob};

pub(super) const KNOBS: &[Knob] = &[
    Knob {
        name: "price-decoys",
        says: "answers of the Price List hold products that no filter lets pass: dedicated, hosts, reservations, for nothing, elsewhere",
        source: "apache/libcloud 3.9.1: 272 of 868 prices of us-east-1 are of such products",
        kind: Kind::Other {
            form: SWITCH,
            show: |settings| show_switch(settings.pricing.decoys),
            take: |settings, text, _| {
                settings.pricing.decoys = switch(text)?;
                Some(())
            },
        },
    },
    Knob {
        name: "price-several",
        says: "two products of the Price List pass every filter, with different prices",
        source: "aws/karpenter-provider-aws, pkg/providers/pricing: the last one wins there",
        kind: Kind::Other {
            form: SWITCH,
            show: |settings| show_switch(settings.pricing.several),
            take: |settings, text, _| {
                settings.pricing.several = switch(text)?;
                Some(())
            },
        },
    },
    Knob {
        name: "price-unlisted",
        says: "the Price List has no product",
        source: "API reference, GetProducts: PriceList may be empty, as it is for types of the first days",
        kind: Kind::Other {
            form: SWITCH,
            show: |settings| show_switch(settings.pricing.unlisted),
            take: |settings, text, _| {
                settings.pricing.unlisted = switch(text)?;
                Some(())
            },
        },
    },
];

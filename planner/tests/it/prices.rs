//! Prices: the sources in their order, frozen when they are first needed, and never nothing for what is not known.

use api::{PlacedPrice, Placement};
use planner::ports::ListPrice;
use planner::prices::file::PriceFile;
use planner::prices::price::{DAY, placed, shipped};
use planner::provision::prices::questions;
use planner::status::prices::events;
use planner::world::{Facet, Unknown};
use planner::{CloudError, Failure, World, plan, status};

use crate::fixture::{COMPLETE, world};

const TYPES: [&str; 3] = ["c6i.large", "t2.large", "t2.micro"];

fn placed_world() -> World {
    world(&format!("clusters a=t2.micro*2 b=t2.large*1\n{COMPLETE}"))
}

fn listed(hourly_usd_micros: u64) -> Facet<ListPrice> {
    Facet::Known(ListPrice::One { hourly_usd_micros, published: "2026-11-30".into() })
}

fn unknown(failure: Failure, code: &str) -> Facet<ListPrice> {
    Facet::Unknown(Unknown::from(CloudError::new(failure, code, "no")))
}

/// All that the spec names is answered alike.
fn answered(answer: &Facet<ListPrice>) -> World {
    let mut world = placed_world();
    world.prices = TYPES.map(|name| (name.to_owned(), answer.clone())).into();
    world
}

fn frozen(world: &World) -> Placement {
    status(world, &plan(world), &[]).placement.unwrap()
}

fn price<'a>(placement: &'a Placement, name: &str) -> (Option<i64>, &'a str) {
    let found = placed(placement, name).unwrap_or_else(|| panic!("{name} has no entry"));
    (found.hourly_usd_micros, &found.basis)
}

#[test]
fn each_type_of_the_spec_is_asked_about_until_it_has_a_price() {
    let mut world = answered(&listed(12_600));
    assert_eq!(questions(&world), TYPES);
    world.object.status.placement = Some(frozen(&world));
    assert_eq!(questions(&world), [""; 0]);
    world.object.spec.clusters[0].instance_type = "m7i.large".into();
    assert_eq!(questions(&world), ["m7i.large"]);
    world.settings.prices = PriceFile::parse("eu-west-1,m7i.large,0.09").unwrap();
    assert_eq!(questions(&world), [""; 0], "the file has it");
    let nobody_is_asked = ["deleting", "paused", "edited"];
    for word in nobody_is_asked {
        assert_eq!(questions(&crate::fixture::world(word)), [""; 0], "{word}");
    }
}

#[test]
fn the_file_goes_before_the_list_and_the_list_before_the_table() {
    let mut world = answered(&listed(12_345));
    world.settings.prices = PriceFile::parse("eu-west-1,t2.micro,0.005\nus-east-1,t2.large,0.001").unwrap();
    world.prices.insert("c6i.large".into(), Facet::Known(ListPrice::None));
    let placement = frozen(&world);
    assert_eq!(price(&placement, "t2.micro"), (Some(5_000), "eu-west-1, --prices"));
    assert_eq!(price(&placement, "t2.large"), (Some(12_345), "on-demand, eu-west-1, Price List API, 2026-11-30"));
    assert_eq!(price(&placement, "c6i.large"), (Some(91_200), "on-demand, eu-west-1, table of 2026-07-20"));
    assert!(world.settings.prices.price("us-east-1", "t2.large").is_some(), "of another region");
}

#[test]
fn a_list_without_a_day_is_of_today() {
    let answer = Facet::Known(ListPrice::One { hourly_usd_micros: 1, published: String::new() });
    let placement = frozen(&answered(&answer));
    assert_eq!(price(&placement, "t2.micro"), (Some(1), "on-demand, eu-west-1, Price List API, 2027-01-15"));
}

#[test]
fn a_list_that_does_not_answer_or_cannot_decide_is_followed_by_the_table_and_said_once() {
    let table = shipped("eu-west-1", "t2.micro").and_then(|price| i64::try_from(price).ok());
    for (answer, said) in [
        (unknown(Failure::Unauthorized, "AccessDeniedException"), "did not answer (AccessDeniedException"),
        (unknown(Failure::Throttled, "ThrottlingException"), "did not answer (ThrottlingException"),
        (unknown(Failure::Unreachable, "Timeout"), "did not answer (Timeout"),
        (unknown(Failure::Rejected, "NoEndpoint"), "did not answer (NoEndpoint"),
        (Facet::Known(ListPrice::Several(vec![77_500, 90_000])), "has several prices (0.077500 USD, 0.090000 USD)"),
    ] {
        let mut world = answered(&answer);
        let next = status(&world, &plan(&world), &[]);
        let placement = next.placement.clone().unwrap();
        let basis = format!("on-demand, eu-west-1, table of {DAY}");
        assert_eq!(price(&placement, "t2.micro"), (table, basis.as_str()), "{said}");
        let told = events(&world, &next);
        assert_eq!(told.len(), 1, "{told:?}");
        assert_eq!((told[0].reason.as_str(), told[0].action.as_str()), ("OtherPrice", "Accepted"));
        assert!(told[0].note.contains(said) && told[0].note.contains("t2.micro"), "{}", told[0].note);
        world.object.status = next;
        let again = status(&world, &plan(&world), &[]);
        assert_eq!(events(&world, &again), []);
    }
    let world = answered(&listed(12_600));
    assert_eq!(events(&world, &status(&world, &plan(&world), &[])), [], "of the list itself nothing is said");
}

#[test]
fn what_nobody_knows_is_frozen_as_unknown_and_never_as_nothing() {
    for answer in [
        Facet::Known(ListPrice::None),
        Facet::Known(ListPrice::One { hourly_usd_micros: 0, published: "2026-11-30".into() }),
        Facet::Known(ListPrice::Several(vec![1, 2])),
        unknown(Failure::Unauthorized, "AccessDeniedException"),
    ] {
        let mut world = answered(&answer);
        world.object.spec.clusters[0].instance_type = "p5.48xlarge".into();
        world.prices.insert("p5.48xlarge".into(), answer.clone());
        let next = status(&world, &plan(&world), &[]);
        let placement = next.placement.clone().unwrap();
        let (none, basis) = price(&placement, "p5.48xlarge");
        assert_eq!(none, None);
        assert!(basis.starts_with("no price for p5.48xlarge in eu-west-1: ") && basis.contains("--prices"), "{basis}");
        assert!(placement.prices.iter().all(|price| price.hourly_usd_micros != Some(0)), "{placement:?}");
        assert!(events(&world, &next)[0].note.contains("no price for p5.48xlarge"));
        world.object.status = next;
        // It is asked about again, and as long as nobody knows nothing is said or written anew.
        assert!(questions(&world).contains(&"p5.48xlarge".to_owned()));
        let again = status(&world, &plan(&world), &[]);
        assert_eq!(again.placement, Some(placement));
        assert_eq!(events(&world, &again), []);
        // The way out that its words name.
        world.settings.prices = PriceFile::parse("eu-west-1,p5.48xlarge,55.04").unwrap();
        assert_eq!(price(&frozen(&world), "p5.48xlarge"), (Some(55_040_000), "eu-west-1, --prices"));
        let prices = frozen(&world).prices;
        assert_eq!(prices.iter().filter(|price| price.instance_type == "p5.48xlarge").count(), 1, "in its place");
    }
}

#[test]
fn a_price_that_is_frozen_stays_and_new_types_are_added() {
    let mut world = answered(&listed(12_600));
    world.object.status.placement = Some(frozen(&world));
    let first = world.object.status.placement.clone().unwrap().prices;
    for answer in [listed(99_999), Facet::Known(ListPrice::None), unknown(Failure::Unreachable, "Timeout")] {
        world.prices = TYPES.map(|name| (name.to_owned(), answer.clone())).into();
        world.settings.prices = PriceFile::parse("eu-west-1,t2.micro,7").unwrap();
        assert_eq!(frozen(&world).prices, first, "{answer:?}");
    }
    world.object.spec.clusters[0].instance_type = "m7i.large".into();
    world.prices = [("m7i.large".to_owned(), listed(112_300))].into();
    let grown = frozen(&world);
    assert_eq!(grown.prices[..3], first);
    assert_eq!(price(&grown, "m7i.large").0, Some(112_300));
    assert_eq!(grown.prices.len(), 4);
}

#[test]
fn a_type_that_nobody_asked_about_yet_has_no_entry() {
    let world = placed_world();
    assert_eq!(frozen(&world).prices, Vec::<PlacedPrice>::new());
    assert_eq!(placed(&frozen(&world), "t2.micro"), None);
}

/// The same benchmark in two places: each has the prices of its own, and another type is the cheaper one. `priced_at` is the
/// region whose prices are taken.
fn names_the_winner_of_each_place(priced_at: impl Fn(&'static str) -> &'static str) -> Result<(), String> {
    let winner = |region: &'static str| {
        let mut world = answered(&unknown(Failure::Unauthorized, "AccessDeniedException"));
        world.object.spec.clusters[0].instance_type = "m5a.large".into();
        world.object.spec.clusters[1].instance_type = "c5.large".into();
        for name in ["m5a.large", "c5.large"] {
            world.prices.insert(name.to_owned(), unknown(Failure::Unauthorized, "AccessDeniedException"));
        }
        if let Some(placement) = &mut world.object.status.placement {
            placement.region = priced_at(region).to_owned();
        }
        let placement = frozen(&world);
        let price = |name: &str| {
            let (price, basis) = price(&placement, name);
            assert!(basis.contains(priced_at(region)), "{basis}");
            price.unwrap()
        };
        if price("m5a.large") < price("c5.large") { "m5a.large" } else { "c5.large" }
    };
    match (winner("us-east-1"), winner("ap-south-1")) {
        ("c5.large", "m5a.large") => Ok(()),
        wrong => Err(format!("cheaper in us-east-1 and in ap-south-1: {wrong:?}")),
    }
}

#[test]
fn us_east_1_prices_elsewhere_are_caught() {
    assert_eq!(names_the_winner_of_each_place(|region| region), Ok(()));
    names_the_winner_of_each_place(|_| "us-east-1").unwrap_err();
}

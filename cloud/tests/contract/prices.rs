//! List prices: the one product among decoys, asked for in process and over the wire.

use std::sync::Arc;

use cloud::{Aws, Patience};
use cloudsim::pricing::Action;
use cloudsim::{Fault, Pricing, Settings, SharedSim, Sim};
use jiff::Timestamp;
use lab::aws::{ACCESS_KEY, SECRET_KEY};
use lab::region::{Region, RunningRegion};
use planner::Failure;
use planner::ports::{ListPrice, Prices, Regions};
use planner::prices::price::{DAY, shipped};

fn settings(pricing: Pricing) -> Settings {
    // Small, so that decoys and the product come on different pages.
    Settings { page_size: 3, pricing, ..Settings::default() }
}

fn decoys() -> Pricing {
    Pricing { decoys: true, ..Pricing::default() }
}

fn one(name: &str) -> ListPrice {
    let hourly_usd_micros = shipped(&Settings::default().region, name).unwrap();
    ListPrice::One { hourly_usd_micros, published: DAY.to_owned() }
}

async fn check<P: Prices>(who: &str, cloud: &P) {
    for name in ["c7g.large", "t3.micro", "m5a.large"] {
        assert_eq!(cloud.price(name).await, Ok(one(name)), "{who}: {name}");
    }
    assert_eq!(cloud.price("p5.48xlarge").await, Ok(ListPrice::None), "{who}");
}

fn at(region: &RunningRegion) -> Aws {
    let patience = Patience { read_backoff: std::time::Duration::from_millis(1), ..Patience::default() };
    Aws::at(&format!("http://{}", region.endpoint()), ACCESS_KEY, SECRET_KEY).with_patience(patience)
}

#[tokio::test]
async fn the_one_price_is_told_whatever_else_is_listed() {
    for pricing in [Pricing::default(), decoys()] {
        let sim = SharedSim::new(Sim::new(1, settings(pricing)).unwrap(), Arc::new(Timestamp::now));
        check("cloudsim", &sim).await;
        let region = Region::start_for_tests(settings(pricing)).await;
        check("lab", &*at(&region).region(&settings(pricing).region)).await;
    }
}

#[tokio::test]
async fn several_prices_are_told_by_both() {
    let pricing = Pricing { several: true, ..decoys() };
    let price = shipped(&Settings::default().region, "c7g.large").unwrap();
    let expected = Ok(ListPrice::Several(vec![price, price * 11 / 10]));
    let sim = SharedSim::new(Sim::new(1, settings(pricing)).unwrap(), Arc::new(Timestamp::now));
    assert_eq!(sim.price("c7g.large").await, expected);
    let region = Region::start_for_tests(settings(pricing)).await;
    assert_eq!(at(&region).region(&settings(pricing).region).price("c7g.large").await, expected);
}

#[tokio::test]
async fn a_price_is_whole_or_fails() {
    let region = Region::start_for_tests(settings(decoys())).await;
    let cloud = at(&region).region(&settings(decoys()).region);
    // What passes is tried again below the port.
    for fault in [Fault::LostAnswer, Fault::Throttled, Fault::Status500] {
        region.sim().lock().inject_next(Action::GetProducts, fault);
        assert_eq!(cloud.price("c7g.large").await, Ok(one("c7g.large")), "{fault:?}");
    }
    for _ in 0..20 {
        region.sim().lock().inject_next(Action::GetProducts, Fault::Truncated);
        match cloud.price("c7g.large").await {
            Err(error) => assert_eq!(error.failure, Failure::Unreachable, "{error}"),
            Ok(found) => panic!("{found:?} of a cut answer"),
        }
    }
    let denied = Settings { denied: [Action::GetProducts.into()].into(), ..settings(decoys()) };
    region.sim().lock().set_settings(denied);
    let error = cloud.price("c7g.large").await.unwrap_err();
    assert_eq!((error.failure, error.code.as_str()), (Failure::Unauthorized, "AccessDeniedException"));
}

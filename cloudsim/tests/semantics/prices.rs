//! The Price List: filters, pages, decoys, refusals, and the port over it.

use std::sync::Arc;

use cloudsim::pricing::{Action, GetProducts};
use cloudsim::{Action as AnyAction, Credentials, Fault, PageRequest, Policy, Pricing, Principal, Settings, SharedSim};
use planner::Failure;
use planner::ports::{ListPrice, Prices, Regions};
use planner::prices::price::{DAY, shipped};

use crate::permissions::ACCOUNT;
use crate::ports::{now, shared};
use crate::world::{at, sim};

fn served(settings: Settings) -> SharedSim {
    shared(settings).0
}

fn request(filters: &[(&str, &str)]) -> GetProducts {
    GetProducts {
        service_code: "AmazonEC2".into(),
        filters: filters.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect(),
        page: PageRequest::default(),
    }
}

const USUAL: [(&str, &str); 8] = [
    ("regionCode", "eu-west-1"),
    ("instanceType", "c7g.large"),
    ("operatingSystem", "Linux"),
    ("preInstalledSw", "NA"),
    ("capacitystatus", "Used"),
    ("marketoption", "OnDemand"),
    ("tenancy", "Shared"),
    ("productFamily", "Compute Instance"),
];

fn count(settings: Settings, filters: &[(&str, &str)]) -> usize {
    sim(settings).price_list(at(0)).get_products(&request(filters)).unwrap().items.len()
}

#[test]
fn every_filter_is_needed_for_one_product() {
    assert_eq!(count(Settings::default(), &USUAL), 1);
    for left_out in ["operatingSystem", "preInstalledSw", "capacitystatus", "tenancy"] {
        let fewer: Vec<_> = USUAL.into_iter().filter(|(name, _)| *name != left_out).collect();
        assert!(count(Settings::default(), &fewer) > 1, "{left_out}");
    }
    assert_eq!(count(Settings::default(), &[("instanceType", "c7g.large"), ("operatingSystem", "SUSE")]), 0);
    assert_eq!(count(Settings::default(), &[("instanceType", "p5.48xlarge")]), 0);
    let decoys = Settings { pricing: Pricing { decoys: true, ..Pricing::default() }, ..Settings::default() };
    assert!(count(decoys, &USUAL) >= 10);
}

#[test]
fn products_come_in_pages_of_a_hundred_and_are_texts_of_json() {
    let mut sim = sim(Settings::default());
    let mut asked = request(&[("operatingSystem", "Linux")]);
    let mut texts = Vec::new();
    loop {
        let page = sim.price_list(at(0)).get_products(&asked).unwrap();
        assert!(page.items.len() <= 100);
        texts.extend(page.items);
        let Some(token) = page.next_token else { break };
        asked.page.next_token = Some(token);
    }
    assert!(texts.len() > 100, "{}", texts.len());
    for text in &texts {
        let product: serde_json::Value = serde_json::from_str(text).unwrap();
        assert!(product["terms"]["OnDemand"].is_object(), "{text}");
    }
    let refused = |page: PageRequest, service: &str| {
        let wrong = GetProducts { page, service_code: service.into(), ..request(&[]) };
        crate::world::sim(Settings::default()).price_list(at(0)).get_products(&wrong).unwrap_err().code
    };
    let token = PageRequest { next_token: Some("page-7".into()), ..PageRequest::default() };
    assert_eq!(refused(token, "AmazonEC2"), "InvalidNextTokenException");
    let large = PageRequest { max_results: Some(101), ..PageRequest::default() };
    assert_eq!(refused(large, "AmazonEC2"), "InvalidParameterException");
    assert_eq!(refused(PageRequest::default(), "AmazonTea"), "NotFoundException");
}

fn one(region: &str, name: &str) -> ListPrice {
    ListPrice::One { hourly_usd_micros: shipped(region, name).unwrap(), published: DAY.to_owned() }
}

fn with(pricing: Pricing) -> Settings {
    // Small, so that decoys and the product come on different pages.
    Settings { pricing, page_size: 2, ..Settings::default() }
}

#[test]
fn the_port_finds_the_one_price_among_decoys_on_many_pages() {
    let calm = served(Settings::default());
    let decoys = served(with(Pricing { decoys: true, ..Pricing::default() }));
    for name in ["c7g.large", "t3.micro", "m7i.2xlarge", "r5a.large"] {
        for sim in [&calm, &decoys] {
            assert_eq!(now(sim.price(name)).unwrap(), one("eu-west-1", name), "{name}");
        }
    }
    assert_eq!(now(decoys.price("p5.48xlarge")).unwrap(), ListPrice::None);
    let calls = decoys.lock().audit().calls[&AnyAction::from(Action::GetProducts)];
    assert!(calls >= 4 * 5, "{calls} calls are no second pages");
}

#[test]
fn each_region_has_prices_of_its_own() {
    let of = |region: &str| served(Settings { region: region.into(), ..Settings::default() });
    assert_eq!(now(of("ap-south-1").price("c5.large")).unwrap(), one("ap-south-1", "c5.large"));
    assert_eq!(now(of("us-east-1").price("c5.metal")).unwrap(), one("us-east-1", "c5.metal"));
    assert_eq!(now(of("eu-west-1").price("c5.metal")).unwrap(), ListPrice::None);
    let none = now(of("us-gov-west-1").price("t3.micro")).unwrap_err();
    assert_eq!((none.failure, none.code.as_str()), (Failure::Rejected, "NoEndpoint"));
}

#[test]
fn several_prices_and_none_are_told_as_such() {
    let several = served(with(Pricing { decoys: true, several: true, ..Pricing::default() }));
    let price = shipped("eu-west-1", "c7g.large").unwrap();
    assert_eq!(now(several.price("c7g.large")).unwrap(), ListPrice::Several(vec![price, price * 11 / 10]));
    let unlisted = served(with(Pricing { unlisted: true, ..Pricing::default() }));
    assert_eq!(now(unlisted.price("c7g.large")).unwrap(), ListPrice::None);
}

#[test]
fn refusals_are_in_the_words_of_a_service_that_speaks_json() {
    let sim = served(Settings::default());
    let failed = |sim: &SharedSim| {
        let error = now(sim.price("c7g.large")).unwrap_err();
        (error.failure, error.code)
    };
    sim.lock().inject_next(Action::GetProducts, Fault::Throttled);
    assert_eq!(failed(&sim), (Failure::Throttled, "ThrottlingException".to_owned()));
    let denied = Settings { denied: [Action::GetProducts.into()].into(), ..Settings::default() };
    assert_eq!(failed(&served(denied)), (Failure::Unauthorized, "AccessDeniedException".to_owned()));
    let expired = Settings { credentials: Credentials::Expired, ..Settings::default() };
    assert_eq!(failed(&served(expired)), (Failure::CredentialsExpired, "ExpiredTokenException".to_owned()));
}

#[test]
fn the_policy_lets_prices_pass_and_nothing_near_it() {
    let sim = served(Settings::default());
    let operator = sim.acting_as(Principal::Operator);
    let error = now(operator.region("eu-west-1").price("c7g.large")).unwrap_err();
    assert_eq!((error.failure, error.code.as_str()), (Failure::Unauthorized, "AccessDeniedException"));
    let policy = Arc::new(Policy::shipped(ACCOUNT, "k-1", "main").unwrap());
    sim.lock().attach(policy);
    sim.lock().record_asks();
    assert_eq!(now(operator.price("c7g.large")).unwrap(), one("eu-west-1", "c7g.large"));
    let asks = sim.lock().recorded_asks().to_vec();
    let asked: Vec<_> = asks.iter().map(|ask| (ask.action.as_str(), ask.resource.as_str())).collect();
    assert_eq!(asked, [("pricing:GetProducts", "*")]);
    let policy = Policy::shipped(ACCOUNT, "k-1", "main").unwrap();
    for action in ["pricing:GetAttributeValues", "pricing:DescribeServices", "pricing:ListPriceLists"] {
        let near = cloudsim::Ask { action: action.to_owned(), ..asks[0].clone() };
        assert_ne!(policy.judge(&near), cloudsim::iam::Verdict::Allowed, "{action}");
    }
}

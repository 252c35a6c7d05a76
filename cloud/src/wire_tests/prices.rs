//! The Price List on the wire, which is JSON with products in strings: prices that are whole or fail.

use std::sync::Mutex;
use std::time::Instant;

use planner::ports::{ListPrice, Prices};
use serde_json::{Value, json};

use super::*;

fn product(tenancy: &str, usd: &str) -> String {
    json!({
        "product": { "productFamily": "Compute Instance", "sku": "ABC", "attributes": {
            "regionCode": "eu-west-1", "instanceType": "c7g.large", "operatingSystem": "Linux", "preInstalledSw": "NA",
            "capacitystatus": "Used", "marketoption": "OnDemand", "tenancy": tenancy,
        } },
        "terms": { "OnDemand": { "ABC.JRTCKXETXF": { "priceDimensions": { "ABC.JRTCKXETXF.6YS6EN2CT7": {
            "unit": "Hrs", "pricePerUnit": { "USD": usd },
        } } } } },
        "publicationDate": "2026-11-30T12:00:00Z",
    })
    .to_string()
}

fn page(products: &[String], next: Option<&str>) -> String {
    let mut page = json!({ "FormatVersion": "aws_v1", "PriceList": products });
    if let Some(next) = next {
        page["NextToken"] = json!(next);
    }
    page.to_string()
}

fn refusal(code: &str) -> String {
    json!({ "__type": format!("com.amazonaws.pricing#{code}"), "Message": "words" }).to_string()
}

fn once(fake: &Fake) -> Arc<Region> {
    aws(fake).with_patience(Patience { read_attempts: 1, ..Patience::default() }).region("eu-west-1")
}

fn one(hourly_usd_micros: u64) -> ListPrice {
    ListPrice::One { hourly_usd_micros, published: "2026-11-30".into() }
}

#[tokio::test]
async fn one_price_is_read_over_all_pages() {
    let fake = Fake::start(|before, _| {
        let body = match before {
            0 => page(&[product("Dedicated", "0.0821"), product("Host", "0")], Some("next")),
            _ => page(&[product("Shared", "0.0775000000")], None),
        };
        Reply::Answer(200, body)
    })
    .await;
    assert_eq!(region(&fake).price("c7g.large").await, Ok(one(77_500)));
    let asked: Vec<Value> = fake.bodies().iter().map(|(_, body)| serde_json::from_slice(body).unwrap()).collect();
    assert_eq!(asked.len(), 2);
    assert_eq!((&asked[0]["NextToken"], &asked[1]["NextToken"]), (&Value::Null, &json!("next")));
    for body in &asked {
        assert_eq!((&body["ServiceCode"], &body["MaxResults"]), (&json!("AmazonEC2"), &json!(100)));
        let filters = body["Filters"].as_array().unwrap();
        let has = |field: &str, value: &str| {
            filters.contains(&json!({ "Type": "TERM_MATCH", "Field": field, "Value": value }))
        };
        assert!(
            has("regionCode", "eu-west-1") && has("instanceType", "c7g.large") && has("tenancy", "Shared"),
            "{body}"
        );
        assert!(
            has("operatingSystem", "Linux") && has("preInstalledSw", "NA") && has("capacitystatus", "Used"),
            "{body}"
        );
        assert!(has("marketoption", "OnDemand") && has("productFamily", "Compute Instance"), "{body}");
        assert_eq!(filters.len(), 8, "{body}");
    }
}

#[tokio::test]
async fn of_several_prices_none_is_chosen_and_of_none_none_is_made() {
    let fake = Fake::start(|before, _| {
        let products = [product("Shared", "0.09"), product("Shared", "0.0775"), product("Host", "0")];
        Reply::Answer(200, page(&products[2 * before..], None))
    })
    .await;
    let region = region(&fake);
    assert_eq!(region.price("c7g.large").await, Ok(ListPrice::Several(vec![77_500, 90_000])));
    assert_eq!(region.price("c7g.large").await, Ok(ListPrice::None));
}

#[tokio::test]
async fn no_cut_answer_is_believed() {
    let whole = page(&[product("Shared", "0.0775"), product("Host", "0")], None);
    let (bytes, length) = (whole.clone(), whole.len());
    let fake = Fake::start(move |before, _| Reply::Unframed(200, bytes.as_bytes()[..before].to_vec())).await;
    let region = once(&fake);
    for cut in 0..length {
        let error = region.price("c7g.large").await.expect_err("a cut answer");
        assert_eq!(error.failure, Failure::Unreachable, "cut at {cut}: {error}");
    }
    assert_eq!(region.price("c7g.large").await, Ok(one(77_500)));
}

#[tokio::test]
async fn what_is_refused_or_not_understood_fails_by_its_code() {
    let cut = product("Shared", "0.0775")[..40].to_owned();
    for (status, body, failure, code) in [
        (400, refusal("AccessDeniedException"), Failure::Unauthorized, "AccessDeniedException"),
        (400, refusal("ThrottlingException"), Failure::Throttled, "ThrottlingException"),
        (400, refusal("SomethingNew"), Failure::Unreachable, "SomethingNew"),
        (503, "<html>503</html>".to_owned(), Failure::Unreachable, "Http503"),
        (200, page(&[cut], None), Failure::Unreachable, "Incomplete"),
        (200, page(&[product("Shared", "free")], None), Failure::Unreachable, "Incomplete"),
        (200, page(&[], Some("again")), Failure::Unreachable, "Paging"),
    ] {
        let answer = body.clone();
        let fake = Fake::start(move |_, _| Reply::Answer(status, answer.clone())).await;
        let told = Arc::new(Mutex::new(Vec::new()));
        let counted = told.clone();
        let count = move |action: &str, failure| counted.lock().unwrap().push((action.to_owned(), failure));
        let patience = Patience { read_attempts: 1, ..Patience::default() };
        let region = aws(&fake).with_patience(patience).counting(count).region("eu-west-1");
        let error = region.price("c7g.large").await.expect_err(code);
        assert_eq!((error.failure, error.code.as_str()), (failure, code), "{status}: {error}");
        assert!(error.message.len() < 400, "{error}");
        let expected = (status != 200).then_some(failure);
        assert_eq!(told.lock().unwrap()[0], ("GetProducts".to_owned(), expected), "{code}");
    }
}

#[tokio::test]
async fn silence_is_given_up_after_five_seconds() {
    let fake = Fake::start(|_, _| Reply::Silence).await;
    let begun = Instant::now();
    let error = region(&fake).price("c7g.large").await.unwrap_err();
    assert_eq!((error.failure, error.code.as_str()), (Failure::Unreachable, "Timeout"));
    // Long before the patience of any other call ends, also on a slow machine.
    assert!((4..18).contains(&begun.elapsed().as_secs()), "{:?}", begun.elapsed());
}

#[tokio::test]
async fn where_no_endpoint_has_prices_nobody_is_asked() {
    let fake = Fake::start(|_, _| Reply::Answer(200, page(&[], None))).await;
    let error = aws(&fake).region("us-gov-west-1").price("c7g.large").await.unwrap_err();
    assert_eq!((error.failure, error.code.as_str()), (Failure::Rejected, "NoEndpoint"));
    assert_eq!(fake.bodies().len(), 0);
}

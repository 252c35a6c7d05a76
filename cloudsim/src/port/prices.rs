//! List prices.

use planner::ports::{Answer, ListPrice, Prices};
use planner::prices::{list, micros};
use planner::{CloudError, Failure};
use serde_json::Value;

use super::SharedSim;
use crate::engine::query::PageRequest;
use crate::pricing::{Action, GetProducts, filters};
use crate::sim::Call;

impl Prices for SharedSim {
    async fn price(&self, instance_type: &str) -> Answer<ListPrice> {
        if list::endpoint(&self.region).is_none() {
            let message = format!("no endpoint of the Price List for {}", self.region);
            return Err(CloudError::new(Failure::Rejected, "NoEndpoint", message));
        }
        let filters = filters(&self.region, instance_type);
        let mut request = GetProducts {
            service_code: "AmazonEC2".to_owned(),
            filters: filters.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect(),
            page: PageRequest { max_results: Some(100), next_token: None },
        };
        let mut texts = Vec::new();
        loop {
            let sent = request.clone();
            let call = Call::new(Action::GetProducts);
            let page = self.call(call, move |sim, now| sim.price_list(now).get_products(&sent))?;
            texts.extend(page.items);
            let Some(token) = page.next_token else { break };
            if request.page.next_token.as_ref() == Some(&token) {
                return Err(CloudError::new(Failure::Unreachable, "RepeatedPage", "the same page token came twice"));
            }
            request.page.next_token = Some(token);
        }
        Ok(told(&filters, &texts))
    }
}

/// The same as the adapter over AWS reads (`cloud/src/pricing`), without its doubts about the text: we wrote it.
fn told(wanted: &[(&str, String)], texts: &[String]) -> ListPrice {
    let mut prices = Vec::new();
    let mut published = String::new();
    for text in texts {
        let product: Value = serde_json::from_str(text).unwrap_or_default();
        let is_wanted = wanted.iter().all(|(name, value)| {
            let at = if *name == "productFamily" { "/product/productFamily" } else { "/product/attributes/" };
            let place = if at.ends_with('/') { format!("{at}{name}") } else { at.to_owned() };
            product.pointer(&place).and_then(Value::as_str) == Some(value.as_str())
        });
        let terms = product.pointer("/terms/OnDemand").and_then(Value::as_object).into_iter().flatten();
        let dimensions = terms.filter_map(|(_, term)| term.get("priceDimensions")?.as_object()).flatten();
        let usd = dimensions.filter_map(|(_, one)| one.pointer("/pricePerUnit/USD")?.as_str());
        for price in usd.filter_map(micros::of_decimal).filter(|price| is_wanted && *price > 0) {
            prices.push(price);
            published = product["publicationDate"].as_str().unwrap_or_default().chars().take(10).collect();
        }
    }
    prices.sort_unstable();
    prices.dedup();
    match prices[..] {
        [] => ListPrice::None,
        [hourly_usd_micros] => ListPrice::One { hourly_usd_micros, published },
        _ => ListPrice::Several(prices),
    }
}

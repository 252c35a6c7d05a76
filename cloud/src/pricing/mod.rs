//! The Price List: what an instance type costs on demand in a region.
//!
//! Its answers are JSON (`awsJson1_1`), and no cut one decodes; the products in it are strings of JSON, each read whole or not
//! at all ([`product`]).

mod product;

use aws_sdk_pricing::types::{Filter, FilterType};
use planner::ports::{Answer, ListPrice, Prices};
use planner::{CloudError, Failure};

use self::product::Wanted;
use crate::region::Region;
use crate::sdk::failure::{incomplete, need};
use crate::sdk::{pages, sent};

/// Products of a page (API reference, GetProducts: 1 to 100).
const PRODUCTS: i32 = 100;

impl Prices for Region {
    /// *Guarantees*: every page was read to its end, and of all products only those count that are what was asked for.
    /// *Errors*: `Rejected` where no endpoint has prices of the region; `Unreachable` for an answer that is not understood.
    /// *Cancellation*: safe, a read.
    async fn price(&self, instance_type: &str) -> Answer<ListPrice> {
        let wanted = Wanted::new(&self.name, instance_type);
        let texts = self.products(&wanted).await?;
        product::price(&wanted, &texts).map_err(incomplete)
    }
}

impl Region {
    async fn products(&self, wanted: &Wanted) -> Answer<Vec<String>> {
        if !self.has_price_list {
            let message = format!("no endpoint of the Price List has prices of {}", self.name);
            return Err(CloudError::new(Failure::Rejected, "NoEndpoint", message));
        }
        let filters = wanted.filters().into_iter().map(filter).collect::<Answer<Vec<Filter>>>()?;
        pages::all(|token| {
            let call = self.pricing.get_products().service_code(product::SERVICE).format_version("aws_v1");
            let call = call.set_filters(Some(filters.clone())).max_results(PRODUCTS).set_next_token(token);
            async move {
                let page = sent(call.send()).await?;
                // An answer without a body decodes as one without a list.
                Ok((need(page.price_list, "a list", "a page of products")?, page.next_token))
            }
        })
        .await
    }
}

fn filter((field, value): (&str, &str)) -> Answer<Filter> {
    let built = Filter::builder().r#type(FilterType::TermMatch).field(field).value(value).build();
    built.map_err(|error| CloudError::new(Failure::Rejected, "Construction", error.to_string()))
}

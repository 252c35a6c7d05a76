//! GetProducts.

use planner::families::FAMILIES;
use planner::prices::price;

use super::PriceList;
use super::product::Product;
use crate::engine::error::{Outcome, SimError};
use crate::engine::query::{Page, PageRequest, Query};

/// Products of a page (API reference, GetProducts).
const PRODUCTS: usize = 100;

/// GetProducts, with filters of the kind `TERM_MATCH`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct GetProducts {
    pub service_code: String,
    /// Attributes with the value that each must have.
    pub filters: Vec<(String, String)>,
    pub page: PageRequest,
}

impl GetProducts {
    fn asked(&self, name: &str) -> Option<&str> {
        self.filters.iter().find(|(of, _)| of == name).map(|(_, value)| value.as_str())
    }
}

impl PriceList<'_> {
    /// The texts of the products that pass the filters, in no order.
    pub fn get_products(&mut self, request: &GetProducts) -> Outcome<Page<String>> {
        if request.service_code != "AmazonEC2" {
            let message = format!("Service {} does not exist.", request.service_code);
            return Err(SimError::new("NotFoundException", message));
        }
        let query = Query { page: request.page.clone(), ..Query::default() };
        let found = match self.engine.continued(&query, 1..=PRODUCTS).map_err(of_pricing)? {
            Some(rest) => rest,
            None => {
                let found = self.products(request);
                self.engine.shuffled(found)
            }
        };
        let whole = Query {
            page: PageRequest { max_results: Some(request.page.max_results.unwrap_or(PRODUCTS)), ..query.page.clone() },
            ..query
        };
        Ok(self.engine.page(&whole, found, self.settings.page_rules()))
    }

    fn products(&self, request: &GetProducts) -> Vec<String> {
        let here = self.settings.region.as_str();
        let region = request.asked("regionCode").unwrap_or(here);
        let names = match request.asked("instanceType") {
            Some(name) => vec![name.to_owned()],
            None => FAMILIES
                .iter()
                .flat_map(|of| of.sizes.iter().map(|size| format!("{}.{}", of.name, size.name)))
                .collect(),
        };
        let mut products: Vec<Product> = names.iter().flat_map(|name| self.of_type(region, name)).collect();
        // What is meant to slip through the filter does.
        if !self.settings.pricing.decoys {
            let passes = |product: &Product| {
                request.filters.iter().all(|(name, value)| product.value(name) == Some(value.as_str()))
            };
            products.retain(passes);
        }
        (1..).zip(products).map(|(number, product)| product.text(number, price::DAY)).collect()
    }

    /// The product that people mean and those beside it, which is all that a list without filters has of a type.
    fn of_type(&self, region: &str, name: &str) -> Vec<Product> {
        let Some(micros) = price::shipped(region, name).filter(|_| !self.settings.pricing.unlisted) else {
            return Vec::new();
        };
        let usual = Product::usual(region, name, micros);
        let mut products = vec![
            // A tenth dearer at most, and most often taken for the price (planner/prices/README.md).
            usual.with("tenancy", if name.contains(".metal") { "Shared" } else { "Dedicated" }, micros * 107 / 100),
            usual.with("tenancy", "Host", 0),
            usual.with("capacitystatus", "UnusedCapacityReservation", micros),
            usual.with("capacitystatus", "AllocatedCapacityReservation", 0),
            usual.with("operatingSystem", "Windows", micros * 2),
            usual.with("preInstalledSw", "SQL Web", micros * 3),
        ];
        if self.settings.pricing.decoys {
            let elsewhere = if region == "us-east-1" { "ap-south-1" } else { "us-east-1" };
            products.push(usual.with("regionCode", elsewhere, micros / 2));
            products.push(usual.with("instanceType", "u-24tb1.112xlarge", micros * 9));
            products.push(usual.with("marketoption", "Spot", micros / 3));
            products.push(Product { price: 0, ..usual.clone() });
            products.push(Product { currency: "CNY", price: micros * 7, ..usual.clone() });
        }
        if self.settings.pricing.several {
            products.push(Product { price: micros * 11 / 10, ..usual.clone() });
        }
        products.push(usual);
        products
    }
}

/// What is wrong with a page, in the words of this service (API reference, GetProducts).
fn of_pricing(error: SimError) -> SimError {
    match error.code.as_str() {
        "InvalidNextToken" => SimError::new("InvalidNextTokenException", error.message),
        _ => SimError::new("InvalidParameterException", error.message),
    }
}

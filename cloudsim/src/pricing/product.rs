//! One product of the Price List, as it is written.

use serde_json::json;

/// A product with its attributes and its one on-demand price.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Product {
    /// The attributes that filters name; the product family among them, as the API takes it for one.
    pub(super) attributes: Vec<(&'static str, String)>,
    pub(super) currency: &'static str,
    /// Millionths of the currency.
    pub(super) price: u64,
}

/// What tells an instance type as people mean it from all other products, as filters of GetProducts.
pub(crate) fn filters(region: &str, instance_type: &str) -> [(&'static str, String); 8] {
    let (family, tenancy) = match instance_type.contains(".metal") {
        true => ("Compute Instance (bare metal)", "Dedicated"),
        false => ("Compute Instance", "Shared"),
    };
    [
        ("productFamily", family),
        ("regionCode", region),
        ("instanceType", instance_type),
        ("operatingSystem", "Linux"),
        ("preInstalledSw", "NA"),
        ("capacitystatus", "Used"),
        ("marketoption", "OnDemand"),
        ("tenancy", tenancy),
    ]
    .map(|(name, value)| (name, value.to_owned()))
}

impl Product {
    /// An instance type as people mean it: Linux, shared (bare metal: dedicated), on demand, used.
    pub(super) fn usual(region: &str, instance_type: &str, price: u64) -> Self {
        let others = [("servicecode", "AmazonEC2"), ("licenseModel", "No License required")];
        let others = others.map(|(name, value)| (name, value.to_owned()));
        Self { attributes: filters(region, instance_type).into_iter().chain(others).collect(), currency: "USD", price }
    }

    /// The same with another value of an attribute, and another price.
    pub(super) fn with(&self, name: &'static str, value: &str, price: u64) -> Self {
        let other = |(of, is): &(&'static str, String)| (*of, if *of == name { value.to_owned() } else { is.clone() });
        Self { attributes: self.attributes.iter().map(other).collect(), price, ..self.clone() }
    }

    pub(super) fn value(&self, name: &str) -> Option<&str> {
        self.attributes.iter().find(|(of, _)| *of == name).map(|(_, value)| value.as_str())
    }

    /// The text that the service sends (AWS Billing user guide, "Reading the service price list file for an AWS service").
    pub(super) fn text(&self, number: usize, published: &str) -> String {
        let sku = format!("SKU{number:04}");
        let family = self.value("productFamily").unwrap_or_default();
        let attributes: serde_json::Map<_, _> = self
            .attributes
            .iter()
            .filter(|(name, _)| *name != "productFamily")
            .map(|(name, value)| ((*name).to_owned(), json!(value)))
            .collect();
        let price = format!("{}.{:06}0000", self.price / 1_000_000, self.price % 1_000_000);
        let (term, rate) = (format!("{sku}.JRTCKXETXF"), format!("{sku}.JRTCKXETXF.6YS6EN2CT7"));
        let dimension = json!({
            "unit": "Hrs", "beginRange": "0", "endRange": "Inf", "rateCode": rate, "appliesTo": [],
            "description": "an hour of an instance", "pricePerUnit": { (self.currency): price },
        });
        json!({
            "product": { "productFamily": family, "attributes": attributes, "sku": sku },
            "serviceCode": "AmazonEC2",
            "terms": { "OnDemand": { (term): {
                "priceDimensions": { (rate.clone()): dimension },
                "sku": sku, "offerTermCode": "JRTCKXETXF", "termAttributes": {},
            } } },
            "publicationDate": format!("{published}T00:00:00Z"),
        })
        .to_string()
    }
}

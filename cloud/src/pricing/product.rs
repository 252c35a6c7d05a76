//! Products of the Price List, read from their texts. Pure.
//!
//! The filters of the call should leave one product. What comes is looked at again all the same: without them three tenths of
//! the prices that one finds are of dedicated instances, hosts and reservations, or 0 (measured on apache/libcloud 3.9.1, whose
//! scraper does without two of them).

use planner::ports::ListPrice;
use planner::prices::micros;
use serde_json::Value;

pub(super) const SERVICE: &str = "AmazonEC2";

/// The product that people mean by an instance type.
///
/// Attributes and values as aws/karpenter-provider-aws filters by them (pkg/providers/pricing/pricing.go).
pub(super) struct Wanted {
    attributes: [(&'static str, String); 7],
    family: &'static str,
}

impl Wanted {
    pub(super) fn new(region: &str, instance_type: &str) -> Self {
        let is_metal = instance_type.split_once('.').is_some_and(|(_, size)| size.starts_with("metal"));
        let attributes = [
            ("regionCode", region),
            ("instanceType", instance_type),
            ("operatingSystem", "Linux"),
            ("preInstalledSw", "NA"),
            ("capacitystatus", "Used"),
            ("marketoption", "OnDemand"),
            // Nobody else is on a machine that one has for oneself.
            ("tenancy", if is_metal { "Dedicated" } else { "Shared" }),
        ];
        Self {
            attributes: attributes.map(|(name, value)| (name, value.to_owned())),
            family: if is_metal { "Compute Instance (bare metal)" } else { "Compute Instance" },
        }
    }

    /// Fields and values of the call's filters.
    pub(super) fn filters(&self) -> Vec<(&str, &str)> {
        let attributes = self.attributes.iter().map(|(name, value)| (*name, value.as_str()));
        attributes.chain([("productFamily", self.family)]).collect()
    }

    fn is(&self, product: &Value) -> bool {
        let attributes = &product["product"]["attributes"];
        product["product"]["productFamily"] == self.family
            && self.attributes.iter().all(|(name, value)| attributes[*name] == value.as_str())
    }
}

/// The price in all of these texts. Another currency than US dollars, a price of 0 and a product that was not asked for are
/// none.
///
/// *Errors*: a text that is no whole product, or a price of ours that is no number.
pub(super) fn price(wanted: &Wanted, texts: &[String]) -> Result<ListPrice, String> {
    let mut prices = Vec::new();
    let mut days = Vec::new();
    for text in texts {
        let product: Value =
            serde_json::from_str(text).map_err(|error| format!("a product that is no JSON: {error}"))?;
        if !product["product"].is_object() || !product["terms"].is_object() {
            return Err("a product without product or terms".to_owned());
        }
        if !wanted.is(&product) {
            continue;
        }
        for usd in hourly_usd(&product) {
            let price = micros::of_decimal(usd).ok_or_else(|| format!("the price {usd:?}"))?;
            if price > 0 {
                prices.push(price);
                days.extend(product["publicationDate"].as_str().and_then(|at| at.get(..10)).map(str::to_owned));
            }
        }
    }
    prices.sort_unstable();
    prices.dedup();
    Ok(match prices[..] {
        [] => ListPrice::None,
        // Of equal products the older one: it is as old as that at the least.
        [hourly_usd_micros] => {
            ListPrice::One { hourly_usd_micros, published: days.into_iter().min().unwrap_or_default() }
        }
        _ => ListPrice::Several(prices),
    })
}

/// Prices on demand by the hour, as they are written.
fn hourly_usd(product: &Value) -> Vec<&str> {
    let terms = product["terms"]["OnDemand"].as_object().into_iter().flat_map(|terms| terms.values());
    let dimensions = terms.flat_map(|term| term["priceDimensions"].as_object()).flat_map(|of| of.values());
    let hourly = dimensions.filter(|dimension| dimension["unit"] == "Hrs");
    hourly.filter_map(|dimension| dimension["pricePerUnit"]["USD"].as_str()).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// A product as the service sends it, shortened (AWS Billing user guide, "Reading the service price list file for an AWS
    /// service").
    fn product(changes: &[(&str, &str)], unit: &str, per_unit: Value) -> String {
        let mut attributes = json!({
            "regionCode": "eu-west-1", "instanceType": "c7g.large", "operatingSystem": "Linux", "preInstalledSw": "NA",
            "capacitystatus": "Used", "marketoption": "OnDemand", "tenancy": "Shared", "vcpu": "2",
            "usagetype": "EU-BoxUsage:c7g.large", "location": "EU (Ireland)", "operation": "RunInstances",
        });
        let mut family = "Compute Instance";
        for (name, value) in changes {
            if *name == "productFamily" {
                family = value;
            } else {
                attributes[*name] = json!(value);
            }
        }
        json!({
            "product": { "productFamily": family, "attributes": attributes, "sku": "ABC" },
            "serviceCode": "AmazonEC2",
            "terms": {
                "OnDemand": { "ABC.JRTCKXETXF": { "sku": "ABC", "priceDimensions": { "ABC.JRTCKXETXF.6YS6EN2CT7": {
                    "unit": unit, "beginRange": "0", "endRange": "Inf", "appliesTo": [], "pricePerUnit": per_unit,
                } } } },
                "Reserved": { "ABC.38NPMPTW36": { "priceDimensions": { "x": {
                    "unit": "Hrs", "pricePerUnit": { "USD": "0.0200000000" },
                } } } },
            },
            "version": "20261130120000",
            "publicationDate": "2026-11-30T12:00:00Z",
        })
        .to_string()
    }

    fn usual(usd: &str) -> String {
        product(&[], "Hrs", json!({ "USD": usd }))
    }

    fn read(texts: &[String]) -> Result<ListPrice, String> {
        price(&Wanted::new("eu-west-1", "c7g.large"), texts)
    }

    fn one(hourly_usd_micros: u64) -> Result<ListPrice, String> {
        Ok(ListPrice::One { hourly_usd_micros, published: "2026-11-30".to_owned() })
    }

    #[test]
    fn of_all_decoys_the_one_price_is_found() {
        let changed = |name, value, usd| product(&[(name, value)], "Hrs", json!({ "USD": usd }));
        let texts = [
            changed("tenancy", "Dedicated", "0.0821000000"),
            changed("tenancy", "Host", "0.0000000000"),
            changed("capacitystatus", "UnusedCapacityReservation", "0.0775000001"),
            changed("capacitystatus", "AllocatedCapacityReservation", "0.0000000000"),
            changed("operatingSystem", "Windows", "0.1500000000"),
            changed("preInstalledSw", "SQL Web", "0.2000000000"),
            changed("regionCode", "us-east-1", "0.0725000000"),
            changed("instanceType", "c7g.xlarge", "0.1550000000"),
            changed("marketoption", "Spot", "0.0300000000"),
            changed("productFamily", "Compute Instance (bare metal)", "0.0900000000"),
            product(&[], "Quantity", json!({ "USD": "9.0000000000" })),
            product(&[], "Hrs", json!({ "CNY": "0.5000000000" })),
            usual("0.0000000000"),
            usual("0.0775000000"),
            usual("0.0775000000"),
        ];
        assert_eq!(read(&texts), one(77_500));
        for left_out in 0..texts.len() {
            let mut fewer = texts.to_vec();
            fewer.remove(left_out);
            fewer.reverse();
            assert_eq!(read(&fewer), one(77_500), "without {left_out}");
        }
        assert_eq!(read(&texts[..13]), Ok(ListPrice::None));
        assert_eq!(read(&[]), Ok(ListPrice::None));
    }

    #[test]
    fn of_several_prices_none_is_chosen() {
        let texts = ["0.0900000000", "0.0775000000", "0", "0.0775000000"].map(usual);
        assert_eq!(read(&texts), Ok(ListPrice::Several(vec![77_500, 90_000])));
    }

    #[test]
    fn bare_metal_is_a_family_of_its_own_and_dedicated() {
        let wanted = Wanted::new("eu-west-1", "m7i.metal-24xl");
        let filters = wanted.filters();
        assert!(filters.contains(&("tenancy", "Dedicated")), "{filters:?}");
        assert!(filters.contains(&("productFamily", "Compute Instance (bare metal)")), "{filters:?}");
        let metal = [
            ("instanceType", "m7i.metal-24xl"),
            ("tenancy", "Dedicated"),
            ("productFamily", "Compute Instance (bare metal)"),
        ];
        let text = product(&metal, "Hrs", json!({ "USD": "5.3928000000" }));
        assert_eq!(price(&wanted, &[text, usual("0.0775000000")]), one(5_392_800));
    }

    #[test]
    fn the_call_filters_by_every_attribute() {
        let wanted = Wanted::new("eu-west-1", "c7g.large");
        let names: Vec<&str> = wanted.filters().into_iter().map(|(name, _)| name).collect();
        let all = [
            "regionCode",
            "instanceType",
            "operatingSystem",
            "preInstalledSw",
            "capacitystatus",
            "marketoption",
            "tenancy",
            "productFamily",
        ];
        assert_eq!(names, all);
    }

    #[test]
    fn what_is_not_understood_is_no_answer() {
        let whole = usual("0.0775000000");
        for cut in 0..whole.len() {
            assert!(read(&[whole[..cut].to_owned()]).is_err(), "cut at {cut}");
        }
        for odd in ["null", "[]", "{}", r#"{"product": {}}"#, "0.0775"] {
            assert!(read(&[whole.clone(), odd.to_owned()]).is_err(), "{odd}");
        }
        for usd in ["-0.0775", "free", "1e-2", ""] {
            assert_eq!(read(&[usual(usd)]), Err(format!("the price {usd:?}")));
        }
    }

    #[test]
    fn a_price_without_a_day_is_a_price() {
        let text =
            usual("0.0775000000").replace("\"publicationDate\":\"2026-11-30T12:00:00Z\"", "\"publicationDate\":null");
        let found = ListPrice::One { hourly_usd_micros: 77_500, published: String::new() };
        assert_eq!(read(&[text]), Ok(found));
    }
}

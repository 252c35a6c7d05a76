//! The Price List on the wire: JSON, whose products are strings of JSON.

use cloudsim::pricing::{Action, GetProducts};
use cloudsim::{Outcome, Page, PageRequest, SimError};

use super::exchange::{Exchange, Sent, not_simulated};
use super::protocol::rpc::{Fields, Value};
use super::protocol::{Api, Protocol};

/// The service as its requests name it, `X-Amz-Target: AWSPriceListService.GetProducts` (botocore's model `pricing`).
pub(super) const API: Api = Api { protocol: Protocol::Json11, version: "AWSPriceListService", namespace: "" };

pub(super) fn answer(action: Action, mut exchange: Exchange<'_>) -> Outcome<Sent> {
    let fields = Fields::of(std::mem::replace(&mut exchange.document, Value::Null))?;
    match action {
        Action::GetProducts => products(exchange, fields),
    }
}

fn products(exchange: Exchange<'_>, mut fields: Fields) -> Outcome<Sent> {
    let mut filters = Vec::new();
    for mut filter in fields.items("Filters")? {
        let kind = filter.need_text("Type")?;
        if kind != "TERM_MATCH" {
            return Err(not_simulated("Type", &kind));
        }
        filters.push((filter.need_text("Field")?, filter.need_text("Value")?));
        filter.finish()?;
    }
    if let Some(version) = fields.text("FormatVersion")?.filter(|version| version != FORMAT) {
        return Err(not_simulated("FormatVersion", &version));
    }
    let request = GetProducts {
        service_code: fields.need_text("ServiceCode")?,
        filters,
        page: PageRequest {
            max_results: fields.count("MaxResults")?.map(|count| count as usize),
            next_token: fields.text("NextToken")?,
        },
    };
    fields.finish()?;
    exchange.look(move |sim, now| sim.price_list(now).get_products(&request), shape)
}

/// The only format that there is (API reference, GetProducts).
const FORMAT: &str = "aws_v1";

fn shape(page: Page<String>) -> Value {
    let mut fields = vec![
        ("FormatVersion", Value::text(FORMAT)),
        ("PriceList", Value::list(page.items.into_iter().map(Value::Text))),
    ];
    fields.extend(page.next_token.map(|token| ("NextToken", Value::Text(token))));
    Value::map(fields)
}

/// The refusal of a key that nobody has, as services that speak JSON spell it (AWS Billing API reference, "Common errors").
pub(super) fn unknown_key() -> SimError {
    SimError::new("UnrecognizedClientException", "The security token included in the request is invalid.")
}

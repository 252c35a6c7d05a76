//! The parameters of a request in a query protocol. What nobody takes is refused, as EC2 does.

use std::collections::{BTreeMap, BTreeSet};
use std::str::FromStr;

use cloudsim::{Filter, Outcome, PageRequest, Query, SimError};
use planner::owner::Tags;

/// Parameters by their whole name (`Filter.1.Value.2`), each taken once.
#[derive(Clone, Debug, Default)]
pub(crate) struct Params(BTreeMap<String, String>);

impl Params {
    /// Parses a form body or a query string.
    pub(crate) fn parse(form: &[u8]) -> Self {
        Self(form_urlencoded::parse(form).into_owned().collect())
    }

    /// Takes a text. Empty counts as absent: the command line sends empty parameters for options that are not given.
    pub(crate) fn text(&mut self, name: &str) -> Option<String> {
        self.0.remove(name).filter(|text| !text.is_empty())
    }

    /// Takes what counts by being there, with any value: an empty NoDevice leaves a device out (API reference,
    /// BlockDeviceMapping).
    pub(crate) fn is_there(&mut self, name: &str) -> bool {
        self.0.remove(name).is_some()
    }

    pub(crate) fn need(&mut self, name: &str) -> Outcome<String> {
        self.text(name).ok_or_else(|| missing(name))
    }

    /// Takes a number or a boolean.
    pub(crate) fn value<T: FromStr>(&mut self, name: &str) -> Outcome<Option<T>> {
        let Some(text) = self.text(name) else { return Ok(None) };
        text.parse().map(Some).map_err(|_| {
            SimError::new("InvalidParameterValue", format!("Value ({text}) for parameter {name} is invalid."))
        })
    }

    pub(crate) fn is_set(&mut self, name: &str) -> Outcome<bool> {
        Ok(self.value(name)?.unwrap_or(false))
    }

    /// Takes `name.1`, `name.2`, ... in the order of the numbers, so that 10 comes after 9.
    pub(crate) fn texts(&mut self, name: &str) -> Vec<String> {
        self.indices(name).into_iter().filter_map(|index| self.0.remove(&format!("{name}.{index}"))).collect()
    }

    /// The prefixes of a list of structures: `name.1`, `name.2`, ... Nothing is taken.
    pub(crate) fn items(&self, name: &str) -> Vec<String> {
        self.indices(name).into_iter().map(|index| format!("{name}.{index}")).collect()
    }

    fn indices(&self, name: &str) -> BTreeSet<u32> {
        let below = self.0.range(format!("{name}.")..).map_while(|(key, _)| key.strip_prefix(name)?.strip_prefix('.'));
        below.filter_map(|rest| rest.split('.').next()?.parse().ok()).collect()
    }

    /// Takes `Filter.N`.
    fn filters(&mut self) -> Outcome<Vec<Filter>> {
        let items = self.items("Filter");
        items
            .iter()
            .map(|item| {
                Ok(Filter { name: self.need(&format!("{item}.Name"))?, values: self.texts(&format!("{item}.Value")) })
            })
            .collect()
    }

    /// Takes what most Describe actions have: `ids` is the name of their list of ids.
    pub(crate) fn query(&mut self, ids: &str) -> Outcome<Query> {
        Ok(Query {
            ids: self.texts(ids),
            filters: self.filters()?,
            page: PageRequest { max_results: self.value("MaxResults")?, next_token: self.text("NextToken") },
        })
    }

    /// Takes `TagSpecification.N`: resource type and tags.
    pub(crate) fn tag_specifications(&mut self) -> Outcome<Vec<(String, Tags)>> {
        let items = self.items("TagSpecification");
        items
            .iter()
            .map(|item| {
                let resource = self.need(&format!("{item}.ResourceType"))?;
                Ok((resource, self.tags(&format!("{item}.Tag"))?))
            })
            .collect()
    }

    /// Takes a list of pairs: `name.N.Key` and `name.N.Value`.
    pub(crate) fn tags(&mut self, name: &str) -> Outcome<Tags> {
        let tags = self.items(name);
        tags.iter()
            .map(|tag| {
                let value = self.0.remove(&format!("{tag}.Value")).unwrap_or_default();
                Ok((self.need(&format!("{tag}.Key"))?, value))
            })
            .collect()
    }

    /// Takes what must have this value, if it is said at all: nothing else is simulated.
    pub(crate) fn only(&mut self, name: &str, simulated: &str) -> Outcome<()> {
        match self.text(name) {
            Some(other) if other != simulated => {
                let message = format!("the lab does not simulate {name}={other}: use {simulated}");
                Err(SimError::new("UnsupportedOperation", message))
            }
            _ => Ok(()),
        }
    }

    /// Refuses what nobody took.
    pub(crate) fn finish(&self) -> Outcome<()> {
        match self.0.keys().next() {
            None => Ok(()),
            Some(name) => Err(SimError::new("UnknownParameter", format!("The parameter {name} is not recognized"))),
        }
    }
}

pub(crate) fn missing(name: &str) -> SimError {
    SimError::new("MissingParameter", format!("The request must contain the parameter {name}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_are_in_the_order_of_their_numbers() {
        let mut params = Params::parse(b"InstanceId.10=j&InstanceId.9=i&InstanceId.1=a&InstanceIds=x");
        assert_eq!(params.texts("InstanceId"), ["a", "i", "j"]);
        assert_eq!(params.finish().unwrap_err().message, "The parameter InstanceIds is not recognized");
    }

    #[test]
    fn structures_are_taken_field_by_field() {
        let mut params = Params::parse(
            b"Filter.1.Name=tag%3Aa&Filter.1.Value.1=x%20y&Filter.1.Value.2=&Filter.2.Name=vpc-id&Filter.2.Colour=red\
              &TagSpecification.1.ResourceType=instance&TagSpecification.1.Tag.1.Key=k&TagSpecification.1.Tag.1.Value=",
        );
        let filters = params.query("Id").unwrap().filters;
        assert_eq!(filters, [Filter::new("tag:a", ["x y", ""]), Filter::new("vpc-id", [""; 0])]);
        let tags = params.tag_specifications().unwrap();
        assert_eq!(tags, [("instance".to_owned(), [("k".to_owned(), String::new())].into())]);
        let left = params.finish().unwrap_err();
        assert_eq!(left.message, "The parameter Filter.2.Colour is not recognized", "deep ones too");
    }

    #[test]
    fn wrong_values_name_their_parameter() {
        let mut params = Params::parse(b"MinCount=many&DryRun=perhaps");
        for name in ["MinCount", "DryRun"] {
            let error = if name == "DryRun" { params.is_set(name).err() } else { params.value::<u32>(name).err() };
            assert!(error.unwrap().message.contains(name));
        }
        assert_eq!(params.need("ImageId").unwrap_err().code, "MissingParameter");
    }
}

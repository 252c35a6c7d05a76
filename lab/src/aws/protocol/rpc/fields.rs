//! The fields of a document, each taken once. What nobody takes is refused.

use std::collections::BTreeMap;

use cloudsim::{Outcome, SimError};
use jiff::Timestamp;

use super::Value;

/// Fields that are left to take, and the place of the document they are in.
#[derive(Debug)]
pub(in crate::aws) struct Fields {
    place: String,
    left: Vec<(String, Value)>,
}

impl Fields {
    /// Those of a request.
    pub(in crate::aws) fn of(request: Value) -> Outcome<Self> {
        Self::at(String::new(), request)
    }

    fn at(place: String, value: Value) -> Outcome<Self> {
        match value {
            Value::Map(fields) => Ok(Self { place, left: fields }),
            _ => Err(wrong(&place, "a structure")),
        }
    }

    /// Takes a value. One that is null is not there.
    fn take(&mut self, name: &str) -> Option<Value> {
        let at = self.left.iter().position(|(field, _)| field == name)?;
        Some(self.left.remove(at).1).filter(|value| *value != Value::Null)
    }

    pub(in crate::aws) fn text(&mut self, name: &str) -> Outcome<Option<String>> {
        match self.take(name) {
            None => Ok(None),
            Some(Value::Text(text)) => Ok(Some(text)),
            Some(_) => Err(wrong(&self.named(name), "a text")),
        }
    }

    pub(in crate::aws) fn need_text(&mut self, name: &str) -> Outcome<String> {
        self.text(name)?.ok_or_else(|| self.missing(name))
    }

    /// Takes a whole number.
    pub(in crate::aws) fn count(&mut self, name: &str) -> Outcome<Option<u32>> {
        match self.take(name) {
            None => Ok(None),
            Some(Value::Number(number)) if number.fract() == 0.0 && (0.0..=f64::from(u32::MAX)).contains(&number) => {
                Ok(Some(number as u32))
            }
            Some(_) => Err(wrong(&self.named(name), "a whole number")),
        }
    }

    pub(in crate::aws) fn flag(&mut self, name: &str) -> Outcome<Option<bool>> {
        match self.take(name) {
            None => Ok(None),
            Some(Value::Bool(flag)) => Ok(Some(flag)),
            Some(_) => Err(wrong(&self.named(name), "true or false")),
        }
    }

    /// Takes a moment: in JSON it is a number of seconds.
    pub(in crate::aws) fn need_time(&mut self, name: &str) -> Outcome<Timestamp> {
        let time = match self.take(name).ok_or_else(|| self.missing(name))? {
            Value::Time(time) => Some(time),
            Value::Number(seconds) => moment(seconds),
            _ => None,
        };
        time.ok_or_else(|| wrong(&self.named(name), "a moment"))
    }

    pub(in crate::aws) fn fields(&mut self, name: &str) -> Outcome<Option<Self>> {
        let place = self.named(name);
        self.take(name).map(|value| Self::at(place, value)).transpose()
    }

    pub(in crate::aws) fn need_fields(&mut self, name: &str) -> Outcome<Self> {
        self.fields(name)?.ok_or_else(|| self.missing(name))
    }

    /// Takes a list of structures.
    pub(in crate::aws) fn items(&mut self, name: &str) -> Outcome<Vec<Self>> {
        let place = self.named(name);
        match self.take(name) {
            None => Ok(Vec::new()),
            Some(Value::List(items)) => {
                (1..).zip(items).map(|(number, item)| Self::at(format!("{place}.member.{number}"), item)).collect()
            }
            Some(_) => Err(wrong(&place, "a list")),
        }
    }

    /// Takes a list of texts.
    pub(in crate::aws) fn texts(&mut self, name: &str) -> Outcome<Vec<String>> {
        let place = self.named(name);
        let items = match self.take(name) {
            None => Vec::new(),
            Some(Value::List(items)) => items,
            Some(_) => return Err(wrong(&place, "a list")),
        };
        let text = |item| match item {
            Value::Text(text) => Ok(text),
            _ => Err(wrong(&place, "a list of texts")),
        };
        items.into_iter().map(text).collect()
    }

    /// Takes a map of texts.
    pub(in crate::aws) fn text_map(&mut self, name: &str) -> Outcome<BTreeMap<String, String>> {
        let Some(Self { place, left }) = self.fields(name)? else { return Ok(BTreeMap::new()) };
        let text = |(key, value)| match value {
            Value::Text(text) => Ok((key, text)),
            _ => Err(wrong(&format!("{place}.{key}"), "a text")),
        };
        left.into_iter().map(text).collect()
    }

    /// Refuses what nobody took.
    pub(in crate::aws) fn finish(&self) -> Outcome<()> {
        match self.left.iter().find(|(_, value)| *value != Value::Null) {
            None => Ok(()),
            Some((name, _)) => {
                let message = format!("the lab does not simulate the parameter {}", self.named(name));
                Err(SimError::new("UnsupportedOperation", message))
            }
        }
    }

    fn named(&self, name: &str) -> String {
        if self.place.is_empty() { name.to_owned() } else { format!("{}.{name}", self.place) }
    }

    fn missing(&self, name: &str) -> SimError {
        let name = self.named(name);
        SimError::new("MissingParameter", format!("The parameter {name} is required."))
    }
}

/// A moment from seconds since 1970, to the millisecond (Smithy, "timestampFormat trait").
pub(super) fn moment(seconds: f64) -> Option<Timestamp> {
    let millis = (seconds * 1_000.0).round();
    let is_possible = millis.is_finite() && millis.abs() < 1e15;
    is_possible.then(|| Timestamp::from_millisecond(millis as i64).ok()).flatten()
}

fn wrong(place: &str, what: &str) -> SimError {
    let place = if place.is_empty() { "the body" } else { place };
    SimError::new("InvalidParameterValue", format!("The value for parameter {place} is invalid: it must be {what}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wrong_missing_and_unknown_parameters_are_named_by_their_place() {
        let item = Value::map([("Stat", Value::Number(1.5)), ("Colour", Value::text("red")), ("Unit", Value::Null)]);
        let mut fields = Fields::of(Value::map([("Queries", Value::list([item]))])).unwrap();
        let mut item = fields.items("Queries").unwrap().remove(0);
        assert!(item.need_text("Id").unwrap_err().message.contains("Queries.member.1.Id"));
        assert!(item.text("Stat").unwrap_err().message.contains("Queries.member.1.Stat"));
        assert!(item.finish().unwrap_err().message.contains("Queries.member.1.Colour"));
        assert!(item.text("Colour").is_ok() && item.finish().is_ok(), "null is not there");
        assert!(fields.finish().is_ok());
        assert!(Fields::of(Value::text("Queries")).is_err());
    }

    #[test]
    fn counts_and_moments_are_what_they_say() {
        for (number, count) in [(0.0, Some(0)), (60.0, Some(60)), (-1.0, None), (0.5, None), (5e9, None)] {
            let mut fields = Fields::of(Value::map([("n", Value::Number(number))])).unwrap();
            assert_eq!(fields.count("n").ok().flatten(), count, "{number}");
        }
        assert_eq!(moment(1_800_000_000.25), "2027-01-15T08:00:00.25Z".parse().ok());
        assert_eq!((moment(f64::NAN), moment(1e300)), (None, None));
    }
}

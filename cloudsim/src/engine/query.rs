//! Ids, filters and pages of a list, and which things they let through.

use std::ops::RangeInclusive;

use planner::owner::Tags;

use super::error::{Outcome, SimError};

/// Ids, filters and page of a Describe call.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Query {
    pub ids: Vec<String>,
    pub filters: Vec<Filter>,
    pub page: PageRequest,
}

impl Query {
    /// A query by filters only.
    pub fn filtered(filters: impl IntoIterator<Item = Filter>) -> Self {
        Self { filters: filters.into_iter().collect(), ..Self::default() }
    }

    /// A query by ids only.
    pub fn ids(ids: impl IntoIterator<Item = impl Into<String>>) -> Self {
        Self { ids: ids.into_iter().map(Into::into).collect(), ..Self::default() }
    }

    /// Neither ids nor filters nor pages: the expensive kind.
    pub fn is_bare(&self) -> bool {
        self.ids.is_empty() && self.filters.is_empty() && self.page == PageRequest::default()
    }
}

/// Any of the values matches; `*` and `?` are wildcards unless a `\` stands before them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Filter {
    pub name: String,
    pub values: Vec<String>,
}

impl Filter {
    pub fn new(name: impl Into<String>, values: impl IntoIterator<Item = impl Into<String>>) -> Self {
        Self { name: name.into(), values: values.into_iter().map(Into::into).collect() }
    }

    /// Exactly this tag, even where its value looks like a pattern.
    pub fn tag(key: &str, value: &str) -> Self {
        let literal = if is_pattern(value) {
            value.chars().flat_map(|c| matches!(c, '*' | '?' | '\\').then_some('\\').into_iter().chain([c])).collect()
        } else {
            value.to_owned()
        };
        Self::new(format!("tag:{key}"), [literal])
    }

    /// Its values, unless one is a pattern.
    pub(crate) fn literals(&self) -> Option<&[String]> {
        (!self.values.iter().any(|value| is_pattern(value))).then_some(&self.values)
    }

    pub(crate) fn accepts(&self, actual: &str) -> bool {
        self.values.iter().any(|pattern| is_match(pattern, actual))
    }
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PageRequest {
    pub max_results: Option<usize>,
    pub next_token: Option<String>,
}

impl PageRequest {
    /// AWS treats an empty token as none.
    pub(crate) fn token(&self) -> Option<&str> {
        self.next_token.as_deref().filter(|token| !token.is_empty())
    }

    pub(crate) fn check_size(&self, sizes: RangeInclusive<usize>) -> Outcome<()> {
        let Some(size) = self.max_results.filter(|size| !sizes.contains(size)) else { return Ok(()) };
        let (least, most) = (sizes.start(), sizes.end());
        Err(SimError::value(format!(
            "Value ( {size} ) for parameter maxResults is invalid. Expecting a value between {least} and {most}."
        )))
    }
}

/// One page of a list. Complete when there is no `next_token`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page<T> {
    pub items: Vec<T>,
    pub next_token: Option<String>,
}

/// EC2's limit on the values of one filter.
pub const FILTER_VALUES: usize = 200;

/// A thing that filters can be asked about.
pub(crate) trait Filtered {
    /// Filters it knows, those of tags aside.
    const FILTERS: &'static [&'static str];

    /// Whether any of the values that this filter is compared with is what is asked for.
    fn any(&self, filter: &str, is: &dyn Fn(&str) -> bool) -> bool;

    fn tags(&self) -> Option<&Tags> {
        None
    }
}

/// A boolean as filters and answers write it.
pub(crate) fn flag(is_so: bool) -> &'static str {
    if is_so { "true" } else { "false" }
}

/// Refuses filters that the thing does not know.
pub(crate) fn check<T: Filtered>(filters: &[Filter]) -> Outcome<()> {
    for Filter { name, values } in filters {
        let known = T::FILTERS.contains(&name.as_str()) || name.starts_with("tag:") || name == "tag-key";
        if !known {
            return Err(SimError::value(format!("The filter '{name}' is invalid")));
        }
        if values.is_empty() {
            return Err(SimError::value(format!("The filter '{name}' has no values")));
        }
        if values.len() > FILTER_VALUES {
            let message = format!("The maximum number of filter values is {FILTER_VALUES}");
            return Err(SimError::new("FilterLimitExceeded", message));
        }
    }
    Ok(())
}

/// Whether all filters accept the thing.
pub(crate) fn accepts<T: Filtered>(filters: &[Filter], thing: &T) -> bool {
    filters.iter().all(|filter| {
        if let Some(key) = filter.name.strip_prefix("tag:") {
            return thing.tags().and_then(|tags| tags.get(key)).is_some_and(|value| filter.accepts(value));
        }
        if filter.name == "tag-key" {
            return thing.tags().is_some_and(|tags| tags.keys().any(|key| filter.accepts(key)));
        }
        thing.any(&filter.name, &|value| filter.accepts(value))
    })
}

/// Those that the query names and its filters accept; an id that is not there refuses all of it.
pub(crate) fn select<T: Filtered + Clone>(
    query: &Query,
    all: &[T],
    id: impl Fn(&T) -> &String,
    missing: &str,
) -> Outcome<Vec<T>> {
    check::<T>(&query.filters)?;
    if let Some(unknown) = query.ids.iter().find(|wanted| !all.iter().any(|thing| id(thing) == *wanted)) {
        return Err(SimError::new(missing, format!("The ID '{unknown}' does not exist")));
    }
    let named = |thing: &&T| query.ids.is_empty() || query.ids.contains(id(thing));
    Ok(all.iter().filter(named).filter(|thing| accepts(&query.filters, *thing)).cloned().collect())
}

/// The characters that one place of a pattern accepts.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    Anything,
    One,
    Exactly(char),
}

fn places(pattern: &str) -> Vec<Place> {
    let mut characters = pattern.chars();
    let mut places = Vec::new();
    while let Some(character) = characters.next() {
        places.push(match character {
            '*' => Place::Anything,
            '?' => Place::One,
            '\\' => Place::Exactly(characters.next().unwrap_or('\\')),
            other => Place::Exactly(other),
        });
    }
    places
}

impl Query {
    /// The values of this filter, where each is exactly one thing's: then nothing else need be looked at.
    pub(crate) fn names(&self, filter: &str) -> Option<&[String]> {
        self.filters.iter().find(|one| one.name == filter)?.literals()
    }
}

fn is_pattern(text: &str) -> bool {
    text.bytes().any(|byte| matches!(byte, b'*' | b'?' | b'\\'))
}

/// Whether `text` is what `pattern` says, `*` standing for anything and `?` for one character.
fn is_match(pattern: &str, text: &str) -> bool {
    if !is_pattern(pattern) {
        return pattern == text;
    }
    let (pattern, text): (Vec<Place>, Vec<char>) = (places(pattern), text.chars().collect());
    let (mut p, mut t) = (0, 0);
    let mut retry: Option<(usize, usize)> = None;
    while t < text.len() {
        match pattern.get(p) {
            Some(Place::Anything) => {
                retry = Some((p, t));
                p += 1;
            }
            Some(place) if matches!(place, Place::One) || *place == Place::Exactly(text[t]) => {
                p += 1;
                t += 1;
            }
            _ => match retry {
                Some((star, from)) => {
                    retry = Some((star, from + 1));
                    p = star + 1;
                    t = from + 1;
                }
                None => return false,
            },
        }
    }
    pattern[p..].iter().all(|rest| *rest == Place::Anything)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wildcards_match_as_in_ec2() {
        let rows = [
            ("al2023-ami-2023.*-x86_64", "al2023-ami-2023.9-kernel-6.1-x86_64", true),
            ("al2023-ami-2023.*-x86_64", "al2023-ami-2023.9-kernel-6.1-arm64", false),
            ("*", "", true),
            ("a?c", "abc", true),
            ("a?c", "ac", false),
            ("*b*b", "abab", true),
            ("abc", "abcd", false),
            ("a*", "ba", false),
            (r"\*", "*", true),
            (r"\*", "a", false),
            (r"a\?*", "a?c", true),
            (r"a\?*", "abc", false),
            (r"a\\b", r"a\b", true),
        ];
        for (pattern, text, expected) in rows {
            assert_eq!(is_match(pattern, text), expected, "{pattern} {text}");
        }
    }
}

//! Conditions of a statement: all must hold.
//!
//! Source: IAM user guide, "IAM JSON policy elements: Condition operators", and, for keys that are not there and keys with
//! several values, "Condition" and "Single-valued vs. multivalued context keys".

use super::ask::Ask;
use super::error::PolicyError;
use super::pattern::is_like;

#[derive(Clone, Debug)]
pub(crate) struct Condition {
    quantifier: Quantifier,
    test: Test,
    if_exists: bool,
    key: String,
    values: Vec<String>,
}

/// The number of a key's values that the test is asked of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Quantifier {
    /// The one that it has.
    Single,
    /// All of them; also when there are none.
    All,
    /// Any of them; not when there are none.
    Any,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Test {
    Equals(Text),
    Differs(Text),
    Number(Order),
    Bool,
    /// Whether the key is absent.
    Null,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Text {
    Exact,
    AnyCase,
    Like,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Order {
    Equals,
    Differs,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

impl Condition {
    pub(crate) fn read(operator: &str, key: String, values: Vec<String>) -> Result<Self, PolicyError> {
        let (quantifier, rest) = match operator.split_once(':') {
            None => (Quantifier::Single, operator),
            Some(("ForAllValues", rest)) => (Quantifier::All, rest),
            Some(("ForAnyValue", rest)) => (Quantifier::Any, rest),
            Some(_) => return Err(PolicyError::Operator(operator.to_owned())),
        };
        let (name, if_exists) = rest.strip_suffix("IfExists").map_or((rest, false), |name| (name, true));
        let test = Test::named(name).filter(|test| !(if_exists && *test == Test::Null));
        let test = test.ok_or_else(|| PolicyError::Operator(operator.to_owned()))?;
        if let (Test::Number(_), Some(value)) = (test, values.iter().find(|value| number(value).is_none())) {
            return Err(PolicyError::Number { operator: operator.to_owned(), key, value: value.clone() });
        }
        Ok(Self { quantifier, test, if_exists, key, values })
    }

    pub(crate) fn holds(&self, ask: &Ask) -> bool {
        let found = ask.values(&self.key);
        if self.test == Test::Null {
            return self.values.iter().any(|wanted| (wanted == "true") == found.is_none());
        }
        let Some(found) = found else {
            return self.if_exists
                || self.quantifier == Quantifier::All
                || self.quantifier == Quantifier::Single && self.test.is_negative();
        };
        let fits = |value: &String| self.test.fits(value, &self.values);
        match self.quantifier {
            Quantifier::All => found.iter().all(fits),
            Quantifier::Any => found.iter().any(fits),
            Quantifier::Single if self.test.is_negative() => found.iter().all(fits),
            Quantifier::Single => found.iter().any(fits),
        }
    }
}

impl Test {
    fn named(name: &str) -> Option<Self> {
        Some(match name {
            "StringEquals" => Self::Equals(Text::Exact),
            "StringNotEquals" => Self::Differs(Text::Exact),
            "StringEqualsIgnoreCase" => Self::Equals(Text::AnyCase),
            "StringNotEqualsIgnoreCase" => Self::Differs(Text::AnyCase),
            "StringLike" => Self::Equals(Text::Like),
            "StringNotLike" => Self::Differs(Text::Like),
            "NumericEquals" => Self::Number(Order::Equals),
            "NumericNotEquals" => Self::Number(Order::Differs),
            "NumericLessThan" => Self::Number(Order::Less),
            "NumericLessThanEquals" => Self::Number(Order::LessOrEqual),
            "NumericGreaterThan" => Self::Number(Order::Greater),
            "NumericGreaterThanEquals" => Self::Number(Order::GreaterOrEqual),
            "Bool" => Self::Bool,
            "Null" => Self::Null,
            _ => return None,
        })
    }

    /// Holds of a key that is not there.
    fn is_negative(self) -> bool {
        matches!(self, Self::Differs(_) | Self::Number(Order::Differs))
    }

    /// A value of a request against those of the policy: any of them will do, or none may.
    fn fits(self, value: &str, wanted: &[String]) -> bool {
        match self {
            Self::Equals(text) => wanted.iter().any(|wanted| text.is_same(wanted, value)),
            Self::Differs(text) => !wanted.iter().any(|wanted| text.is_same(wanted, value)),
            Self::Bool => wanted.iter().any(|wanted| wanted.eq_ignore_ascii_case(value)),
            Self::Number(order) => {
                let Some(value) = number(value) else { return false };
                let mut wanted = wanted.iter().filter_map(|wanted| number(wanted));
                match order {
                    Order::Differs => wanted.all(|wanted| value != wanted),
                    order => wanted.any(|wanted| order.holds(value, wanted)),
                }
            }
            Self::Null => false,
        }
    }
}

impl Text {
    fn is_same(self, wanted: &str, value: &str) -> bool {
        match self {
            Self::Exact => wanted == value,
            Self::AnyCase => wanted.eq_ignore_ascii_case(value),
            Self::Like => is_like(wanted, value),
        }
    }
}

impl Order {
    fn holds(self, value: f64, wanted: f64) -> bool {
        match self {
            Self::Equals => value == wanted,
            Self::Differs => value != wanted,
            Self::Less => value < wanted,
            Self::LessOrEqual => value <= wanted,
            Self::Greater => value > wanted,
            Self::GreaterOrEqual => value >= wanted,
        }
    }
}

fn number(text: &str) -> Option<f64> {
    text.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn holds(operator: &str, wanted: &[&str], found: Option<&[&str]>) -> bool {
        let owned = |values: &[&str]| values.iter().map(|value| (*value).to_owned()).collect::<Vec<_>>();
        let context = found.map(|values| ("aws:Key".to_owned(), owned(values))).into_iter().collect();
        let ask = Ask { action: "ec2:Any".into(), resource: "*".into(), context };
        Condition::read(operator, "aws:key".into(), owned(wanted)).unwrap().holds(&ask)
    }

    #[test]
    fn operators_are_what_iam_says() {
        type Row = (&'static str, &'static [&'static str], Option<&'static [&'static str]>, bool);
        let rows: &[Row] = &[
            ("StringEquals", &["a", "b"], Some(&["b"]), true),
            ("StringEquals", &["a"], Some(&["A"]), false),
            ("StringEquals", &["a*"], Some(&["ab"]), false),
            ("StringEquals", &["a"], None, false),
            ("StringEqualsIfExists", &["a"], None, true),
            ("StringEqualsIfExists", &["a"], Some(&["b"]), false),
            ("StringEqualsIgnoreCase", &["a"], Some(&["A"]), true),
            ("StringNotEquals", &["a", "b"], Some(&["b"]), false),
            ("StringNotEquals", &["a"], Some(&["b"]), true),
            ("StringNotEquals", &["a"], None, true),
            ("StringLike", &["t2.*"], Some(&["t2.micro"]), true),
            ("StringLike", &["t2.*"], None, false),
            ("StringNotLike", &["t2.*"], Some(&["t2.micro"]), false),
            ("NumericLessThanEquals", &["64"], Some(&["64"]), true),
            ("NumericLessThanEquals", &["64"], Some(&["100"]), false),
            ("NumericLessThanEquals", &["64"], Some(&["many"]), false),
            ("NumericLessThanEquals", &["64"], None, false),
            ("NumericLessThanEqualsIfExists", &["64"], None, true),
            ("NumericNotEquals", &["1", "2"], Some(&["2"]), false),
            ("NumericGreaterThan", &["1"], Some(&["2"]), true),
            ("Bool", &["true"], Some(&["true"]), true),
            ("Bool", &["true"], Some(&["false"]), false),
            ("Bool", &["true"], None, false),
            ("Null", &["true"], None, true),
            ("Null", &["true"], Some(&["x"]), false),
            ("Null", &["false"], Some(&["x"]), true),
            ("Null", &["false"], None, false),
            ("ForAllValues:StringEquals", &["a", "b"], Some(&["a", "b"]), true),
            ("ForAllValues:StringEquals", &["a", "b"], Some(&["a", "c"]), false),
            ("ForAllValues:StringEquals", &["a"], None, true),
            ("ForAnyValue:StringEquals", &["a"], Some(&["a", "c"]), true),
            ("ForAnyValue:StringEquals", &["a"], None, false),
        ];
        for (operator, wanted, found, expected) in rows {
            assert_eq!(holds(operator, wanted, *found), *expected, "{operator} {wanted:?} {found:?}");
        }
    }
}

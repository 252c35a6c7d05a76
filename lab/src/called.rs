//! The words by which people call this program: cargo finds it in a checkout, an image has it by its own name.

use std::env;

/// Set where it is not a checkout.
const VARIABLE: &str = "CLUSTERBENCHMARK_LAB";
const IN_CHECKOUT: &str = "cargo xtask lab";

/// The words before a command.
pub(crate) fn words() -> String {
    from(env::var(VARIABLE).ok())
}

fn from(set: Option<String>) -> String {
    set.filter(|words| !words.is_empty()).unwrap_or_else(|| IN_CHECKOUT.to_owned())
}

#[cfg(test)]
mod tests {
    use super::from;

    #[test]
    fn an_image_says_how_it_is_called() {
        assert_eq!(from(Some("lab".to_owned())), "lab");
        assert_eq!([from(None), from(Some(String::new()))], ["cargo xtask lab"; 2]);
    }
}

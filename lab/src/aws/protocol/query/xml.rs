//! Answers as XML elements.

use cloudsim::{Outcome, SimError};
use quick_xml::se::to_string_with_root;
use serde::Serialize;

/// The elements inside the answer's root.
pub(crate) fn content(answer: &impl Serialize) -> Outcome<String> {
    let root = to_string_with_root("r", answer)
        .map_err(|error| SimError::new("InternalError", format!("the lab could not write its answer: {error}")))?;
    Ok(root.strip_prefix("<r>").and_then(|rest| rest.strip_suffix("</r>")).unwrap_or_default().to_owned())
}

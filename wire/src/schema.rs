//! JSON Schema of the report, made from the types.

use schemars::generate::SchemaSettings;

use crate::Report;

/// `docs/report.schema.json`, without a newline at its end: JSON Schema 2020-12 of what we write.
pub fn report_schema() -> String {
    let schema = SchemaSettings::draft2020_12().for_serialize().into_generator().into_root_schema_for::<Report>();
    serde_json::to_string_pretty(&schema).unwrap_or_default()
}

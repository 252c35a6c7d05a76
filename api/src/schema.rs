//! Resource definitions as they are installed.

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::{
    CustomResourceDefinition, JSON, JSONSchemaProps,
};
use kube::CustomResourceExt;

use crate::{BenchmarkReport, ClusterBenchmark};

/// Both definitions, in the order in which they are installed.
pub fn crds() -> [CustomResourceDefinition; 2] {
    let mut benchmark = ClusterBenchmark::crd();
    // Without it a benchmark that nobody has looked at yet counts as Current for kstatus, and a wiped status
    // could not be told from one that never was.
    if let Some(status) = property(&mut benchmark, "status") {
        status.default = Some(JSON(serde_json::json!({ "observedGeneration": -1 })));
    }
    [benchmark, BenchmarkReport::crd()]
}

fn property<'a>(crd: &'a mut CustomResourceDefinition, name: &str) -> Option<&'a mut JSONSchemaProps> {
    let root = crd.spec.versions.first_mut()?.schema.as_mut()?.open_api_v3_schema.as_mut()?;
    root.properties.as_mut()?.get_mut(name)
}

#[cfg(test)]
mod tests {
    use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::JSONSchemaPropsOrArray;

    use super::*;

    /// All schemas below one, each with its path and whether it lies inside an element of a list.
    fn each(schema: &JSONSchemaProps, path: &str, in_list: bool, visit: &mut impl FnMut(&str, &JSONSchemaProps, bool)) {
        visit(path, schema, in_list);
        for (name, property) in schema.properties.iter().flatten() {
            each(property, &format!("{path}.{name}"), in_list, visit);
        }
        if let Some(items) = &schema.items {
            let JSONSchemaPropsOrArray::Schema(items) = items else { panic!("{path}: a list of schemas") };
            each(items, &format!("{path}[]"), true, visit);
        }
    }

    fn in_what_users_write(mut visit: impl FnMut(&str, &JSONSchemaProps, bool)) -> usize {
        let mut seen = 0;
        let mut crd = ClusterBenchmark::crd();
        each(property(&mut crd, "spec").unwrap(), "spec", false, &mut |path, schema, in_list| {
            seen += 1;
            visit(path, schema, in_list);
        });
        seen
    }

    #[test]
    fn no_mistake_is_answered_with_a_regular_expression() {
        let seen = in_what_users_write(|path, schema, _| assert_eq!(schema.pattern, None, "{path}"));
        assert!(seen > 50, "{seen} schemas seen");
    }

    #[test]
    fn no_element_of_a_list_has_a_default() {
        let mut elements = 0;
        in_what_users_write(|path, schema, in_list| {
            elements += usize::from(in_list);
            assert!(!in_list || schema.default.is_none(), "{path}: the server would add it to what a user applies");
        });
        assert!(elements > 20, "{elements} schemas in lists");
    }
}

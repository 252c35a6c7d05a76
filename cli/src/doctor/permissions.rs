//! The permissions that the plugin's verbs need in Kubernetes, and `kubectl apply` and `kubectl delete` beside them. Pure.
//!
//! What everybody may who is authenticated is not here: discovery, and asking what one may oneself (Kubernetes' cluster roles
//! `system:discovery` and `system:basic-user`). What `doctor` alone reads, it says where it reads it.

use std::fmt::Display;

use api::GROUP;
use k8s_openapi::api::authorization::v1::ResourceAttributes;

use super::Finding;

/// The namespace whose uid is that of the Kubernetes cluster.
const SYSTEM: &str = "kube-system";

pub(super) struct Permission {
    verb: &'static str,
    resource: &'static str,
    place: Place,
    /// What asks for it.
    by: &'static str,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    /// The namespace of the benchmark.
    Here,
    Everywhere,
    /// The object of this name.
    Namespace(&'static str),
}

pub(super) const PERMISSIONS: &[Permission] = &[
    Permission::here("get", "clusterbenchmarks", "`report`, `watch`, `wait`, `compare`, `rerun`, `kubectl apply`"),
    Permission::here("list", "clusterbenchmarks", "`watch`, `wait`, `doctor`"),
    Permission::here("watch", "clusterbenchmarks", "`watch`, `wait`"),
    Permission::here("create", "clusterbenchmarks", "`kubectl apply` of what `new` prints"),
    Permission::here("patch", "clusterbenchmarks", "`rerun`, `kubectl apply`"),
    Permission::here("delete", "clusterbenchmarks", "`kubectl delete`"),
    Permission::here("get", "benchmarkreports", "`report`, `compare`, `watch --serve`"),
    Permission::here("list", "benchmarkreports", "`report`, `compare`, `watch --serve`"),
    Permission {
        verb: "list",
        resource: "clusterbenchmarks",
        place: Place::Everywhere,
        by: "`iam` without `--account`",
    },
    Permission {
        verb: "get",
        resource: "namespaces",
        place: Place::Namespace(SYSTEM),
        by: "`iam` without `--cluster-uid`",
    },
];

impl Permission {
    const fn here(verb: &'static str, resource: &'static str, by: &'static str) -> Self {
        Self { verb, resource, place: Place::Here, by }
    }

    /// What Kubernetes is asked.
    pub(super) fn attributes(&self, namespace: &str) -> ResourceAttributes {
        let (group, namespace, name) = match self.place {
            Place::Here => (GROUP, Some(namespace), None),
            // No namespace is all of them.
            Place::Everywhere => (GROUP, None, None),
            // A request for a namespace counts as one in it, so a role there is enough.
            Place::Namespace(name) => ("", Some(name), Some(name)),
        };
        ResourceAttributes {
            group: Some(group.to_owned()),
            resource: Some(self.resource.to_owned()),
            verb: Some(self.verb.to_owned()),
            namespace: namespace.map(str::to_owned),
            name: name.map(str::to_owned),
            ..ResourceAttributes::default()
        }
    }

    /// What follows from the answer.
    pub(super) fn finding(&self, namespace: &str, answer: Result<bool, impl Display>) -> Finding {
        let Self { verb, resource, by, .. } = self;
        let what = match self.place {
            Place::Here => format!("{verb} {resource} in {namespace}"),
            Place::Everywhere => format!("{verb} {resource} in all namespaces"),
            Place::Namespace(name) => format!("{verb} {resource}/{name}"),
        };
        match answer {
            Ok(true) => Finding::Fine(format!("you may {what}")),
            // An option stands in for it.
            Ok(false) if self.place != Place::Here => Finding::Open(format!("you may not {what}, needed by {by}")),
            Ok(false) => Finding::Wrong(format!(
                "you may not {what}, needed by {by}: ask for the cluster role {} there, which the chart adds it to",
                self.role()
            )),
            Err(error) => Finding::Open(format!("whether you may {what}: {error}")),
        }
    }

    /// The least of Kubernetes' cluster roles for users that the chart adds it to.
    fn role(&self) -> &'static str {
        match self.verb {
            "get" | "list" | "watch" => "view",
            _ => "edit",
        }
    }
}

#[cfg(test)]
mod tests {
    use k8s_openapi::api::rbac::v1::ClusterRole;

    use super::*;

    fn of(verb: &str, resource: &str, place: Place) -> &'static Permission {
        let is_meant = |one: &&Permission| (one.verb, one.resource, one.place) == (verb, resource, place);
        PERMISSIONS.iter().find(is_meant).unwrap()
    }

    #[test]
    fn what_is_lacking_is_named_with_who_needs_it_and_the_role_that_has_it() {
        let lacks = |permission: &Permission| permission.finding("team", Ok::<_, String>(false));
        assert_eq!(
            lacks(of("watch", "clusterbenchmarks", Place::Here)),
            Finding::Wrong(
                "you may not watch clusterbenchmarks in team, needed by `watch`, `wait`: ask for the cluster role view there, \
                 which the chart adds it to"
                    .to_owned()
            )
        );
        let patch = lacks(of("patch", "clusterbenchmarks", Place::Here));
        assert!(matches!(&patch, Finding::Wrong(text) if text.contains("the cluster role edit there")), "{patch:?}");
        assert_eq!(
            lacks(of("list", "clusterbenchmarks", Place::Everywhere)),
            Finding::Open(
                "you may not list clusterbenchmarks in all namespaces, needed by `iam` without `--account`".to_owned()
            )
        );
        let namespace = of("get", "namespaces", Place::Namespace(SYSTEM));
        assert_eq!(
            lacks(namespace),
            Finding::Open("you may not get namespaces/kube-system, needed by `iam` without `--cluster-uid`".to_owned())
        );
        assert_eq!(
            namespace.finding("team", Ok::<_, String>(true)),
            Finding::Fine("you may get namespaces/kube-system".to_owned())
        );
        assert_eq!(
            namespace.finding("team", Err("no answer")),
            Finding::Open("whether you may get namespaces/kube-system: no answer".to_owned())
        );
    }

    #[test]
    fn each_is_asked_for_where_it_is_used() {
        let asked = |permission: &Permission| {
            let asked = permission.attributes("team");
            [asked.group, asked.namespace, asked.name].map(Option::unwrap_or_default).join("|")
        };
        assert_eq!(asked(of("list", "benchmarkreports", Place::Here)), format!("{GROUP}|team|"));
        assert_eq!(asked(of("list", "clusterbenchmarks", Place::Everywhere)), format!("{GROUP}||"));
        assert_eq!(asked(of("get", "namespaces", Place::Namespace(SYSTEM))), "|kube-system|kube-system");
    }

    #[test]
    fn the_cluster_role_that_is_named_has_it() {
        let objects = include_str!("../../../manifests/operator.yaml").split("\n---\n");
        let roles: Vec<ClusterRole> = objects
            .filter(|object| object.contains("\nkind: ClusterRole\n"))
            .map(|object| serde_norway::from_str(object).unwrap())
            .collect();
        for permission in PERMISSIONS.iter().filter(|one| one.place == Place::Here) {
            let name = format!("clusterbenchmark-{}", permission.role());
            let role = roles.iter().find(|role| role.metadata.name.as_deref() == Some(name.as_str())).unwrap();
            let has = |words: &Option<Vec<String>>, word: &str| words.iter().flatten().any(|one| one == word);
            let is_granted = role.rules.iter().flatten().any(|rule| {
                has(&rule.api_groups, GROUP)
                    && has(&rule.resources, permission.resource)
                    && rule.verbs.iter().any(|verb| verb == permission.verb)
            });
            assert!(is_granted, "{name}: {} {}", permission.verb, permission.resource);
        }
    }

    #[test]
    fn the_documentation_has_every_permission() {
        let document = include_str!("../../../docs/plugin.md");
        for Permission { verb, resource, place, by } in PERMISSIONS {
            let place = match place {
                Place::Here => "the benchmark's namespace".to_owned(),
                Place::Everywhere => "all namespaces".to_owned(),
                Place::Namespace(name) => format!("`{name}`"),
            };
            let row = format!("| `{verb}` | `{resource}` | {place} | {by} |\n");
            assert!(document.contains(&row), "{row}");
        }
    }
}

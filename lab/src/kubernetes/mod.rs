//! Kubernetes of the lab: a real control plane, its keys, and the installation of the operator.

pub(crate) mod api;
pub(crate) mod certificates;
pub(crate) mod controlplane;
pub(crate) mod install;
pub(crate) mod kubeconfig;
pub(crate) mod kubectl;
pub(crate) mod served;

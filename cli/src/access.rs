//! The Kubernetes cluster, as kubectl's words name it, and errors that name what to do.

use anyhow::Context as _;
use api::{BenchmarkReport, ClusterBenchmark};
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Api, Client, Config};

use crate::arguments::Kubernetes;

pub(crate) struct Access {
    pub(crate) client: Client,
    pub(crate) namespace: String,
}

impl Access {
    pub(crate) async fn new(asked: &Kubernetes) -> anyhow::Result<Self> {
        let options = KubeConfigOptions { context: asked.context.clone(), ..KubeConfigOptions::default() };
        let config = match &asked.kubeconfig {
            Some(path) => {
                let file = Kubeconfig::read_from(path).with_context(|| format!("--kubeconfig {}", path.display()))?;
                Config::from_custom_kubeconfig(file, &options).await
            }
            None => match Config::from_kubeconfig(&options).await {
                // In a pod there is no file, and a token instead.
                Err(error) if asked.context.is_none() => Config::incluster().map_err(|_| error),
                config => config,
            },
        };
        let config = config.context("no Kubernetes cluster: set --kubeconfig, --context or KUBECONFIG")?;
        let namespace = asked.namespace.clone().unwrap_or_else(|| config.default_namespace.clone());
        let client = Client::try_from(config).context("the Kubernetes cluster cannot be reached")?;
        Ok(Self { client, namespace })
    }

    pub(crate) fn benchmarks(&self) -> Api<ClusterBenchmark> {
        Api::namespaced(self.client.clone(), &self.namespace)
    }

    pub(crate) fn reports(&self) -> Api<BenchmarkReport> {
        Api::namespaced(self.client.clone(), &self.namespace)
    }

    pub(crate) async fn benchmark(&self, name: &str) -> anyhow::Result<ClusterBenchmark> {
        self.found(self.benchmarks().get_opt(name).await, "get", "clusterbenchmarks")?.with_context(|| self.none(name))
    }

    /// Says that there is no benchmark, and where one may be.
    pub(crate) fn none(&self, name: &str) -> String {
        format!(
            "there is no ClusterBenchmark {name} in the namespace {}: `kubectl get clusterbenchmarks --all-namespaces` lists all",
            self.namespace
        )
    }

    /// The answer, or an error that says what is missing to get one.
    pub(crate) fn found<T>(&self, answer: kube::Result<T>, verb: &str, resource: &str) -> anyhow::Result<T> {
        let namespace = &self.namespace;
        answer.map_err(|error| match &error {
            kube::Error::Api(status) if status.code == 403 => anyhow::anyhow!(
                "you may not {verb} {resource} in the namespace {namespace}: ask for the verb `{verb}` on \
                 `{resource}.{}` (the chart's cluster role clusterbenchmark-view has those for reading)",
                api::GROUP
            ),
            // Of a resource that is not served there is no name in the answer.
            kube::Error::Api(status) if status.code == 404 => anyhow::anyhow!(
                "this Kubernetes cluster has no {resource}: install the definitions (`helm install`, or kubectl apply -f crds.yaml)"
            ),
            kube::Error::Api(status) => anyhow::anyhow!("{}", status.message),
            _ => anyhow::Error::new(error).context("the Kubernetes cluster did not answer"),
        })
    }
}

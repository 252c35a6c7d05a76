//! The Kubernetes cluster, as kubectl's words name it, and errors that name what to do.

use std::ffi::OsStr;
use std::io::ErrorKind;

use anyhow::Context as _;
use api::{BenchmarkReport, ClusterBenchmark};
use kube::config::{KubeConfigOptions, Kubeconfig, KubeconfigError};
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
            None => match of_environment(&options).await {
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
        format!("there is no ClusterBenchmark {name} {}", self.here("clusterbenchmarks"))
    }

    /// The same of a name that may be a report's as well.
    pub(crate) fn neither(&self, name: &str) -> String {
        let here = self.here("clusterbenchmarks,benchmarkreports");
        format!("there is neither a ClusterBenchmark nor a BenchmarkReport {name} {here}")
    }

    fn here(&self, resources: &str) -> String {
        format!(
            "in the namespace {}: `kubectl get {resources} --all-namespaces` lists all, and -n names another namespace",
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

/// The configuration that kubectl would take without a `--kubeconfig`.
async fn of_environment(options: &KubeConfigOptions) -> Result<Config, KubeconfigError> {
    let list = std::env::var_os("KUBECONFIG").unwrap_or_default();
    match merged(&list)? {
        Some(files) => Config::from_custom_kubeconfig(files, options).await,
        None => Config::from_kubeconfig(options).await,
    }
}

/// The files of the list `KUBECONFIG`, as kubectl reads them: those that do not exist are left out, and the first that sets a value
/// wins. `None`: the list names no file.
///
/// *Errors*: no file of the list exists, or one that does cannot be read.
fn merged(list: &OsStr) -> Result<Option<Kubeconfig>, KubeconfigError> {
    let mut files = Vec::new();
    let mut missing = None;
    for path in std::env::split_paths(list).filter(|path| !path.as_os_str().is_empty()) {
        match Kubeconfig::read_from(&path) {
            Ok(mut file) => {
                // Kubectl writes an empty one into files without a current context: it sets nothing.
                file.current_context = file.current_context.filter(|name| !name.is_empty());
                files.push(file);
            }
            Err(error) if is_missing(&error) => missing = missing.or(Some(error)),
            Err(error) => return Err(error),
        }
    }
    match missing {
        Some(error) if files.is_empty() => Err(error),
        None if files.is_empty() => Ok(None),
        _ => files.into_iter().try_fold(Kubeconfig::default(), Kubeconfig::merge).map(Some),
    }
}

fn is_missing(error: &KubeconfigError) -> bool {
    matches!(error, KubeconfigError::ReadConfig(error, _) if error.kind() == ErrorKind::NotFound)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// A file with the context `name` and one that other files have as well; its namespace is `name`.
    fn file(name: &str, current: &str) -> String {
        let context = json!({ "cluster": name, "user": name, "namespace": name });
        json!({
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": current,
            "clusters": [{ "name": name, "cluster": { "server": format!("https://{name}.example") } }],
            "users": [{ "name": name, "user": { "token": name } }],
            "contexts": [{ "name": name, "context": context }, { "name": "shared", "context": context }],
        })
        .to_string()
    }

    #[tokio::test]
    async fn a_list_of_files_is_read_as_kubectl_reads_it() {
        let directory = std::env::temp_dir().join(format!("clusterbenchmark-access-{}", std::process::id()));
        std::fs::create_dir_all(&directory).unwrap();
        let [missing, first, second] = ["missing", "first", "second"].map(|name| directory.join(name));
        std::fs::write(&first, file("first", "")).unwrap();
        std::fs::write(&second, file("second", "second")).unwrap();

        let list = std::env::join_paths([&missing, &first, &second]).unwrap();
        for (context, wanted) in
            [(None, "second"), (Some("second"), "second"), (Some("first"), "first"), (Some("shared"), "first")]
        {
            let options = KubeConfigOptions { context: context.map(str::to_owned), ..KubeConfigOptions::default() };
            let files = merged(&list).unwrap().unwrap();
            let config = Config::from_custom_kubeconfig(files, &options).await.unwrap();
            assert_eq!(config.default_namespace, wanted, "{context:?}");
            assert_eq!(config.cluster_url.host(), Some(format!("{wanted}.example").as_str()), "{context:?}");
        }

        let nothing_there = merged(missing.as_os_str()).unwrap_err().to_string();
        assert!(nothing_there.contains("missing"), "{nothing_there}");
        let unreadable = std::env::join_paths([&first, &directory]).unwrap();
        assert!(merged(&unreadable).is_err(), "a directory is no file");
        assert!(merged(OsStr::new("")).unwrap().is_none());
        std::fs::remove_dir_all(&directory).unwrap();
    }
}

//! The Kubernetes cluster, as kubectl's words name it, and errors that name what to do.

use std::ffi::OsStr;
use std::io::ErrorKind;
use std::net::IpAddr;

use anyhow::Context as _;
use api::{BenchmarkReport, ClusterBenchmark};
use http::Uri;
use hyper_util::client::proxy::matcher::Matcher;
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
                chosen(file, &options).await
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
    let files = match merged(&list)? {
        Some(files) => files,
        None => Kubeconfig::read()?,
    };
    chosen(files, options).await
}

/// The cluster that the options choose, and the proxy that leads there.
async fn chosen(files: Kubeconfig, options: &KubeConfigOptions) -> Result<Config, KubeconfigError> {
    let has_its_own = has_proxy(&files, options);
    let mut config = Config::from_custom_kubeconfig(files, options).await?;
    if !has_its_own {
        config.proxy_url = of_matcher(&Matcher::from_env(), &config.cluster_url);
    }
    Ok(config)
}

/// Whether the file says which proxy leads to the chosen cluster.
fn has_proxy(files: &Kubeconfig, options: &KubeConfigOptions) -> bool {
    let name = options.context.as_ref().or(files.current_context.as_ref());
    let context = files.contexts.iter().find(|one| Some(&one.name) == name).and_then(|one| one.context.as_ref());
    let cluster = context.and_then(|context| files.clusters.iter().find(|one| one.name == context.cluster));
    let proxy = cluster.and_then(|named| named.cluster.as_ref()?.proxy_url.as_ref());
    proxy.is_some_and(|proxy| !proxy.is_empty())
}

/// The proxy of the environment for this server. As for kubectl it leads to nobody on this machine, nor to whom `NO_PROXY` names;
/// kube 5 asks `NO_PROXY` about the proxy itself.
fn of_matcher(environment: &Matcher, server: &Uri) -> Option<Uri> {
    let host = server.host()?.trim_matches(['[', ']']);
    let is_here = host == "localhost" || host.parse().is_ok_and(|address: IpAddr| address.is_loopback());
    if is_here { None } else { environment.intercept(server).map(|proxy| proxy.uri().clone()) }
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

    #[test]
    fn a_proxy_of_the_environment_leads_elsewhere_only_and_not_to_whom_no_proxy_names() {
        let environment = Matcher::builder().https("http://proxy.corp:3128").no(".inside.corp,10.0.0.0/8").build();
        let through = |server: &str| of_matcher(&environment, &server.parse().unwrap()).map(|proxy| proxy.to_string());
        assert_eq!(through("https://api.example:6443").as_deref(), Some("http://proxy.corp:3128/"));
        for server in ["https://127.0.0.1:6443", "https://localhost", "https://[::1]:1"] {
            assert_eq!(through(server), None, "{server} is on this machine");
        }
        for server in ["https://api.inside.corp:6443", "https://10.1.2.3"] {
            assert_eq!(through(server), None, "NO_PROXY names {server}");
        }
    }

    #[test]
    fn a_proxy_that_the_file_names_is_the_one() {
        let mut files: Kubeconfig = serde_json::from_str(&file("first", "first")).unwrap();
        let options = KubeConfigOptions::default();
        assert!(!has_proxy(&files, &options));
        files.clusters[0].cluster.as_mut().unwrap().proxy_url = Some("http://proxy.corp".to_owned());
        assert!(has_proxy(&files, &options));
        let other = KubeConfigOptions { context: Some("none".to_owned()), ..KubeConfigOptions::default() };
        assert!(!has_proxy(&files, &other));
    }
}

//! The start of a container's process: its arguments, its environment, and the files of its volumes.
//!
//! Two things differ from a container. The process sees the whole file system, so a volume is a directory of the lab, and a value
//! that begins with a mount path begins with that directory instead. And as the directory of its account's token is such a one, it
//! is told by `KUBECONFIG` what a container finds at a fixed path.

use std::collections::BTreeMap;
use std::path::Path;

use crate::kubelet::spec::{ACCOUNT_PATH, Files, Head, Item, PodSpec, Projection, Source, ValueFrom};

/// Something outside of the pod that it reads.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Object {
    ConfigMap(String),
    Secret(String),
    /// A token of the pod's account that lasts so many seconds. Its only key is [`TOKEN`].
    Token(u64),
}

pub(super) const TOKEN: &str = "token";

/// The contents of objects that are there, by key.
pub(super) type Contents = BTreeMap<Object, BTreeMap<String, Vec<u8>>>;

/// What a pod's fields are.
#[derive(Clone, Debug)]
pub(super) struct Facts<'a> {
    pub(super) head: &'a Head,
    pub(super) spec: &'a PodSpec,
    pub(super) pod_ip: String,
    pub(super) host_ip: String,
    /// The directory of the pod: its volumes are below.
    pub(super) root: &'a Path,
}

/// What a process is started with.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Launch {
    pub(super) arguments: Vec<String>,
    pub(super) environment: Vec<(String, String)>,
    /// Directory of the account's token, for a kubeconfig.
    pub(super) account: Option<String>,
}

/// Why a container does not start, in the words of Kubernetes and in a sentence.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Waiting {
    pub(super) reason: &'static str,
    pub(super) message: String,
}

/// What a kubelet calls a container whose variables cannot be made.
fn misconfigured(message: String) -> Waiting {
    Waiting { reason: "CreateContainerConfigError", message }
}

/// What a kubelet calls a container whose volumes are not there yet.
fn unmounted(message: String) -> Waiting {
    Waiting { reason: "ContainerCreating", message }
}

/// The objects that are read before a start.
pub(super) fn objects(spec: &PodSpec) -> Result<Vec<Object>, Waiting> {
    let container = spec.container();
    let mut objects: Vec<Object> = container.env_from.iter().map(|source| source.object().0).collect();
    objects.extend(container.env.iter().filter_map(|variable| variable.value_from.as_ref()?.object()));
    for volume in &spec.volumes {
        for source in volume.sources().map_err(|error| misconfigured(format!("{error:#}")))? {
            match source {
                Projection::ConfigMap(files) => objects.push(Object::ConfigMap(files.name)),
                Projection::Secret(files) => objects.push(Object::Secret(files.name)),
                Projection::ServiceAccountToken(token) => objects.push(Object::Token(token.expiration_seconds)),
                Projection::DownwardApi(_) => {}
            }
        }
    }
    objects.sort();
    objects.dedup();
    Ok(objects)
}

/// The files of the pod's volumes: volume, path in it, content.
pub(super) fn files(facts: &Facts<'_>, contents: &Contents) -> Result<Vec<(String, String, Vec<u8>)>, Waiting> {
    let mut files = Vec::new();
    for volume in &facts.spec.volumes {
        let mut add = |path: String, content: Vec<u8>| files.push((volume.name.clone(), path, content));
        for source in volume.sources().map_err(|error| misconfigured(format!("{error:#}")))? {
            match source {
                Projection::ConfigMap(wanted) => {
                    of(&Object::ConfigMap(wanted.name.clone()), &wanted, contents)?
                        .into_iter()
                        .for_each(|(path, content)| add(path, content));
                }
                Projection::Secret(wanted) => {
                    of(&Object::Secret(wanted.name.clone()), &wanted, contents)?
                        .into_iter()
                        .for_each(|(path, content)| add(path, content));
                }
                Projection::ServiceAccountToken(token) => {
                    let content = contents.get(&Object::Token(token.expiration_seconds)).and_then(|all| all.get(TOKEN));
                    add(
                        token.path,
                        content.ok_or_else(|| unmounted("the account has no token yet".to_owned()))?.clone(),
                    );
                }
                Projection::DownwardApi(downward) => {
                    for item in downward.items {
                        add(item.path, facts.field(&item.field_ref.field_path)?.into_bytes());
                    }
                }
            }
        }
    }
    Ok(files)
}

/// Files of one object.
fn of(object: &Object, wanted: &Files, contents: &Contents) -> Result<Vec<(String, Vec<u8>)>, Waiting> {
    let Some(content) = contents.get(object) else {
        return if wanted.optional { Ok(Vec::new()) } else { Err(unmounted(absent(object))) };
    };
    if wanted.items.is_empty() {
        return Ok(content.iter().map(|(key, content)| (key.clone(), content.clone())).collect());
    }
    let item = |Item { key, path }: &Item| match content.get(key) {
        Some(content) => Ok((path.clone(), content.clone())),
        None => Err(unmounted(format!("{object:?} has no key {key}"))),
    };
    wanted.items.iter().map(item).collect()
}

fn absent(object: &Object) -> String {
    match object {
        Object::ConfigMap(name) => format!("configmap {name:?} not found"),
        Object::Secret(name) => format!("secret {name:?} not found"),
        Object::Token(_) => "the account has no token yet".to_owned(),
    }
}

/// What the process is started with, when objects hold these contents.
pub(super) fn launch(facts: &Facts<'_>, contents: &Contents) -> Result<Launch, Waiting> {
    let container = facts.spec.container();
    let (mut defined, mut environment) = (BTreeMap::new(), Vec::new());
    let mut define = |defined: &mut BTreeMap<String, String>, name: &str, value: String| -> Result<(), Waiting> {
        environment.push((name.to_owned(), facts.mounted(&value)?));
        defined.insert(name.to_owned(), value);
        Ok(())
    };
    for (object, optional) in container.env_from.iter().map(Source::object) {
        match contents.get(&object) {
            Some(all) => {
                for (name, value) in all {
                    define(&mut defined, name, text(value, name)?)?;
                }
            }
            None if optional => {}
            None => return Err(misconfigured(absent(&object))),
        }
    }
    for variable in &container.env {
        let value = match (&variable.value, &variable.value_from) {
            (_, Some(ValueFrom::FieldRef(field))) => facts.field(&field.field_path)?,
            (_, Some(ValueFrom::SecretKeyRef(key) | ValueFrom::ConfigMapKeyRef(key))) => {
                let Some(object) = variable.value_from.as_ref().and_then(ValueFrom::object) else { continue };
                match contents.get(&object).map(|all| all.get(&key.key)) {
                    Some(Some(value)) => text(value, &variable.name)?,
                    _ if key.optional => continue,
                    None => return Err(misconfigured(absent(&object))),
                    Some(None) => return Err(misconfigured(format!("{object:?} has no key {}", key.key))),
                }
            }
            (value, None) => expanded(value.as_deref().unwrap_or_default(), &defined),
        };
        define(&mut defined, &variable.name, value)?;
    }
    let arguments = container.args.iter().map(|argument| facts.mounted(&expanded(argument, &defined)));
    let arguments = arguments.collect::<Result<_, _>>()?;
    let is_account = |path: &str| path.trim_end_matches('/') == ACCOUNT_PATH;
    let account = container.volume_mounts.iter().any(|mount| is_account(&mount.mount_path));
    let account = account.then(|| facts.mounted(ACCOUNT_PATH)).transpose()?;
    Ok(Launch { arguments, environment, account })
}

/// `$(NAME)` becomes what was defined before, `$$` a `$`; what nobody defined stays (kubernetes.io, Define Dependent Environment
/// Variables; third_party/forked/golang/expansion/expand.go in kubernetes).
fn expanded(value: &str, defined: &BTreeMap<String, String>) -> String {
    let (mut out, mut rest) = (String::new(), value);
    while let Some((before, after)) = rest.split_once('$') {
        out.push_str(before);
        rest = after;
        if let Some(tail) = after.strip_prefix('$') {
            out.push('$');
            rest = tail;
        } else if let Some((name, tail)) = after.strip_prefix('(').and_then(|inner| inner.split_once(')')) {
            match defined.get(name) {
                Some(value) => out.push_str(value),
                None => out.push_str(&format!("$({name})")),
            }
            rest = tail;
        } else {
            out.push('$');
        }
    }
    out + rest
}

impl Facts<'_> {
    fn field(&self, path: &str) -> Result<String, Waiting> {
        Ok(match path {
            "metadata.name" => self.head.name.clone(),
            "metadata.namespace" => self.head.namespace.clone(),
            "metadata.uid" => self.head.uid.clone(),
            "spec.nodeName" => self.spec.node_name.clone(),
            "spec.serviceAccountName" => self.spec.service_account_name.clone(),
            "status.podIP" => self.pod_ip.clone(),
            "status.hostIP" => self.host_ip.clone(),
            other => return Err(misconfigured(format!("fieldRef {other}: the lab does not know this field"))),
        })
    }

    /// A value, with the lab's directory for a mount path that it begins with.
    fn mounted(&self, value: &str) -> Result<String, Waiting> {
        for mount in &self.spec.container().volume_mounts {
            if let Some(rest) =
                value.strip_prefix(&mount.mount_path).filter(|rest| rest.is_empty() || rest.starts_with('/'))
            {
                let directory = self.root.join(&mount.name);
                let directory =
                    directory.to_str().ok_or_else(|| misconfigured("the state directory is no text".to_owned()))?;
                return Ok(format!("{directory}{rest}"));
            }
        }
        Ok(value.to_owned())
    }
}

impl Source {
    /// The object, and whether it may be absent.
    fn object(&self) -> (Object, bool) {
        match self {
            Self::SecretRef(named) => (Object::Secret(named.name.clone()), named.optional),
            Self::ConfigMapRef(named) => (Object::ConfigMap(named.name.clone()), named.optional),
        }
    }
}

impl ValueFrom {
    fn object(&self) -> Option<Object> {
        match self {
            Self::FieldRef(_) => None,
            Self::SecretKeyRef(key) => Some(Object::Secret(key.name.clone())),
            Self::ConfigMapKeyRef(key) => Some(Object::ConfigMap(key.name.clone())),
        }
    }
}

fn text(value: &[u8], name: &str) -> Result<String, Waiting> {
    String::from_utf8(value.to_vec()).map_err(|_| misconfigured(format!("{name} is not UTF-8")))
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    const POD: &str = r#"
metadata: { name: operator-7c9f, namespace: system, uid: "1234" }
spec:
  serviceAccountName: account
  nodeName: lab
  containers:
    - name: operator
      image: anything
      args: [--file, /etc/programs/index.json, --other, /etc/programs-of-others, "$(POD_NAME)", "$(NOBODY)", "$$(POD_NAME)"]
      env:
        - { name: POD_NAME, valueFrom: { fieldRef: { apiVersion: v1, fieldPath: metadata.name } } }
        - { name: FILE, value: /etc/programs/index.json }
        - { name: TOKEN, valueFrom: { secretKeyRef: { name: keys, key: token } } }
        - { name: EMPTY, value: "" }
        - { name: POD_IP, valueFrom: { fieldRef: { fieldPath: status.podIP } } }
        - { name: LISTEN, value: "$(POD_IP):8080" }
        - { name: MAYBE, valueFrom: { configMapKeyRef: { name: gone, key: any, optional: true } } }
      envFrom: [{ secretRef: { name: aws } }]
      ports: [{ name: admin, containerPort: 8080, protocol: TCP }]
      readinessProbe: { httpGet: { path: /readyz, port: admin, scheme: HTTP }, periodSeconds: 5 }
      volumeMounts:
        - { name: programs, mountPath: /etc/programs, readOnly: true }
        - { name: access, mountPath: /var/run/secrets/kubernetes.io/serviceaccount, readOnly: true }
  volumes:
    - { name: programs, configMap: { name: index, defaultMode: 420 } }
    - name: access
      projected:
        defaultMode: 420
        sources:
          - serviceAccountToken: { expirationSeconds: 3607, path: token }
          - configMap: { name: kube-root-ca.crt, items: [{ key: ca.crt, path: ca.crt }] }
          - downwardAPI: { items: [{ path: namespace, fieldRef: { apiVersion: v1, fieldPath: metadata.namespace } }] }
"#;

    fn contents() -> Contents {
        let object = |object, key: &str, value: &str| (object, BTreeMap::from([(key.to_owned(), value.into())]));
        Contents::from([
            object(Object::Secret("aws".into()), "AWS_ACCESS_KEY_ID", "AKIA"),
            object(Object::Secret("keys".into()), "token", "secret"),
            object(Object::ConfigMap("index".into()), "index.json", "{}"),
            object(Object::ConfigMap("kube-root-ca.crt".into()), "ca.crt", "pem"),
            object(Object::Token(3607), TOKEN, "jwt"),
        ])
    }

    type Files = Vec<(String, String, Vec<u8>)>;

    fn played(pod: &str) -> Result<(Launch, Files), Waiting> {
        let pod: Value = serde_norway::from_str(pod).unwrap();
        let spec = PodSpec::of(&pod).map_err(|error| misconfigured(format!("{error:#}")))?;
        let head = Head::of(&pod).unwrap();
        let (pod_ip, host_ip) = ("127.159.0.2".to_owned(), "127.159.0.1".to_owned());
        let facts = Facts { head: &head, spec: &spec, pod_ip, host_ip, root: Path::new("/lab") };
        let mut wanted = objects(&spec)?;
        wanted.retain(|object| *object != Object::ConfigMap("gone".into()));
        assert!(wanted.iter().all(|object| contents().contains_key(object)) || pod.to_string().contains("gone"));
        Ok((launch(&facts, &contents())?, files(&facts, &contents())?))
    }

    #[test]
    fn a_process_gets_what_the_container_would() {
        let (launch, files) = played(POD).unwrap();
        assert_eq!(
            launch.arguments,
            [
                "--file",
                "/lab/programs/index.json",
                "--other",
                "/etc/programs-of-others",
                "operator-7c9f",
                "$(NOBODY)",
                "$(POD_NAME)"
            ]
        );
        let variable = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        assert_eq!(
            launch.environment,
            [
                variable("AWS_ACCESS_KEY_ID", "AKIA"),
                variable("POD_NAME", "operator-7c9f"),
                variable("FILE", "/lab/programs/index.json"),
                variable("TOKEN", "secret"),
                variable("EMPTY", ""),
                variable("POD_IP", "127.159.0.2"),
                variable("LISTEN", "127.159.0.2:8080"),
            ]
        );
        assert_eq!(launch.account.as_deref(), Some("/lab/access"));
        let file = |volume: &str, path: &str, content: &str| (volume.to_owned(), path.to_owned(), content.into());
        assert_eq!(
            files,
            [
                file("programs", "index.json", "{}"),
                file("access", "token", "jwt"),
                file("access", "ca.crt", "pem"),
                file("access", "namespace", "system"),
            ]
        );
    }

    #[test]
    fn what_cannot_be_played_is_refused_by_name() {
        let refused = |from: &str, to: &str| {
            assert!(POD.contains(from), "{from}");
            let waiting = played(&POD.replace(from, to)).unwrap_err();
            format!("{}: {}", waiting.reason, waiting.message)
        };
        let init = refused("  volumes:", "  initContainers: []\n  volumes:");
        assert!(init.starts_with("CreateContainerConfigError: the pod asks for what the lab cannot play"), "{init}");
        assert!(init.contains("initContainers"), "{init}");
        assert!(refused("image: anything", "image: anything\n      command: [sh]").contains("command"));
        assert!(refused("status.podIP", "metadata.generation").contains("fieldRef metadata.generation"));
        assert!(refused("configMap: { name: index, defaultMode: 420 }", "emptyDir: {}").contains("emptyDir"));
        assert!(refused("key: token", "key: other").contains("Secret(\"keys\") has no key other"));
        assert!(refused("port: admin", "port: other").contains("the port \"other\""));
        assert!(refused("scheme: HTTP", "scheme: HTTPS").contains("the lab probes by HTTP"));
        assert_eq!(refused("name: index,", "name: gone,"), "ContainerCreating: configmap \"gone\" not found");
        assert_eq!(refused("name: aws ", "name: gone "), "CreateContainerConfigError: secret \"gone\" not found");
    }
}

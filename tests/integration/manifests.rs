//! The Kubernetes manifests: what they render to agrees with itself and loads.
//!
//! Ports, probes, mounts and flags name each other by strings in five files; nothing but this
//! notices when one of them is changed alone.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Value, json};

use portcullis::config::{Config, Overrides};

/// The rendered `k8s/example`; `None` where there is no kubectl.
fn example() -> Option<Rendered> {
    let folder = repository().join("k8s/example");
    let rendered = match Command::new("kubectl")
        .arg("kustomize")
        .arg(&folder)
        .output()
    {
        Ok(rendered) => rendered,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            eprintln!("kubectl is not installed: the manifests were not rendered");
            return None;
        }
        Err(error) => panic!("cannot run kubectl: {error}"),
    };
    assert!(
        rendered.status.success(),
        "kubectl kustomize failed: {}",
        String::from_utf8_lossy(&rendered.stderr)
    );
    Some(Rendered::parse(
        &String::from_utf8(rendered.stdout).unwrap(),
    ))
}

fn repository() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

struct Rendered {
    documents: Vec<Value>,
}

impl Rendered {
    fn parse(text: &str) -> Self {
        // Lines of exactly `---` separate documents; within a block scalar they are indented.
        let documents = text
            .split("\n---\n")
            .map(|document| serde_saphyr::from_str(document).unwrap())
            .collect();
        Self { documents }
    }

    fn of_kind(&self, kind: &str) -> impl Iterator<Item = &Value> {
        self.documents
            .iter()
            .filter(move |document| document["kind"] == kind)
    }

    fn pod(&self) -> &Value {
        let mut deployments = self.of_kind("Deployment");
        let deployment = deployments.next().expect("a Deployment");
        assert!(deployments.next().is_none(), "one Deployment");
        &deployment["spec"]["template"]["spec"]
    }

    fn gate(&self) -> &Value {
        named(&self.pod()["initContainers"], "portcullis")
    }

    /// The data of a `ConfigMap`, by the name that a volume of the pod mounts it under.
    fn config_map_of_volume(&self, volume: &str) -> &Value {
        let name = &named(&self.pod()["volumes"], volume)["configMap"]["name"];
        let config_map = self
            .of_kind("ConfigMap")
            .find(|map| map["metadata"]["name"] == *name);
        &config_map.unwrap_or_else(|| panic!("a ConfigMap {name}"))["data"]
    }

    /// The volume mounted at the folder of `path` in the gate, and the rest of the path.
    fn gate_volume_of<'p>(&self, path: &'p str) -> (&str, &'p str) {
        let (folder, file) = path.rsplit_once('/').unwrap();
        let mounts = list(&self.gate()["volumeMounts"]);
        let mount = mounts.iter().find(|mount| mount["mountPath"] == folder);
        let mount = mount.unwrap_or_else(|| panic!("no volume of the gate holds {path}"));
        (text(&mount["name"]), file)
    }

    /// The value after `--config` in the gate's arguments.
    fn config_path(&self) -> &str {
        let arguments = list(&self.gate()["args"]);
        let flag = arguments.iter().position(|argument| argument == "--config");
        text(&arguments[flag.expect("--config") + 1])
    }

    /// The server's config, as it stands in the `ConfigMap` mounted where `--config` points.
    fn config(&self) -> Value {
        let (volume, file) = self.gate_volume_of(self.config_path());
        serde_saphyr::from_str(text(&self.config_map_of_volume(volume)[file])).unwrap()
    }

    fn envoy(&self) -> Value {
        serde_saphyr::from_str(text(&self.config_map_of_volume("envoy")["envoy.yaml"])).unwrap()
    }
}

fn list(value: &Value) -> &[Value] {
    value
        .as_array()
        .unwrap_or_else(|| panic!("a list, not {value}"))
}

fn text(value: &Value) -> &str {
    value
        .as_str()
        .unwrap_or_else(|| panic!("text, not {value}"))
}

fn named<'v>(items: &'v Value, name: &str) -> &'v Value {
    let found = list(items).iter().find(|item| item["name"] == name);
    found.unwrap_or_else(|| panic!("`{name}` among {items}"))
}

/// The port of an `address:port`.
fn port(address: &Value) -> u64 {
    text(address).rsplit_once(':').unwrap().1.parse().unwrap()
}

#[test]
fn probes_and_container_port_and_config_name_the_same_admin_port() {
    let Some(example) = example() else { return };
    let gate = example.gate();
    let admin = &example.config()["listeners"]["admin"]["address"];
    let declared = named(&gate["ports"], "authz-admin");
    assert_eq!(declared["containerPort"], port(admin));
    assert!(
        text(admin).starts_with("0.0.0.0:"),
        "the kubelet comes to the address of the pod"
    );
    for (probe, path) in [
        ("startupProbe", "/readyz"),
        ("readinessProbe", "/readyz"),
        ("livenessProbe", "/livez"),
    ] {
        assert_eq!(
            gate[probe]["httpGet"],
            json!({"path": path, "port": "authz-admin"}),
            "{probe}"
        );
    }
    let policy = example
        .of_kind("NetworkPolicy")
        .next()
        .expect("a NetworkPolicy");
    let open: Vec<&Value> = list(&policy["spec"]["ingress"])
        .iter()
        .flat_map(|rule| list(&rule["ports"]))
        .map(|port| &port["port"])
        .collect();
    assert!(
        open.contains(&&json!(port(admin))),
        "Prometheus may come to the admin port"
    );
    assert!(
        !open.contains(&&json!(port(
            &example.config()["listeners"]["authz"]["address"]
        ))),
        "checks stay within the pod"
    );
}

#[test]
fn envoy_asks_where_the_gate_listens() {
    let Some(example) = example() else { return };
    let envoy = example.envoy();
    let cluster = named(&envoy["static_resources"]["clusters"], "portcullis");
    let endpoint = &cluster["load_assignment"]["endpoints"][0]["lb_endpoints"][0]["endpoint"];
    let address = &endpoint["address"]["socket_address"];
    let asked = format!("{}:{}", text(&address["address"]), address["port_value"]);
    let config = example.config();
    assert_eq!(config["listeners"]["authz"]["address"], asked);
    assert!(
        asked.starts_with("127.0.0.1:"),
        "nobody outside the pod may ask"
    );
}

#[test]
fn envoy_listens_where_the_service_sends() {
    let Some(example) = example() else { return };
    let service = example.of_kind("Service").next().expect("a Service");
    let target = text(&service["spec"]["ports"][0]["targetPort"]);
    let container = named(&example.pod()["containers"], "envoy");
    let envoy = example.envoy();
    let listener = &envoy["static_resources"]["listeners"][0]["address"]["socket_address"];
    assert_eq!(
        named(&container["ports"], target)["containerPort"],
        listener["port_value"]
    );
}

#[test]
fn envoy_fails_closed() {
    let envoys = ["config/envoy.yaml", "k8s/example/envoy.yaml"];
    for path in envoys {
        let file = std::fs::read_to_string(repository().join(path)).unwrap();
        let envoy: Value = serde_saphyr::from_str(&file).unwrap();
        let manager = &envoy["static_resources"]["listeners"][0]["filter_chains"][0]["filters"][0]
            ["typed_config"];
        let filters = list(&manager["http_filters"]);
        assert_eq!(
            filters[0]["name"], "envoy.filters.http.ext_authz",
            "{path}: asked first"
        );
        let ext_authz = &filters[0]["typed_config"];
        assert_eq!(ext_authz["failure_mode_allow"], false, "{path}");
        assert_eq!(ext_authz["transport_api_version"], "V3", "{path}");
        assert_eq!(
            ext_authz["status_on_error"]["code"], "ServiceUnavailable",
            "{path}"
        );
        assert!(
            ext_authz.get("filter_enabled").is_none(),
            "{path}: every request is checked"
        );
        assert!(
            ext_authz.get("clear_route_cache").is_none(),
            "{path}: the route stays the one judged"
        );
    }
}

#[test]
fn every_file_that_the_config_names_is_mounted() {
    let Some(example) = example() else { return };
    let config = example.config();
    let (volume, _) = example.gate_volume_of(example.config_path());
    let data = example.config_map_of_volume(volume).as_object().unwrap();
    for policy in list(&config["policy"]) {
        assert!(
            data.contains_key(text(policy)),
            "{policy} is a key of the ConfigMap"
        );
    }
    for trust in list(&config["trust"]) {
        let (volume, file) = example.gate_volume_of(text(&trust["jwks_file"]));
        let secret = &named(&example.pod()["volumes"], volume)["secret"];
        assert_eq!(secret["secretName"], "portcullis-keys");
        assert!(
            secret.get("items").is_none(),
            "all of the Secret's keys are files, {file} too"
        );
    }
}

#[test]
fn what_is_mounted_can_be_reloaded() {
    let Some(example) = example() else { return };
    let volumes = &example.pod()["volumes"];
    for mount in list(&example.gate()["volumeMounts"]) {
        assert!(
            mount.get("subPath").is_none(),
            "{mount}: a subPath is never updated"
        );
        assert_eq!(mount["readOnly"], true, "{mount}");
        named(volumes, text(&mount["name"]));
    }
    let names: Vec<&Value> = example
        .of_kind("ConfigMap")
        .map(|map| &map["metadata"]["name"])
        .collect();
    assert!(
        names.contains(&&json!("portcullis")),
        "no hash in {names:?}: edits are not rollouts"
    );
    for map in example.of_kind("ConfigMap") {
        assert!(
            map.get("immutable").is_none(),
            "an immutable ConfigMap is never updated"
        );
    }
}

#[test]
fn the_gate_starts_before_what_asks_it_and_ends_after() {
    let Some(example) = example() else { return };
    let gate = example.gate();
    assert_eq!(gate["restartPolicy"], "Always", "a native sidecar");
    assert_eq!(gate["args"][0], "serve");
    let drain = example.config()["drain_seconds"]
        .as_u64()
        .expect("drain_seconds");
    let grace = example.pod()["terminationGracePeriodSeconds"]
        .as_u64()
        .unwrap();
    assert!(
        drain < grace,
        "{drain} seconds of draining fit into {grace}"
    );
}

#[test]
fn no_container_may_do_more_than_it_needs() {
    let Some(example) = example() else { return };
    let pod = example.pod();
    assert_eq!(pod["automountServiceAccountToken"], false);
    let inherited = &pod["securityContext"];
    for container in list(&pod["initContainers"])
        .iter()
        .chain(list(&pod["containers"]))
    {
        let name = &container["name"];
        let own = &container["securityContext"];
        let effective = |field: &str| own.get(field).or_else(|| inherited.get(field));
        assert_eq!(effective("runAsNonRoot"), Some(&json!(true)), "{name}");
        assert_eq!(
            effective("seccompProfile"),
            Some(&json!({"type": "RuntimeDefault"})),
            "{name}"
        );
        assert!(
            own["runAsUser"].as_u64().is_some_and(|user| user > 0),
            "{name}: a numeric user"
        );
        assert_eq!(own["allowPrivilegeEscalation"], false, "{name}");
        assert_eq!(own["readOnlyRootFilesystem"], true, "{name}");
        assert_eq!(own["capabilities"], json!({"drop": ["ALL"]}), "{name}");
    }
    // The component must bring these itself: the pod that it is added to may set none.
    let gate = &example.gate()["securityContext"];
    assert_eq!(gate["runAsNonRoot"], true);
    assert_eq!(gate["seccompProfile"]["type"], "RuntimeDefault");
    assert_eq!(
        example.gate()["resources"]["requests"],
        json!({"cpu": "10m", "memory": "32Mi"})
    );
}

#[test]
fn config_and_policy_of_the_config_map_load() {
    let Some(example) = example() else { return };
    let folder = tempfile::tempdir().unwrap();
    let (volume, file) = example.gate_volume_of(example.config_path());
    for (name, content) in example.config_map_of_volume(volume).as_object().unwrap() {
        std::fs::write(folder.path().join(name), text(content)).unwrap();
    }
    Config::load(&folder.path().join(file), &Overrides::default()).unwrap();
    check(&folder.path().join("policy.yaml"));
}

#[test]
fn every_shipped_policy_passes_check() {
    let policies = [
        "config/policy.yaml",
        "k8s/base/policy.yaml",
        "k8s/example/policy.yaml",
    ];
    for policy in policies {
        check(&repository().join(policy));
    }
}

#[test]
fn every_shipped_config_loads() {
    for config in ["config/portcullis.yaml", "k8s/base/portcullis.yaml"] {
        Config::load(&repository().join(config), &Overrides::default()).unwrap();
    }
}

/// Runs `portcullis check`, which must find nothing.
fn check(policy: &Path) {
    let binary = PathBuf::from(env!("CARGO_BIN_EXE_portcullis"));
    let said = Command::new(binary)
        .arg("check")
        .arg(policy)
        .output()
        .unwrap();
    assert_eq!(
        said.status.code(),
        Some(0),
        "{}: {}{}",
        policy.display(),
        String::from_utf8_lossy(&said.stdout),
        String::from_utf8_lossy(&said.stderr)
    );
}

#[test]
fn the_example_is_the_sample() {
    let read = |path: &str| std::fs::read_to_string(repository().join(path)).unwrap();
    // Each tells an editor in its own way where the schema is.
    let policy = |path: &str| {
        let text = read(path);
        let lines = text.lines();
        let rest: Vec<_> = lines
            .filter(|line| !line.starts_with("# yaml-language-server: $schema="))
            .map(str::to_owned)
            .collect();
        rest
    };
    assert_eq!(
        policy("config/policy.yaml"),
        policy("k8s/example/policy.yaml"),
        "the same policy"
    );
    // Kustomize reads nothing outside its folder, so Envoy's file is a copy: only its listener and
    // its opening comment differ.
    let settings = |path: &str| -> Value { serde_saphyr::from_str(&read(path)).unwrap() };
    let (mut sample, mut example) = (
        settings("config/envoy.yaml"),
        settings("k8s/example/envoy.yaml"),
    );
    for envoy in [&mut sample, &mut example] {
        envoy["static_resources"]["listeners"][0]["address"] = Value::Null;
    }
    assert_eq!(sample, example);
}

/// Whoever could register a placeholder's name would run code in the cluster of everybody who forgets to
/// replace it.
#[test]
fn images_are_somebodys_known_ones_or_cannot_be_pulled() {
    let mut found = 0;
    for file in [
        "k8s/components/sidecar/sidecar.yaml",
        "k8s/example/shop.yaml",
    ] {
        let text = std::fs::read_to_string(repository().join(file)).unwrap();
        let images = text
            .lines()
            .filter_map(|line| line.trim().strip_prefix("image: "));
        for image in images {
            found += 1;
            let known = ["registry.invalid/", "envoyproxy/envoy:v"];
            assert!(
                known.iter().any(|start| image.starts_with(start)),
                "{file}: {image}"
            );
        }
    }
    assert_eq!(found, 3);
}

/// `kubectl` knows no versions: what the example uses and when it came is written down here.
#[test]
fn the_readme_names_the_kubernetes_that_the_example_needs() {
    let read = |file: &str| std::fs::read_to_string(repository().join(file)).unwrap();
    assert!(
        read("k8s/example/shop.yaml").contains("preStop: {sleep:"),
        "since 1.30"
    );
    assert!(read("k8s/README.md").contains("the example 1.30 (`preStop.sleep`)"));
}

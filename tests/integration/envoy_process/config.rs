//! Envoy's configuration: one listener, `ext_authz` filter and gate cluster for each door.

use std::net::SocketAddr;
use std::path::PathBuf;

use portcullis::config::ListenAddress;
use serde_json::{Value, json};

/// How Envoy hands headers to the gate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum HeaderEncoding {
    /// `encode_raw_headers`: a list of raw bytes.
    Raw,
    /// A map, in which bytes that are not UTF-8 are replaced.
    Merged,
}

/// A listener of Envoy and how it asks the gate.
#[derive(Debug, Clone)]
pub(crate) struct Door {
    pub(crate) name: &'static str,
    pub(crate) gate: ListenAddress,
    pub(crate) headers: HeaderEncoding,
    /// Further members of the `ext_authz` filter, or others than usual.
    pub(crate) ext_authz: Value,
    /// Where it listens, unless on a free port.
    port: u16,
    /// The name of the gate's cluster, which Envoy puts into `:authority`.
    cluster: String,
    /// Whether only a gate that passes health checks over gRPC is asked.
    checks_health: bool,
    /// Whether requests are traced, and checks carry their tracing headers.
    traces: bool,
    /// Further members of the connection manager, or others than usual.
    pub(crate) manager: Value,
    /// HTTP filters before `ext_authz`.
    filters: Vec<Value>,
    /// How the gate is spoken to over TLS, if it is.
    tls: Option<ClientFiles>,
    /// The requests on a connection to the gate, unless there is no limit.
    max_requests: Option<u32>,
}

/// What Envoy needs to speak TLS.
#[derive(Debug, Clone)]
pub(crate) struct ClientFiles {
    /// A file with the secret `client`, which is read again when another takes its place.
    pub(crate) certificate: Option<PathBuf>,
    /// The authority of the gate, in PEM.
    pub(crate) authority: PathBuf,
}

impl ClientFiles {
    fn transport_socket(&self) -> Value {
        let mut common = json!({"validation_context": {
            "trusted_ca": {"filename": self.authority},
            "match_typed_subject_alt_names": [
                {"san_type": "IP_ADDRESS", "matcher": {"exact": "127.0.0.1"}},
            ],
        }});
        if let Some(path) = &self.certificate {
            common["tls_certificate_sds_secret_configs"] = json!([{
                "name": "client",
                "sds_config": {"path_config_source": {"path": path}},
            }]);
        }
        json!({
            "name": "envoy.transport_sockets.tls",
            "typed_config": {
                "@type": "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.\
                          UpstreamTlsContext",
                "common_tls_context": common,
            },
        })
    }
}

impl Door {
    pub(crate) fn new(name: &'static str, gate: &ListenAddress, headers: HeaderEncoding) -> Self {
        Self {
            name,
            gate: gate.clone(),
            headers,
            ext_authz: json!({}),
            port: 0,
            cluster: format!("gate-{name}"),
            checks_health: false,
            traces: false,
            manager: json!({}),
            filters: Vec::new(),
            tls: None,
            max_requests: None,
        }
    }

    /// It listens on this port, which somebody has to know before.
    pub(crate) fn at(mut self, port: u16) -> Self {
        self.port = port;
        self
    }

    /// The gate is asked over TLS.
    pub(crate) fn securely(mut self, files: &ClientFiles) -> Self {
        self.tls = Some(files.clone());
        self
    }

    /// A connection to the gate ends after so many requests.
    pub(crate) fn renewing_connections_after(mut self, requests: u32) -> Self {
        self.max_requests = Some(requests);
        self
    }

    /// The gate's cluster has this name, and its members must be healthy.
    pub(crate) fn on_cluster(mut self, name: &str) -> Self {
        name.clone_into(&mut self.cluster);
        self.checks_health = true;
        self
    }

    pub(crate) fn tracing(mut self) -> Self {
        self.traces = true;
        self
    }

    pub(crate) fn with(mut self, ext_authz: Value) -> Self {
        self.ext_authz = ext_authz;
        self
    }

    pub(crate) fn managed(mut self, manager: Value) -> Self {
        self.manager = manager;
        self
    }

    /// Requests pass this HTTP filter before the gate is asked.
    pub(crate) fn behind(mut self, filter: Value) -> Self {
        self.filters.push(filter);
        self
    }

    /// The worst configuration: what goes wrong at the gate lets the request through.
    pub(crate) fn failing_open(self) -> Self {
        self.with(json!({"failure_mode_allow": true}))
    }

    fn listener(&self) -> Value {
        json!({
            "name": self.name,
            "address": {"socket_address": {"address": "127.0.0.1", "port_value": self.port}},
            "filter_chains": [{"filters": [{
                "name": "envoy.filters.network.http_connection_manager",
                "typed_config": self.connection_manager(),
            }]}],
        })
    }

    /// Nothing is normalised here, so that the gate meets what the caller sent.
    fn connection_manager(&self) -> Value {
        let mut manager = self.plain_connection_manager();
        if self.traces {
            // Nobody collects; what counts are the headers.
            manager["tracing"] = json!({"provider": {
                "name": "envoy.tracers.opentelemetry",
                "typed_config": {
                    "@type": "type.googleapis.com/envoy.config.trace.v3.OpenTelemetryConfig",
                    "grpc_service": {
                        "envoy_grpc": {"cluster_name": "collector"}, "timeout": "0.25s",
                    },
                    "service_name": "shop",
                },
            }});
        }
        manager
    }

    fn http_filters(&self) -> Vec<Value> {
        let own = [
            json!({"name": "envoy.filters.http.ext_authz", "typed_config": self.filter()}),
            json!({"name": "envoy.filters.http.router", "typed_config": {
                "@type": "type.googleapis.com/envoy.extensions.filters.http.router.v3.Router",
            }}),
        ];
        self.filters.iter().cloned().chain(own).collect()
    }

    fn plain_connection_manager(&self) -> Value {
        let mut manager = json!({
            "@type": "type.googleapis.com/envoy.extensions.filters.network.\
                      http_connection_manager.v3.HttpConnectionManager",
            "stat_prefix": self.name,
            "codec_type": "AUTO",
            "use_remote_address": true,
            // Many tests wait for the end of the connection.
            "delayed_close_timeout": "0.05s",
            "normalize_path": false,
            "merge_slashes": false,
            "path_with_escaped_slashes_action": "KEEP_UNCHANGED",
            "http_protocol_options": {"enable_trailers": true},
            "http2_protocol_options": {"allow_connect": true},
            "upgrade_configs": [{"upgrade_type": "websocket"}, {"upgrade_type": "CONNECT"}],
            "access_log": [access_log(self.name)],
            "http_filters": self.http_filters(),
            "route_config": {"name": "shop", "virtual_hosts": [{
                "name": "shop",
                "domains": ["*"],
                "routes": [
                    {"match": {"connect_matcher": {}}, "route": {
                        "cluster": "upstream",
                        "upgrade_configs": [{"upgrade_type": "CONNECT", "connect_config": {}}],
                    }},
                    {"match": {"prefix": ""}, "route": {"cluster": "upstream"}},
                ],
            }]},
        });
        for (key, value) in self.manager.as_object().unwrap() {
            manager[key] = value.clone();
        }
        manager
    }

    fn filter(&self) -> Value {
        let mut filter = json!({
            "@type": "type.googleapis.com/envoy.extensions.filters.http.ext_authz.v3.ExtAuthz",
            "transport_api_version": "V3",
            "stat_prefix": self.name,
            // Long, so that a busy machine fails no test; what is about time sets its own.
            "grpc_service": {"envoy_grpc": {"cluster_name": self.cluster}, "timeout": "20s"},
            "failure_mode_allow": false,
            "status_on_error": {"code": "ServiceUnavailable"},
            "encode_raw_headers": self.headers == HeaderEncoding::Raw,
            "validate_mutations": true,
        });
        for (key, value) in self.ext_authz.as_object().unwrap() {
            filter[key] = value.clone();
        }
        if let Some(timeout) = filter.as_object_mut().unwrap().remove("timeout") {
            filter["grpc_service"]["timeout"] = timeout;
        }
        filter
    }

    fn gate_cluster(&self) -> Value {
        let address = match &self.gate {
            ListenAddress::Tcp(address) => socket_address(*address),
            ListenAddress::Unix(path) => json!({"pipe": {"path": path}}),
        };
        let mut cluster = cluster(&self.cluster, &address);
        cluster["typed_extension_protocol_options"] = json!({
            "envoy.extensions.upstreams.http.v3.HttpProtocolOptions": {
                "@type": "type.googleapis.com/envoy.extensions.upstreams.http.v3.\
                          HttpProtocolOptions",
                "explicit_http_config": {"http2_protocol_options": {}},
            },
        });
        if let Some(count) = self.max_requests {
            let options = &mut cluster["typed_extension_protocol_options"]["envoy.extensions.upstreams.http.v3.HttpProtocolOptions"];
            options["common_http_protocol_options"] = json!({"max_requests_per_connection": count});
        }
        if let Some(tls) = &self.tls {
            cluster["transport_socket"] = tls.transport_socket();
        }
        if self.checks_health {
            // Without a panic threshold an unhealthy gate is not asked at all.
            cluster["common_lb_config"] = json!({"healthy_panic_threshold": {"value": 0}});
            cluster["health_checks"] = json!([{
                "timeout": "5s", "interval": "0.2s", "no_traffic_interval": "0.2s",
                "unhealthy_threshold": 1, "healthy_threshold": 1, "grpc_health_check": {},
            }]);
        }
        cluster
    }
}

/// The whole configuration.
pub(crate) fn bootstrap(doors: &[Door], upstream: SocketAddr) -> Value {
    let listeners: Vec<Value> = doors.iter().map(Door::listener).collect();
    let mut clusters: Vec<Value> = doors.iter().map(Door::gate_cluster).collect();
    clusters.push(cluster("upstream", &socket_address(upstream)));
    let nobody = SocketAddr::from(([127, 0, 0, 1], 1));
    clusters.push(cluster("collector", &socket_address(nobody)));
    json!({
        // Secrets that Envoy reads from files are for a node.
        "node": {"id": "test", "cluster": "test"},
        "admin": {"address": {"socket_address": {"address": "127.0.0.1", "port_value": 0}}},
        "layered_runtime": {"layers": [{"name": "test", "static_layer": {
            // So that the gate meets the `#` that releases before 1.20 let pass.
            "envoy.reloadable_features.http_reject_path_with_fragment": false,
        }}]},
        "static_resources": {"listeners": listeners, "clusters": clusters},
    })
}

fn cluster(name: &str, address: &Value) -> Value {
    json!({
        "name": name,
        "type": "STATIC",
        "connect_timeout": "5s",
        "load_assignment": {
            "cluster_name": name,
            "endpoints": [{"lb_endpoints": [{"endpoint": {"address": address}}]}],
        },
    })
}

fn socket_address(address: SocketAddr) -> Value {
    json!({"socket_address": {
        "address": address.ip().to_string(), "port_value": address.port(),
    }})
}

fn access_log(door: &str) -> Value {
    json!({
        "name": "envoy.access_loggers.stdout",
        "typed_config": {
            "@type": "type.googleapis.com/envoy.extensions.access_loggers.stream.v3.\
                      StdoutAccessLog",
            "log_format": {"json_format": {
                "door": door,
                "path": "%REQ(:PATH)%",
                "status": "%RESPONSE_CODE%",
                "details": "%RESPONSE_CODE_DETAILS%",
                "gate": "%DYNAMIC_METADATA(envoy.filters.http.ext_authz)%",
            }},
        },
    })
}

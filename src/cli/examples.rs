//! An example of each verb, below its `--help`.

pub(super) const SERVE: &str = "\
Example:
  portcullis serve --config config/portcullis.yaml";

pub(super) const CHECK: &str = "\
Examples:
  portcullis check policy.yaml                     the policy alone
  portcullis check --config portcullis.yaml        the policy of a configuration, with its trust
  portcullis check policy/ --deny-warnings --format github";

pub(super) const EXPLAIN: &str = "\
Examples:
  portcullis explain GET https://shop.example/orders/1 --policy policy.yaml --scopes orders.read
  portcullis explain GET /orders/1 --config portcullis.yaml --token - < token.txt
  portcullis explain DELETE /orders/1 --config portcullis.yaml --user bob
  portcullis explain --decision e8def4b7417de105 --config portcullis.yaml
  tail -1 gate.log | portcullis explain --log-line --config portcullis.yaml";

pub(super) const TEST: &str = "\
Examples:
  portcullis test policy.test.yaml                 tests of policy.yaml beside it
  portcullis test tests/ --config portcullis.yaml --fail-under 100
  portcullis test policy.test.yaml --format junit > results.xml
  portcullis test policy.test.yaml --record gate.log";

pub(super) const DIFF: &str = "\
Example:
  portcullis diff deployed.yaml policy.yaml --fail-on open";

pub(super) const DOCTOR: &str = "\
Examples:
  portcullis doctor envoy.yaml
  curl -s localhost:9901/config_dump | portcullis doctor -
  kubectl get securitypolicy,clienttrafficpolicy,httproute -A -o yaml | portcullis doctor -
  portcullis doctor --url https://api.shop.example --policy policy.yaml
  portcullis doctor --url https://api.shop.example --policy policy.yaml --gate-stopped";

pub(super) const IMPORT: &str = "\
Examples:
  portcullis import openapi openapi.yaml > policy.yaml
  portcullis import openapi openapi.yaml --against policy.yaml
  portcullis import envoy envoy.yaml --trust trust.yaml > policy.yaml
  portcullis import istio authz.yaml jwt.yaml --workload app=orders > policy.yaml
  portcullis import heimdall heimdall.yaml rules.yaml > policy.yaml
  portcullis import opa data.json --role-claim roles > policy.yaml";

pub(super) const SCHEMA: &str = "\
Example:
  portcullis schema policy > policy.schema.json";

pub(super) const KEY: &str = "\
Examples:
  portcullis key generate --algorithm ES256 --out private.pem --jwks jwks.json
  portcullis key rotate --config portcullis.yaml";

pub(super) const TOKEN: &str = "\
Example:
  portcullis token inspect --config portcullis.yaml < token.txt";

pub(super) const HEALTH: &str = "\
Examples:
  portcullis health --config portcullis.yaml
  portcullis health --wait 30                      until the gate is ready";

#[cfg(feature = "issuer")]
pub(super) const USER: &str = "\
Example:
  portcullis user add bob --email bob@shop.example --role administrator";

#[cfg(feature = "issuer")]
pub(super) const ROLE: &str = "\
Example:
  portcullis role set consumer --add-scope orders.read";

#[cfg(feature = "issuer")]
pub(super) const SCOPE: &str = "\
Example:
  portcullis scope add orders.read --description \"Read orders\"";

#[cfg(feature = "issuer")]
pub(super) const APP: &str = "\
Example:
  portcullis app list --config portcullis.yaml";

#[cfg(feature = "issuer")]
pub(super) const AUDIT: &str = "\
Examples:
  portcullis audit list --object bob --from 2026-11-23
  portcullis audit list --actor-kind command --limit 1000 --format json";

#[cfg(feature = "issuer")]
pub(super) const BOOTSTRAP: &str = "\
Example:
  portcullis bootstrap scopes-and-roles.yaml --config portcullis.yaml";

#[cfg(feature = "issuer")]
pub(super) const STORE: &str = "\
Example:
  portcullis store backup --config portcullis.yaml --out backup.db";

pub(super) const COMPLETIONS: &str = "\
Examples:
  portcullis completions bash > /etc/bash_completion.d/portcullis
  portcullis completions zsh > ~/.zfunc/_portcullis";

//! `portcullis import`: policies from what others have written.

mod openapi;
mod rules;

use std::io::Write;

use clap::{Args, Subcommand};

use super::Finding;

#[derive(Debug, Args)]
pub(super) struct ImportArgs {
    #[command(subcommand)]
    from: From,
}

#[derive(Debug, Subcommand)]
enum From {
    /// Make a policy of an OpenAPI 3.0 or 3.1 description, YAML or JSON
    ///
    /// The policy goes to standard output; what was not carried over or needs a look goes to standard
    /// error, a line for each.
    Openapi(openapi::OpenapiArgs),
    /// Make a policy of the filters `jwt_authn` and RBAC of an Envoy, from its bootstrap or config dump
    ///
    /// What the filters refuse, the policy refuses. What it cannot say is open to nobody, and told on
    /// standard error, a line for each.
    Envoy(rules::EnvoyArgs),
    /// Make a policy of Istio's `AuthorizationPolicy` and `RequestAuthentication`
    ///
    /// The objects have to be those of one workload, or it is named. What they refuse, the policy refuses;
    /// what it cannot say is open to nobody, and told on standard error, a line for each.
    Istio(rules::IstioArgs),
    /// Make a policy of rule sets of heimdall, with the configuration that has its mechanisms
    ///
    /// What the rules refuse, the policy refuses; what it cannot say is open to nobody, and told on standard
    /// error, a line for each.
    Heimdall(rules::HeimdallArgs),
    /// Make a policy of the tables `role_perms` and `user_roles` of OPA, as its tutorial for Envoy has them
    ///
    /// Rego is not imported.
    Opa(rules::OpaArgs),
}

pub(super) fn run(args: &ImportArgs, out: &mut dyn Write) -> anyhow::Result<Finding> {
    match &args.from {
        From::Openapi(args) => openapi::run(args, out),
        From::Envoy(args) => args.run(out),
        From::Istio(args) => args.run(out),
        From::Heimdall(args) => args.run(out),
        From::Opa(args) => args.run(out),
    }
}

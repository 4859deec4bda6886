//! Proxies that let people in, and providers whose tokens are for programs.

use serde_json::json;

use super::Case;

pub(super) fn cases() -> Vec<Case> {
    [proxies(), machines()].into_iter().flatten().collect()
}

/// Proxies whose tokens are in headers of their own.
#[rustfmt::skip]
fn proxies() -> Vec<Case> {
    vec![
        Case {
            page: "google-iap",
            header: json!({"alg": "ES256", "typ": "JWT"}),
            key: json!({"alg": "ES256", "use": "sig"}),
            right: json!({
                "iss": "https://cloud.google.com/iap", "sub": "accounts.google.com:1", "email": "alice@shop.example",
                "aud": "/projects/123/global/backendServices/456", "hd": "shop.example",
            }),
            changes: vec![
                ("a private account", json!({"hd": null}), 401, "at Google IAP: the account does not belong to the Workspace organization"),
                ("another organization", json!({"hd": "other.example"}), 401, "and the token has `other.example`"),
                ("another backend service", json!({"aud": "/projects/123/global/backendServices/7"}), 401, "at Google IAP: the token is of another backend service"),
                ("another project", json!({"aud": "/projects/9/global/backendServices/456"}), 401, "at Google IAP: the token is of another backend service"),
                ("an ID token of Google", json!({"iss": "https://accounts.google.com"}), 401, "its issuer is not trusted"),
            ],
        },
        Case {
            page: "cloudflare-access",
            header: json!({"alg": "RS256", "typ": "JWT"}),
            key: json!({"alg": "RS256", "use": "sig"}),
            right: json!({
                "iss": "https://shop.cloudflareaccess.com", "sub": "7335d417-61da-459d-899c-0a01c76a2f94", "type": "app",
                "aud": ["32eafc7626e974616deaf0dc3ce63d7bcbed58a2731e84d06bc3cdf1b53c4228"], "email": "alice@shop.example",
                "identity_nonce": "6ei69kawdKzMIAPF", "country": "DE",
            }),
            changes: vec![
                ("a service", json!({"sub": "", "common_name": "e367826f93b8d71185e03fe518aff3b4.access"}), 200, ""),
                ("the token of the organization", json!({"type": "org"}), 401, "at Cloudflare Access: this is a token of the organization"),
                ("another application", json!({"aud": ["00000000"]}), 401, "at Cloudflare Access: the token is of another Access application"),
                ("another team", json!({"iss": "https://other.cloudflareaccess.com"}), 401, "at Cloudflare Access: the token is of another team"),
            ],
        },
    ]
}

#[rustfmt::skip]
fn machines() -> Vec<Case> {
    vec![
        Case {
            page: "kubernetes",
            header: json!({"alg": "RS256"}),
            key: json!({"alg": "RS256", "use": "sig"}),
            right: json!({
                "iss": "https://kubernetes.default.svc.cluster.local", "sub": "system:serviceaccount:shop:batch",
                "aud": ["orders-api"], "kubernetes.io": {"namespace": "shop", "serviceaccount": {"name": "batch", "uid": "u"}},
            }),
            changes: vec![
                ("another namespace", json!({"sub": "system:serviceaccount:default:batch"}), 401, "at Kubernetes: the service account or its namespace is not one of those that may call"),
                ("a namespace that begins the same", json!({"sub": "system:serviceaccount:shop-evil:batch"}), 401, "at Kubernetes: the service account or its namespace"),
                ("the API server's own audience", json!({"aud": ["https://kubernetes.default.svc.cluster.local"]}), 401, "at Kubernetes: mount a projected token with `audience: orders-api`"),
                ("another cluster", json!({"iss": "https://oidc.eks.example/id/2"}), 401, "at Kubernetes: the token is of another cluster"),
                ("another account", json!({"sub": "system:serviceaccount:shop:web"}), 403, ""),
            ],
        },
        Case {
            page: "spiffe",
            header: json!({"alg": "ES256", "typ": "JWT"}),
            key: json!({"use": "jwt-svid"}),
            right: json!({"sub": "spiffe://shop.example/ns/shop/sa/batch", "aud": ["orders-api"]}),
            changes: vec![
                ("with an issuer", json!({"iss": "https://oidc.shop.example"}), 200, ""),
                ("another trust domain", json!({"sub": "spiffe://other.example/ns/shop/sa/batch"}), 401, "the claim `iss` is missing"),
                ("another trust domain with the issuer", json!({"iss": "https://oidc.shop.example", "sub": "spiffe://other.example/ns/shop/sa/batch"}), 401, "`sub` must begin with `spiffe://shop.example/`"),
                ("another namespace", json!({"sub": "spiffe://shop.example/ns/other/sa/batch"}), 401, "at SPIFFE: the workload is not one of those that may call"),
                ("another audience", json!({"aud": ["billing-api"]}), 401, "at SPIFFE: ask the Workload API for a JWT-SVID with the audience `orders-api`"),
                ("another workload", json!({"sub": "spiffe://shop.example/ns/shop/sa/web"}), 403, ""),
            ],
        },
        Case {
            page: "github-actions",
            header: json!({"alg": "RS256", "typ": "JWT", "x5t": "t"}),
            key: json!({"alg": "RS256", "use": "sig"}),
            right: json!({
                "iss": "https://token.actions.githubusercontent.com", "sub": "repo:shop-org/orders:ref:refs/heads/main",
                "aud": "orders-api", "repository": "shop-org/orders", "repository_owner": "shop-org",
                "repository_id": "74", "ref": "refs/heads/main", "event_name": "push",
            }),
            changes: vec![
                ("another repository", json!({"repository": "mallory/orders"}), 401, "at GitHub Actions: the workflow runs in another repository"),
                ("a repository that begins the same", json!({"repository": "shop-org/orders-evil"}), 401, "at GitHub Actions: the workflow runs in another repository"),
                ("another branch", json!({"ref": "refs/heads/x"}), 401, "at GitHub Actions: the workflow runs on another branch or tag"),
                ("a pull request", json!({"ref": "refs/pull/7/merge", "event_name": "pull_request"}), 401, "at GitHub Actions: the workflow runs on another branch or tag"),
                ("the default audience", json!({"aud": "https://github.com/shop-org"}), 401, "at GitHub Actions: have the workflow ask for the token with `audience=orders-api`"),
            ],
        },
        Case {
            page: "gitlab-ci",
            header: json!({"alg": "RS256", "typ": "JWT"}),
            key: json!({"alg": "RS256", "use": "sig"}),
            right: json!({
                "iss": "https://gitlab.com", "sub": "project_path:shop/orders:ref_type:branch:ref:main", "aud": "orders-api",
                "namespace_id": "72", "namespace_path": "shop", "project_id": "20", "project_path": "shop/orders",
                "user_login": "alice", "pipeline_source": "push", "ref": "main", "ref_type": "branch", "ref_protected": "true",
            }),
            changes: vec![
                ("another project", json!({"project_path": "mallory/orders", "namespace_path": "mallory"}), 401, "at GitLab CI: the job runs in another project"),
                ("another branch", json!({"ref": "x", "ref_protected": "false"}), 401, "at GitLab CI: "),
                ("a tag called main", json!({"ref_type": "tag"}), 401, "at GitLab CI: the job runs on another branch or tag"),
                ("a branch that is not protected", json!({"ref_protected": "false"}), 401, "at GitLab CI: the branch is not protected"),
                ("another API", json!({"aud": "https://vault.example"}), 401, "at GitLab CI: set `aud: orders-api` under `id_tokens`"),
                ("another GitLab", json!({"iss": "https://gitlab.other.example"}), 401, "at GitLab CI: the token is of another installation"),
            ],
        },
    ]
}

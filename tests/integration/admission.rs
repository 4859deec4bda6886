//! The admission policy for Envoy Gateway: which policies about security it lets in.

use std::sync::Arc;

use cel::{Context, Env, Value as CelValue};
use serde_json::{Value, json};

const POLICY: &str = include_str!("../../k8s/data-planes/envoy-gateway/admission.yaml");

fn expression() -> String {
    let (policy, _) = POLICY.split_once("\n---\n").unwrap();
    let policy: Value = serde_saphyr::from_str(policy).unwrap();
    let expression = &policy["spec"]["validations"][0]["expression"];
    expression.as_str().unwrap().to_owned()
}

fn lets_in(spec: &Value) -> bool {
    let env = Arc::new(Env::stdlib());
    let program = env.compile(&expression()).unwrap();
    let mut context = Context::with_env(env);
    let object = cel::to_value(json!({ "spec": spec })).unwrap();
    context.add_variable_from_value("object", object);
    match program.execute(&context).unwrap() {
        CelValue::Bool(answer) => answer,
        other => panic!("{other:?}"),
    }
}

#[test]
fn only_policies_that_leave_the_gate_in_are_let_in() {
    let gateway = json!({"kind": "Gateway", "name": "shop"});
    let listener = json!({"kind": "Gateway", "name": "shop", "sectionName": "http"});
    let route = json!({"kind": "HTTPRoute", "name": "orders"});
    for (spec, expected) in [
        (json!({"targetRef": gateway}), true),
        (json!({"targetRefs": [gateway, gateway]}), true),
        (json!({"targetSelectors": [{"kind": "Gateway"}]}), true),
        (
            json!({"targetRefs": [route], "mergeType": "StrategicMerge"}),
            true,
        ),
        (json!({"targetRef": route}), false),
        (json!({"targetRef": listener}), false),
        (json!({"targetRefs": [gateway, route]}), false),
        (json!({"targetRefs": [listener]}), false),
        (
            json!({"targetRefs": [], "targetSelectors": [{"kind": "HTTPRoute"}]}),
            false,
        ),
        (
            json!({"targetRefs": [gateway], "targetSelectors": [{"kind": "GRPCRoute"}]}),
            false,
        ),
        (json!({"targetRef": gateway, "targetRefs": [route]}), false),
    ] {
        assert_eq!(lets_in(&spec), expected, "{spec}");
    }
}

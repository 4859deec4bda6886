//! Objects whose kind, group or keys are misspelt: each may be the only one that refuses.

use super::*;

const ALLOW: &str = "apiVersion: security.istio.io/v1\nkind: RequestAuthentication\nmetadata: {name: r}\nspec: {jwtRules: []}\n---\n";

#[test]
fn what_may_be_meant_as_one_of_the_kinds_ends_the_import() {
    for (head, expected) in [
        (
            "{apiVersion: security.istio.io/v1, kind: Authorizationpolicy",
            "the object `a`: unknown kind `Authorizationpolicy`; help: did you mean `AuthorizationPolicy`?",
        ),
        (
            "{apiVersion: security.istio.io/v1, kind: AuthorisationPolicy",
            "the object `a`: unknown kind `AuthorisationPolicy`; help: did you mean `AuthorizationPolicy`?",
        ),
        (
            "{apiVersion: security.istio.io/v1, kind: Policy",
            "the object `a`: unknown kind `Policy`; help: known are `AuthorizationPolicy` and \
             `RequestAuthentication`; leave other objects out of the file",
        ),
        (
            "{kind: authorizationPolicy",
            "the object `a`: unknown kind `authorizationPolicy`; help: did you mean `AuthorizationPolicy`?",
        ),
        (
            "{apiVersion: securty.istio.io/v1, kind: AuthorizationPolicy",
            "the object `a`: unknown group `securty.istio.io`; help: did you mean `apiVersion: \
             security.istio.io/v1`? Leave objects of others out of the file",
        ),
        (
            "{apiVersion: securty.istio.io/v1, kind: AuthorizationPolice",
            "the object `a`: unknown kind `AuthorizationPolice`; help: did you mean `AuthorizationPolicy`?",
        ),
        (
            "{apiVersion: v1, kind: list, items: []",
            "the object `a`: unknown kind `list`; help: did you mean `List`?",
        ),
        (
            "{apiVersion: security.istio.io/v1, Kind: AuthorizationPolicy",
            "the object `a` has no `kind`; help: write `kind: AuthorizationPolicy` or `kind: \
             RequestAuthentication`, or leave it out of the file",
        ),
        (
            "{kind: AuthorizationPolicy, sepc: {}",
            "the object `a`: unknown key `sepc`; help: did you mean `spec`?",
        ),
    ] {
        for around in ["@", "{kind: List, items: [@]}"] {
            let object = format!("{head}, metadata: {{name: a}}}}");
            let text = format!("{ALLOW}{}", around.replace('@', &object));
            let error = import(&text, Publicity::Allow).unwrap_err();
            assert_eq!(error, expected, "{text}");
        }
    }
}

#[test]
fn objects_of_others_are_left_out() {
    for head in [
        "apiVersion: policy.linkerd.io/v1alpha1\nkind: AuthorizationPolicy",
        "apiVersion: security.istio.io/v1\nkind: PeerAuthentication",
        "kind: PeerAuthentication",
        "apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy",
        "apiVersion: apps/v1\nkind: Deployment",
        "apiVersion: v1\nkind: ConfigMap",
    ] {
        let text = format!("{ALLOW}{head}\nmetadata: {{name: a}}\nspec: {{action: DENY}}\n");
        let migrated = import(&text, Publicity::Allow).unwrap();
        assert!(told(&migrated).contains(" a: left out: only"), "{text}");
    }
}

#[test]
fn an_action_or_a_field_that_is_not_understood_lets_nobody_in() {
    for text in [
        "kind: AuthorizationPolicy\nmetadata: {name: a}\nspec: {action: [DENY], rules: [{}]}\n",
        "kind: RequestAuthentication\nmetadata: {name: r}\nspec: {jwtRule: [{issuer: 'https://one'}]}\n---\n\
         kind: AuthorizationPolicy\nmetadata: {name: a}\nspec:\n  action: DENY\n\
         \x20 rules: [{from: [{source: {requestPrincipals: ['https://one/bob']}}]}]\n",
    ] {
        let migrated = import(text, Publicity::Allow).unwrap();
        let mut request = requests().remove(0);
        request.carried = Carried::Token(0);
        let policy = compiled(&migrated.text, &["one"]);
        let tokens = Token::several();
        assert!(
            !passes(&policy, &request, &tokens, &["one"]),
            "{}",
            migrated.text
        );
    }
}

#[test]
fn a_list_whose_objects_are_elsewhere_ends_the_import() {
    for (list, expected) in [
        (
            "{kind: List, itens: []}",
            "List: unknown key `itens`; help: the objects of a list are in `items`",
        ),
        (
            "{apiVersion: security.istio.io/v1, kind: AuthorizationPolicyList, spec: {action: DENY}}",
            "AuthorizationPolicyList: unknown key `spec`; help: the objects of a list are in `items`",
        ),
        (
            "{kind: List, items: {kind: AuthorizationPolicy}}",
            "List: has no list `items`; help: write the objects below `items`, or one after another with \
             `---` in between",
        ),
    ] {
        let error = import(&format!("{ALLOW}{list}"), Publicity::Allow).unwrap_err();
        assert_eq!(error, expected, "{list}");
    }
}

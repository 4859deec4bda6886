//! Every sample that we ship loads.

use std::fs;
use std::path::Path;

use portcullis::config::{Config, Overrides};
use portcullis::files::{read_policy, read_source};
use portcullis::openapi::Catalogue;
use portcullis::policy::Policy;
use portcullis::problem::{Colour, Source};

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn compile(sources: &[Source]) -> Result<Policy, String> {
    Policy::compile(sources).map_err(|problems| problems.render(sources, Colour::Plain))
}

#[test]
fn each_file_of_config_loads_as_what_it_is() {
    for entry in fs::read_dir(root().join("config")).unwrap() {
        let path = entry.unwrap().path();
        match path.file_name().unwrap().to_str().unwrap() {
            "portcullis.yaml" => {
                Config::load(&path, &Overrides::default()).unwrap();
            }
            // What Envoy thinks of it is tested with Envoy.
            "envoy.yaml" => {}
            // Run by the verb that they are for.
            name if name.ends_with(".test.yaml") => {}
            name if path.extension().is_some_and(|kind| kind == "yaml") => {
                let sources = read_policy(std::slice::from_ref(&path)).unwrap();
                let policy = compile(&sources).unwrap();
                assert!(!policy.routes().is_empty(), "{name}");
            }
            // Keys that somebody made by following the README.
            _ => {}
        }
    }
}

#[test]
fn the_description_of_the_shop_is_of_the_sample_policy() {
    let source = read_source(&root().join("scripts/shop.openapi.yaml")).unwrap();
    let catalogue = Catalogue::read(&[source]).unwrap_or_else(|problems| panic!("{problems}"));
    assert!(catalogue.warnings.is_empty(), "{:?}", catalogue.warnings);
    let policy = read_policy(&[root().join("config/policy.yaml")]).unwrap();
    let policy = compile(&policy).unwrap();
    for operation in &catalogue.operations {
        let (_, path) = operation.key.split_once(' ').unwrap();
        let routes = policy.routes().iter();
        assert_eq!(
            routes.filter(|route| *route.path == *path).count(),
            1,
            "{path}"
        );
    }
}

#[test]
fn the_sample_config_names_the_sample_policy() {
    let path = root().join("config/portcullis.yaml");
    let config = Config::load(&path, &Overrides::default()).unwrap();
    assert_eq!(config.policy, [root().join("config/policy.yaml")]);
}

/// What is commented out shows the default: taking the comment signs away changes nothing.
#[test]
fn the_defaults_shown_in_the_sample_config_are_the_defaults() {
    let folder = tempfile::tempdir().unwrap();
    let text = fs::read_to_string(root().join("config/portcullis.yaml")).unwrap();
    let shown: Vec<String> = text.lines().map(uncommented).collect();
    let load = |text: &str| {
        let path = folder.path().join("portcullis.yaml");
        fs::write(&path, text).unwrap();
        Config::load(&path, &Overrides::default()).unwrap()
    };
    let (written, shown) = (load(&text), load(&shown.join("\n")));
    assert_eq!(format!("{written:?}"), format!("{shown:?}"));
}

/// No setting that is commented out is misspelt, or stands where it cannot: issuer and feed as well.
#[cfg(feature = "issuer")]
#[test]
fn the_sample_config_loads_with_all_that_is_commented_out() {
    let is_setting = |text: &str| {
        let key = text.trim_start_matches(['-', '{', ' ']).split_once(':');
        key.is_some_and(|(key, _)| {
            // `jwks_uri` and what belongs to it exclude what is not commented out.
            let is_remote = key.starts_with("jwks_") || text.starts_with("start_wait_seconds");
            !is_remote && key.bytes().all(|b| b == b'_' || b.is_ascii_lowercase())
        })
    };
    let text = fs::read_to_string(root().join("config/portcullis.yaml")).unwrap();
    let (before, section) = text.split_once("# traces:\n").unwrap();
    let (_, after) = section.split_once("\n\n").unwrap();
    let text = if cfg!(feature = "traces") {
        text.clone()
    } else {
        [before, after].concat()
    };
    let lines = text.lines().map(|line| match line.split_once("# ") {
        Some((indent, text)) if indent.trim().is_empty() && is_setting(text) => {
            format!("{indent}{text}")
        }
        _ => line.to_owned(),
    });
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("portcullis.yaml");
    fs::write(&path, lines.collect::<Vec<_>>().join("\n")).unwrap();
    let config = Config::load(&path, &Overrides::default()).unwrap();
    assert!(config.issuer.is_some());
    assert!(config.feed.is_some());
    assert_eq!(config.traces.is_some(), cfg!(feature = "traces"));
    assert_eq!(config.trust.len(), 3);
}

/// The line without its comment sign where it is a setting that can stand there.
fn uncommented(line: &str) -> String {
    let setting = |text: &str| {
        let (key, _) = text.trim_start().split_once(':')?;
        let known = [
            "leeway_seconds",
            "types",
            "audience_claim",
            "max_lifetime_seconds",
            "max_token_bytes",
            "token_header",
        ]
        .into_iter()
        .chain([
            "socket_mode",
            "drain_seconds",
            "realm",
            "strip_token",
            "cache",
        ])
        .chain(["log", "level", "format", "outputs", "buffer_lines"])
        .chain(["allowed", "subject"]);
        known.into_iter().find(|name| *name == key)
    };
    match line.split_once("# ") {
        Some((indent, text)) if indent.trim().is_empty() && setting(text).is_some() => {
            format!("{indent}{text}")
        }
        _ => line.to_owned(),
    }
}

/// What the sample policy says of several issuers can be taken as it is.
#[test]
fn the_sample_policy_loads_with_its_issuers() {
    let text = fs::read_to_string(root().join("config/policy.yaml")).unwrap();
    let said = text.replace("# issuers: ", "issuers: ");
    assert_eq!(said.matches("\nissuers: [").count(), 1, "of the policy");
    assert_eq!(said.matches("\n    issuers: [").count(), 1, "of a route");
    let source = Source {
        name: "policy.yaml".to_owned(),
        text: said,
    };
    compile(&[source]).unwrap();
}

#[test]
fn the_whole_policies_in_the_docs_compile() {
    let pages = fs::read_dir(root().join("docs")).unwrap();
    let pages = pages.map(|entry| entry.unwrap().path());
    let mut found = 0;
    for page in pages.filter(|path| path.extension().is_some_and(|kind| kind == "md")) {
        let text = fs::read_to_string(&page).unwrap();
        for block in text.split("```yaml\n").skip(1) {
            let text = block.split("```").next().unwrap();
            if !text.starts_with("version: 1\n") || !text.contains("\nroutes:") {
                continue;
            }
            found += 1;
            let source = Source {
                name: page.display().to_string(),
                text: text.to_owned(),
            };
            compile(&[source]).unwrap();
        }
    }
    assert!(found > 0, "no page shows a whole policy any more");
}

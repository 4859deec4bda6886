//! The tests that the documentation names: what it says holds, as long as they are there.

use std::path::Path;

/// Where a test may be whose module is written like this.
fn places(page: &str, module: &str) -> Vec<String> {
    let module = module.replace("::", "/");
    match (page, module.as_str()) {
        ("docs/portal-tests.md", "") => vec!["tests/integration/portal.rs".to_owned()],
        ("docs/portal-tests.md", _) => vec![
            format!("tests/integration/portal/{module}.rs"),
            format!("tests/integration/{module}.rs"),
        ],
        _ => vec![
            format!("tests/integration/{module}.rs"),
            format!("src/{module}.rs"),
        ],
    }
}

/// The names in the last cells of tables.
fn named(text: &str) -> Vec<&str> {
    let rows = text
        .lines()
        .filter(|line| line.starts_with("| ") && line.ends_with(" |"));
    let cells = rows.filter_map(|row| row.rsplit('|').nth(1));
    let names = cells.flat_map(|cell| cell.split('`').skip(1).step_by(2));
    names.filter(|name| !name.contains('/')).collect()
}

#[test]
fn the_tests_that_the_documentation_names_are_there() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    for (page, least) in [("docs/portal-tests.md", 15), ("docs/asvs.md", 60)] {
        let text = std::fs::read_to_string(root.join(page)).unwrap();
        let names = named(&text);
        assert!(names.len() > least, "{page}: {names:?}");
        for name in names {
            let (module, function) = name.rsplit_once("::").unwrap_or(("", name));
            let is_there = places(page, module).iter().any(|file| {
                let file = std::fs::read_to_string(root.join(file));
                file.is_ok_and(|text| text.contains(&format!("fn {function}()")))
            });
            assert!(is_there, "{page}: {name}");
        }
    }
}

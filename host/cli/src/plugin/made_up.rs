//! Made-up facts, so that `gmr plugin check` can show a section without a running service. Its report is
//! [`gmr::report::example`], and figures of the process are this command's own.

use std::sync::Arc;

use gmr::plugin::{Facts, Grant};

/// Facts that these grants would let a plugin see: for a pattern, a fact that fits it.
pub fn facts(grants: &[Grant]) -> Arc<Facts> {
    let facts = Facts::new();
    for name in names(grants) {
        facts.add(name, || serde_json::json!({ "size": 8, "idle": 3 }));
    }
    Arc::new(facts)
}

/// Their names.
pub fn names(grants: &[Grant]) -> Vec<String> {
    let names = grants.iter().filter_map(|grant| match grant {
        Grant::Facts(pattern) => Some(match pattern.strip_suffix('*') {
            Some(beginning) => format!("{beginning}example"),
            None => pattern.clone(),
        }),
        _ => None,
    });
    names.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_grant_of_facts_finds_one() {
        let grants =
            ["facts:jobs", "facts:pool.*", "facts:*", "process"].map(|text| Grant::parse(text).unwrap());
        assert_eq!(facts(&grants).names(), ["example", "jobs", "pool.example"]);
    }
}

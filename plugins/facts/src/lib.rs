//! Shows every fact that the application registered and that this plugin was granted.
//!
//! One fact that cannot be read does not cost the others: its reason stands in its place.

use gmr_plugin::{Description, Failure, Field, Plugin, Request, Section, facts};

struct Facts;

impl Plugin for Facts {
    fn describe() -> Description {
        Description::new("Facts", "What the application tells of itself").wants("facts:*").settings([])
    }

    fn render(_: &Request) -> Result<Section, Failure> {
        let names = facts::names();
        let mut section = Section::new();
        if names.is_empty() {
            // A plugin that lies beside the others in a program without facts is no reason to look.
            section.paragraph(
                "The application registered no fact that this plugin is granted (`facts:*` grants all).",
            );
        }
        let read = names.into_iter().map(|name| (facts::read(&name), name));
        // Single values come first, or they would seem to belong under the heading before them.
        let (single, others): (Vec<_>, Vec<_>) = read.partition(|(fact, name)| is_single(fact, name));
        section.fields(single.into_iter().filter_map(|(fact, _)| fact.ok()).flatten());
        others.into_iter().for_each(|(fact, name)| show(&mut section, name, fact));
        Ok(section)
    }
}

gmr_plugin::export!(Facts);

type Fact = Result<Vec<Field>, facts::Error>;

fn is_single(fact: &Fact, name: &str) -> bool {
    matches!(fact.as_deref(), Ok([field]) if field.key == name)
}

fn show(section: &mut Section, name: String, fact: Fact) {
    section.heading(2, name);
    match fact {
        Ok(fields) if fields.is_empty() => section.paragraph("empty"),
        Ok(fields) => section.fields(fields),
        Err(error) => section.paragraph(error.to_string()).remark(error.to_string()),
    };
}

#[cfg(test)]
mod tests {
    use gmr_plugin::facts::FactError;
    use gmr_plugin::testing::Host;
    use serde_json::json;

    use super::*;

    #[test]
    fn single_values_come_first_and_objects_have_a_heading() {
        let host = Host::new()
            .fact("build", "5118daf")
            .fact("jobs", 17)
            .fact("pool", json!({"size": 8, "busy": {"now": 3, "most": 8}}))
            .fact("queues", json!([]))
            .fact("shards", json!({}));
        let expected = "\
build = 5118daf
jobs = 17
queues = []

  pool:
    busy.most = 8
    busy.now = 3
    size = 8

  shards:
    empty
";
        assert_eq!(host.render::<Facts>().unwrap().to_string(), expected);
    }

    #[test]
    fn broken_fact_costs_only_itself() {
        let host = Host::new().broken_fact("pool", FactError::Stalled).fact("jobs", 17);
        let section = host.render::<Facts>().unwrap();
        assert_eq!(section.remarks().collect::<Vec<_>>(), ["fact pool has not answered in time"]);
        assert!(section.to_string().contains("jobs = 17"));
    }

    #[test]
    fn only_granted_facts_are_shown_and_none_at_all_is_told() {
        let host = Host::new().fact("pool.size", 8).fact("jobs", 17).deny("facts:pool.*");
        assert_eq!(host.render::<Facts>().unwrap().to_string(), "jobs = 17\n");
        let nothing = host.deny("facts:*").render::<Facts>().unwrap();
        assert!(nothing.to_string().starts_with("The application registered no fact"), "{nothing}");
        assert_eq!(nothing.remarks().count(), 0);
    }
}

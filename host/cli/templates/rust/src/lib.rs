//! The section that this plugin adds to the report.

use gmr_plugin::{Description, Failure, Plugin, Request, Section, Value, facts, process};

struct MyPlugin;

impl Plugin for MyPlugin {
    fn describe() -> Description {
        Description::new("my_plugin", "One sentence that says what the section shows")
            .wants("process")
            .wants("facts:*")
    }

    fn render(_: &Request) -> Result<Section, Failure> {
        let mut section = Section::new();
        section.field_if("resident", process::memory()?.resident.map(Value::Bytes));
        for name in facts::names() {
            section.fields(facts::read(&name)?);
        }
        Ok(section)
    }
}

gmr_plugin::export!(MyPlugin);

#[cfg(test)]
mod tests {
    use gmr_plugin::process::MemoryFigures;
    use gmr_plugin::testing::Host;

    use super::*;

    #[test]
    fn memory_and_facts_are_shown() {
        let host = Host::new()
            .memory(MemoryFigures { resident: Some(1 << 20), ..Default::default() })
            .fact("jobs", 17);
        let section = host.render::<MyPlugin>().unwrap();
        assert_eq!(section.to_string(), "resident = 1.0 MiB\njobs = 17\n");
    }
}

//! A plugin's settings against what it says of them: what it says becomes a schema, and what does not fit becomes lines for the
//! operator, each with its place in the file and the key that was probably meant.

use gmr_report::schema::{Schema, Setting};

use super::bindings::wit::settings;
use super::subject::json;
use crate::plugin::PluginConfig;
use crate::settings::nearest;

/// The schema that a plugin describes, each summary cut to a line.
///
/// # Errors
///
/// What is wrong with it, in one line for the plugin's author.
pub fn schema(described: Vec<settings::Setting>, line: impl Fn(String) -> String) -> Result<Schema, String> {
    let settings = described.into_iter().map(|setting| {
        let mut setting = Setting::from(setting);
        setting.summary = line(setting.summary);
        setting
    });
    Schema::new(settings.collect())
}

/// What of the configured settings does not fit, a line each.
pub fn problems(name: &str, config: &PluginConfig, schema: &Schema) -> Vec<String> {
    let table = format!("gmr.plugins.{name}.settings");
    let problems = schema.problems(&json(&config.settings)).into_iter();
    let line = |problem: gmr_report::schema::Problem| {
        let place = config.places.of(problem.key());
        format!("{place}{}", problem.in_words(&table, nearest_in_its_table))
    };
    problems.map(line).collect()
}

/// Of the keys that a table may have the one that was probably meant. What all of them begin with tells nothing.
fn nearest_in_its_table(key: &str, known: &[String]) -> Option<String> {
    let above = key.rfind('.').map_or(0, |dot| dot + 1);
    let names: Vec<&str> = known.iter().filter_map(|known| known.get(above..)).collect();
    nearest(&key[above..], &names).map(|name| format!("{}{name}", &key[..above]))
}

/// The first of some lines, and how many there are more.
pub fn in_a_line(problems: &[String]) -> Option<String> {
    let (first, others) = problems.split_first()?;
    Some(if others.is_empty() { first.clone() } else { format!("{first} (and {} more)", others.len()) })
}

#[cfg(test)]
mod tests {
    use gmr_report::schema::SettingKind;

    use super::*;
    use crate::Settings;

    #[track_caller]
    fn check(toml: &str, expected: &[&str]) {
        let mut warn = Setting::new("warn_percent", SettingKind::Number, "");
        (warn.least, warn.most) = (Some(1.0), Some(100.0));
        let mut port = Setting::new("net.port", SettingKind::Integer, "");
        port.required = true;
        let host = Setting::new("net.host", SettingKind::Text, "");
        let schema = Schema::new(vec![warn, port, host]).unwrap();
        let settings = Settings::from_toml(toml, "app.toml").unwrap();
        assert_eq!(problems("p", &settings.plugins["p"], &schema), expected);
    }

    #[test]
    fn each_problem_has_its_line_and_column_and_the_key_that_was_meant() {
        check("[gmr.plugins.p.settings]\nnet.port = 1\nwarn_percent = 80\n", &[]);
        check(
            "[gmr.plugins.p.settings]\nnet.port = 1\n  warn_percnt = 80\n",
            &[
                "app.toml:3:3: unknown setting `gmr.plugins.p.settings.warn_percnt`; did you mean `warn_percent`?",
            ],
        );
        check(
            "[gmr.plugins.p]\nsettings = { warn_percent = 0, net = { port = 1, hots = 'a' } }\n",
            &[
                "app.toml:2:50: unknown setting `gmr.plugins.p.settings.net.hots`; did you mean `net.host`?",
                "app.toml:2:14: `gmr.plugins.p.settings.warn_percent` must be a number from 1 to 100, not 0",
            ],
        );
    }

    #[test]
    fn what_is_missing_has_the_place_of_its_table_if_there_is_one() {
        let missing = "`gmr.plugins.p.settings.net.port` is not set and must be a whole number";
        check("[gmr.plugins.p]\nsettings = {}\n", &[&format!("app.toml:2:12: {missing}")]);
        check("\n[gmr.plugins.p.settings.net]\n", &[&format!("app.toml:2:25: {missing}")]);
        check("[gmr.plugins.p]\nenabled = true\n", &[missing]);
    }

    #[test]
    fn a_beginning_that_all_keys_have_makes_no_key_a_near_one() {
        let known = ["connections.port".to_owned(), "connections.host".to_owned()];
        assert_eq!(nearest_in_its_table("connections.xyzzy", &known), None);
        assert_eq!(nearest_in_its_table("connections.prot", &known), Some(known[0].clone()));
    }

    #[test]
    fn of_several_problems_the_first_is_told_and_the_others_counted() {
        let lines = |count| (0..count).map(|number| format!("line {number}")).collect::<Vec<_>>();
        assert_eq!(in_a_line(&lines(0)), None);
        assert_eq!(in_a_line(&lines(1)).as_deref(), Some("line 0"));
        assert_eq!(in_a_line(&lines(3)).as_deref(), Some("line 0 (and 2 more)"));
    }
}

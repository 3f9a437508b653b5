//! Environment variables as options: they win over the file.

use std::ffi::OsString;

use toml::Spanned;
use toml::de::DeValue;

use super::item::{Item, Source};
use super::{OPTIONS, Settings};
use crate::error::Error;

impl Settings {
    /// Takes over what the process environment sets: `GMR_LOG_DIR`, `GMR_SIGNAL` and so on, the option's
    /// name in capitals behind `GMR_`. An empty variable counts as unset. Lists are
    /// divided by `:` (paths) or `,` (words). `[gmr.plugins]` has no variables: what a plugin is granted
    /// stays in the file.
    ///
    /// # Errors
    ///
    /// If a value cannot be meant; the error names the variable.
    pub fn with_environment(self) -> Result<Settings, Error> {
        self.with_variables(|name| std::env::var_os(name))
    }

    /// The same with the variables of another process's environment, by which a tool learns how that one is set.
    ///
    /// # Errors
    ///
    /// As [`Settings::with_environment`].
    pub fn with_variables(mut self, variable: impl Fn(&str) -> Option<OsString>) -> Result<Settings, Error> {
        for option in OPTIONS.iter().filter(|option| option.key != "plugins") {
            let Some(set) = option.set else { continue };
            let name = format!("GMR_{}", option.key.to_ascii_uppercase());
            let Some(text) = variable(&name).filter(|text| !text.is_empty()) else { continue };
            let text = text
                .into_string()
                .map_err(|text| Error::settings(format!("{name} is not UTF-8: {}", text.display())))?;
            let value = Spanned::new(0..0, DeValue::String(text.into()));
            set(&mut self, &Item::new(Source::Variable(&name), format!("gmr.{}", option.key), &value))?;
        }
        self.check()?;
        Ok(self)
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::ffi::OsStringExt;

    use super::*;
    use crate::settings::{Format, Signal};

    fn with(variables: &[(&str, &str)]) -> Result<Settings, Error> {
        let file = Settings::from_toml("[gmr]\nlog_dir = '/file'\nkeep = 3\nformat = 'json'", "shop.toml")?;
        let value =
            |name: &str| variables.iter().find(|(known, _)| *known == name).map(|(_, value)| value.into());
        file.with_variables(value)
    }

    #[test]
    fn variables_win_over_the_file_and_leave_the_rest_alone() {
        let settings = with(&[
            ("GMR_LOG_DIR", "/variable"),
            ("GMR_KEEP", "7"),
            ("GMR_SIGNAL", "USR1"),
            ("GMR_DEADLINE", "0.5"),
            ("GMR_FILE_EVENT_HANDLER_INTERVAL", "250ms"),
            ("GMR_SECRETS", "a.b, *.c"),
            ("GMR_TOUCH_FILE", "not one of ours"),
        ])
        .unwrap();
        assert_eq!(settings.log_dir.as_deref(), Some("/variable".as_ref()));
        assert_eq!(settings.keep, Some(7));
        assert_eq!(settings.signal, "SIGUSR1".parse::<Signal>().unwrap());
        assert_eq!(settings.deadline.as_millis(), 500);
        assert_eq!(settings.file_event_handler_interval.as_millis(), 250);
        assert_eq!(settings.secrets, ["a.b", "*.c"]);
        assert_eq!(settings.format, Format::Json, "the file's stays");
    }

    #[test]
    #[cfg(feature = "plugin")]
    fn paths_are_divided_by_colons() {
        let settings = with(&[("GMR_PLUGIN_DIR", "/a:/b")]).unwrap();
        assert_eq!(settings.plugin_dir, ["/a", "/b"].map(Into::<std::path::PathBuf>::into));
    }

    #[test]
    fn an_empty_variable_is_none() {
        assert_eq!(with(&[("GMR_LOG_DIR", ""), ("GMR_KEEP", "")]).unwrap(), with(&[]).unwrap());
    }

    #[test]
    fn what_is_wrong_names_the_variable() {
        for (name, value, expected) in [
            ("GMR_KEEP", "many", "GMR_KEEP: `gmr.keep` must be a whole number, not a string"),
            ("GMR_FORMAT", "xls", "GMR_FORMAT: `gmr.format` must be one of text, json, not `xls`"),
            (
                "GMR_SIGNAL",
                "TERM",
                "GMR_SIGNAL: `gmr.signal` must not be SIGTERM, which asks the program to end",
            ),
        ] {
            assert_eq!(with(&[(name, value)]).unwrap_err().to_string(), expected);
        }
        let bytes = OsString::from_vec(vec![b'a', 0xff]);
        let refused =
            Settings::default().with_variables(|name| (name == "GMR_LOG_DIR").then(|| bytes.clone()));
        assert!(refused.unwrap_err().to_string().starts_with("GMR_LOG_DIR is not UTF-8"));
    }
}

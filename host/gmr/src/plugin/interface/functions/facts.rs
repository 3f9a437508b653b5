//! `facts`: what the application tells of itself. Granted by name, or by the beginning of a name.

use std::sync::Arc;

use gmr_report::flatten;
use serde_json::Value as Json;
use wasmtime::Result;

use crate::plugin::Grant;
use crate::plugin::interface::bindings::wit::document::Field;
use crate::plugin::interface::bindings::wit::facts::{FactError, Host};
use crate::plugin::interface::facts::FactError as Cause;
use crate::plugin::sandbox::store::State;

impl Host for State {
    fn names(&mut self) -> Result<Vec<String>> {
        self.limiter.count_host_call()?;
        let mut names = self.subject.facts.names();
        names.retain(|name| self.identity.allows_fact(name));
        Ok(names)
    }

    fn read(&mut self, name: String) -> Result<Result<Vec<Field>, FactError>> {
        self.limiter.count_host_call()?;
        Ok(self.fact(&name).map(|(fact, _)| flatten::fields(&name, &fact).iter().map(Field::from).collect()))
    }

    fn json(&mut self, name: String) -> Result<Result<String, FactError>> {
        self.limiter.count_host_call()?;
        Ok(self.fact(&name).map(|(_, text)| text))
    }
}

impl State {
    /// A fact, also as JSON text, if that is not longer than what the plugin may read.
    fn fact(&self, name: &str) -> Result<(Arc<Json>, String), FactError> {
        if !self.identity.allows_fact(name) {
            return Err(FactError::Denied(self.identity.denial(&Grant::Facts(name.to_owned()))));
        }
        let fact = self.subject.facts.get(name, self.deadline).map_err(|cause| match cause {
            Cause::Unknown => FactError::Unknown,
            Cause::Failed(reason) => FactError::Failed(reason),
            Cause::Stalled => FactError::Stalled,
        })?;
        let text = fact.to_string();
        if text.len() as u64 > self.limiter.limits().input_bytes {
            return Err(FactError::TooLarge);
        }
        Ok((fact, text))
    }
}

//! `settings`: the plugin's own, `[gmr.plugins.NAME.settings]`. No grant is needed.

use gmr_report::flatten;
use wasmtime::Result;

use crate::plugin::interface::bindings::wit::document::{Field, Value};
use crate::plugin::interface::bindings::wit::settings::Host;
use crate::plugin::sandbox::store::State;

impl Host for State {
    fn get(&mut self, key: String) -> Result<Option<Value>> {
        self.limiter.count_host_call()?;
        let found = flatten::find(&self.identity.settings, &key).and_then(flatten::value);
        Ok(found.as_ref().map(Value::from))
    }

    fn all(&mut self) -> Result<Vec<Field>> {
        self.limiter.count_host_call()?;
        Ok(flatten::fields("", &self.identity.settings).iter().map(Field::from).collect())
    }

    fn json(&mut self) -> Result<String> {
        self.limiter.count_host_call()?;
        Ok(self.identity.settings.to_string())
    }
}

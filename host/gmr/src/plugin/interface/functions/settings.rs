//! `settings`: the plugin's own, `[gmr.plugins.NAME.settings]`. No grant is needed.

use wasmtime::Result;

use crate::plugin::interface::bindings::wit::document::{Field, Value};
use crate::plugin::interface::bindings::wit::settings::Host;
use crate::plugin::interface::to_wit;
use crate::plugin::sandbox::store::State;

impl Host for State {
    fn get(&mut self, key: String) -> Result<Option<Value>> {
        self.limiter.count_host_call()?;
        Ok(to_wit::setting(&self.identity.settings, &key))
    }

    fn all(&mut self) -> Result<Vec<Field>> {
        self.limiter.count_host_call()?;
        Ok(to_wit::flatten("", &self.identity.settings))
    }

    fn json(&mut self) -> Result<String> {
        self.limiter.count_host_call()?;
        Ok(self.identity.settings.to_string())
    }
}

//! `grants`: what this plugin may see.

use wasmtime::Result;

use crate::plugin::Grant;
use crate::plugin::interface::bindings::wit::grants::Host;
use crate::plugin::sandbox::store::State;

impl Host for State {
    fn granted(&mut self) -> Result<Vec<String>> {
        self.limiter.count_host_call()?;
        Ok(self.identity.config.grants.iter().map(Grant::to_string).collect())
    }
}

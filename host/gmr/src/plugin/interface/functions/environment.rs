//! `environment`: variables of the process, as they were when the plugin was loaded. Granted by name.

use wasmtime::Result;

use crate::plugin::Grant;
use crate::plugin::interface::bindings::wit::environment::Host;
use crate::plugin::interface::bindings::wit::grants::Denial;
use crate::plugin::sandbox::store::State;

impl Host for State {
    fn variable(&mut self, name: String) -> Result<Result<Option<String>, Denial>> {
        self.limiter.count_host_call()?;
        let allowed = self.identity.allow(Grant::Environment(name.clone()));
        Ok(allowed.map(|()| self.identity.environment.get(&name).cloned()))
    }
}

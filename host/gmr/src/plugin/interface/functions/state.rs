//! `state`: what the plugin remembers from one report to the next. No grant is needed.

use wasmtime::Result;

use super::nanoseconds;
use crate::plugin::interface::bindings::wit::document::Value;
use crate::plugin::interface::bindings::wit::state::{Entry, Excess, Host};
use crate::plugin::sandbox::store::State;

impl Host for State {
    fn get(&mut self, key: String) -> Result<Option<Entry>> {
        self.limiter.count_host_call()?;
        let found = self.draft.get(&key);
        Ok(found.map(|(value, set)| Entry { value, age: nanoseconds(set.elapsed()) }))
    }

    fn set(&mut self, key: String, value: Value) -> Result<Result<(), Excess>> {
        self.limiter.count_host_call()?;
        Ok(self.draft.set(key, value, self.limiter.limits()))
    }

    fn remove(&mut self, key: String) -> Result<()> {
        self.limiter.count_host_call()?;
        self.draft.remove(&key);
        Ok(())
    }

    fn keys(&mut self) -> Result<Vec<String>> {
        self.limiter.count_host_call()?;
        Ok(self.draft.keys())
    }
}

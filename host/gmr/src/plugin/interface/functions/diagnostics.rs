//! `diagnostics`: what the plugin says to its author. No grant is needed.

use wasmtime::Result;

use crate::plugin::interface::bindings::wit::diagnostics::Host;
use crate::plugin::sandbox::store::State;

impl Host for State {
    fn print(&mut self, line: String) -> Result<()> {
        self.limiter.count_host_call()?;
        self.output.add(line.as_bytes());
        self.output.add(b"\n");
        Ok(())
    }
}

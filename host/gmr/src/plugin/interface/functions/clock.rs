//! `clock`: the time, and how much of it is left. No grant is needed.

use std::time::Instant;

use jiff::Timestamp;
use wasmtime::Result;

use super::nanoseconds;
use crate::plugin::interface::bindings::wit::clock::{Host, Moment};
use crate::plugin::sandbox::store::State;

impl Host for State {
    fn now(&mut self) -> Result<Moment> {
        self.limiter.count_host_call()?;
        Ok(Timestamp::now().into())
    }

    fn monotonic(&mut self) -> Result<u64> {
        self.limiter.count_host_call()?;
        Ok(nanoseconds(self.subject.began.elapsed()))
    }

    fn remaining(&mut self) -> Result<u64> {
        self.limiter.count_host_call()?;
        Ok(nanoseconds(self.deadline.saturating_duration_since(Instant::now())))
    }
}

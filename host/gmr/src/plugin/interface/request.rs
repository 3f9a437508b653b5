//! What a plugin is asked: the report's header, and the limits of its answer.

use std::time::Instant;

use super::bindings::section::{Request, Trigger};
use super::functions::nanoseconds;
use super::subject::{Identity, Subject};

/// The request of a call that ends at `deadline`.
pub fn request(subject: &Subject, identity: &Identity, deadline: Instant) -> Request {
    let (header, limits) = (&subject.report.header, &identity.config.limits);
    Request {
        plugin: identity.name.clone(),
        service: header.service.clone(),
        version: header.version.clone(),
        host: header.host.clone(),
        process: header.process,
        uptime: header.uptime.map(nanoseconds),
        time: header.time.into(),
        trigger: Trigger {
            kind: header.trigger.kind.word().to_owned(),
            detail: header.trigger.detail.clone(),
            count: header.trigger.count,
        },
        deadline: nanoseconds(deadline.saturating_duration_since(Instant::now())),
        max_blocks: limits.blocks,
        max_bytes: limits.output_bytes,
    }
}

//! Elsewhere than on Linux no program can be run that the application does not notice.

use super::{Compiled, CompilerConfig};

pub(super) enum Failure {
    NotStarted(String),
    #[expect(dead_code, reason = "nothing is started")]
    Refused(String),
    #[expect(dead_code, reason = "nothing is started")]
    Postponed(String),
}

pub(super) fn compile(_: &CompilerConfig, _: &[u8], _: impl Fn() -> bool) -> Result<Compiled, Failure> {
    Err(Failure::NotStarted("this system has no child that a program does not notice".to_owned()))
}

//! Parsers of the files in `/proc` and of the control group's: bytes in, values out.
//!
//! Nothing is opened here, and nothing is an error: a line that is cut or odd is left out, and what a file
//! does not tell is `None`. Bytes that are no UTF-8 are replaced in names and paths, and never cost more than
//! the field that they stand in.

pub(crate) mod cgroup;
#[cfg(all(test, stacks))]
mod fuzz;
pub(crate) mod keys;
pub(crate) mod limits;
pub(crate) mod loadavg;
pub(crate) mod maps;
pub(crate) mod mountinfo;
pub(crate) mod net;
pub(crate) mod pressure;
#[cfg(stacks)]
pub(crate) mod schedstat;
pub(crate) mod stat;
pub(crate) mod status;
#[cfg(stacks)]
pub(crate) mod syscall;

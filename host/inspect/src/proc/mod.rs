//! Parsers of the files in `/proc` and of the control group's: bytes in, values out.

pub(crate) mod keys;
pub(crate) mod maps;

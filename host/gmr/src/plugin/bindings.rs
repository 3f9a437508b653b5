//! The Rust side of `wit/`, generated from this package's copy of it. It refuses nothing: what a plugin may ask is decided where the
//! generated traits are implemented, in [`host`](super::host).

// The generated code implements wasmtime's unsafe marker traits for types whose layout it has computed itself.
#![allow(unsafe_code, clippy::all, missing_docs, unreachable_pub)]

wasmtime::component::bindgen!({
    path: "wit",
    world: "plugin",
    imports: { default: trappable },
    exports: { default: async },
});

pub(super) use self::gmr::plugin as wit;
pub(super) use exports::gmr::plugin::section;

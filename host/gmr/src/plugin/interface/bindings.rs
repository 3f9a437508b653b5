//! The Rust side of `wit/`, generated. It refuses nothing: what a plugin may ask is decided where the generated traits
//! are implemented, in [`functions`](super::functions).

// The generated code implements wasmtime's unsafe marker traits for types whose layout it has computed itself.
#![allow(unsafe_code, clippy::all, missing_docs, unreachable_pub)]

wasmtime::component::bindgen!({
    path: "wit",
    world: "plugin",
    imports: { default: trappable },
    exports: { default: async },
});

pub use self::gmr::plugin as wit;
pub use exports::gmr::plugin::section;

//! What wit-bindgen makes of the interface: its types, its imported functions and the exporting macro.
//!
//! Generated, with the only unsafe code of this crate. Use the types through the modules that re-export them.

#![allow(missing_docs, unsafe_code, clippy::all, clippy::undocumented_unsafe_blocks)]

wit_bindgen::generate!({
    // A link to the project's `wit` folder, which cargo follows when it makes a package.
    path: "wit",
    world: "plugin",
    additional_derives: [PartialEq],
    // Figures of which nothing is known, so that a test names only those that it is about; and a frame, likewise.
    additional_type_attributes: {
        "gmr:plugin/process@0.1.0/identity-figures": [#[derive(Default)]],
        "gmr:plugin/process@0.1.0/memory-figures": [#[derive(Default)]],
        "gmr:plugin/process@0.1.0/cpu-figures": [#[derive(Default)]],
        "gmr:plugin/process@0.1.0/descriptor-figures": [#[derive(Default)]],
        "gmr:plugin/process@0.1.0/cgroup-figures": [#[derive(Default)]],
        "gmr:plugin/process@0.1.0/socket": [#[derive(Default)]],
        "gmr:plugin/process@0.1.0/stall": [#[derive(Default)]],
        "gmr:plugin/document@0.1.0/frame": [#[derive(Default)]],
    },
    pub_export_macro: true,
    export_macro_name: "export_component",
    default_bindings_module: "gmr_plugin::bindings",
});

//! WebAssembly components as files: made of modules, and checked against the plugin interface.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result, anyhow, bail};
use wit_component::{ComponentEncoder, DecodedWasm};

/// Magic number, version and layer of a component, as the component model's binary format has them.
const HEADER: &[u8] = b"\0asm\x0d\0\x01\0";
/// What a plugin exports, without its version.
const EXPORT: &str = "gmr:plugin/section";
/// The packages that a plugin may import from: the interface's own, and of WASI what the host links.
const IMPORTS: [&str; 7] = [
    "gmr:plugin/",
    "wasi:cli/",
    "wasi:clocks/",
    "wasi:filesystem/",
    "wasi:io/",
    "wasi:random/",
    "wasi:sockets/",
];

/// Makes a component of a module that carries the description of its world, as wit-bindgen writes it.
pub fn from_module(module: &[u8]) -> Result<Vec<u8>> {
    ComponentEncoder::default()
        .module(module)
        .and_then(|encoder| encoder.validate(true).encode())
        .map_err(|error| anyhow!("{error:#}"))
}

/// Fails unless the file is a valid component that exports a section and imports nothing that the host does not have.
pub fn expect_plugin(file: &Path) -> Result<()> {
    let bytes = fs::read(file).with_context(|| format!("cannot read {}", file.display()))?;
    check(&bytes).with_context(|| format!("{} is not a plugin", file.display()))
}

fn check(bytes: &[u8]) -> Result<()> {
    if !bytes.starts_with(HEADER) {
        bail!("it is no WebAssembly component (a core module or something else)");
    }
    // Decoding validates too.
    let decoded = wit_component::decode(bytes).map_err(|error| anyhow!("{error:#}"))?;
    let DecodedWasm::Component(resolve, world) = decoded else {
        bail!("it is a package of interfaces, not a component");
    };
    let world = &resolve.worlds[world];
    let exports: Vec<_> = world.exports.keys().map(|key| resolve.name_world_key(key)).collect();
    if !exports.iter().any(|name| name.split('@').next() == Some(EXPORT)) {
        bail!("it exports {exports:?}, not {EXPORT}");
    }
    let mut imports = world.imports.keys().map(|key| resolve.name_world_key(key));
    match imports.find(|name| !IMPORTS.iter().any(|known| name.starts_with(known))) {
        None => Ok(()),
        Some(name) => bail!("it imports {name}, which the host does not have"),
    }
}

/// A file's size in words.
pub fn size(file: &Path) -> Result<String> {
    let bytes = fs::metadata(file).with_context(|| format!("cannot read {}", file.display()))?.len();
    Ok(match bytes {
        0..1_048_576 => format!("{} KiB", bytes.div_ceil(1024)),
        _ => format!("{:.1} MiB", bytes as f64 / 1_048_576.0),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_plugin_is_told_apart() {
        let check = |bytes: &[u8], expected: &str| {
            let error = format!("{:#}", check(bytes).unwrap_err());
            assert!(error.contains(expected), "{error}");
        };
        check(b"text", "no WebAssembly component");
        // An empty core module, an empty component, and a component whose first section is cut short.
        check(b"\0asm\x01\0\0\0", "a core module");
        check(HEADER, "it exports [], not gmr:plugin/section");
        check(&[HEADER, b"\x07\x50\0"].concat(), "unexpected");
    }
}

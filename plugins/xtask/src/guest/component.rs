//! WebAssembly components as files: made of modules, and checked against the plugin interface.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result, anyhow, bail};
use wit_component::{ComponentEncoder, DecodedWasm};

/// What a plugin exports, without its version.
const EXPORT: &str = "gmr:plugin/section";

/// Makes a component of a module that carries the description of its world, as wit-bindgen writes it.
pub fn from_module(module: &[u8]) -> Result<Vec<u8>> {
    ComponentEncoder::default()
        .module(module)
        .and_then(|encoder| encoder.validate(true).encode())
        .map_err(|error| anyhow!("{error:#}"))
}

/// Fails unless the file is a valid component that exports a section.
pub fn expect_plugin(file: &Path) -> Result<()> {
    let bytes = fs::read(file).with_context(|| format!("cannot read {}", file.display()))?;
    check(&bytes).with_context(|| format!("{} is not a plugin", file.display()))
}

fn check(bytes: &[u8]) -> Result<()> {
    let decoded = wit_component::decode(bytes).map_err(|error| anyhow!("{error:#}"))?;
    let DecodedWasm::Component(resolve, world) = decoded else {
        bail!("it is a package of interfaces, not a component");
    };
    let exports: Vec<_> =
        resolve.worlds[world].exports.keys().map(|key| resolve.name_world_key(key)).collect();
    match exports.iter().any(|name| name.split('@').next() == Some(EXPORT)) {
        true => Ok(()),
        false => bail!("it exports {exports:?}, not {EXPORT}"),
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

    /// An empty core module and an empty component: magic number, version, layer.
    const MODULE: &[u8] = b"\0asm\x01\0\0\0";
    const COMPONENT: &[u8] = b"\0asm\x0d\0\x01\0";

    #[test]
    fn what_is_no_plugin_is_told_apart() {
        let check = |bytes: &[u8], expected: &str| {
            let error = format!("{:#}", check(bytes).unwrap_err());
            assert!(error.contains(expected), "{error}");
        };
        check(COMPONENT, "it exports [], not gmr:plugin/section");
        check(MODULE, "component");
        check(b"text", "");
    }
}

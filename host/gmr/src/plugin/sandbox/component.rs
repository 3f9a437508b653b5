//! Components: from a file's bytes to compiled code whose imports and exports are checked. Each refusal says what the
//! plugin's author has to do.

use std::borrow::Cow;

use wasmtime::Engine;
use wasmtime::component::{Component, Linker};

use super::refusal;
use super::walk::{Refusal, walk};
use crate::plugin::FileLimits;
use crate::plugin::interface::bindings::PluginPre;
use crate::plugin::sandbox::store::State;

/// The interface a plugin must export, in the version that this host speaks.
const EXPORT: &str = "gmr:plugin/section";

/// This host's version of `gmr:plugin`, as in `wit/`. Others of 0.1 are compatible.
const VERSION: &str = "0.1.0";

/// A component in the binary format, whose file keeps to these limits: nothing but these can be compiled.
pub struct Compilable<'a>(Cow<'a, [u8]>);

impl<'a> Compilable<'a> {
    /// Looks at `.wasm` or `.wat`.
    ///
    /// # Errors
    ///
    /// What is wrong with the file, or which limit it exceeds, in one line.
    pub fn new(bytes: &'a [u8], limits: &FileLimits) -> Result<Compilable<'a>, String> {
        refusal::refuse_what_is_no_component(bytes)?;
        let binary = if refusal::is_text(bytes) { Cow::from(assemble(bytes)?) } else { Cow::from(bytes) };
        match walk(&binary, limits) {
            Ok(()) => Ok(Compilable(binary)),
            Err(Refusal::Limit(reason)) => Err(reason),
            Err(Refusal::Malformed(error)) => Err(refusal::invalid(&wasmtime::Error::new(error), bytes)),
        }
    }

    /// Its bytes in the binary format.
    pub fn bytes(&self) -> &[u8] {
        &self.0
    }
}

#[cfg(not(feature = "compiler"))]
fn assemble(_: &[u8]) -> Result<Vec<u8>, String> {
    Err("it is text, which this executable cannot assemble: it was built without gmr's feature `compiler`"
        .to_owned())
}

#[cfg(feature = "compiler")]
fn assemble(text: &[u8]) -> Result<Vec<u8>, String> {
    let binary = wat::parse_bytes(text);
    let binary = binary.map_err(|error| refusal::invalid(&wasmtime::Error::new(error), text))?;
    Ok(binary.into_owned())
}

/// Compiles a component to code that [`compiled`](super::compiled) keeps. Takes from milliseconds to many seconds, by what is
/// in it.
///
/// # Errors
///
/// What is wrong with the file, in one line.
#[cfg(feature = "compiler")]
pub fn compile(engine: &Engine, binary: &[u8]) -> Result<Vec<u8>, String> {
    engine.precompile_component(binary).map_err(|error| refusal::invalid(&error, binary))
}

/// Compiles a file in this process, under the usual limits, and takes in what came of it.
#[cfg(test)]
pub fn load(engine: &Engine, file: &[u8]) -> Result<Component, String> {
    let code = compile(engine, Compilable::new(file, &FileLimits::default())?.bytes())?;
    let code = super::compiled::CompiledCode::in_memory(&code).map_err(|error| error.to_string())?;
    code.map(engine).map_err(|error| refusal::not_loaded(&error))
}

/// Checks what the component imports and exports against what the host has.
///
/// # Errors
///
/// What does not fit, and what to build against instead.
pub fn link(
    engine: &Engine,
    linker: &Linker<State>,
    component: &Component,
) -> Result<PluginPre<State>, String> {
    let exports: Vec<String> = names(component.component_type().exports(engine));
    let Some(found) = exports.iter().find(|name| interface(name) == EXPORT) else {
        return Err(if exports.is_empty() {
            format!("it exports nothing; a plugin exports `{EXPORT}` (world `gmr:plugin/plugin`)")
        } else {
            let exports = list(&exports);
            format!("it is a component for another world: it exports {exports} and not `{EXPORT}`")
        });
    };
    refuse_another_version(found)?;
    let imports = names(component.component_type().imports(engine));
    for import in imports.iter().filter(|import| import.starts_with("gmr:plugin/")) {
        refuse_another_version(import)?;
    }
    let pre = linker.instantiate_pre(component).map_err(|error| refusal::unknown_import(&error, VERSION))?;
    PluginPre::new(pre).map_err(|error| {
        format!(
            "its `{EXPORT}` is not the one of gmr:plugin {VERSION}; build it against this version: {error:#}"
        )
    })
}

/// What the component asks for and offers, by name.
pub fn imports_and_exports(engine: &Engine, component: &Component) -> (Vec<String>, Vec<String>) {
    let kind = component.component_type();
    (names(kind.imports(engine)), names(kind.exports(engine)))
}

fn names<T>(items: impl Iterator<Item = (impl AsRef<str>, T)>) -> Vec<String> {
    items.map(|(name, _)| name.as_ref().to_owned()).collect()
}

fn list(names: &[String]) -> String {
    let shown: Vec<String> = names.iter().take(3).map(|name| format!("`{name}`")).collect();
    match names.len() {
        0..=3 => shown.join(", "),
        more => format!("{} and {} more", shown.join(", "), more - 3),
    }
}

/// `gmr:plugin/section@0.1.0` without its version.
fn interface(name: &str) -> &str {
    name.split_once('@').map_or(name, |(interface, _)| interface)
}

/// Versions of 0.1 add only functions; anything else is not ours to guess.
fn refuse_another_version(name: &str) -> Result<(), String> {
    let version = name.split_once('@').map_or("none", |(_, version)| version);
    if version.starts_with("0.1.") {
        return Ok(());
    }
    Err(format!(
        "it is built against gmr:plugin {version}, and this program speaks {VERSION}: rebuild the plugin against \
         {VERSION}, or the program with a newer gmr"
    ))
}

#[cfg(test)]
mod tests {
    use gmr_test_support::guests;

    use super::*;
    use crate::plugin::Limits;
    use crate::plugin::sandbox::engine;

    /// Loads, or says why not; nothing else may happen.
    fn attempt(engine: &Engine, linker: &Linker<State>, bytes: &[u8]) -> bool {
        let loaded = load(engine, bytes).and_then(|component| link(engine, linker, &component));
        loaded.map_err(|reason| assert!(!reason.is_empty() && !reason.contains('\n'), "{reason:?}")).is_ok()
    }

    #[test]
    fn a_file_that_is_cut_off_anywhere_is_refused_in_a_line() {
        let engine = engine::engine(Limits::default().wasm_stack_bytes).unwrap();
        let linker = engine::linker(&engine).unwrap();
        let whole = guests::component("hello");
        assert!(attempt(&engine, &linker, &whole));
        let loaded = (0..whole.len()).filter(|length| attempt(&engine, &linker, &whole[..*length])).count();
        // What stands at the end, names and the compiler's version, may be missing.
        assert!(loaded < 8, "{loaded} of {} beginnings load", whole.len());
    }

    #[test]
    fn random_damage_is_refused_or_harmless() {
        let engine = engine::engine(Limits::default().wasm_stack_bytes).unwrap();
        let linker = engine::linker(&engine).unwrap();
        let whole = guests::component("hello");
        // A xorshift generator with a fixed seed: the same bytes in every run.
        let mut state = 0x2545_f491_4f6c_dd1d_u64;
        let mut random = move || {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            usize::try_from(state >> 33).unwrap()
        };
        let mut refused = 0;
        for _ in 0..500 {
            let mut bytes = whole.clone();
            for _ in 0..=random() % 4 {
                let at = random() % bytes.len();
                bytes[at] = random().to_le_bytes()[0];
            }
            refused += u32::from(!attempt(&engine, &linker, &bytes));
            let noise = (0..random() % 200).map(|_| random().to_le_bytes()[0]);
            let noise: Vec<u8> = whole[..8].iter().copied().chain(noise).collect();
            assert!(!attempt(&engine, &linker, &noise));
        }
        assert!(refused > 250, "only {refused} of 500 damaged components are refused");
    }
}

//! WebAssembly components of the guests in tests/guests: core WebAssembly text, wrapped by `wit-component` with the types
//! of `wit/`. No WebAssembly toolchain is needed.
//!
//! A guest is written as a core module so that it can break what a compiler would not: `(; memory ;)`,
//! `(; describe ;)` and `(; answer ;)` in its text stand for the parts that well-behaved guests share.

use std::fmt::Write as _;
use std::path::PathBuf;

use wit_component::{ComponentEncoder, StringEncoding, embed_component_metadata};
use wit_parser::Resolve;

/// Memory with an allocator that never frees.
const MEMORY: &str = r#"
    (memory (export "memory") 2)
    (global $next (mut i32) (i32.const 65536))
    (func $allocate (export "cabi_realloc") (param $old i32) (param $old_size i32) (param $align i32) (param $size i32)
      (result i32) (local $at i32)
      (local.set $at (i32.and (i32.add (global.get $next) (i32.const 15)) (i32.const -16)))
      (global.set $next (i32.add (local.get $at) (local.get $size)))
      (block $enough
        (br_if $enough (i32.le_u (global.get $next) (i32.shl (memory.size) (i32.const 16))))
        (br_if $enough (i32.ne (i32.const -1) (memory.grow
          (i32.add (i32.const 1) (i32.shr_u (i32.sub (global.get $next) (i32.shl (memory.size) (i32.const 16)))
            (i32.const 16))))))
        unreachable)
      (if (i32.ne (local.get $old_size) (i32.const 0))
        (then (memory.copy (local.get $at) (local.get $old) (local.get $old_size))))
      (local.get $at))
"#;

/// `describe` returning the title "Guest", no summary, order 0 and version "1.0.0".
const DESCRIBE: &str = r#"
    (data (i32.const 256) "Guest1.0.0hello")
    (data (i32.const 1024)
      "\00\01\00\00" "\05\00\00\00" "\00\01\00\00" "\00\00\00\00" "\00\00\00\00"
      "\05\01\00\00" "\05\00\00\00" "\00\00\00\00" "\00\00\00\00")
    (func (export "gmr:plugin/section@0.1.0#describe") (result i32) (i32.const 1024))
"#;

/// `$answer`: one paragraph, "hello".
const ANSWER: &str = r#"
    (global $answer i32 (i32.const 2048))
    (data (i32.const 2048) "\00\00\00\00" "\00\0c\00\00" "\01\00\00\00")
    (data (i32.const 3072) "\01\00\00\00" "\0a\01\00\00" "\05\00\00\00")
"#;

fn folder() -> PathBuf {
    crate::root().join("tests/guests")
}

/// The text of a guest.
pub fn text(name: &str) -> String {
    let path = folder().join(format!("{name}.wat"));
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The component of a guest.
pub fn component(name: &str) -> Vec<u8> {
    assemble(&text(name))
}

/// The component of a guest's text.
pub fn assemble(text: &str) -> Vec<u8> {
    assemble_for("plugin", text)
}

/// A plugin that takes the compiler as long as it has functions, and more memory the longer each of them is.
pub fn laborious(functions: usize, operations: usize) -> Vec<u8> {
    let more = "local.get 0 i32.const 3 i32.mul local.set 0 ".repeat(operations);
    let function = format!("(func (param i32) (result i32) {more} local.get 0)");
    let described = format!("(; describe ;) {}", function.repeat(functions));
    assemble(&text("hello").replace("(; describe ;)", &described))
}

/// The text of components, each with two instances of the one before: by the last there are 2 to the power of `levels`.
pub fn doubling(levels: usize) -> String {
    let mut text = "(component (component (core module))".to_owned();
    for level in 0..levels {
        let _ = write!(
            text,
            "(component (alias outer 1 {level} (component)) (instance (instantiate 0)) (instance (instantiate 0)))"
        );
    }
    text + ")"
}

/// The component of a core module that implements a world: `plugin`, or one of `wit/worlds.wit` beside the guests.
pub fn assemble_for(world: &str, text: &str) -> Vec<u8> {
    let text = text
        .replace("(; memory ;)", MEMORY)
        .replace("(; describe ;)", DESCRIBE)
        .replace("(; answer ;)", ANSWER);
    let module = wat::parse_str(&text).unwrap_or_else(|error| panic!("{error}\n{text}"));
    encode(world, module).unwrap_or_else(|error| panic!("{error}"))
}

/// The component of a core module in its binary form.
///
/// # Errors
///
/// Where the module does not implement the world.
pub fn encode(world: &str, mut module: Vec<u8>) -> Result<Vec<u8>, String> {
    let mut resolve = Resolve::default();
    let interface = crate::root().join("wit");
    let (plugin, _) = resolve.push_path(&interface).unwrap();
    let package = match world {
        "plugin" => plugin,
        _ => resolve.push_path(folder().join("wit")).unwrap().0,
    };
    let world = resolve.select_world(&[package], Some(world)).unwrap();
    embed_component_metadata(&mut module, &resolve, world, StringEncoding::UTF8, false).unwrap();
    let mut encoder = ComponentEncoder::default();
    encoder.module(&module).map_err(|error| format!("{error:#}"))?;
    encoder.encode().map_err(|error| format!("{error:#}"))
}

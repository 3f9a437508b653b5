//! WebAssembly's binary format put together by hand: sections, functions and components that no compiler would make. By
//! <https://webassembly.github.io/spec/core/binary/> and
//! <https://github.com/WebAssembly/component-model/blob/main/design/mvp/Binary.md>.

/// The number of a component's section that is a core module.
pub const CORE_MODULE: u8 = 1;
/// The number of one with instances of core modules.
pub const CORE_INSTANCES: u8 = 2;
/// The number of one that is a component.
pub const COMPONENT: u8 = 4;

const COMPONENT_HEADER: &[u8] = b"\0asm\x0d\0\x01\0";
const MODULE_HEADER: &[u8] = b"\0asm\x01\0\0\0";

/// A number as WebAssembly writes it.
pub fn leb(mut number: usize) -> Vec<u8> {
    let mut bytes = Vec::new();
    loop {
        let byte = (number & 0x7f) as u8;
        number >>= 7;
        if number == 0 {
            bytes.push(byte);
            return bytes;
        }
        bytes.push(byte | 0x80);
    }
}

/// A section of a module or of a component.
pub fn section(id: u8, content: &[u8]) -> Vec<u8> {
    [&[id], &*leb(content.len()), content].concat()
}

/// A section that only tools read, such as names and debug information.
pub fn custom(name: &str, content: &[u8]) -> Vec<u8> {
    section(0, &[&leb(name.len()), name.as_bytes(), content].concat())
}

/// A core module of these sections.
pub fn module(sections: &[u8]) -> Vec<u8> {
    [MODULE_HEADER, sections].concat()
}

/// The body of a function: so many locals of 32 bits, and these instructions without the last `end`.
pub fn function(locals: usize, instructions: &[u8]) -> Vec<u8> {
    let locals = if locals == 0 { leb(0) } else { [&leb(1), &*leb(locals), b"\x7f"].concat() };
    let size = leb(locals.len() + instructions.len() + 1);
    [&size, &*locals, instructions, b"\x0b"].concat()
}

/// A core module with so many functions, each without parameters and results and with this body.
pub fn module_of_functions(count: usize, body: &[u8]) -> Vec<u8> {
    let types = section(1, b"\x01\x60\0\0");
    let functions = section(3, &[&leb(count), &*vec![0; count]].concat());
    let code = section(10, &[&leb(count), &*body.repeat(count)].concat());
    module(&[types, functions, code].concat())
}

/// A core module with a memory and so many segments of data, each with this content.
pub fn module_of_data(segments: usize, content: &[u8]) -> Vec<u8> {
    let pages = content.len().div_ceil(64 << 10) + 1;
    let memory = section(5, &[b"\x01\0", &*leb(pages)].concat());
    let segment = [b"\0\x41\0\x0b", &*leb(content.len()), content].concat();
    module(&[memory, section(11, &[leb(segments), segment.repeat(segments)].concat())].concat())
}

/// Components in one another.
pub fn nested_components(levels: usize) -> Vec<u8> {
    // Their headers, from the outermost to the innermost, by their sizes from the inside.
    let mut sizes = vec![COMPONENT_HEADER.len()];
    for level in 0..levels {
        let inner = sizes[level];
        sizes.push(COMPONENT_HEADER.len() + 1 + leb(inner).len() + inner);
    }
    let mut bytes = COMPONENT_HEADER.to_vec();
    for inner in sizes[..levels].iter().rev() {
        bytes.push(COMPONENT);
        bytes.extend(leb(*inner));
        bytes.extend(COMPONENT_HEADER);
    }
    bytes
}

/// The sections of a component, by their numbers.
pub fn sections(component: &[u8]) -> Vec<(u8, &[u8])> {
    let mut sections = Vec::new();
    let mut rest = &component[COMPONENT_HEADER.len()..];
    while let [id, after @ ..] = rest {
        let length = after.iter().take_while(|byte| **byte & 0x80 != 0).count() + 1;
        let size = after[..length].iter().rev().fold(0, |size, byte| size << 7 | usize::from(byte & 0x7f));
        sections.push((*id, &after[length..length + size]));
        rest = &after[length + size..];
    }
    sections
}

/// A component whose first core module has more sections.
pub fn with_sections(component: &[u8], more: &[u8]) -> Vec<u8> {
    let mut made = COMPONENT_HEADER.to_vec();
    let mut is_first = true;
    for (id, content) in sections(component) {
        let extended = [content, if id == CORE_MODULE && is_first { more } else { &[] }].concat();
        is_first &= id != CORE_MODULE;
        made.extend(section(id, &extended));
    }
    made
}

/// A component with one core module more, which nobody calls.
pub fn with_module(component: &[u8], module: &[u8]) -> Vec<u8> {
    [component, &section(CORE_MODULE, module)].concat()
}

/// Debug information of so many units, each of which is nothing but its header.
pub fn debug_information(units: usize) -> Vec<u8> {
    let unit = b"\x08\0\0\0\x04\0\0\0\0\0\x04\x01";
    [custom(".debug_abbrev", b"\x01\x11\0\0\0\0"), custom(".debug_info", &unit.repeat(units))].concat()
}

/// A component with so many core modules more, each with a memory and data of its own, and an instance.
pub fn with_memories(component: &[u8], more: usize) -> Vec<u8> {
    let before = sections(component).iter().filter(|(id, _)| *id == CORE_MODULE).count();
    let mut made = component.to_vec();
    for number in 0..more {
        let module = module_of_data(1, format!("data of {number}").as_bytes());
        made.extend(section(CORE_MODULE, &module));
        made.extend(section(CORE_INSTANCES, &[b"\x01\0", &*leb(before + number), b"\0"].concat()));
    }
    made
}

//! The static walk over a plugin's file before it is compiled: whether anything in it would take the compiler more time or
//! memory than it is worth.
//!
//! It reads the file once, by wasmtime's own parser, keeps a word for each type and function of one module, and goes as
//! deep as components may be nested. What compiling costs was measured: straight code by its length, and what
//! branches by the product of locals and branches, since the compiler keeps track of each local at each of them, a loop
//! inside of others as often as there are loops around it. So a function of 48 KB can take minutes and gigabytes. And
//! wasmtime makes each instance of a component by itself when it compiles: of components that have two instances each of the
//! one before, 2 KB have a thousand million.

use gmr_report::words::bytes;
use wasmtime_environ::wasmparser::{
    BinaryReaderError, ComponentInstance, CompositeInnerType, Encoding, FunctionBody, KnownCustom, Name,
    NameSectionReader, Operator, Parser, Payload, TypeSectionReader,
};

use crate::plugin::FileLimits;

/// The longest name that a function or module may have in the section of names. Generic functions have names of some
/// kilobytes.
const MOST_NAME_BYTES: usize = 64 << 10;

/// Why a file is not compiled.
#[derive(Debug)]
pub enum Refusal {
    /// A limit that it exceeds, in words that name the limit.
    Limit(String),
    /// It is no valid file.
    Malformed(BinaryReaderError),
}

impl From<BinaryReaderError> for Refusal {
    fn from(error: BinaryReaderError) -> Refusal {
        Refusal::Malformed(error)
    }
}

/// All functions of a file together may branch so many times as much as one alone. An interpreter of JavaScript, which
/// branches most of what was measured, has a quarter of that.
const BRANCHING_FACTOR: u64 = 16;

/// How many bytes components that are nested in others may have, as a multiple of the file's largest size: those at
/// depth ten count ten times, as the compiler goes through them.
const NESTED_FACTOR: u64 = 4;

/// As many types as wasmtime takes in a module.
const MOST_TYPES: usize = 1_000_000;

/// Looks at a file in the binary format.
///
/// # Errors
///
/// The first limit that is exceeded, or what cannot be read.
pub fn walk(file: &[u8], limits: &FileLimits) -> Result<(), Refusal> {
    let size = file.len() as u64;
    if size > limits.bytes {
        return Err(beyond(&format!("the file has {}", bytes(size)), &bytes(limits.bytes), "file"));
    }
    let mut walk = Walk::new(limits);
    for payload in Parser::new(0).parse_all(file) {
        walk.take(payload?)?;
    }
    Ok(())
}

/// What is exceeded, by how much, and how the limit is named.
fn beyond(what: &str, limit: &str, setting: &str) -> Refusal {
    Refusal::Limit(format!("{what}, more than its limit `{setting}` of {limit}"))
}

struct Walk<'a> {
    limits: &'a FileLimits,
    /// How many components are around the reader.
    depth: u32,
    /// The kinds of what is open, the outermost first: no more than `nesting` and a module.
    open: Vec<Encoding>,
    nested_bytes: u64,
    modules: u32,
    functions: u64,
    data_segments: u64,
    custom_bytes: u64,
    instances: u64,
    branching: u64,
    module: Module,
}

/// Of the module that is being read, which has no other inside.
#[derive(Default)]
struct Module {
    /// How many parameters each type has; 0 for one that is no function.
    parameters: Vec<u32>,
    /// The type of each function that has a body.
    types: Vec<u32>,
    /// Which body comes next.
    next: usize,
}

impl<'a> Walk<'a> {
    fn new(limits: &'a FileLimits) -> Walk<'a> {
        Walk {
            limits,
            depth: 0,
            open: Vec::new(),
            nested_bytes: 0,
            modules: 0,
            functions: 0,
            data_segments: 0,
            custom_bytes: 0,
            instances: 0,
            branching: 0,
            module: Module::default(),
        }
    }

    fn take(&mut self, payload: Payload<'_>) -> Result<(), Refusal> {
        match payload {
            Payload::Version { encoding, .. } => self.enter(encoding)?,
            Payload::End(_) => self.leave(),
            Payload::ComponentSection { unchecked_range, .. } => self.nest(unchecked_range.len() as u64)?,
            Payload::ComponentInstanceSection(instances) => {
                for instance in instances {
                    if matches!(instance?, ComponentInstance::Instantiate { .. }) {
                        count(&mut self.instances, 1, self.limits.component_instances, COMPONENT_INSTANCES)?;
                    }
                }
            }
            Payload::TypeSection(types) => self.module.add_types(types)?,
            Payload::FunctionSection(functions) => {
                count(&mut self.functions, functions.count(), self.limits.functions, FUNCTIONS)?;
                for kind in functions {
                    self.module.types.push(kind?);
                }
            }
            Payload::CodeSectionEntry(body) => self.function(&body)?,
            Payload::DataSection(segments) => {
                count(&mut self.data_segments, segments.count(), self.limits.data_segments, DATA_SEGMENTS)?;
            }
            Payload::CustomSection(section) => {
                self.custom_bytes += section.data().len() as u64;
                if self.custom_bytes > self.limits.custom_bytes {
                    let what = format!("its custom sections have {}", bytes(self.custom_bytes));
                    return Err(beyond(&what, &bytes(self.limits.custom_bytes), "custom"));
                }
                if let KnownCustom::Name(names) = section.as_known() {
                    refuse_long_names(names)?;
                }
            }
            _ => {}
        }
        Ok(())
    }

    fn enter(&mut self, encoding: Encoding) -> Result<(), Refusal> {
        self.open.push(encoding);
        if encoding == Encoding::Module {
            self.module = Module::default();
            let mut modules = u64::from(self.modules);
            count(&mut modules, 1, self.limits.modules, MODULES)?;
            self.modules += 1;
            return Ok(());
        }
        self.depth += 1;
        // The outermost one is nested in none.
        if self.depth > self.limits.nesting.saturating_add(1) {
            let what = format!("its components are nested {} deep", self.depth - 1);
            return Err(beyond(&what, &self.limits.nesting.to_string(), "nesting"));
        }
        Ok(())
    }

    fn leave(&mut self) {
        if self.open.pop() == Some(Encoding::Component) {
            self.depth -= 1;
        }
    }

    fn nest(&mut self, size: u64) -> Result<(), Refusal> {
        self.nested_bytes += size;
        if self.nested_bytes > self.limits.bytes.saturating_mul(NESTED_FACTOR) {
            return Err(Refusal::Limit(format!(
                "its nested components have {}, each counted with those inside, more than {NESTED_FACTOR} times its \
                 limit `file` of {}",
                bytes(self.nested_bytes),
                bytes(self.limits.bytes)
            )));
        }
        Ok(())
    }

    fn function(&mut self, body: &FunctionBody<'_>) -> Result<(), Refusal> {
        let number = self.module.next;
        let name = || format!("function {number} of module {}", self.modules);
        let size = body.range().len() as u64;
        if size > self.limits.function_bytes {
            let what = format!("{} has {} of code", name(), bytes(size));
            return Err(beyond(&what, &bytes(self.limits.function_bytes), "function"));
        }
        let locals = locals(body, self.module.next_parameters())?;
        if locals > u64::from(self.limits.locals) {
            let what = format!("{} has {locals} locals", name());
            return Err(beyond(&what, &self.limits.locals.to_string(), "locals"));
        }
        let branching = locals.saturating_mul(branches(body)?);
        self.branching = self.branching.saturating_add(branching);
        let (most, all) = (self.limits.branching, self.limits.branching.saturating_mul(BRANCHING_FACTOR));
        if branching > most {
            let what = format!("{}, by its locals and branches, costs {branching}", name());
            return Err(beyond(&what, &most.to_string(), "branching"));
        }
        if self.branching > all {
            return Err(Refusal::Limit(format!(
                "its functions, by their locals and branches, cost more than {BRANCHING_FACTOR} times its limit \
                 `branching` of {most}"
            )));
        }
        Ok(())
    }
}

/// What a trap tells is limited by this: it has the names of a module and a function for each of twenty frames. What of the
/// section cannot be read is none of wasmtime's concern either.
fn refuse_long_names(names: NameSectionReader<'_>) -> Result<(), Refusal> {
    let is_long = |name: &str| name.len() > MOST_NAME_BYTES;
    for names in names.into_iter().map_while(Result::ok) {
        let has_long = match names {
            Name::Module { name, .. } => is_long(name),
            Name::Function(functions) => {
                functions.into_iter().map_while(Result::ok).any(|function| is_long(function.name))
            }
            _ => false,
        };
        if has_long {
            let most = bytes(MOST_NAME_BYTES as u64);
            return Err(Refusal::Limit(format!(
                "a function or module of it has a name of more than {most}: leave the names out, as with `wasm-tools strip`"
            )));
        }
    }
    Ok(())
}

impl Module {
    fn add_types(&mut self, groups: TypeSectionReader<'_>) -> Result<(), Refusal> {
        for group in groups {
            for kind in group?.into_types() {
                let parameters = match &kind.composite_type.inner {
                    CompositeInnerType::Func(function) => function.params().len(),
                    _ => 0,
                };
                self.parameters.push(u32::try_from(parameters).unwrap_or(u32::MAX));
                if self.parameters.len() > MOST_TYPES {
                    return Err(Refusal::Limit(format!("a module of it has more than {MOST_TYPES} types")));
                }
            }
        }
        Ok(())
    }

    /// How many parameters the next function has that comes with its body.
    fn next_parameters(&mut self) -> u32 {
        let kind = self.types.get(self.next).copied();
        self.next += 1;
        let parameters = kind.and_then(|kind| self.parameters.get(usize::try_from(kind).ok()?).copied());
        parameters.unwrap_or(0)
    }
}

const COMPONENT_INSTANCES: (&str, &str) = ("instances of components", "component_instances");
const FUNCTIONS: (&str, &str) = ("functions", "functions");
const DATA_SEGMENTS: (&str, &str) = ("data segments", "data_segments");
const MODULES: (&str, &str) = ("core modules", "modules");

fn count(sum: &mut u64, more: u32, most: u32, (what, setting): (&str, &str)) -> Result<(), Refusal> {
    *sum += u64::from(more);
    if *sum > u64::from(most) {
        return Err(beyond(&format!("it has {sum} {what}"), &most.to_string(), setting));
    }
    Ok(())
}

/// The locals of a function, its parameters among them.
fn locals(body: &FunctionBody<'_>, parameters: u32) -> Result<u64, BinaryReaderError> {
    let mut locals = u64::from(parameters);
    for group in body.get_locals_reader()? {
        locals = locals.saturating_add(u64::from(group?.0));
    }
    Ok(locals)
}

/// The branches of a function, and one. A loop is as many as there are loops around it, itself among them.
fn branches(body: &FunctionBody<'_>) -> Result<u64, BinaryReaderError> {
    // Whether each block that is open is a loop.
    let mut open: Vec<bool> = Vec::new();
    let (mut loops, mut branches) = (0_u64, 1_u64);
    for operator in body.get_operators_reader()? {
        branches += match operator? {
            Operator::Loop { .. } => {
                open.push(true);
                loops += 1;
                loops
            }
            Operator::Block { .. } | Operator::If { .. } | Operator::TryTable { .. } => {
                open.push(false);
                1
            }
            Operator::End => {
                loops -= u64::from(open.pop() == Some(true));
                0
            }
            Operator::BrTable { targets } => u64::from(targets.len()) + 1,
            Operator::Else
            | Operator::Br { .. }
            | Operator::BrIf { .. }
            | Operator::BrOnNull { .. }
            | Operator::BrOnNonNull { .. }
            | Operator::BrOnCast { .. }
            | Operator::BrOnCastFail { .. } => 1,
            _ => 0,
        };
    }
    Ok(branches)
}

#[cfg(test)]
mod tests;

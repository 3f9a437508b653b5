//! What variables in the frames of threads hold: guards of locks, ends of channels, and the channel that a function is at.
//!
//! A variable is walked through as a saved local of a future is. One that borrows holds nothing: who owns it has it in a
//! frame further out. A future by value is not looked at: what a thread polls is pinned elsewhere, and this is what was
//! moved from.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Instant;

use super::decoder::Decoder;
use super::{Engine, LIBRARIES};
use crate::holds::{Kind, Library, Object, Role, Word};
use crate::tasks::decode::{Compiler, Output, ReadSet};
use crate::tasks::types::{Scope, Shape, Source, Type, Types, Variable};
use crate::threads::evidence::{Evidence, FrameEvidence};
use crate::variables::{InFrame, Place};

/// Addresses whose variables are remembered.
const MAX_SITES: usize = 10_000;

/// The largest value that is read.
const MAX_BYTES: u64 = 64 << 10;

/// Where a value is said to lie that is in registers: no program has memory there.
const NOWHERE: u64 = 1 << 62;

/// Channels, by the types whose functions wait, and how their names begin.
const CHANNELS: [(&str, Library); 2] =
    [("std::sync::mpmc::", Library::Std), ("crossbeam_channel::flavors::", Library::Crossbeam)];

/// Something that a variable has.
#[derive(Clone, Debug)]
pub(crate) struct Value {
    pub(crate) object: Object,
    pub(crate) role: Role,
    pub(crate) variable: Arc<str>,
    pub(crate) function: Arc<str>,
    /// What must not have changed for it to be so.
    pub(crate) words: Vec<Word>,
}

/// What is known of one frame's variables.
#[derive(Clone, Debug, Default)]
pub(crate) struct Values {
    pub(crate) held: Vec<Value>,
    /// The channel that the innermost function here is at.
    pub(crate) channel: Option<Object>,
}

/// Reads the variables of a frame.
pub(crate) type ReadFrame<'r> = dyn FnMut(&Evidence<'_>, &FrameEvidence) -> Values + 'r;

/// The variables at one address that matter.
struct Site {
    scope: Scope,
    holding: Vec<(Variable, u64)>,
    channels: Vec<(Variable, Library, u64)>,
}

/// Sites by their address, as they are looked up.
#[derive(Default)]
pub(super) struct Sites(HashMap<u64, Option<Arc<Site>>>);

impl Engine {
    /// Lets `work` read variables, until `deadline`.
    pub(crate) fn with_frames<T>(
        &mut self,
        deadline: Instant,
        work: impl FnOnce(&mut ReadFrame<'_>) -> T,
    ) -> T {
        let source = Source::new(self.path);
        let types = Types::new(&source, &self.index, self.bias);
        let compiler = Compiler::new(&types, LIBRARIES);
        let (task, known) = (&self.tokio.task, &mut self.memory);
        let decoder =
            Decoder { task, boxed: None, known, compiler: &compiler, deadline, spare: 0, holders: true };
        let (sites, reads, output) = (&mut self.sites, ReadSet::default(), Output::default());
        let mut reader = Reader { decoder, sites, reads, output };
        work(&mut |evidence, frame| reader.frame(evidence, frame))
    }
}

struct Reader<'a, 't, 's> {
    decoder: Decoder<'a, 't, 's>,
    sites: &'a mut Sites,
    reads: ReadSet,
    output: Output,
}

impl Reader<'_, '_, '_> {
    fn frame(&mut self, evidence: &Evidence<'_>, frame: &FrameEvidence) -> Values {
        let mut values = Values::default();
        let Some(site) = self.site(frame.address.lookup()) else { return values };
        let in_frame = InFrame { scope: &site.scope, frame, evidence };
        for (variable, library, size) in &site.channels {
            if let Some(start) = pointer(&in_frame, variable) {
                values.channel = Some(Object::new(*library, Kind::Channel, start, *size));
            }
        }
        for (variable, size) in &site.holding {
            if Instant::now() < self.decoder.deadline {
                self.variable(&in_frame, variable, *size, &mut values);
            }
        }
        values
    }

    fn variable(&mut self, in_frame: &InFrame<'_>, variable: &Variable, size: u64, values: &mut Values) {
        let Ok(size) = usize::try_from(size) else { return };
        self.reads.clear();
        self.output.clear();
        let address = match in_frame.locate(variable, size) {
            Ok(Place::Memory(address)) => {
                let mut copy = vec![0; size];
                if !in_frame.read(&Place::Memory(address), &mut copy) {
                    return;
                }
                self.reads.add(address, &copy);
                address
            }
            _ => {
                let Ok(parts) = in_frame.parts(variable, size) else { return };
                for (offset, bytes) in &parts {
                    self.reads.add(NOWHERE + *offset as u64, bytes);
                }
                NOWHERE
            }
        };
        self.decoder.find_holders_of_value(variable.type_id, address, &mut self.reads, &mut self.output);
        let types = self.decoder.compiler.types;
        let function = || {
            let function = in_frame.scope.functions.get(variable.function);
            let symbol = function.map(|function| types.function_symbol(*function)).unwrap_or_default();
            Arc::from(format!("{:#}", rustc_demangle::demangle(&symbol)))
        };
        values.held.extend(self.output.sync.holds.iter().map(|seen| {
            let words = self.output.sync.words.get(seen.words.clone()).unwrap_or_default();
            Value {
                object: seen.object,
                role: seen.role,
                variable: Arc::from(&*variable.name),
                function: function(),
                words: words.iter().filter(|word| word.address < NOWHERE).copied().collect(),
            }
        }));
    }

    /// The variables at that address: looked up once.
    fn site(&mut self, address: u64) -> Option<Arc<Site>> {
        let Sites(known) = &mut *self.sites;
        if let Some(known) = known.get(&address) {
            return known.clone();
        }
        if Instant::now() > self.decoder.deadline {
            return None;
        }
        let (types, compiler) = (self.decoder.compiler.types, self.decoder.compiler);
        let found = types.scope_at(address).and_then(|scope| site(types, compiler, scope)).map(Arc::new);
        // The next look may be able to read the types.
        if types.fault().is_none() && known.len() < MAX_SITES {
            known.insert(address, found.clone());
        }
        found
    }
}

/// What matters of what is in scope; `None` if nothing does.
fn site(types: &Types<'_>, compiler: &Compiler<'_, '_>, scope: Scope) -> Option<Site> {
    let (mut holding, mut channels) = (Vec::new(), Vec::new());
    for variable in scope.variables.iter().filter(|variable| variable.location.is_some()) {
        let of = types.get(variable.type_id);
        if let Some((library, size)) = channel(types, &of).filter(|_| &*variable.name == "self") {
            channels.push((variable.clone(), library, size));
        } else if of.size > 0 && of.size <= MAX_BYTES && !of.is_coroutine() && compiler.may_hold(of.id) {
            holding.push((variable.clone(), of.size));
        }
    }
    (!holding.is_empty() || !channels.is_empty()).then_some(Site { scope, holding, channels })
}

/// The library and size of the channel that a value of this type points to.
fn channel(types: &Types<'_>, of: &Type) -> Option<(Library, u64)> {
    let Shape::Pointer(Some(to)) = of.shape else { return None };
    let to = types.get(to);
    let (_, library) = CHANNELS
        .iter()
        .find(|(path, _)| to.name.strip_prefix(path).is_some_and(|rest| rest.contains("::Channel<")))?;
    Some((*library, to.size))
}

fn pointer(in_frame: &InFrame<'_>, variable: &Variable) -> Option<u64> {
    let place = in_frame.locate(variable, 8).ok()?;
    let mut bytes = [0; 8];
    in_frame.read(&place, &mut bytes).then_some(u64::from_ne_bytes(bytes)).filter(|pointer| *pointer != 0)
}

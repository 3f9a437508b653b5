//! Frames of a trace: an address, and the calls that the compiler put together there.

use serde::{Deserialize, Serialize};

use super::{Detail, encoding};

/// One frame of a trace: in a stack an address, in a chain a future.
///
/// ```
/// use gmr_report::{Call, Frame};
///
/// let mut frame = Frame::of("shop::serve");
/// frame.calls.insert(0, Call::of("Vec::push"));
/// assert_eq!(frame.calls.len(), 2, "`Vec::push` was inlined into `shop::serve`");
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Frame {
    /// How deep in the tree of awaits, from 0; always 0 in a stack.
    #[serde(default, skip_serializing_if = "encoding::is_zero")]
    pub depth: u16,
    /// What the awaiting frame calls this one, where it awaits more than one thing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub branch: Option<String>,
    /// The functions that stand at the address: the innermost inlined one first, the real one, which the others were
    /// inlined into, last. Of an await it is one, the future. Empty where no name is known.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub calls: Vec<Call>,
    /// The instruction's address.
    #[serde(with = "encoding::optional_hexadecimal", default, skip_serializing_if = "Option::is_none")]
    pub address: Option<u64>,
    /// The loaded file that the address lies in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub module: Option<String>,
    /// The address as that file counts it.
    #[serde(with = "encoding::optional_hexadecimal", default, skip_serializing_if = "Option::is_none")]
    pub offset: Option<u64>,
    /// A signal interrupted the function here: the address is that instruction's own, as in the innermost
    /// frame of a stack, and not where a call returns to.
    #[serde(default, skip_serializing_if = "encoding::is_false")]
    pub interrupted: bool,
    /// It rests on a guess (a frame pointer) and may be wrong.
    #[serde(default, skip_serializing_if = "encoding::is_false")]
    pub unverified: bool,
    /// Part of every thread's start or of the machinery between two awaits: text counts it only. Of a frame that is
    /// partly so, [`Call::folded`] says which part. An unverified frame of a stack never is.
    #[serde(default, skip_serializing_if = "encoding::is_false")]
    pub folded: bool,
    /// What else is known: when a timer fires, how many permits are free.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub details: Vec<Detail>,
}

/// A function at an address, or a future.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Call {
    /// Its name, demangled.
    pub function: String,
    /// The source file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file: Option<String>,
    /// The line in it, from 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub line: Option<u32>,
    /// The column in it, from 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub column: Option<u32>,
    /// As [`Frame::folded`], of a call into which one was inlined that is shown.
    #[serde(default, skip_serializing_if = "encoding::is_false")]
    pub folded: bool,
}

impl Call {
    /// A call of which nothing but its function is known.
    pub fn of(function: impl Into<String>) -> Call {
        Call { function: function.into(), file: None, line: None, column: None, folded: false }
    }

    /// The same call at this place in the source; lines are counted from 1.
    #[must_use]
    pub fn at(mut self, file: impl Into<String>, line: u32) -> Call {
        self.file = Some(file.into());
        self.line = Some(line);
        self
    }
}

impl From<Call> for Frame {
    fn from(call: Call) -> Frame {
        Frame { calls: vec![call], ..Frame::default() }
    }
}

impl Frame {
    /// A frame of which nothing but its function is known.
    pub fn of(function: impl Into<String>) -> Frame {
        Call::of(function).into()
    }

    /// How many frames between this one and the next were left out of a deep stack.
    pub(crate) fn omitted(&self) -> u64 {
        let omitted = self.details.iter().find_map(|detail| match detail {
            Detail::FramesOmitted(count) => Some(*count),
            _ => None,
        });
        omitted.unwrap_or(0)
    }

    /// Marks the calls from this one on, counted from the innermost, as folded. One that rests on a guess is shown: it is
    /// what a reader must see to know where the doubt is.
    pub(super) fn fold_from(&mut self, call: usize) {
        if self.unverified {
            return;
        }
        if call == 0 {
            self.folded = true;
        } else {
            self.calls.iter_mut().skip(call).for_each(|call| call.folded = true);
        }
    }

    /// What text shows or counts as a line each: the calls, or the bare address.
    pub(crate) fn lines(&self) -> impl Iterator<Item = Line<'_>> {
        let bare = self.calls.is_empty().then_some(Line {
            frame: self,
            call: None,
            inlined: false,
            folded: self.folded,
        });
        let last = self.calls.len().saturating_sub(1);
        let calls = self.calls.iter().enumerate().map(move |(at, call)| Line {
            frame: self,
            call: Some(call),
            inlined: at < last,
            folded: self.folded || call.folded,
        });
        bare.into_iter().chain(calls)
    }
}

/// A call of a frame, or a frame without any.
#[derive(Clone, Copy)]
pub(crate) struct Line<'f> {
    pub(crate) frame: &'f Frame,
    pub(crate) call: Option<&'f Call>,
    /// The compiler put this function's code into its caller's.
    pub(crate) inlined: bool,
    pub(crate) folded: bool,
}

impl<'f> Line<'f> {
    pub(crate) fn function(&self) -> Option<&'f str> {
        self.call.map(|call| call.function.as_str())
    }
}

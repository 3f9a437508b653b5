//! A report writes a call and the calls that were inlined into it as frames of their own, with one address.
//! Looking up needs the call as it stood on the stack.

use gmr::report::Frame;
use gmr_inspect::symbols::CodeOffset;
use gmr_inspect::threads::Symbol;

/// One call on the stack: the inlined frames, innermost first, and the one that they were inlined into.
pub struct Physical<'f> {
    lines: &'f [Frame],
    innermost: bool,
}

/// The calls on a stack, innermost first.
///
/// An equal address alone does not join two frames: a function that calls itself stands there twice with
/// the same one.
pub fn physical(frames: &[Frame]) -> impl Iterator<Item = Physical<'_>> {
    let mut innermost = true;
    frames
        .chunk_by(|inner, outer| inner.inlined && inner.address == outer.address)
        .map(move |lines| Physical { lines, innermost: std::mem::replace(&mut innermost, false) })
}

impl<'f> Physical<'f> {
    pub fn lines(&self) -> &'f [Frame] {
        self.lines
    }

    pub fn module(&self) -> Option<&'f String> {
        self.lines[0].module.as_ref()
    }

    pub fn is_wanted(&self, all: bool) -> bool {
        all || self.lines.iter().all(|line| line.function.is_none())
    }

    /// Where it stands in its module. A thread is interrupted at an instruction, by a look at it or by a signal;
    /// whoever called stands behind the call.
    pub fn code(&self) -> Option<CodeOffset> {
        let offset = self.lines[0].offset?;
        Some(match self.innermost || self.lines[0].interrupted {
            true => CodeOffset::Instruction(offset),
            false => CodeOffset::Return(offset),
        })
    }

    /// The same call with these names, innermost first.
    pub fn named(&self, symbols: &[Symbol]) -> Vec<Frame> {
        let outermost = symbols.len().saturating_sub(1);
        let line = |(at, symbol): (usize, &Symbol)| Frame {
            function: Some(symbol.function.clone()),
            file: symbol.file.as_ref().map(|file| file.display().to_string()),
            line: symbol.line,
            column: symbol.column,
            inlined: at < outermost,
            ..self.lines[0].clone()
        };
        symbols.iter().enumerate().map(line).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(offset: u64, inlined: bool) -> Frame {
        let module = Some("/bin/shop".to_owned());
        Frame {
            function: None,
            address: Some(offset),
            offset: Some(offset),
            module,
            inlined,
            ..Frame::of("")
        }
    }

    #[track_caller]
    fn check(frames: &[Frame], expected: &[(usize, CodeOffset)]) {
        let found: Vec<_> =
            physical(frames).map(|frame| (frame.lines().len(), frame.code().unwrap())).collect();
        assert_eq!(found, expected);
    }

    #[test]
    fn inlined_frames_belong_to_the_call_that_holds_them() {
        use CodeOffset::{Instruction, Return};
        check(&[], &[]);
        check(&[frame(8, false), frame(9, false)], &[(1, Instruction(8)), (1, Return(9))]);
        check(
            &[frame(8, true), frame(8, true), frame(8, false), frame(9, true), frame(9, false)],
            &[(3, Instruction(8)), (2, Return(9))],
        );
    }

    #[test]
    fn a_frame_that_a_signal_interrupted_stands_at_its_instruction() {
        use CodeOffset::{Instruction, Return};
        let interrupted = |inlined| Frame { interrupted: true, ..frame(9, inlined) };
        check(
            &[frame(7, false), frame(8, false), interrupted(true), interrupted(false), frame(10, false)],
            &[(1, Instruction(7)), (1, Return(8)), (2, Instruction(9)), (1, Return(10))],
        );
    }

    #[test]
    fn a_function_that_calls_itself_stands_on_the_stack_as_often_as_it_does() {
        use CodeOffset::{Instruction, Return};
        check(
            &[frame(8, false), frame(9, false), frame(9, false), frame(9, true), frame(9, false)],
            &[(1, Instruction(8)), (1, Return(9)), (1, Return(9)), (2, Return(9))],
        );
    }

    #[test]
    fn an_inlined_frame_without_its_holder_takes_no_other_in() {
        use CodeOffset::{Instruction, Return};
        check(&[frame(8, true), frame(9, false)], &[(1, Instruction(8)), (1, Return(9))]);
    }

    #[test]
    fn names_replace_names_and_keep_what_is_known_of_the_place() {
        let symbol = |function: &str| Symbol {
            function: function.to_owned(),
            file: Some("src/pool.rs".into()),
            line: Some(7),
            column: None,
        };
        let frames = [Frame { folded: true, unverified: true, ..frame(8, false) }];
        let named = physical(&frames).next().unwrap().named(&[symbol("lock"), symbol("take")]);
        let names: Vec<_> =
            named.iter().map(|frame| (frame.function.as_deref().unwrap(), frame.inlined)).collect();
        assert_eq!(names, [("lock", true), ("take", false)]);
        assert!(named.iter().all(|frame| frame.folded && frame.unverified && frame.offset == Some(8)));
    }
}

//! Conversions between the interface's types and the report's, which host and plugins have in common.

use super::bindings::wit::{document, settings};

gmr_report::wit_conversions!(document);
gmr_report::wit_setting_conversion!(settings);

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use jiff::Timestamp;

    use super::document as wit;
    use gmr_report::graph::{Cycle, CycleMember, Graph, Hold, Node, Party, Wait};
    use gmr_report::wit::Part;
    use gmr_report::{Block, Call, Detail, Field, Frame, Member, Reason, Trace, TraceKind, Value};

    /// Makes up blocks. A xorshift generator with a fixed seed: the same blocks in every run.
    struct Maker(u64);

    impl Maker {
        fn number(&mut self) -> u64 {
            self.0 ^= self.0 << 13;
            self.0 ^= self.0 >> 7;
            self.0 ^= self.0 << 17;
            self.0
        }

        /// Less than `bound`.
        fn below(&mut self, bound: u64) -> u64 {
            (self.number() >> 33) % bound
        }

        fn flag(&mut self) -> bool {
            self.below(2) == 1
        }

        fn text(&mut self) -> String {
            ["", "a", "a::b<c>", "ü\n\u{1b}[0m", "none", "x y z"][self.below(6) as usize].to_owned()
        }

        fn maybe<T>(&mut self, make: impl FnOnce(&mut Maker) -> T) -> Option<T> {
            self.flag().then(|| make(self))
        }

        fn several<T>(&mut self, mut make: impl FnMut(&mut Maker) -> T) -> Vec<T> {
            (0..self.below(4)).map(|_| make(self)).collect()
        }

        fn moment(&mut self) -> Timestamp {
            let seconds = self.below(1 << 31) as i64 - (1 << 30);
            Timestamp::new(seconds, 0).unwrap() + Duration::from_nanos(self.below(1_000_000_000))
        }

        fn scalar(&mut self) -> Value {
            match self.below(10) {
                0 => self.text().into(),
                1 => Value::Integer(self.number() as i64),
                2 => Value::Number(self.number() as i64 as f64 / 1e6),
                3 => Value::Bytes(self.number()),
                4 => Value::Duration(Duration::from_nanos(self.number())),
                5 => Value::Moment(self.moment()),
                6 => Value::Address(self.number()),
                7 => Value::Flag(self.flag()),
                8 => Value::Redacted,
                _ => Value::None,
            }
        }

        fn value(&mut self) -> Value {
            match self.below(4) {
                0 => Value::List(self.several(Maker::scalar)),
                _ => self.scalar(),
            }
        }

        fn field(&mut self) -> Field {
            Field::new(self.text(), self.value())
        }

        fn detail(&mut self) -> Detail {
            let time = Duration::from_nanos(self.number());
            match self.below(18) {
                0 => Detail::FiresIn(time),
                1 => Detail::Overdue(time),
                2 => Detail::Permits(self.number()),
                3 => Detail::Semaphore(self.number()),
                4 => Detail::Task(self.number()),
                5 => Detail::Descriptor(self.number() as i32),
                6 => Detail::Futures { count: self.number(), more: self.flag() },
                7 => Detail::Tasks(self.number()),
                8 => Detail::Name(self.text()),
                9 => Detail::NotStarted,
                10 => Detail::Finished,
                11 => Detail::NotDescribed,
                12 => Detail::TooLarge,
                13 => Detail::MadeFor(self.text()),
                14 => Detail::Span(self.text()),
                15 => Detail::Peer(self.text()),
                16 => Detail::Alike(self.number()),
                _ => Detail::Text(self.text()),
            }
        }

        fn call(&mut self) -> Call {
            let mut call = Call::of(self.text());
            call.file = self.maybe(Maker::text);
            call.line = self.maybe(|make| make.number() as u32);
            call.column = self.maybe(|make| make.number() as u32);
            call.folded = self.flag();
            call
        }

        fn frame(&mut self) -> Frame {
            let mut frame = Frame::default();
            frame.depth = self.number() as u16;
            frame.branch = self.maybe(Maker::text);
            frame.calls = self.several(Maker::call);
            frame.address = self.maybe(Maker::number);
            frame.module = self.maybe(Maker::text);
            frame.offset = self.maybe(Maker::number);
            frame.interrupted = self.flag();
            frame.unverified = self.flag();
            frame.folded = self.flag();
            frame.details = self.several(Maker::detail);
            frame
        }

        fn member(&mut self) -> Member {
            let mut member = Member::new(self.number());
            member.name = self.maybe(Maker::text);
            member.fields = self.several(Maker::field);
            member
        }

        fn trace(&mut self) -> Trace {
            let kind = if self.flag() { TraceKind::Stack } else { TraceKind::Await };
            let mut trace = Trace::new(kind, self.text());
            trace.summary = self.several(Maker::text);
            trace.idle = self.maybe(Maker::text);
            trace.members = self.several(Maker::member);
            trace.frames = self.several(Maker::frame);
            trace.doubt = self.maybe(|make| Reason::Text(make.text()));
            trace
        }

        fn party(&mut self) -> Party {
            let mut party = Party::new(self.text().into(), self.number());
            party.name = self.maybe(Maker::text);
            party
        }

        fn wait(&mut self) -> Wait {
            let mut wait = Wait::new(self.party(), self.text().into());
            wait.permits = self.maybe(Maker::number);
            wait.progress = self.text().into();
            wait.queue_position = self.maybe(Maker::number);
            (wait.timed, wait.awaited) = (self.flag(), self.flag());
            wait.place = self.maybe(Maker::frame);
            wait.waited = self.maybe(|make| Duration::from_nanos(make.number()));
            wait
        }

        fn hold(&mut self) -> Hold {
            let mut hold = Hold::new(self.party(), self.text().into());
            hold.permits = self.maybe(Maker::number);
            hold.certainty = self.text().into();
            hold.variable = self.maybe(Maker::text);
            hold.function = self.maybe(Maker::text);
            hold.doing = self.maybe(Maker::text);
            hold.place = self.maybe(Maker::frame);
            hold
        }

        fn graph(&mut self) -> Graph {
            let node = |make: &mut Maker| {
                let mut node = Node::new(make.text().into(), make.text().into());
                node.address = make.maybe(Maker::number);
                node.party = make.maybe(Maker::party);
                node.permits = make.maybe(Maker::number);
                node.waits = make.several(Maker::wait);
                node.holds = make.several(Maker::hold);
                node
            };
            let mut graph = Graph::new(self.several(node));
            graph.cycles = self.several(|make| {
                let mut index = || make.number() as u32;
                let members = [CycleMember::new(index(), index(), index())];
                let mut cycle = Cycle::new(members, make.text().into());
                cycle.timed = make.flag();
                cycle
            });
            graph.not_examined = self.number() & u64::from(u32::MAX);
            graph
        }

        fn block(&mut self) -> Block {
            match self.below(7) {
                0 => Block::heading(1 + self.below(3) as u8, self.text()),
                1 => Block::paragraph(self.text()),
                2 => Block::fields(self.several(Maker::field)),
                3 => {
                    let columns = self.several(Maker::text);
                    Block::table(columns, self.several(|make| make.several(Maker::value)))
                }
                4 => Block::preformatted(self.text()),
                5 => Block::Graph(self.graph()),
                _ => Block::Trace(self.trace()),
            }
        }
    }

    #[test]
    fn what_goes_to_a_plugin_comes_back_the_same() {
        let mut make = Maker(0x2545_f491_4f6c_dd1d);
        for _ in 0..20_000 {
            let block = make.block();
            assert_eq!(Part::from(wit::Block::from(&block)), Part::Block(block));
        }
    }

    #[test]
    fn reasons_cross_as_their_text_and_a_list_in_a_list_as_words() {
        let notes = Block::notes([Reason::Text("one".to_owned()), Reason::Text("two".to_owned())]);
        assert_eq!(Part::from(wit::Block::from(&notes)), Part::Block(Block::paragraph("one\ntwo")));
        let list = Value::List(vec![Value::List(vec![1_i64.into()])]);
        assert_eq!(Value::from(wit::Value::from(&list)), Value::List(vec!["[1]".into()]));
    }

    #[test]
    fn levels_and_numbers_out_of_range_are_brought_in() {
        let heading = |level| wit::Block::Heading(wit::Heading { level, text: String::new() });
        for (level, shown) in [(0, 1), (3, 3), (255, 3)] {
            assert_eq!(Part::from(heading(level)), Part::Block(Block::heading(shown, "")));
        }
        assert_eq!(Value::from(wit::Value::Number(f64::NAN)), Value::from("NaN"));
    }
}

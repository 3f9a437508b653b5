//! JSON made from real JSON: values replaced by those at limits, moved, repeated and taken out.

use proptest::collection::vec;
use proptest::prelude::{Just, any, prop_oneof};
use proptest::sample::{Index, select};
use proptest::strategy::{BoxedStrategy, Strategy};
use serde_json::{Value, json};

use crate::run::run;

/// The longest text. A quarter of what bytes may have: all that is made of it takes its time.
const LONGEST: usize = 16 << 10;

/// Gives `case` values that are made from `seeds`: `inputs` of them, or for as long as the environment says.
#[track_caller]
pub fn json(target: &str, inputs: u32, seeds: &[Value], case: impl Fn(&Value)) {
    seeds.iter().for_each(&case);
    run(target, inputs, &input(seeds), case);
}

/// As [`json()`], two values at once, for what compares them.
#[track_caller]
pub fn pairs(target: &str, inputs: u32, seeds: &[Value], case: impl Fn(&Value, &Value)) {
    run(target, inputs, &(input(seeds), input(seeds)), |(one, other)| case(one, other));
}

fn input(seeds: &[Value]) -> BoxedStrategy<Value> {
    let seeds = seeds.to_vec();
    let edits = (vec(edit(), 1..8), vec(repeat(), 0..3));
    (select(seeds), edits)
        .prop_map(|(mut value, (edits, repeats))| {
            edits.iter().chain(&repeats).for_each(|edit| edit.apply(&mut value));
            value
        })
        .boxed()
}

/// A change of one of the values, which are counted from the outermost.
#[derive(Clone, Debug)]
enum Edit {
    Replace {
        at: Index,
        with: Value,
    },
    /// A number by another, a text by another.
    Alter {
        at: Index,
        number: Value,
        text: String,
    },
    /// One value over another.
    Copy {
        from: Index,
        to: Index,
    },
    /// Takes out a member or an element.
    Remove {
        at: Index,
        which: Index,
    },
    /// Names a member otherwise.
    Rename {
        at: Index,
        which: Index,
        name: String,
    },
    /// An element as often as there is room for, or so often.
    Repeat {
        at: Index,
        which: Index,
        times: usize,
        /// Each time with larger numbers in it.
        rising: bool,
    },
}

fn edit() -> impl Strategy<Value = Edit> {
    let at = any::<Index>;
    prop_oneof![
        2 => (at(), leaf()).prop_map(|(at, with)| Edit::Replace { at, with }),
        6 => (at(), number(), text()).prop_map(|(at, number, text)| Edit::Alter { at, number, text }),
        2 => (at(), at()).prop_map(|(from, to)| Edit::Copy { from, to }),
        1 => (at(), at()).prop_map(|(at, which)| Edit::Remove { at, which }),
        1 => (at(), at(), text()).prop_map(|(at, which, name)| Edit::Rename { at, which, name }),
    ]
}

fn repeat() -> impl Strategy<Value = Edit> {
    let times = prop_oneof![8 => 1..20_usize, 1 => 20..100_000_usize];
    (any::<Index>(), any::<Index>(), times, any::<bool>())
        .prop_map(|(at, which, times, rising)| Edit::Repeat { at, which, times, rising })
}

/// Values at the limits of their types, and such as mean something in a report.
fn leaf() -> impl Strategy<Value = Value> {
    let others = [json!(null), json!(true), json!([]), json!({}), json!([[]])];
    prop_oneof![number(), select(others.to_vec()), text().prop_map(Value::from)]
}

fn number() -> impl Strategy<Value = Value> {
    let limits =
        [json!(0), json!(-1), json!(1), json!(u64::MAX), json!(i64::MIN), json!(u32::MAX), json!(65535)];
    let others = [json!(1e308), json!(-0.0), json!(5e-324)];
    prop_oneof![
        4 => select(limits.to_vec()),
        1 => select(others.to_vec()),
        1 => any::<u64>().prop_map(Value::from),
    ]
}

fn text() -> impl Strategy<Value = String> {
    let words = [
        "",
        "type",
        "value",
        "text",
        "list",
        "table",
        "trace",
        "unknown",
        "0xffffffffffffffff",
        "0x",
        "/",
        "/src/",
        "\u{1b}[31m\n",
        "\u{202e}",
        "ü",
        "a::{closure}<b>",
        "9999-12-31T23:59:59.999999999Z",
        "-009999-01-02T01:59:59Z",
    ];
    let long = (1..2000_usize).prop_map(|length| "x".repeat(length));
    prop_oneof![6 => select(words.map(str::to_owned).to_vec()), 1 => long, 1 => Just("=".repeat(72))]
}

impl Edit {
    fn apply(&self, within: &mut Value) {
        let nodes = count(within);
        let node = |at: &Index| at.index(nodes);
        match self {
            Edit::Replace { at, with } => replace(within, node(at), with.clone()),
            Edit::Alter { at, number, text } => {
                let altered = |value: &Value| value.is_number() || value.is_string();
                if let Some(value) = nth_of(within, at, altered) {
                    *value = if value.is_number() { number.clone() } else { Value::from(text.clone()) };
                }
            }
            Edit::Copy { from, to } => {
                let copied = nth(within, &mut node(from)).cloned().unwrap_or_default();
                // Nesting is limited by readers, and doubles here each time.
                if copied.to_string().len() < LONGEST / 16 {
                    replace(within, node(to), copied);
                }
            }
            Edit::Remove { at, which } => match nth(within, &mut node(at)) {
                Some(Value::Array(elements)) if !elements.is_empty() => {
                    elements.remove(which.index(elements.len()));
                }
                Some(Value::Object(members)) if !members.is_empty() => {
                    let key = members.keys().nth(which.index(members.len())).cloned();
                    key.and_then(|key| members.remove(&key));
                }
                _ => {}
            },
            Edit::Rename { at, which, name } => {
                if let Some(Value::Object(members)) = nth(within, &mut node(at))
                    && !members.is_empty()
                {
                    let key = members.keys().nth(which.index(members.len())).cloned();
                    let value = key.and_then(|key| members.remove(&key));
                    members.extend(value.map(|value| (name.clone(), value)));
                }
            }
            Edit::Repeat { at, which, times, rising } => {
                let room = LONGEST.saturating_sub(within.to_string().len());
                let is_list = |value: &Value| value.as_array().is_some_and(|elements| !elements.is_empty());
                if let Some(Value::Array(elements)) = nth_of(within, at, is_list) {
                    let mut element = elements[which.index(elements.len())].clone();
                    let times = (*times).min(room / (element.to_string().len() + 1));
                    elements.extend((0..times).map(|_| {
                        if *rising {
                            raise(&mut element);
                        }
                        element.clone()
                    }));
                }
            }
        }
    }
}

fn count(value: &Value) -> usize {
    1 + match value {
        Value::Array(elements) => elements.iter().map(count).sum(),
        Value::Object(members) => members.values().map(count).sum(),
        _ => 0,
    }
}

/// The value that `left` others come before.
fn nth<'v>(value: &'v mut Value, left: &mut usize) -> Option<&'v mut Value> {
    if *left == 0 {
        return Some(value);
    }
    *left -= 1;
    let mut inner: Box<dyn Iterator<Item = &'v mut Value>> = match value {
        Value::Array(elements) => Box::new(elements.iter_mut()),
        Value::Object(members) => Box::new(members.values_mut()),
        _ => return None,
    };
    inner.find_map(|value| nth(value, left))
}

/// One of the values that `fits`.
fn nth_of<'v>(value: &'v mut Value, at: &Index, fits: impl Fn(&Value) -> bool) -> Option<&'v mut Value> {
    fn add(value: &Value, number: &mut usize, fits: &impl Fn(&Value) -> bool, found: &mut Vec<usize>) {
        if fits(value) {
            found.push(*number);
        }
        *number += 1;
        match value {
            Value::Array(elements) => elements.iter().for_each(|value| add(value, number, fits, found)),
            Value::Object(members) => members.values().for_each(|value| add(value, number, fits, found)),
            _ => {}
        }
    }
    let mut found = Vec::new();
    add(value, &mut 0, &fits, &mut found);
    if found.is_empty() { None } else { nth(value, &mut found[at.index(found.len())].clone()) }
}

/// Makes each whole number in it one more.
fn raise(value: &mut Value) {
    match value {
        Value::Number(number) => {
            if let Some(more) = number.as_u64().and_then(|number| number.checked_add(1)) {
                *value = more.into();
            }
        }
        Value::Array(elements) => elements.iter_mut().for_each(raise),
        Value::Object(members) => members.values_mut().for_each(raise),
        _ => {}
    }
}

fn replace(within: &mut Value, node: usize, with: Value) {
    if let Some(value) = nth(within, &mut node.clone()) {
        *value = with;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::RefCell;

    #[test]
    fn values_are_counted_from_the_outermost() {
        let mut value = json!({"a": [1, 2], "b": 3});
        assert_eq!(count(&value), 5);
        let found: Vec<_> = (0..6).map(|node| nth(&mut value, &mut node.clone()).cloned()).collect();
        assert_eq!(found[1..], [Some(json!([1, 2])), Some(json!(1)), Some(json!(2)), Some(json!(3)), None]);
    }

    #[test]
    fn inputs_differ_and_are_of_all_sizes() {
        let seen = RefCell::new(Vec::new());
        json("test", 300, &[json!({"a": [1, {"b": "c"}], "d": null})], |input| {
            seen.borrow_mut().push(input.to_string());
        });
        let mut seen = seen.into_inner();
        assert!(seen.iter().any(|text| text.len() > LONGEST / 2));
        assert!(seen.iter().all(|text| text.len() < LONGEST * 4));
        seen.sort_unstable();
        seen.dedup();
        assert!(seen.len() > 200, "{}", seen.len());
    }
}

//! JSON of any value that can be serialized. What JSON cannot hold costs itself alone.
//!
//! `serde_json::to_value` gives up at the first path that is not UTF-8, number of 128 bits or key that is no text, and
//! all of a configuration is lost with it. Here such a number is its digits, such a key its words, and a value that
//! refuses to be serialized a text with its reason, in its place.

use std::fmt::Display;

use serde::ser::{
    Error as _, Serialize, SerializeMap, SerializeSeq, SerializeStruct, SerializeStructVariant,
    SerializeTuple, SerializeTupleStruct, SerializeTupleVariant, Serializer,
};
use serde_json::{Error, Map, Number, Value as Json};

/// The value as JSON.
///
/// # Errors
///
/// Why the value as a whole refuses.
pub(crate) fn json(value: &(impl Serialize + ?Sized)) -> Result<Json, String> {
    value.serialize(ToJson).map_err(|error| error.to_string())
}

/// A part of a value, or why there is none.
fn part(value: &(impl Serialize + ?Sized)) -> Json {
    json(value).unwrap_or_else(|reason| Json::String(format!("cannot be shown: {reason}")))
}

/// A key in words: a text as it is, anything else as JSON.
fn key(value: &(impl Serialize + ?Sized)) -> String {
    match part(value) {
        Json::String(text) => text,
        json => json.to_string(),
    }
}

/// Two keys may have the same words, as `1` and `"1"` do.
fn insert(map: &mut Map<String, Json>, key: String, value: Json) {
    let mut unused = key.clone();
    let mut number = 2_u32;
    while map.contains_key(&unused) {
        unused = format!("{key} ({number})");
        number += 1;
    }
    map.insert(unused, value);
}

/// Types that crates hand over as a structure of one field with this name, since serde has none like them.
const WRAPPERS: &[&str] =
    &["$__toml_private_datetime", "$serde_json::private::Number", "$serde_json::private::RawValue"];

/// The value in a wrapper: JSON if it has become a text that is, as a raw value or a number does.
fn unwrapped(mut map: Map<String, Json>) -> Json {
    match map.iter().next() {
        Some((name, _)) if map.len() == 1 && WRAPPERS.contains(&name.as_str()) => {
            let name = name.clone();
            let inner = map.remove(&name).unwrap_or_default();
            let parsed = inner.as_str().and_then(|text| serde_json::from_str(text).ok());
            parsed.filter(|_| name != WRAPPERS[0]).unwrap_or(inner)
        }
        _ => Json::Object(map),
    }
}

fn digits(number: impl Display) -> Json {
    Json::String(number.to_string())
}

struct ToJson;

/// Elements of a list, under the name of their variant if they belong to one.
struct List {
    variant: Option<&'static str>,
    elements: Vec<Json>,
}

/// Entries of a table, under the name of their variant if they belong to one.
struct Table {
    variant: Option<&'static str>,
    entries: Map<String, Json>,
    key: Option<String>,
}

fn under(variant: Option<&'static str>, json: Json) -> Json {
    match variant {
        Some(variant) => Json::Object(Map::from_iter([(variant.to_owned(), json)])),
        None => json,
    }
}

impl List {
    fn new(variant: Option<&'static str>) -> List {
        List { variant, elements: Vec::new() }
    }

    fn push(&mut self, value: &(impl Serialize + ?Sized)) {
        self.elements.push(part(value));
    }

    fn json(self) -> Json {
        under(self.variant, Json::Array(self.elements))
    }
}

impl Table {
    fn new(variant: Option<&'static str>) -> Table {
        Table { variant, entries: Map::new(), key: None }
    }

    fn push(&mut self, key: &'static str, value: &(impl Serialize + ?Sized)) {
        insert(&mut self.entries, key.to_owned(), part(value));
    }

    fn json(self) -> Json {
        under(self.variant, unwrapped(self.entries))
    }
}

/// Methods of one signature but for the type.
macro_rules! whole_numbers {
    ($($method:ident: $type:ty,)*) => {
        $(fn $method(self, number: $type) -> Result<Json, Error> {
            Ok(Json::from(number))
        })*
    };
}

impl Serializer for ToJson {
    type Ok = Json;
    type Error = Error;
    type SerializeSeq = List;
    type SerializeTuple = List;
    type SerializeTupleStruct = List;
    type SerializeTupleVariant = List;
    type SerializeMap = Table;
    type SerializeStruct = Table;
    type SerializeStructVariant = Table;

    whole_numbers! {
        serialize_i8: i8, serialize_i16: i16, serialize_i32: i32, serialize_i64: i64,
        serialize_u8: u8, serialize_u16: u16, serialize_u32: u32, serialize_u64: u64,
    }

    fn serialize_bool(self, flag: bool) -> Result<Json, Error> {
        Ok(Json::Bool(flag))
    }

    fn serialize_i128(self, number: i128) -> Result<Json, Error> {
        Ok(i64::try_from(number).map_or_else(|_| digits(number), Json::from))
    }

    fn serialize_u128(self, number: u128) -> Result<Json, Error> {
        Ok(u64::try_from(number).map_or_else(|_| digits(number), Json::from))
    }

    fn serialize_f32(self, number: f32) -> Result<Json, Error> {
        // By its shortest digits: as an `f64`, 0.1 would have seventeen.
        number.to_string().parse().map_or_else(|_| Ok(digits(number)), |number| self.serialize_f64(number))
    }

    fn serialize_f64(self, number: f64) -> Result<Json, Error> {
        Ok(Number::from_f64(number).map_or_else(|| digits(number), Json::Number))
    }

    fn serialize_char(self, character: char) -> Result<Json, Error> {
        Ok(Json::String(character.to_string()))
    }

    fn serialize_str(self, text: &str) -> Result<Json, Error> {
        Ok(Json::String(text.to_owned()))
    }

    fn serialize_bytes(self, bytes: &[u8]) -> Result<Json, Error> {
        Ok(bytes.iter().copied().map(Json::from).collect())
    }

    fn serialize_none(self) -> Result<Json, Error> {
        Ok(Json::Null)
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<Json, Error> {
        value.serialize(self)
    }

    fn serialize_unit(self) -> Result<Json, Error> {
        Ok(Json::Null)
    }

    fn serialize_unit_struct(self, _: &'static str) -> Result<Json, Error> {
        Ok(Json::Null)
    }

    fn serialize_unit_variant(self, _: &'static str, _: u32, variant: &'static str) -> Result<Json, Error> {
        Ok(Json::String(variant.to_owned()))
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        value: &T,
    ) -> Result<Json, Error> {
        value.serialize(self)
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        value: &T,
    ) -> Result<Json, Error> {
        Ok(under(Some(variant), part(value)))
    }

    fn serialize_seq(self, _: Option<usize>) -> Result<List, Error> {
        Ok(List::new(None))
    }

    fn serialize_tuple(self, _: usize) -> Result<List, Error> {
        Ok(List::new(None))
    }

    fn serialize_tuple_struct(self, _: &'static str, _: usize) -> Result<List, Error> {
        Ok(List::new(None))
    }

    fn serialize_tuple_variant(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        _: usize,
    ) -> Result<List, Error> {
        Ok(List::new(Some(variant)))
    }

    fn serialize_map(self, _: Option<usize>) -> Result<Table, Error> {
        Ok(Table::new(None))
    }

    fn serialize_struct(self, _: &'static str, _: usize) -> Result<Table, Error> {
        Ok(Table::new(None))
    }

    fn serialize_struct_variant(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        _: usize,
    ) -> Result<Table, Error> {
        Ok(Table::new(Some(variant)))
    }
}

/// Traits of serde's that differ in the names of their methods only.
macro_rules! compound {
    ($($container:ident: $trait:ident, $method:ident($($key:ident)?);)*) => {
        $(impl $trait for $container {
            type Ok = Json;
            type Error = Error;

            fn $method<T: Serialize + ?Sized>(&mut self, $($key: &'static str,)? value: &T) -> Result<(), Error> {
                self.push($($key,)? value);
                Ok(())
            }

            fn end(self) -> Result<Json, Error> {
                Ok(self.json())
            }
        })*
    };
}

compound! {
    List: SerializeSeq, serialize_element();
    List: SerializeTuple, serialize_element();
    List: SerializeTupleStruct, serialize_field();
    List: SerializeTupleVariant, serialize_field();
    Table: SerializeStruct, serialize_field(key);
    Table: SerializeStructVariant, serialize_field(key);
}

impl SerializeMap for Table {
    type Ok = Json;
    type Error = Error;

    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Result<(), Error> {
        self.key = Some(self::key(key));
        Ok(())
    }

    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Error> {
        let key = self.key.take().ok_or_else(|| Error::custom("a map gives a value before its key"))?;
        insert(&mut self.entries, key, part(value));
        Ok(())
    }

    fn end(self) -> Result<Json, Error> {
        Ok(self.json())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, HashMap};
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt;
    use std::path::Path;
    use std::time::{Duration, SystemTime};

    use serde_json::json;

    use super::json;

    #[track_caller]
    fn check(value: impl serde::Serialize, expected: serde_json::Value) {
        assert_eq!(json(&value).unwrap(), expected);
    }

    /// What JSON can hold is as `serde_json` has it.
    #[test]
    fn ordinary_values_are_as_serde_json_has_them() {
        #[derive(serde::Serialize)]
        enum Kind {
            Unit,
            New(u8),
            Tuple(u8, char),
            Struct { a: Option<()> },
        }
        #[derive(serde::Serialize)]
        struct Options<'s> {
            text: &'s str,
            kinds: [Kind; 4],
            map: BTreeMap<u8, f64>,
            nested: (i64, u64, (), bool),
        }
        let options = Options {
            text: "x",
            kinds: [Kind::Unit, Kind::New(1), Kind::Tuple(1, 'c'), Kind::Struct { a: None }],
            map: BTreeMap::from([(1, 0.5), (2, 1e300)]),
            nested: (i64::MIN, u64::MAX, (), true),
        };
        check(&options, serde_json::to_value(&options).unwrap());
        check(Duration::from_millis(1500), json!({"secs": 1, "nanos": 500_000_000}));
    }

    #[test]
    fn numbers_that_json_cannot_hold_are_their_digits() {
        check([f64::NAN, f64::INFINITY, f64::NEG_INFINITY], json!(["NaN", "inf", "-inf"]));
        check((u128::MAX, i128::MIN, 5_u128), json!([u128::MAX.to_string(), i128::MIN.to_string(), 5]));
        check((0.1_f32, f32::NAN), json!([0.1, "NaN"]));
    }

    #[test]
    fn keys_are_their_words() {
        check(HashMap::from([(("a", 1_u16), 1)]), json!({"[\"a\",1]": 1}));
        check(BTreeMap::from([(None, 1), (Some(2_u8), 2)]), json!({"null": 1, "2": 2}));
        check(
            BTreeMap::from([(OneOrOther::Number(1), "a"), (OneOrOther::Text("1"), "b")]),
            json!({"1": "a", "1 (2)": "b"}),
        );
    }

    #[derive(serde::Serialize, PartialEq, Eq, PartialOrd, Ord)]
    #[serde(untagged)]
    enum OneOrOther {
        Number(u8),
        Text(&'static str),
    }

    #[test]
    fn a_value_that_refuses_costs_itself_alone() {
        let path = Path::new(OsStr::from_bytes(b"/srv/\xff"));
        let path_reason = "cannot be shown: path contains invalid UTF-8 characters";
        check((path, 1), json!([path_reason, 1]));
        check(BTreeMap::from([("a", path)]), json!({"a": path_reason}));
        check(Some([path]), json!([path_reason]));
        let before = SystemTime::UNIX_EPOCH - Duration::from_secs(1);
        check([before], json!(["cannot be shown: SystemTime must be later than UNIX_EPOCH"]));
        assert_eq!(json(path), Err("path contains invalid UTF-8 characters".to_owned()));
    }

    #[test]
    fn dates_of_toml_are_texts() {
        let table: toml::Table = "at = 1979-05-27T07:32:00Z".parse().unwrap();
        check(table, json!({"at": "1979-05-27T07:32:00Z"}));
    }
}

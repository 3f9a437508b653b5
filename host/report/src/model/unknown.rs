//! Unknown kinds, of which only a newer version knows: how they are read from JSON, kept, and written back.

use std::fmt;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value as Json;

/// A block, a value, a detail or a reason of a kind that this version does not know, or knows otherwise, as a newer one
/// wrote it.
///
/// It keeps the JSON and is written back unchanged. As text it is its kind and its content.
///
/// ```
/// use gmr_report::{Block, Unknown};
///
/// let json = r#"{"type":"heat_map","cells":[1,2]}"#;
/// let block: Block = serde_json::from_str(json)?;
/// let Block::Unknown(unknown) = &block else { unreachable!("no version knows it") };
/// assert_eq!(unknown.kind(), "heat_map");
/// assert_eq!(unknown.to_string(), r#"unknown `heat_map`: {"cells":[1,2]}"#);
/// assert_eq!(serde_json::from_str::<serde_json::Value>(json)?, serde_json::to_value(&block)?);
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(transparent)]
pub struct Unknown(serde_json::Map<String, Json>);

/// What has no name for its kind is not of an unknown kind: it is no part of a report.
impl<'de> Deserialize<'de> for Unknown {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Unknown, D::Error> {
        let unknown = Unknown(serde_json::Map::deserialize(from)?);
        if unknown.kind().is_empty() { Err(D::Error::custom("it has no `type`")) } else { Ok(unknown) }
    }
}

impl Unknown {
    /// What it calls itself.
    pub fn kind(&self) -> &str {
        self.0.get("type").and_then(Json::as_str).unwrap_or_default()
    }
}

/// The kind, and the content in one line of JSON.
impl fmt::Display for Unknown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "unknown `{}`", self.kind())?;
        let mut content = self.0.clone();
        content.remove("type");
        match content.get("value") {
            Some(value) if content.len() == 1 => write!(f, ": {value}"),
            _ if content.is_empty() => Ok(()),
            _ => write!(f, ": {}", Json::Object(content)),
        }
    }
}

/// Declares an enumeration that JSON writes as one word. A word that this version does not know is kept and written
/// back.
macro_rules! words {
    ($(#[$about:meta])* $name:ident { $($(#[$doc:meta])* $variant:ident = $word:literal,)* }) => {
        $(#[$about])*
        #[derive(Clone, Debug, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum $name {
            $($(#[$doc])* $variant,)*
            /// A word that this version does not know.
            Unknown(String),
        }

        impl $name {
            /// The word that stands for it in JSON and for plugins.
            pub fn word(&self) -> &str {
                match self {
                    $($name::$variant => $word,)*
                    $name::Unknown(word) => word,
                }
            }
        }

        impl From<String> for $name {
            fn from(word: String) -> Self {
                match word.as_str() {
                    $($word => $name::$variant,)*
                    _ => $name::Unknown(word),
                }
            }
        }

        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
                to.serialize_str(self.word())
            }
        }

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
                <String as serde::Deserialize>::deserialize(from).map(Self::from)
            }
        }
    };
}

pub(super) use words;

//! Secrets in JSON: what its keys, its pairs of names and values, and its lists of arguments and of lines say.

use serde_json::{Map, Value as Json};

use super::keys::{self, Judgement};
use super::path::Standing;
use super::text::{self, arguments, begins_private_key, ends_private_key, tells_nothing};
use super::{MASK, Secrets, pairs};

/// The text with the secrets in it replaced, if it is JSON and has some.
pub(super) fn masked_text(text: &str) -> Option<String> {
    let trimmed = text.trim();
    let is_json = trimmed.starts_with('{') && trimmed.ends_with('}')
        || trimmed.starts_with('[') && trimmed.ends_with(']');
    let json: Json = if is_json { serde_json::from_str(trimmed).ok()? } else { return None };
    let masked = Secrets::default().json("", json.clone());
    Some(if masked == json { text.to_owned() } else { masked.to_string() })
}

impl Secrets {
    /// The value at this dotted path with the secrets in it replaced by [`MASK`]. Names below a secret's key are counted
    /// instead of shown: `{"tokens": {"hunter2": "alice"}}` becomes `{"tokens": "*** (1 entry)"}`.
    ///
    /// ```
    /// use gmr_report::mask::Secrets;
    /// use serde_json::json;
    ///
    /// let options = json!({"db_pass": "hunter2", "env": [{"name": "API_KEY", "value": "hunter2"}], "debug": true});
    /// assert_eq!(
    ///     Secrets::default().json("", options),
    ///     json!({"db_pass": "***", "env": [{"name": "API_KEY", "value": "***"}], "debug": true}),
    /// );
    /// ```
    pub fn json(&self, path: &str, json: Json) -> Json {
        self.standing_as(path, json, self.standing(path))
    }

    /// What is taken out of the mask is shown as it is; of a table, what lies below it is judged for itself.
    fn standing_as(&self, path: &str, json: Json, standing: Standing) -> Json {
        match standing {
            Standing::Shown if !is_nested(&json) => json,
            Standing::Shown => self.judged(path, json, Judgement::Open),
            Standing::Judged(judgement) => self.judged(path, json, judgement),
        }
    }

    fn judged(&self, path: &str, json: Json, judgement: Judgement) -> Json {
        match (json, judgement) {
            (Json::Object(entries), Judgement::Secret) if !entries.is_empty() => {
                self.secret_table(path, entries)
            }
            (Json::Object(entries), _) => Json::Object(self.table(path, entries)),
            (Json::Array(elements), judgement) if judgement != Judgement::Secret => {
                self.list(path, elements, judgement)
            }
            (json @ (Json::Null | Json::Bool(_)), _) => json,
            (Json::Array(elements), _) if elements.is_empty() => Json::Array(elements),
            (Json::String(text), judgement) => Json::String(string(text, judgement)),
            (Json::Number(_), Judgement::Place | Judgement::Secret) | (_, Judgement::Secret) => MASK.into(),
            (json, _) => json,
        }
    }

    fn table(&self, path: &str, entries: Map<String, Json>) -> Map<String, Json> {
        let names_secret = |(key, value): (&String, &Json)| {
            pairs::is_name(key) && value.as_str().is_some_and(keys::is_secret)
        };
        // Of Kubernetes' secrets all `data` is one.
        let is_secret_object = entries.get("kind").and_then(Json::as_str) == Some("Secret");
        let has_secret_value = is_secret_object || entries.iter().any(names_secret);
        let has_key = entries.contains_key("kty");
        let masked = entries.into_iter().map(|(key, value)| {
            let place = join(path, &key);
            let is_secret =
                has_secret_value && pairs::is_value(&key) || has_key && JSON_WEB_KEY.contains(&key.as_str());
            let value = match self.standing(&place) {
                Standing::Judged(_) if is_secret => self.judged(&place, value, Judgement::Secret),
                standing => self.standing_as(&place, value, standing),
            };
            (text::text(&key).into_owned(), value)
        });
        masked.collect()
    }

    /// What lies below a secret's key: shown is what the application takes out of the mask.
    fn secret_table(&self, path: &str, entries: Map<String, Json>) -> Json {
        let count = entries.len();
        let mut shown = Map::new();
        for (key, value) in entries {
            let place = join(path, &key);
            match (self.standing(&place), value) {
                (Standing::Shown, value) => {
                    let value = self.standing_as(&place, value, Standing::Shown);
                    shown.insert(key, value);
                }
                (Standing::Judged(_), Json::Object(entries)) if !self.shown.is_empty() => {
                    if let table @ Json::Object(_) = self.secret_table(&place, entries) {
                        shown.insert(key, table);
                    }
                }
                _ => {}
            }
        }
        let hidden = counted(count - shown.len());
        if shown.is_empty() {
            return Json::String(hidden);
        }
        if count > shown.len() {
            shown.insert(MASK.to_owned(), Json::String(hidden));
        }
        Json::Object(shown)
    }

    fn list(&self, path: &str, elements: Vec<Json>, judgement: Judgement) -> Json {
        let hidden = list(&elements.iter().map(Json::as_str).collect::<Vec<_>>());
        let masked = elements.into_iter().zip(hidden).enumerate().map(|(at, (element, hidden))| {
            match (hidden, element) {
                (Some(text), _) => Json::String(text),
                (None, element) => self.judged(&format!("{path}[{at}]"), element, judgement),
            }
        });
        masked.collect()
    }
}

fn is_nested(json: &Json) -> bool {
    match json {
        Json::Object(_) => true,
        Json::Array(elements) => elements.iter().any(|element| element.is_object() || element.is_array()),
        _ => false,
    }
}

/// How many entries are not shown.
fn counted(entries: usize) -> String {
    let unit = if entries == 1 { "entry" } else { "entries" };
    format!("{MASK} ({entries} {unit})")
}

/// The members of a JSON Web Key (RFC 7518) that are secret.
const JSON_WEB_KEY: &[&str] = &["d", "dp", "dq", "k", "oth", "p", "q", "qi"];

fn string(text: String, judgement: Judgement) -> String {
    if judgement != Judgement::Open && tells_nothing(&text) {
        return text;
    }
    match judgement.hides(&text) {
        None if judgement == Judgement::Measure => text,
        None => text::text(&text).into_owned(),
        Some(from) => format!("{}{MASK}", text::text(&text[..from])),
    }
}

/// What becomes of the elements of a list that depend on each other: arguments of a command, a name with its value,
/// lines of a private key. `None` where an element is judged alone.
pub(super) fn list(elements: &[Option<&str>]) -> Vec<Option<String>> {
    let mut masked = vec![None; elements.len()];
    if let [Some(name), Some(value)] = elements
        && name.chars().all(|c| c.is_alphanumeric() || "_-.".contains(c))
        && keys::is_secret(name)
        && !is_word(value)
    {
        masked[1] = Some(MASK.to_owned());
    }
    let words: Vec<&str> = elements.iter().map(|element| element.unwrap_or_default()).collect();
    for (at, range) in arguments(&words) {
        let word = words[at];
        masked[at] = Some(format!("{}{MASK}{}", &word[..range.start], &word[range.end..]));
    }
    let mut in_key = false;
    for (at, word) in words.iter().enumerate() {
        in_key |= begins_private_key(word);
        if in_key {
            masked[at] = Some(MASK.to_owned());
        }
        in_key &= !ends_private_key(word);
    }
    masked
}

/// Whether a text is itself one of the words that secrets are named by: then a list has names only.
fn is_word(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_' || byte == b'-')
        && keys::is_secret(text)
}

pub(super) fn join(path: &str, key: &str) -> String {
    match path {
        "" => key.to_owned(),
        path => format!("{path}.{key}"),
    }
}

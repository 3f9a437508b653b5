//! Keys and their values inside a text: `key=value`, `key: value`, JSON and YAML, headers, XML, SQL, `--key value`, and
//! pairs of a name and a value.
//!
//! One pass: each form is recognised by what the scanner has just seen. Keys with a sign of assignment behind them are
//! here, and `stated.rs` has those without.

mod separator;
mod stated;

use super::Hidden;
use super::lexer::{end_of, end_of_key, end_of_line, is_blank, is_key_byte, quoted, skip_blanks};
use super::shape::tells_nothing;
use super::tokens;
use super::value::{self, Place, Secret, Separator};
use crate::mask::keys::{self, Judgement};
use crate::mask::pairs;

/// Marks the values of all keys that are a secret's.
pub(super) fn find(text: &str, hidden: &mut Hidden) {
    let line = Line { start: 0, end: end_of_line(text, 0), in_quotes: false };
    let mut scanner = Scanner { text, hidden, at: 0, line, before: Before::default() };
    while scanner.at < text.len() {
        if is_key_byte(text.as_bytes()[scanner.at]) {
            let next = scanner.word();
            scanner.advance(next);
        } else {
            scanner.advance(scanner.at + 1);
        }
    }
}

struct Scanner<'t> {
    text: &'t str,
    hidden: &'t mut Hidden,
    at: usize,
    line: Line,
    before: Before,
}

/// The line that is being read.
struct Line {
    start: usize,
    end: usize,
    /// Whether a string in double quotes has begun on it.
    in_quotes: bool,
}

/// What of the words before this one has a meaning for it.
#[derive(Default)]
struct Before {
    /// The word before.
    word: (usize, usize),
    /// Behind a name that is a secret's: `name: DB_PASSWORD`.
    secret_name: Option<usize>,
    /// A value whose name may follow.
    value: Option<(usize, Place)>,
    /// Behind SQL's `IDENTIFIED`.
    identified: Option<usize>,
    /// Behind its `BY`: `REPLACE` may follow with the old password.
    replaced: Option<usize>,
    /// Where a block ends that has no assignments, and so none in the blocks within it.
    empty_block: usize,
}

/// A run of characters that keys are made of, without the dashes of an option.
#[derive(Clone, Copy)]
struct Word<'t> {
    key: &'t str,
    start: usize,
    end: usize,
    /// Whether dashes stand before it.
    is_option: bool,
}

/// How far apart the name and the value of a pair may be, in bytes.
const PAIR: usize = 256;

impl<'t> Scanner<'t> {
    /// Goes on, and keeps track of lines and quotes.
    fn advance(&mut self, to: usize) {
        for at in self.at..to.min(self.text.len()) {
            match self.text.as_bytes()[at] {
                b'\n' | b'\r' => {
                    self.line = Line { start: at + 1, end: at, in_quotes: false };
                }
                b'"' => self.line.in_quotes = !self.line.in_quotes,
                _ => {}
            }
        }
        self.at = to;
        if self.line.end < self.line.start || self.line.end < to {
            self.line.end = end_of_line(self.text, to.max(self.line.start).min(self.text.len()));
        }
    }

    /// Reads the word that begins here; returns where to go on.
    fn word(&mut self) -> usize {
        let (text, start) = (self.text, self.at);
        let end = end_of_key(text, start);
        if end == start {
            // A sign of no alphabet.
            return text.ceil_char_boundary(start + 1);
        }
        if let Some(token) = tokens::find(text, start, end) {
            let next = token.end.max(end);
            self.hidden.hide(token);
            return next;
        }
        let word = self.trimmed(start, end);
        if word.key.is_empty() {
            return end;
        }
        let next = match separator::behind(text, word.end) {
            Some((separator, from)) if !self.is_path(word, separator) => self.assigned(word, separator, from),
            _ => self.stated(word),
        };
        self.before.word = (word.start, word.end);
        next.map_or(end, |next| next.max(end))
    }

    fn trimmed(&self, start: usize, end: usize) -> Word<'t> {
        let mut start = start;
        let run = &self.text[start..end];
        let is_option = run.starts_with('-');
        start += run.len() - run.trim_start_matches(['-', '.', '$']).len();
        let is_encoded = start > 0 && self.text.as_bytes()[start - 1] == b'%';
        if is_encoded
            && self.text.as_bytes()[start..end].iter().take(2).filter(|byte| byte.is_ascii_hexdigit()).count()
                == 2
        {
            start += 2;
        }
        let key = self.text[start..end].trim_end_matches(['-', '.', '$']);
        Word { key, start, end, is_option }
    }

    /// `shop::auth: message` is where a log line comes from, `https://oauth2:` has a user's name, and `src/auth.rs:12:5`
    /// is a place in a file.
    fn is_path(&self, word: Word<'_>, separator: Separator) -> bool {
        let before = &self.text[..word.start];
        let next = self.text.as_bytes().get(word.end + 1).copied().unwrap_or_default();
        let kind = word.key.rsplit_once('.').map_or("", |(_, kind)| kind);
        let is_place = next.is_ascii_digit() && FILES.contains(&kind);
        separator == Separator::Colon && (before.ends_with("::") || before.ends_with("//") || is_place)
    }

    /// Where the key stands whose value begins at `from`.
    fn place(&self, word: Word<'_>, separator: Separator, from: usize) -> Place {
        let bytes = self.text.as_bytes();
        let adjacent = word.start.checked_sub(1).map_or(0, |at| bytes[at]);
        let before = bytes[..word.start]
            .iter()
            .rev()
            .take(8)
            .find(|&&byte| !is_blank(byte) && !b"\"'\\".contains(&byte));
        let before = match before.copied().unwrap_or(0) {
            b'?' | b'&' if !b"?&".contains(&adjacent) => b' ',
            before => before,
        };
        let prefix = &self.text[self.line.start.min(word.start)..word.start];
        let is_start = prefix.len() <= 64
            && matches!(
                prefix.trim_matches([' ', '\t', '"', '\'', '#', '-', '/', ';', '*']),
                "" | "export" | "set" | "SET" | "Environment" | "ENV"
            );
        // The quote behind `"key":` ends what began before the key.
        let is_closed =
            |quote: u8| bytes[word.end..from].iter().filter(|&&byte| byte == quote).count() % 2 == 1;
        let quote = match adjacent {
            quote @ (b'\'' | b'`') => Some(quote).filter(|&quote| !is_closed(quote)),
            _ => (self.line.in_quotes != is_closed(b'"')).then_some(b'"'),
        };
        Place { separator, before, indentation: is_start.then_some(prefix.len()), quote, line: self.line.end }
    }

    /// A key with its value; returns where to go on if the value was looked at.
    fn assigned(&mut self, word: Word<'_>, separator: Separator, from: usize) -> Option<usize> {
        let place = self.place(word, separator, from);
        let judgement = self.judge(word, place);
        if judgement == Judgement::Open {
            self.pair(word, place, from);
            return self.closed_by_tag(from);
        }
        // All of `cookie=a=b; c=d`.
        let is_header = separator == Separator::Equals && is_cookie(word.key) && self.has_sign(from);
        let place = if is_header { Place { separator: Separator::Colon, ..place } } else { place };
        let secret = value::secret(self.text, from, place);
        self.before.secret_name = None;
        self.hide_unless(judgement, secret)
    }

    /// Whether the word that begins here has a sign of assignment in it.
    fn has_sign(&self, from: usize) -> bool {
        let sign = end_of(self.text, from, |byte| byte != b'=' && !byte.is_ascii_whitespace());
        self.text.as_bytes().get(sign) == Some(&b'=')
    }

    fn hide_unless(&mut self, judgement: Judgement, secret: Secret) -> Option<usize> {
        let Secret { hidden, end } = secret;
        let value = &self.text[hidden.clone()];
        if tells_nothing(value) {
            return None;
        }
        let from = judgement.hides(value.trim_end_matches([',', ';', ')', '}', ']']))?;
        self.hidden.hide(hidden.start + from..hidden.end);
        Some(end)
    }

    fn judge(&self, word: Word<'_>, place: Place) -> Judgement {
        let judged = keys::judge_path(word.key);
        if judged == Judgement::Secret {
            return judged;
        }
        let in_query = b"?&%".contains(&place.before) || place.separator == Separator::Encoded;
        let is_near = |at: Option<usize>| at.is_some_and(|at| word.start - at < PAIR);
        let is_secret = in_query && IN_QUERIES.iter().any(|key| key.eq_ignore_ascii_case(word.key))
            || is_near(self.before.secret_name) && pairs::is_value(word.key)
            || keys::is_key(word.key) && self.has_key_owner_before(word)
            || self.is_pragma(word)
            || self.is_in_secret_brackets(word);
        match judged {
            _ if is_secret => Judgement::Secret,
            // OAuth's, or whether an issue is open.
            Judgement::Open if in_query && word.key == "state" => Judgement::Doubtful,
            _ => judged,
        }
    }

    /// `Access Key=`: two words with a blank between them.
    fn has_key_owner_before(&self, word: Word<'_>) -> bool {
        let (start, end) = self.before.word;
        let owner = self.text[start..end].rsplit(['_', '-', '.']).next().unwrap_or_default();
        end + 1 == word.start
            && self.text[end..].starts_with(' ')
            && keys::is_key_owner(&owner.to_lowercase())
    }

    /// Whether SQLite's `PRAGMA` stands before the word.
    fn is_pragma(&self, word: Word<'_>) -> bool {
        let (start, end) = self.before.word;
        self.text[start..end].eq_ignore_ascii_case("pragma")
            && word.start - end < 4
            && PRAGMAS.iter().any(|key| key.eq_ignore_ascii_case(word.key))
    }

    /// `credentials[user]=...`, `password[0]=...`
    fn is_in_secret_brackets(&self, word: Word<'_>) -> bool {
        let (start, end) = self.before.word;
        let closed = self.text.as_bytes().get(word.end) == Some(&b']');
        closed && &self.text[end..word.start] == "[" && keys::is_secret(&self.text[start..end])
    }

    /// Notes what is a name or a value of a pair, and hides the value of a name that follows it.
    fn pair(&mut self, word: Word<'_>, place: Place, from: usize) {
        if pairs::is_name(word.key) {
            let is_secret = self.name_at(from).is_some_and(keys::is_secret);
            self.before.secret_name = is_secret.then_some(word.start);
            if let Some((from, place)) = self.before.value.take()
                && is_secret
                && word.start - from < PAIR
            {
                let secret = value::secret(self.text, from, place);
                self.hide_unless(Judgement::Secret, secret);
            }
        } else if pairs::is_value(word.key) {
            self.before.value = Some((from, place));
        }
    }

    fn name_at(&self, from: usize) -> Option<&'t str> {
        let start = skip_blanks(self.text, from);
        let begin = end_of(self.text, start, |byte| b"\"'\\".contains(&byte));
        let end = end_of(self.text, begin, is_key_byte);
        (end > begin && end - begin <= 64).then(|| &self.text[begin..end])
    }

    /// `<property name="password">hunter2</property>`: the name's own element has the value.
    fn closed_by_tag(&mut self, from: usize) -> Option<usize> {
        self.before.secret_name?;
        let value = quoted(self.text, skip_blanks(self.text, from))?;
        let end =
            self.text.as_bytes().get(value.end).is_some_and(|&byte| byte == b'>').then_some(value.end + 1)?;
        self.element(end)
    }

    /// Hides what an element has between its tags.
    fn element(&mut self, from: usize) -> Option<usize> {
        let end = end_of(self.text, from, |byte| byte != b'<');
        if !tells_nothing(&self.text[from..end]) {
            self.hidden.hide(from..end);
        }
        Some(end)
    }
}

fn is_cookie(key: &str) -> bool {
    key.len() >= 6 && key.as_bytes()[key.len() - 6..].eq_ignore_ascii_case(b"cookie")
}

/// SQLite's settings that are the database's password.
pub(super) const PRAGMAS: &[&str] = &["hexkey", "hexrekey", "key", "rekey", "textkey", "textrekey"];

/// Ends of the names of files that have lines.
const FILES: &[&str] = &[
    "c", "cc", "conf", "cpp", "cs", "go", "h", "hpp", "java", "js", "json", "jsx", "kt", "php", "py", "pyx",
    "rb", "rs", "scala", "sql", "swift", "toml", "ts", "tsx", "xml", "yaml", "yml",
];

/// Parameters of URLs that are a secret there and mostly none elsewhere.
const IN_QUERIES: &[&str] = &[
    "access_key",
    "appid",
    "assertion",
    "code",
    "code_verifier",
    "hash",
    "key",
    "keys",
    "p",
    "samlresponse",
    "session",
    "session_id",
    "sid",
    "ticket",
];

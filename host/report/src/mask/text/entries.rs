//! Keys and their values inside a text: `key=value`, `key: value`, JSON and YAML, headers, XML, SQL, `--key value`, and
//! pairs of a name and a value.
//!
//! One long file, since it is one pass: each form is recognised by what the scanner has just seen.

use super::Hidden;
use super::arguments::is_option;
use super::lexer::{end_of, end_of_line, end_of_word, ends_line, is_blank, is_key_byte, quoted, skip_blanks};
use super::tokens;
use super::value::{self, Place, Secret, Separator, is_quantity, tells_nothing};
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
        let end = end_of(text, start, is_key_byte);
        if let Some(token) = tokens::find(text, start, end) {
            let next = token.end.max(end);
            self.hidden.hide(token);
            return next;
        }
        let word = self.trimmed(start, end);
        if word.key.is_empty() {
            return end;
        }
        let next = match self.separator(word.end) {
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

    /// The sign of an assignment behind a key that ends here, its closing quote skipped, and where it ends.
    fn separator(&self, key_end: usize) -> Option<(Separator, usize)> {
        let bytes = self.text.as_bytes();
        let closed = end_of(self.text, key_end, |byte| b"\"'`\\)]".contains(&byte));
        let at = skip_blanks(self.text, closed);
        let rest = &bytes[at..];
        match rest {
            [b'=', ..] => Some((Separator::Equals, end_of(self.text, at, |byte| b"=>~".contains(&byte)))),
            [b':', b'=', ..] => Some((Separator::Equals, at + 2)),
            [b':', b':' | b'/', ..] | [b':', b'\\', b'/', ..] => None,
            [b':', ..] => Some((Separator::Colon, at + 1)),
            [b'%', b'3', sign, next @ ..] if !next.starts_with(b"%2") => {
                b"DdAa".contains(sign).then_some((Separator::Encoded, at + 3))
            }
            _ => None,
        }
    }

    /// `shop::auth: message` is where a log line comes from, and `https://oauth2:` has a user's name.
    fn is_path(&self, word: Word<'_>, separator: Separator) -> bool {
        let before = &self.text[..word.start];
        separator == Separator::Colon && (before.ends_with("::") || before.ends_with("//"))
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
        let secret = value::secret(self.text, from, place);
        self.before.secret_name = None;
        self.hide_unless(judgement, secret)
    }

    fn hide_unless(&mut self, judgement: Judgement, secret: Secret) -> Option<usize> {
        let value = &self.text[secret.hidden.clone()];
        let may_be_shown = match judgement {
            Judgement::Place => value.contains("://"),
            Judgement::Measure => is_quantity(value.trim_end_matches([',', ';', ')', '}', ']'])),
            Judgement::Secret | Judgement::Open => false,
        };
        if may_be_shown || tells_nothing(value) {
            return None;
        }
        self.hidden.hide(secret.hidden.clone());
        Some(secret.end)
    }

    fn judge(&self, word: Word<'_>, place: Place) -> Judgement {
        let judged = keys::judge_path(word.key);
        if judged != Judgement::Open {
            return judged;
        }
        let in_query = b"?&%".contains(&place.before) || place.separator == Separator::Encoded;
        let is_near = |at: Option<usize>| at.is_some_and(|at| word.start - at < PAIR);
        let is_secret = in_query && IN_QUERIES.iter().any(|key| key.eq_ignore_ascii_case(word.key))
            || is_near(self.before.secret_name) && pairs::is_value(word.key)
            || keys::is_key(word.key) && self.has_key_owner_before(word);
        if is_secret { Judgement::Secret } else { Judgement::Open }
    }

    /// `Access Key=`: two words with a blank between them.
    fn has_key_owner_before(&self, word: Word<'_>) -> bool {
        let (start, end) = self.before.word;
        let owner = self.text[start..end].rsplit(['_', '-', '.']).next().unwrap_or_default();
        end + 1 == word.start
            && self.text[end..].starts_with(' ')
            && keys::is_key_owner(&owner.to_lowercase())
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

    /// A key without a sign of assignment behind it.
    fn stated(&mut self, word: Word<'_>) -> Option<usize> {
        if word.key.eq_ignore_ascii_case("identified") {
            self.before.identified = Some(word.end);
        }
        if !keys::may_be_secret(word.key) && self.before.identified.is_none() {
            return None;
        }
        let start = skip_blanks(self.text, word.end);
        let place = Place { before: 0, indentation: None, ..self.place(word, Separator::Blank, start) };
        if start > word.end && !ends_line(self.text, start) && self.says_credential(word, start) {
            let secret = value::secret(self.text, start, place);
            return self.hide_unless(Judgement::Secret, secret);
        }
        if !keys::is_secret(word.key) {
            return None;
        }
        if let Some(from) = self.behind_user(start) {
            let secret = value::secret(self.text, from, place);
            return self.hide_unless(Judgement::Secret, secret);
        }
        if self.is_tag(word.start) {
            let end = end_of(self.text, word.end, |byte| byte != b'>' && byte != b'<');
            let is_open = self.text.as_bytes().get(end) == Some(&b'>') && !self.text[..end].ends_with('/');
            return if is_open { self.element(end + 1) } else { None };
        }
        let start = self.behind_filler(start);
        let rest = &self.text.as_bytes()[start..];
        let is_call = rest.starts_with(b"(") && rest.get(1).is_some_and(|byte| b"\"'".contains(byte));
        let is_quoted = start > word.end && quoted(self.text, start).is_some();
        let argument = &self.text[start..end_of_word(self.text, start)];
        let is_argument = word.is_option && start > word.end && !is_option(argument);
        let is_data = start > word.end && looks_like_data(self.text, start);
        if !ends_line(self.text, start) && (is_call || is_quoted || is_argument || is_data) {
            let secret = value::secret(self.text, start, place);
            return self.hide_unless(Judgement::Secret, secret);
        }
        None
    }

    /// Behind the `is` of a sentence, or the line between two columns.
    fn behind_filler(&self, start: usize) -> usize {
        let rest = &self.text[start..];
        let filler = ["is ", "was ", "|"].iter().find(|filler| rest.starts_with(**filler));
        filler.map_or(start, |filler| skip_blanks(self.text, start + filler.len()))
    }

    /// Whether a credential follows `Bearer`, `Basic`, or SQL's `IDENTIFIED BY`.
    fn says_credential(&mut self, word: Word<'_>, start: usize) -> bool {
        let key = word.key.to_ascii_lowercase();
        match key.as_str() {
            "bearer" => {
                let next = &self.text[start..end_of(self.text, start, |byte| byte.is_ascii_alphabetic())];
                let next = next.to_ascii_lowercase();
                let is_word = ends_line(self.text, start + next.len())
                    || self.text[start + next.len()..].starts_with([' ', ',', '.', ':', '"', '\'', ')', '=']);
                !(is_word && (PROSE.contains(&next.as_str()) || next.is_empty()))
            }
            "basic" | "negotiate" | "apikey" => looks_like_data(self.text, start),
            "by" | "as" | "values" if self.before.identified.is_some_and(|at| word.start - at < 64) => {
                let is_next = |word: &str| {
                    self.text[start..].get(..word.len()).is_some_and(|next| next.eq_ignore_ascii_case(word))
                };
                if key != "by" || !is_next("values") {
                    self.before.identified = None;
                    return true;
                }
                false
            }
            _ => false,
        }
    }

    /// Where the value begins in SQL's `SET PASSWORD FOR user = `.
    fn behind_user(&self, start: usize) -> Option<usize> {
        let rest = &self.text.as_bytes()[start..self.line.end.max(start)];
        let begins = rest.get(..4).is_some_and(|begin| begin.eq_ignore_ascii_case(b"for "));
        let sign = rest.iter().take(PAIR).position(|&byte| byte == b'=').filter(|_| begins)?;
        Some(start + sign + 1)
    }

    /// Whether `<` stands before the word, or `<` and a name space.
    fn is_tag(&self, start: usize) -> bool {
        let before = &self.text[..start];
        let name = before
            .strip_suffix(':')
            .map(|before| before.trim_end_matches(|c: char| c.is_ascii_alphanumeric()));
        name.unwrap_or(before).ends_with('<')
    }
}

/// Words that follow `Bearer` in sentences.
const PROSE: &[&str] = &[
    "and",
    "auth",
    "authentication",
    "authorization",
    "challenge",
    "credentials",
    "error",
    "for",
    "has",
    "header",
    "in",
    "is",
    "missing",
    "not",
    "of",
    "or",
    "realm",
    "required",
    "scheme",
    "the",
    "token",
    "tokens",
    "type",
    "was",
    "with",
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

/// Whether a word has letters and digits, as secrets do and sentences do not.
fn looks_like_data(text: &str, start: usize) -> bool {
    let word = &text[start..end_of_word(text, start)];
    let word = word.trim_matches(|c: char| !c.is_alphanumeric());
    let has = |is_so: fn(char) -> bool| word.chars().any(is_so);
    let is_long = word.len() >= 24 && word.bytes().all(|byte| byte.is_ascii_alphanumeric());
    word.len() >= 6 && has(char::is_alphabetic) && (has(|c| c.is_ascii_digit()) || is_long)
}

//! Keys without a sign of assignment: options of commands, SQL, protocols with a line a command, calls, tags, and sentences
//! in which a secret is named and told.

use super::{PAIR, Scanner, Word};
use crate::mask::keys::{self, Judgement};
use crate::mask::text::arguments::is_option;
use crate::mask::text::lexer::{end_of, end_of_brackets, end_of_word, ends_line, quoted, skip_blanks};
use crate::mask::text::shape::{is_random, looks_like_data, tells_nothing};
use crate::mask::text::value::{self, Place, Separator};

impl Scanner<'_> {
    /// A key without a sign of assignment behind it.
    pub(super) fn stated(&mut self, word: Word<'_>) -> Option<usize> {
        if word.key.eq_ignore_ascii_case("identified") {
            self.before.identified = Some(word.end);
        }
        let is_sql = self.before.identified.is_some() || self.before.replaced.is_some();
        if !keys::may_be_secret(word.key) && !is_sql {
            return self.community(word);
        }
        if word.key.eq_ignore_ascii_case("login") {
            return self.login(word);
        }
        let start = skip_blanks(self.text, word.end + usize::from(self.is_in_brackets(word)));
        if start > word.end && !ends_line(self.text, start) && self.says_credential(word, start) {
            return self.hide_value(word, start);
        }
        if keys::is_key(word.key) && !self.is_secret_key(word) {
            let from = self.behind_fillers(start);
            return if from > start && is_random(self.word_at(from)) {
                self.hide_value(word, from)
            } else {
                None
            };
        }
        if !keys::is_key(word.key) && !keys::is_secret(word.key) {
            return None;
        }
        if let Some(from) = self.behind_mechanism(word, start).or_else(|| self.behind_user(start)) {
            return self.hide_value(word, from);
        }
        if self.is_tag(word.start) {
            let end = end_of(self.text, word.end, |byte| byte != b'>' && byte != b'<');
            let is_open = self.text.as_bytes().get(end) == Some(&b'>') && !self.text[..end].ends_with('/');
            return if is_open { self.element(end + 1) } else { None };
        }
        if let Some(end) = self.block(word) {
            return Some(end);
        }
        match self.told(word, start) {
            Some(from) => self.hide_value(word, from),
            None => self.near(word),
        }
    }

    fn hide_value(&mut self, word: Word<'_>, from: usize) -> Option<usize> {
        let place = Place { before: 0, indentation: None, ..self.place(word, Separator::Blank, from) };
        let secret = value::secret(self.text, from, place);
        self.hide_unless(Judgement::Secret, secret)
    }

    /// The word that begins here, without what a sentence has around it.
    fn word_at(&self, start: usize) -> &str {
        let near = &self.text[start..self.text.floor_char_boundary(start + PAIR)];
        near.split(char::is_whitespace).next().unwrap_or_default().trim_matches(AROUND)
    }

    fn is_in_brackets(&self, word: Word<'_>) -> bool {
        self.text[..word.start].ends_with('[') && self.text[word.end..].starts_with(']')
    }

    /// Where the value begins that is told behind the key: of a call, in quotes, of an option, or one that looks like data.
    fn told(&self, word: Word<'_>, start: usize) -> Option<usize> {
        let start = self.behind_owner(start).unwrap_or_else(|| self.behind_fillers(start));
        if ends_line(self.text, start) {
            return None;
        }
        let rest = &self.text.as_bytes()[start..];
        let is_type = word.key.starts_with(char::is_uppercase) && looks_like_data(self.text, start + 1);
        let is_call = rest[0] == b'(' && (is_type || rest.get(1).is_some_and(|byte| b"\"'".contains(byte)));
        let is_apart = start > word.end;
        let is_value = is_call
            || is_apart && quoted(self.text, start).is_some()
            || is_apart && word.is_option && !is_option(&self.text[start..end_of_word(self.text, start)])
            || is_apart && looks_like_data(self.text, start);
        is_value.then_some(start)
    }

    /// Hides what looks like a password and stands near the key: behind a comma, in the next line, some words farther on.
    fn near(&mut self, word: Word<'_>) -> Option<usize> {
        let rest = &self.text[word.end..];
        let rest = &rest[..rest.floor_char_boundary(NEAR)];
        let mut at = 0;
        for number in 0..MOST_WORDS {
            at += rest[at..].find(|c: char| !AROUND.contains(&c))?;
            let end = at + rest[at..].find(char::is_whitespace).unwrap_or(rest.len() - at);
            let is_next_line = rest[..at].contains(['\n', '\r']);
            let found = rest[at..end].trim_end_matches(AROUND);
            // A word that goes on behind what is looked at is judged whole.
            let whole = self.word_at(word.end + at);
            if is_random(whole) {
                let from = word.end + at;
                let length = if end == rest.len() { whole.len() } else { found.len() };
                self.hidden.hide(from..from + length);
                return Some(from + length);
            }
            if is_next_line && number == 0 || rest[..end].contains(['\n', '\r']) {
                return None;
            }
            at = end;
        }
        None
    }

    /// Behind the words of a sentence that stand between a secret and its value, or the lines of a table.
    fn behind_fillers(&self, start: usize) -> usize {
        let mut at = start;
        for _ in 0..MOST_WORDS {
            let rest = &self.text[at..];
            let Some(filler) = FILLERS.iter().find(|filler| rest.starts_with(**filler)) else { break };
            at = skip_blanks(self.text, at + filler.len());
        }
        at
    }

    /// Behind whose it is: `password of user me is hunter2`, `password for me: hunter2`.
    fn behind_owner(&self, start: usize) -> Option<usize> {
        let line = &self.text[start..self.line.end.max(start)];
        let line = &line[..line.floor_char_boundary(NEAR)];
        let is_owned = line.starts_with("for ") || line.starts_with("of ");
        let ends = [" is ", ": "].iter().filter_map(|sign| line.find(sign).map(|at| start + at + sign.len()));
        ends.min().filter(|&at| is_owned && looks_like_data(self.text, at))
    }

    /// Behind the word that stands here, and blanks.
    fn behind_word(&self, start: usize) -> Option<usize> {
        let end = end_of(self.text, start, |byte| byte.is_ascii_alphanumeric() || b"_.@-".contains(&byte));
        let next = skip_blanks(self.text, end);
        (next > end && !ends_line(self.text, next)).then_some(next)
    }

    /// Behind the mechanism or the user's name of `AUTH PLAIN` and `HELLO 3 AUTH default`.
    fn behind_mechanism(&self, word: Word<'_>, start: usize) -> Option<usize> {
        let next = (word.key == "AUTH").then(|| self.behind_word(start)).flatten()?;
        looks_like_data(self.text, next).then_some(next)
    }

    /// Hides the password of IMAP's `LOGIN me hunter2`, the last of its line.
    fn login(&mut self, word: Word<'_>) -> Option<usize> {
        let next = self.behind_word(skip_blanks(self.text, word.end))?;
        let end = end_of_word(self.text, next);
        let is_login = ends_line(self.text, end)
            && looks_like_data(self.text, next)
            && !self.text[next..end].contains(['=', '/', ':']);
        if is_login {
            self.hidden.hide(next..end);
        }
        is_login.then_some(end)
    }

    /// Hides the password of SNMP: `snmp-server community hunter2 RO`.
    fn community(&mut self, word: Word<'_>) -> Option<usize> {
        if !word.key.eq_ignore_ascii_case("community") || !self.is_before(word, "snmp") {
            return None;
        }
        let start = skip_blanks(self.text, word.end);
        if ends_line(self.text, start) { None } else { self.hide_value(word, start) }
    }

    /// Whether `key` has a word before it that says whose it is, or is that of SQLite's `ATTACH`.
    fn is_secret_key(&self, word: Word<'_>) -> bool {
        self.has_key_owner_before(word) || word.key == "KEY" && self.is_before(word, "attach ")
    }

    /// Whether this stands before the word, in its line.
    fn is_before(&self, word: Word<'_>, sought: &str) -> bool {
        let start = self.line.start.max(word.start.saturating_sub(PAIR)).min(word.start);
        let line = &self.text.as_bytes()[start..word.start];
        line.windows(sought.len()).any(|here| here.eq_ignore_ascii_case(sought.as_bytes()))
    }

    /// A block with a secret's name. Of `variable "db_password" {` and of `Token {` the values below are looked for, and of
    /// `secret "x" {` all is hidden.
    fn block(&mut self, word: Word<'_>) -> Option<usize> {
        let bytes = self.text.as_bytes();
        let is_label = self.text[..word.start].ends_with('"') && bytes.get(word.end) == Some(&b'"');
        let behind = skip_blanks(self.text, word.end + usize::from(is_label));
        let label = quoted(self.text, behind).filter(|label| label.end - behind < PAIR);
        let brace = label.as_ref().map_or(behind, |label| skip_blanks(self.text, label.end));
        if bytes.get(brace) != Some(&b'{') || brace < self.before.empty_block {
            return None;
        }
        if label.is_none() && (is_label || word.key.starts_with(char::is_uppercase)) {
            self.before.secret_name = Some(word.start);
            return Some(brace);
        }
        let end = end_of_brackets(self.text, brace);
        let inner = brace + 1..self.text[..end].strip_suffix('}').map_or(end, str::len).max(brace + 1);
        if tells_nothing(&self.text[inner.clone()]) {
            return Some(end);
        }
        if !self.text[inner.clone()].contains('=') {
            self.before.empty_block = end;
            return None;
        }
        self.hidden.hide(inner);
        Some(end)
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
            "apikey" | "basic" | "negotiate" | "ntlm" => looks_like_data(self.text, start),
            "replace" => self.before.replaced.take().is_some_and(|at| word.start - at < PAIR),
            "by" | "as" | "using" | "values"
                if self.before.identified.is_some_and(|at| word.start - at < NEAR) =>
            {
                let is_next = |word: &str| {
                    self.text[start..].get(..word.len()).is_some_and(|next| next.eq_ignore_ascii_case(word))
                };
                let is_hash = is_next("values") || is_next("password '") || is_next("password \"");
                if key != "by" || !is_hash {
                    self.before.identified = None;
                    self.before.replaced = Some(word.start);
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

/// How far from its key a secret is looked for in a sentence, in bytes and in words.
const NEAR: usize = 64;
const MOST_WORDS: usize = 6;

/// What stands around words in sentences and tables.
const AROUND: &[char] = &[
    ' ', '\t', '\n', '\r', ',', ';', '.', ':', '-', '–', '—', '|', '+', '/', '~', '?', '"', '\'', '`', '“',
    '”', '„', '‘', '’', '«', '»', '(', ')', '[', ']', '{', '}', '<', '>', '=', '*',
];

/// What stands between a key and its value in a sentence, a table, or a command of PowerShell.
const FILLERS: &[&str] = &[
    "is ",
    "was ",
    "now ",
    "has been ",
    "set to ",
    "changed to ",
    "changed from ",
    "reset to ",
    "to ",
    "|",
    "- ",
    "– ",
    "— ",
    "~ ",
    "/ ",
    "-String ",
    "-AsPlainText ",
    "-Force ",
];

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

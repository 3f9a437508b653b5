//! The words that make a key a secret's. **A secret's name is added here.**

/// Words that make a key a secret wherever they stand in it.
const SECRET_WORDS: [&str; 13] = [
    "auth",
    "authorization",
    "cookie",
    "credential",
    "passphrase",
    "passwd",
    "password",
    "passcode",
    "pin",
    "pwd",
    "salt",
    "secret",
    "token",
];

/// Words that make a key a secret when `key` follows them: `api_key`, `signing-key`, `privateKey`.
const KEY_WORDS: [&str; 12] = [
    "access",
    "account",
    "api",
    "client",
    "encryption",
    "hmac",
    "license",
    "master",
    "private",
    "session",
    "shared",
    "signing",
];

/// Found in keys that are written as one word: `dbpassword`, `apikey`.
const SECRET_PARTS: [&str; 6] = ["password", "passwd", "secret", "apikey", "privatekey", "credential"];

/// Whether a key's words say that its value is a secret.
pub(super) fn is_secret_key(key: &str) -> bool {
    let words = words(key);
    let singular = |word: &String| word.strip_suffix('s').unwrap_or(word).to_owned();
    let is_secret = |word: &String| {
        SECRET_WORDS.contains(&word.as_str()) || SECRET_WORDS.contains(&singular(word).as_str())
    };
    let is_key = |pair: &[String]| KEY_WORDS.contains(&pair[0].as_str()) && singular(&pair[1]) == "key";
    let joined: String = words.concat();
    words.iter().any(is_secret)
        || words.windows(2).any(is_key)
        || SECRET_PARTS.iter().any(|part| joined.contains(part))
}

/// `dbPassword`, `db-password` and `DB_PASSWORD` are all `db`, `password`.
fn words(key: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut after_lower = false;
    for c in key.chars() {
        let starts_word = !c.is_alphanumeric() || (c.is_uppercase() && after_lower);
        if starts_word && words.last().is_some_and(|word| !word.is_empty()) {
            words.push(String::new());
        }
        if let (true, Some(word)) = (c.is_alphanumeric(), words.last_mut()) {
            word.extend(c.to_lowercase());
        }
        after_lower = c.is_lowercase() || c.is_numeric();
    }
    words
}

#[cfg(test)]
mod tests {
    use crate::mask::Secrets;

    #[track_caller]
    fn check_key(key: &str, secret: bool) {
        assert_eq!(Secrets::default().covers(key), secret, "{key}");
    }

    #[test]
    fn keys_are_judged_by_their_words() {
        for key in [
            "password",
            "db.password",
            "db.PASSWD",
            "dbPassword",
            "dbpassword",
            "api_key",
            "api-key",
            "apiKey",
            "apikey",
            "tokens",
            "auth.access_token",
            "client_secret",
            "tls.private_key",
            "aws.credentials",
            "SIGNING_KEY",
            "session.cookie",
        ] {
            check_key(key, true);
        }
        for key in
            ["key", "keys", "monkey", "tokenizer", "author", "pinned", "host", "cache_key_prefix", "uri"]
        {
            check_key(key, false);
        }
    }
}

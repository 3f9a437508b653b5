//! Secrets among the arguments of commands: `--password hunter2`, `curl -u admin:hunter2`, `mysql -phunter2`.

use std::ops::Range;

use super::Hidden;
use super::lexer::quoted;
use super::shape::tells_nothing;
use super::traits::Traits;
use crate::mask::keys;

/// How a command takes a secret behind an option.
#[derive(Clone, Copy, PartialEq)]
enum Takes {
    /// In the next argument, or in the rest of this one.
    Secret,
    /// In the rest of this argument; what follows is something else, unless it looks like a secret.
    Attached,
    /// In the next argument; what goes on in this one is another option.
    Next,
    /// In the next argument, if that is no file.
    Cookie,
    /// As `user:password`, or `user%password`.
    Login,
}

/// Commands whose short options take secrets. Long ones are found by their words.
const COMMANDS: &[(&[&str], &str, Takes)] = &[
    (
        &["mariadb", "mariadb-dump", "mycli", "mysql", "mysqladmin", "mysqldump", "mysqlimport", "mysqlshow"],
        "-p",
        Takes::Attached,
    ),
    (&["7z", "7za", "rar"], "-p", Takes::Attached),
    (
        &[
            "az",
            "buildah",
            "cqlsh",
            "docker",
            "helm",
            "mongo",
            "mongodump",
            "mongoexport",
            "mongoimport",
            "mongorestore",
            "mongosh",
            "ncftp",
            "oc",
            "podman",
            "rdesktop",
            "skopeo",
            "sshpass",
            "useradd",
            "usermod",
        ],
        "-p",
        Takes::Secret,
    ),
    (&["redis-cli", "http", "https"], "-a", Takes::Secret),
    (
        &["ldapadd", "ldapcompare", "ldapdelete", "ldapmodify", "ldappasswd", "ldapsearch", "ldapwhoami"],
        "-w",
        Takes::Secret,
    ),
    (
        &[
            "bcp",
            "ipmitool",
            "isql",
            "mosquitto_pub",
            "mosquitto_sub",
            "osql",
            "sqlcmd",
            "tsql",
            "unzip",
            "zip",
        ],
        "-P",
        Takes::Secret,
    ),
    (&["snmpget", "snmpset", "snmpwalk"], "-c", Takes::Secret),
    (&["snmpget", "snmpset", "snmpwalk"], "-A", Takes::Secret),
    (&["snmpget", "snmpset", "snmpwalk"], "-X", Takes::Secret),
    (&["net", "rpcclient", "smbclient"], "-U", Takes::Login),
    (&["ab"], "-A", Takes::Login),
    (&["curl"], "-u", Takes::Login),
    (&["curl"], "-U", Takes::Login),
    (&["curl"], "-b", Takes::Cookie),
    (&["openssl"], "-k", Takes::Next),
    (&["openssl"], "-K", Takes::Next),
];

/// Commands that only in this form take a secret behind `-p`: `docker run -p` is a port.
const ONLY_AT_LOGIN: &[&str] = &["az", "buildah", "docker", "helm", "oc", "podman", "skopeo"];

/// Options that take `user:password` with many commands.
const LOGINS: &[&str] = &["--basic-auth", "--proxy-user", "--user", "--userpwd", "-U", "-u"];

/// Commands of Oracle's that take `user/password@service`.
const OF_ORACLE: &[&str] = &["exp", "expdp", "imp", "impdp", "rman", "sqlldr", "sqlplus"];

/// What stands in commands that take a secret without an option.
const WITHOUT_OPTIONS: &[&str] = &["chpasswd", "net use ", "net user ", "vault login "];

/// Commands whose `-p` is a path, a port, a package or a process.
const WITHOUT_PASSWORDS: &[&str] = &[
    "cargo", "cp", "git", "install", "kill", "kubectl", "mkdir", "nc", "nmap", "node", "npm", "ps", "pytest",
    "python", "python3", "read", "rsync", "scp", "sftp", "ssh", "tar", "telnet", "top",
];

/// Which parts of the arguments, by their number, must not be shown.
pub(in crate::mask) fn arguments(words: &[&str]) -> Vec<(usize, Range<usize>)> {
    let mut found = Vec::new();
    let (mut command, mut is_login) = ("", false);
    for (at, word) in words.iter().enumerate() {
        let name = word.rsplit(['/', '\\']).next().unwrap_or_default();
        let next = words.get(at + 1).copied();
        if is_command(name) || command.is_empty() && WITHOUT_PASSWORDS.contains(&name) {
            (command, is_login) = (name, false);
        } else if command == "vault" && *word == "login" {
            found.extend(next.filter(|next| !next.starts_with('-')).map(|next| (at + 1, 0..next.len())));
        } else if *word == "login" {
            is_login = true;
        } else if *word == "<<<" && at > 0 && ["chpasswd", "passwd"].contains(&words[at - 1]) {
            found.extend(next.map(|next| (at + 1, 0..next.len())));
        } else if ["&&", "|", ";", "||"].contains(word) {
            found.extend(piped(words, at));
            command = "";
        } else if let Some(secret) = option(word, next, command, is_login) {
            found.extend(secret.of(at, word, next));
            if command == "sshpass" {
                // The command that it calls has options of its own.
                command = "";
            }
        } else if at > 1 && LOGINS.contains(&words[at - 2]) && !words[at - 1].contains(':') {
            // `-u admin hunter2`
            found.extend(is_mixed(word).then_some((at, 0..word.len())));
        } else if command == "net" && of_windows(words, at) {
            found.push((at, 0..word.len()));
        } else if let Some(password) = word.strip_prefix("/p:").filter(|rest| is_mixed(rest)) {
            found.push((at, word.len() - password.len()..word.len()));
        } else if word.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'-') && keys::is_secret(word)
        {
            // `mysqladmin password hunter2`
            found.extend(next.filter(|next| is_mixed(next)).map(|next| (at + 1, 0..next.len())));
        } else if let Some(slash) = word.find('/').filter(|_| OF_ORACLE.contains(&command)) {
            let end = word.rfind('@').filter(|&host| host > slash).unwrap_or(word.len());
            found.push((at, slash + 1..end));
        } else if command == "htpasswd"
            && at + 1 == words.len()
            && words[..at].iter().any(|word| word.starts_with('-') && word.contains('b'))
        {
            found.push((at, 0..word.len()));
        }
    }
    found
}

/// What `echo` writes for a command that reads a password: `echo hunter2 | docker login --password-stdin`.
fn piped(words: &[&str], pipe: usize) -> Option<(usize, Range<usize>)> {
    const READERS: &[&str] =
        &["--passphrase-fd", "--password-stdin", "--stdin", "-S", "chpasswd", "cryptsetup"];
    let secret = pipe.checked_sub(1)?;
    let begin = words[..pipe].iter().rev().take(3).position(|word| ["echo", "printf"].contains(word))?;
    let is_read = words[pipe..].iter().take(8).any(|word| READERS.contains(word));
    (begin > 0 && is_read).then(|| (secret, 0..words[secret].len()))
}

/// Whether this is the password of `net use PATH PASSWORD /user:me` or `net user me PASSWORD`.
fn of_windows(words: &[&str], at: usize) -> bool {
    let Some(verb) = words[..at].iter().rev().take(5).position(|word| ["use", "user"].contains(word)) else {
        return false;
    };
    let behind = &words[at - verb..at];
    let is_place = |word: &&&str| word.starts_with(['\\', '/']) || word.ends_with(':');
    let has_subject = match words[at - verb - 1] {
        "use" => behind.iter().any(|word| word.starts_with('\\')),
        _ => behind.iter().filter(|word| !is_place(word)).count() == 1,
    };
    has_subject && !is_place(&&words[at])
}

fn is_command(name: &str) -> bool {
    COMMANDS.iter().any(|(names, ..)| names.contains(&name))
        || OF_ORACLE.contains(&name)
        || ["htpasswd", "net", "vault"].contains(&name)
}

/// Where the secret of an option is.
enum Secret {
    /// In this argument, from here on.
    Here(usize),
    Next,
    /// In this argument from here on, or in the next one, behind the user's name.
    Login(usize),
}

fn option(word: &str, next: Option<&str>, command: &str, is_login: bool) -> Option<Secret> {
    if !word.starts_with('-') || word.len() < 2 {
        return None;
    }
    let login = LOGINS.iter().find(|option| {
        word == **option || word.strip_prefix(*option).is_some_and(|rest| rest.starts_with('='))
    });
    if let Some(option) = login {
        return Some(Secret::Login(option.len()));
    }
    let rows =
        COMMANDS.iter().filter(|(names, option, _)| names.contains(&command) && word.starts_with(option));
    for (_, option, takes) in rows {
        let is_alone = word.len() == option.len();
        match takes {
            Takes::Login => return Some(Secret::Login(option.len())),
            Takes::Next if is_alone => return Some(Secret::Next),
            Takes::Cookie if is_alone => {
                return next.filter(|next| next.contains('=')).map(|_| Secret::Next);
            }
            Takes::Next | Takes::Cookie => {}
            _ if ONLY_AT_LOGIN.contains(&command) && !is_login => {}
            Takes::Secret if is_alone => return Some(Secret::Next),
            Takes::Attached if is_alone => return next.filter(|next| is_mixed(next)).map(|_| Secret::Next),
            // `-port` is another option.
            _ if *option == "-p" && word.starts_with("-port") => {}
            _ => return Some(Secret::Here(option.len())),
        }
    }
    if let Some(pair) = word.strip_prefix("--from-literal=") {
        // Of `kubectl create secret`.
        return pair.find('=').map(|sign| Secret::Here(word.len() - pair.len() + sign + 1));
    }
    let is_unknown = command.is_empty() || command == "htpasswd";
    if let Some(attached) = word.strip_prefix("-p").filter(|_| is_unknown) {
        // Of a command that is not known: it is a password if it looks like none of the other things.
        match attached {
            "" => return next.filter(|next| is_chosen(next)).map(|_| Secret::Next),
            _ if is_mixed(attached) => return Some(Secret::Here(2)),
            // `-password` is an option by its name.
            _ => {}
        }
    }
    let name = word.strip_prefix("--").or_else(|| word.strip_prefix('-')).unwrap_or(word);
    let is_name = !name.starts_with('-') && !name.contains(|c: char| "=:".contains(c) || c.is_whitespace());
    let is_secret = is_name && keys::is_secret(name);
    (is_secret && next.is_some_and(|next| !is_option(next))).then_some(Secret::Next)
}

/// Whether a word has letters and digits, and is no path, host, port or assignment.
fn is_chosen(word: &str) -> bool {
    let has = |is_so: fn(&u8) -> bool| word.bytes().any(|byte| is_so(&byte));
    word.len() >= 6
        && !word.starts_with('-')
        && !word.contains(['/', '.', ':', '=', '\\'])
        && has(u8::is_ascii_digit)
        && has(u8::is_ascii_alphabetic)
}

/// Whether a word is such a one with letters of both cases, which few names have.
fn is_mixed(word: &str) -> bool {
    let has = |is_so: fn(&u8) -> bool| word.bytes().any(|byte| is_so(&byte));
    is_chosen(word) && has(u8::is_ascii_lowercase) && has(u8::is_ascii_uppercase)
}

impl Secret {
    fn of(&self, at: usize, word: &str, next: Option<&str>) -> Option<(usize, Range<usize>)> {
        match *self {
            Secret::Here(from) => Some((at, from..word.len())),
            Secret::Next => {
                let next = next?;
                (!tells_nothing(next)).then_some((at + 1, 0..next.len()))
            }
            Secret::Login(from) if word.len() > from => {
                Some((at, from + behind_user(&word[from..])?..word.len()))
            }
            Secret::Login(_) => {
                let next = next?;
                Some((at + 1, behind_user(next)?..next.len()))
            }
        }
    }
}

/// Whether an argument is an option with a long name, and no value that begins with dashes.
pub(super) fn is_option(argument: &str) -> bool {
    let name = argument.strip_prefix("--").unwrap_or_default();
    name.starts_with(|c: char| c.is_ascii_lowercase())
        && name.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'-')
}

/// Where the password of `user:password` begins. `1000:1000` and `www:www` are a user and a group.
fn behind_user(login: &str) -> Option<usize> {
    let at = login.find([':', '%'])?;
    let (user, password) = (login[..at].trim_start_matches('='), &login[at + 1..]);
    let is_group =
        user == password || login.bytes().all(|byte| byte.is_ascii_digit() || byte == b':' || byte == b'=');
    let is_url = password.starts_with("//") && SCHEMES.contains(&user);
    (!is_group && !password.is_empty() && !is_url).then_some(at + 1)
}

/// What stands before `://` where an option takes an address.
const SCHEMES: &[&str] = &["ftp", "http", "https", "socks4", "socks5", "tcp", "ws", "wss"];

/// Marks the secrets among the arguments of command lines.
pub(super) fn find(text: &str, traits: Traits, hidden: &mut Hidden) {
    // Alone a word is at most an option with its value.
    let is_line = traits.has_any(b" \"") && (traits.has(b'/') || traits.names_secret || text.contains("net"));
    if !is_line && !traits.has(b'-') && !text.starts_with("/p:") {
        return;
    }
    let has_options = text.contains(" -") || text.starts_with('-') || text.contains(" /p:");
    if !has_options && !WITHOUT_OPTIONS.iter().chain(OF_ORACLE).any(|command| text.contains(command)) {
        return;
    }
    let places = words(text);
    let words: Vec<&str> = places.iter().map(|place| &text[place.clone()]).collect();
    for (number, range) in arguments(&words) {
        let start = places[number].start;
        hidden.hide(start + range.start..start + range.end);
    }
}

/// Words as a shell splits them, without the quotes around them.
fn words(text: &str) -> Vec<Range<usize>> {
    let bytes = text.as_bytes();
    let (mut words, mut at) = (Vec::new(), 0);
    while at < bytes.len() {
        if bytes[at].is_ascii_whitespace() {
            at += 1;
            continue;
        }
        let start = at;
        if let Some(quoted) =
            quoted(text, at).filter(|quoted| quoted.end < text.len() || text.ends_with(['"', '\'', '`']))
        {
            words.push(quoted.inner);
            at = quoted.end;
            continue;
        }
        while at < bytes.len() && !bytes[at].is_ascii_whitespace() {
            at = match bytes[at] {
                b'"' | b'\'' if at > start => quoted(text, at).map_or(at + 1, |quoted| quoted.end),
                b'\\' => (at + 2).min(bytes.len()),
                _ => at + 1,
            };
        }
        words.push(start..text.ceil_char_boundary(at));
        at = text.ceil_char_boundary(at);
    }
    words
}

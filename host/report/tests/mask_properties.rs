//! Whatever a secret looks like, and in whichever notation it stands, no report shows it; and whatever a text looks like,
//! masking it neither panics nor takes more time than the text is long.

use gmr_report::mask::{self, Secrets};
use gmr_report::{Block, Field, Format, Header, Origin, Report, Section, Trigger, TriggerKind};
use proptest::prelude::*;
use proptest::sample::select;
use serde_json::json;

/// What is looked for in a report: the middle of each secret.
const CORE: &str = "S3cr3tV4lue";

/// A notation: what stands before the secret and behind it, and how the secret is written in it.
struct Notation {
    before: &'static str,
    after: &'static str,
    write: fn(&str) -> String,
}

const fn notation(before: &'static str, after: &'static str, write: fn(&str) -> String) -> Notation {
    Notation { before, after, write }
}

fn as_it_is(secret: &str) -> String {
    secret.to_owned()
}

/// Without characters that end a value in the notation and cannot be written in it.
fn without(secret: &str, excluded: &str) -> String {
    secret.chars().filter(|c| !excluded.contains(*c)).collect()
}

fn word(secret: &str) -> String {
    without(secret, " \n\"'`\\|({[;,&=:%~>")
}

fn parameter(secret: &str) -> String {
    without(secret, " \n&=\"")
}

fn line(secret: &str) -> String {
    without(secret, "\n\"'`|>({[,=:%\\")
}

fn in_list(secret: &str) -> String {
    without(secret, ";\n\"'`{([=")
}

fn doubled(quote: char, secret: &str) -> String {
    without(secret, "\\\n").replace(quote, &quote.to_string().repeat(2))
}

fn in_json(secret: &str) -> String {
    let quoted = json!(secret).to_string();
    quoted[1..quoted.len() - 1].to_owned()
}

fn twice_in_json(secret: &str) -> String {
    in_json(&in_json(secret))
}

fn encoded(secret: &str) -> String {
    let byte = |byte: u8| {
        if byte.is_ascii_alphanumeric() { char::from(byte).to_string() } else { format!("%{byte:02X}") }
    };
    secret.bytes().map(byte).collect()
}

const NOTATIONS: &[Notation] = &[
    notation("postgres://shop:", "@db-1/shop", as_it_is),
    notation("redis://:", "@cache:6379/0", as_it_is),
    notation("amqps://me:", "@[::1]:5671/%2f", encoded),
    notation("see http://me:", "@h/ there", word),
    notation("https%3A%2F%2Fme%3A", "%40h", encoded),
    notation("https://h/x?page=1&sig=", "&x=1", parameter),
    notation("https://h/x?code=", "", parameter),
    notation("root:", "@tcp(127.0.0.1:3306)/shop", line),
    notation("guest:", "@mq:5672", word),
    notation("db:5432:shop:me:", "", line),
    notation("jdbc:oracle:thin:scott/", "@//h:1521/svc", line),
    notation("Server=db;Password=", ";Timeout=1", in_list),
    notation("Server=db;Password=\"", "\";Timeout=1", |secret| doubled('"', secret)),
    notation("Server = db; Pwd = '", "'; Timeout = 1", |secret| doubled('\'', secret)),
    notation("Driver={x};PWD={", "};X=1", |secret| without(secret, "{}()[]\n\"").replace('}', "}}")),
    notation("host=db password='", "' user=me", |secret| secret.replace('\\', "\\\\").replace('\'', "\\'")),
    notation("host=db password=", " user=me", word),
    notation("password: ", "\nhost: h", line),
    notation("a: 1\npassword: |\n  ", "\nhost: h", line),
    notation("password = ", "\nhost = h", line),
    notation("{\"a\":1,\"db\":{\"db_pass\":\"", "\"}}", in_json),
    notation("got {\"db_pass\": \"", "\", \"a\": 1} there", in_json),
    notation("{\"inner\":\"{\\\"apiToken\\\":\\\"", "\\\"}\"}", twice_in_json),
    notation("[{\"name\":\"DB_PASSWORD\",\"value\":\"", "\"}]", in_json),
    notation("[\"psql\",\"--password\",\"", "\"]", in_json),
    notation("[\"-----BEGIN PRIVATE KEY-----\",\"", "\",\"-----END PRIVATE KEY-----\"]", in_json),
    notation("Authorization: Bearer ", "\nAccept: */*", line),
    notation("Cookie: sid=", "; a=b", |secret| without(secret, "\n\"'`|>({[,:")),
    notation("psql --password '", "' -h db", |secret| without(secret, "'\\")),
    notation("curl -u me:", " https://h/", word),
    notation("mysql -p", " shop", word),
    notation("ALTER ROLE a PASSWORD '", "'", |secret| doubled('\'', secret)),
    notation("CREATE USER a IDENTIFIED BY \"", "\"", |secret| doubled('"', secret)),
    notation("<db password=\"x\"><password>", "</password></db>", |secret| without(secret, "<")),
    notation("Config { token: \"", "\", port: 1 }", in_json),
    notation("(\"password\", \"", "\")", in_json),
    notation("env.setdefault('API_TOKEN', '", "')", |secret| without(secret, "'\\=(")),
    notation("DB_PASSWORD -> '", "'", |secret| without(secret, "'\\")),
    notation("DB_PASSWORD ?= ", "\nA = b", line),
    notation("[credentials]\nuser = \"", "\"\n[b]\nc = 1", in_json),
    notation("password = <<EOF\n", "\nEOF\n", line),
    notation("variable \"db_password\" {\n  default = \"", "\"\n}", in_json),
    notation("<password><value>", "</value></password>", |secret| without(secret, "<")),
    notation("<password><![CDATA[", "]]></password>", |secret| without(secret, "]")),
    notation("<key>password</key>\n<string>", "</string>", |secret| without(secret, "<")),
    notation("&lt;password&gt;", "&lt;/password&gt;", |secret| without(secret, "<>&")),
    notation("Content-Disposition: form-data; name=\"password\"\n\n", "\n--x--", as_it_is),
    notation("visit=", "; Path=/; HttpOnly", |secret| without(secret, ";\n")),
    notation("INSERT INTO u (name, password) VALUES ('a', '", "')", |secret| doubled('\'', secret)),
    notation("PRAGMA key = '", "'", |secret| doubled('\'', secret)),
    notation("SELECT crypt('", "', x)", |secret| without(secret, "'\\\n")),
    notation("data:\n  x: ", "\nkind: Secret\n", line),
    notation("user,password\nme,", "\n", |secret| without(secret, ",\n")),
    notation("{%22password%22%3A%22", "%22}", encoded),
    notation("-----BEGIN RSA PRIVATE KEY-----\n", "\n-----END RSA PRIVATE KEY-----", as_it_is),
    notation("ghp_0123456789", "", |_| CORE.to_owned()),
    notation("Bearer ", " was refused", |_| CORE.to_owned()),
];

/// Texts as people choose for passwords, with the core in the middle.
fn secrets() -> impl Strategy<Value = String> {
    let character = select("aZ09 #?/@:;,&=+%!$^*~|<>{}[]()'\"`\\\n.-_éß界".chars().collect::<Vec<_>>());
    let part = || prop::collection::vec(character.clone(), 0..5).prop_map(String::from_iter);
    (part(), part()).prop_map(|(before, after)| format!("{before}{CORE}{after}"))
}

fn config() -> ProptestConfig {
    // More by the environment's `PROPTEST_CASES`.
    let config = ProptestConfig::default();
    ProptestConfig { failure_persistence: None, cases: config.cases.max(4000), ..config }
}

fn rendered(text: &str, place: usize) -> [String; 2] {
    let secrets = Secrets::default();
    let value = secrets.json("", json!({"options": [{"text": text}]})).to_string();
    let field = Field::new("text", text);
    let blocks = match place % 4 {
        0 => vec![Block::fields([field])],
        1 => vec![Block::paragraph(text), Block::heading(1, text)],
        2 => vec![Block::table(["a", "b"], [vec![1_i64.into(), text.into()]])],
        _ => vec![Block::preformatted(value)],
    };
    let mut section = Section::new("pool", "Pool", Origin::Application).with_blocks(blocks).failed(text);
    secrets.section(&mut section);
    let mut header =
        Header::new("shop", "2026-11-22T14:03:07Z".parse().unwrap(), Trigger::new(TriggerKind::File, text));
    secrets.header(&mut header);
    let mut report = Report::new(header);
    report.sections.push(section);
    [Format::Text.render(&report), Format::Json.render(&report)]
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn no_report_shows_a_planted_secret(secret in secrets(), number in 0..NOTATIONS.len(), place in 0..4_usize) {
        let Notation { before, after, write } = &NOTATIONS[number];
        let text = format!("{before}{}{after}", write(&secret));
        for report in rendered(&text, place) {
            prop_assert!(!report.contains("cr3tV4lue"), "{text:?} is shown as {:?}", mask::text(&text));
        }
    }

    #[test]
    fn no_value_of_a_secrets_key_is_shown(secret in secrets(), key in select(vec!["db_pass", "APIToken", "cert.key", "otp2"])) {
        prop_assert_eq!(Secrets::default().json(key, json!(secret)), json!("***"));
        let table = json!({ key: { &secret: 1 } });
        prop_assert!(!Secrets::default().json("", table).to_string().contains("cr3tV4lue"));
    }

    #[test]
    fn any_text_is_masked_without_a_panic_and_once(pieces in prop::collection::vec(pieces(), 0..24)) {
        let text = pieces.concat();
        let masked = mask::text(&text).into_owned();
        prop_assert!(masked.len() <= text.len() * 4 + 3);
    }
}

/// What means something to the mask.
const PIECES: &[&str] = &[
    "password",
    "token",
    "key",
    "=",
    ":",
    "://",
    "@",
    ";",
    "'",
    "\"",
    "\\",
    "\n",
    " ",
    "{",
    "}",
    "[",
    "]",
    "(",
    ")",
    "-p",
    "--",
    "Bearer ",
    "%3A%2F%2F",
    "%3D",
    "-----BEGIN PRIVATE KEY-----",
    "-----END ",
    "ghp_0123456789ab",
    "$2b$",
    "|",
    "name",
    "value",
    ",",
    "&",
    "?",
    "mysql ",
    "é",
    "界",
    "<",
    ">",
    "identified by ",
    "insert into t (password) values (",
    "crypt(",
    "[secret]\n",
    "->",
    "→",
    "“",
    "<<EOF\n",
    "<![CDATA[",
    "&quot;",
    "%22",
    "\\u0022",
    "form-data; name=\"token\"\n",
    "; Path=/",
    "kind: Secret\n",
    "data:\n",
    "$ANSIBLE_VAULT;",
    "WIFI:P:",
    "net use \\\\h ",
    "pragma ",
    "for ",
    "is ",
];

/// Such pieces, and characters that mean nothing.
fn pieces() -> impl Strategy<Value = String> {
    prop_oneof![9 => select(PIECES).prop_map(str::to_owned), 1 => any::<char>().prop_map(String::from)]
}

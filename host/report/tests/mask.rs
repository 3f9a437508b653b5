//! What the mask hides, and what it leaves readable: tables of keys and of texts in `tests/mask/`, and the values,
//! sections and heads that they stand in.

use gmr_report::mask::{self, MASK, Secrets};
use gmr_report::{
    Block, Call, Detail, Field, Format, Frame, Header, Member, NativeSection, NoStack, Origin, Reason,
    Report, Section, Trace, Trigger, TriggerKind, Value,
};
use serde_json::{Value as Json, json};

const SECRET: &str = "S3cr3tV4lue";

fn lines(table: &str) -> impl Iterator<Item = &str> {
    table.lines().filter(|line| !line.starts_with("# ") && !line.is_empty())
}

#[test]
fn keys_hide_what_they_name_and_nothing_else() {
    let (hidden, shown) = include_str!("mask/keys.txt").split_once("# shown").unwrap();
    for (keys, is_hidden) in [(hidden, true), (shown, false)] {
        for key in lines(keys) {
            let masked = Secrets::default().json(key, json!(SECRET));
            assert_eq!(masked != json!(SECRET), is_hidden, "{key} = {masked}");
        }
    }
}

#[test]
fn texts_lose_the_secrets_in_them_and_nothing_else() {
    for line in lines(include_str!("mask/texts.txt")) {
        let (text, expected) = line.split_once("  =>  ").unwrap();
        let masked = mask::text(&text.replace('⏎', "\n")).replace('\n', "⏎");
        assert_eq!(masked, expected, "{text}");
        assert!(!masked.contains("cr3tV4lue"), "{text}");
    }
}

#[test]
fn texts_without_secrets_stay_as_they_are() {
    for line in lines(include_str!("mask/open.txt")) {
        let text = line.replace('⏎', "\n");
        assert_eq!(mask::text(&text), text);
    }
}

#[test]
fn a_masked_text_is_not_masked_again() {
    for line in lines(include_str!("mask/texts.txt")) {
        let (_, expected) = line.split_once("  =>  ").unwrap();
        let text = expected.replace('⏎', "\n");
        assert_eq!(mask::text(&text), text);
    }
}

#[track_caller]
fn check(path: &str, json: Json, expected: Json) {
    assert_eq!(Secrets::default().json(path, json), expected);
}

#[test]
fn measures_and_places_of_secrets_are_shown_and_words_behind_their_names_are_not() {
    check("", json!({"token_ttl": 30, "pin_length": "4"}), json!({"token_ttl": 30, "pin_length": "4"}));
    check(
        "",
        json!({"token_ttl": "1h 30m", "max_tokens": "4 KiB"}),
        json!({"token_ttl": "1h 30m", "max_tokens": "4 KiB"}),
    );
    check("token_ttl", json!("hunter2"), json!("***"));
    check("auth_url", json!("https://u:p@h/v3"), json!("https://u:***@h/v3"));
    check("auth_url", json!("hunter2"), json!("***"));
    check("secret_url", json!("https://h/x"), json!("***"));
}

#[test]
fn yes_no_and_nothing_are_shown_of_secrets() {
    let values = json!({"use_password": true, "password": null, "secret": "", "token": "none", "tokens": [], "auth": {}});
    check("", values.clone(), values);
}

#[test]
fn names_below_a_secret_are_counted() {
    check("", json!({"tokens": {"S3cr3tV4lue": "alice"}}), json!({"tokens": "*** (1 entry)"}));
    check("", json!({"api_keys": {"a": {"of": "alice"}, "b": 1}}), json!({"api_keys": "*** (2 entries)"}));
    check("tokens", json!([{"a": 1}, "b"]), json!("***"));
    check("", json!({"a": {"password": {"old": 1}}}), json!({"a": {"password": "*** (1 entry)"}}));
}

#[test]
fn pairs_and_lists_hide_what_their_names_say() {
    check("", json!({"name": "DB_PASSWORD", "value": "x"}), json!({"name": "DB_PASSWORD", "value": "***"}));
    check(
        "",
        json!({"ParameterKey": "ApiToken", "ParameterValue": "x"}),
        json!({"ParameterKey": "ApiToken", "ParameterValue": "***"}),
    );
    check("", json!({"name": "HOST", "value": "x"}), json!({"name": "HOST", "value": "x"}));
    check("", json!(["Authorization", "x"]), json!(["Authorization", "***"]));
    check("grant_types", json!(["password", "refresh_token"]), json!(["password", "refresh_token"]));
    check(
        "",
        json!(["psql", "--password", "x", "-h", "db"]),
        json!(["psql", "--password", "***", "-h", "db"]),
    );
    check("", json!(["-----BEGIN EC PRIVATE KEY-----", "x", "y"]), json!(["***", "***", "***"]));
    check("", json!({"kty": "EC", "d": "x", "x": "y"}), json!({"kty": "EC", "d": "***", "x": "y"}));
}

#[test]
fn declared_keys_may_hold_stars_and_hide_all_below_them() {
    let secrets = Secrets::declared(vec!["storage.dsn".into(), "*.zero".into()]);
    assert!(
        secrets.covers("storage.dsn") && secrets.covers("storage.dsn.primary") && secrets.covers("a.b.zero")
    );
    assert!(!secrets.covers("storage.dsn2") && !secrets.covers("zero"));
}

#[test]
fn a_key_that_is_shown_is_out_of_the_mask() {
    let secrets = Secrets::declared(vec!["shop.seed".into()]).showing(vec![
        "shop.seed".into(),
        "auth".into(),
        "credentials.user".into(),
        "*.login".into(),
    ]);
    let options = json!({
        "shop": {"seed": "42", "token": "x"},
        "auth": {"scheme": "ldap", "password": "x"},
        "credentials": {"user": "me", "more": {"login": "ghp_0123456789abcdefghij", "pass": "x"}, "other": "x"},
        "tokens": {"a": 1},
    });
    let shown = json!({
        "shop": {"seed": "42", "token": "***"},
        "auth": {"scheme": "ldap", "password": "***"},
        "credentials": {
            "user": "me",
            "more": {"login": "ghp_0123456789abcdefghij", "***": "*** (1 entry)"},
            "***": "*** (1 entry)",
        },
        "tokens": "*** (1 entry)",
    });
    assert_eq!(secrets.json("", options), shown);
    assert!(!secrets.covers("shop.seed") && secrets.covers("credentials.other"));
}

/// A section with the secret wherever a section has text.
fn with_secrets_everywhere(origin: Origin) -> Section {
    let said = format!("password={SECRET}");
    let url = format!("redis://:{SECRET}@cache");
    let mut trace = Trace::stack(said.as_str());
    trace.summary = vec![said.clone()];
    trace.doubt = Some(Reason::NoStack(NoStack::Text(said.clone())));
    let mut member = Member::new(1);
    member.name = Some(said.clone());
    member.fields =
        vec![Field::new("token".to_owned(), SECRET), Field::new("target".to_owned(), url.as_str())];
    trace.members = vec![member];
    let mut frame = Frame::of("shop::serve");
    frame.details = vec![Detail::Name(said.clone()), Detail::Text(url.clone())];
    trace.frames = vec![frame];
    let unknown = format!(r#"{{"type":"heat_map","cells":["{url}"]}}"#);
    let mut section = Section::new("pool", said.as_str(), origin).failed(said.as_str()).with_blocks([
        Block::heading(1, format!("with {said}")),
        Block::paragraph(said.as_str()),
        Block::preformatted(said.as_str()),
        Block::notes([Reason::from(said.as_str())]),
        Block::fields([
            Field::new("db_pass".to_owned(), SECRET),
            Field::new(format!("tokens.{SECRET}"), "alice"),
            Field::new(url.clone(), 1_i64),
            Field::new("pin".to_owned(), 1234_i64),
            Field::new("command", Value::List(vec!["psql".into(), "--password".into(), SECRET.into()])),
        ]),
        Block::fields([Field::new("name", "DB_PASSWORD"), Field::new("value", SECRET)]),
        Block::table(["host", "token"], [vec!["a".into(), SECRET.into()]]),
        Block::table(
            ["variable", "value", "from"],
            [vec!["DB_PASSWORD".into(), SECRET.into(), "env".into()]],
        ),
        Block::table([said.as_str()], [vec![url.into()]]),
        Block::Trace(trace),
        serde_json::from_str(&unknown).unwrap(),
    ]);
    section.remarks = vec![said];
    section
}

#[track_caller]
fn check_section(mut section: Section) -> String {
    Secrets::default().section(&mut section);
    let text = Format::Text.render_section(&section);
    for shown in [&text, &Format::Json.render_section(&section)] {
        assert!(!shown.contains(SECRET), "{shown}");
    }
    text
}

#[test]
fn no_part_of_a_section_shows_a_secret() {
    let text = check_section(with_secrets_everywhere(Origin::Application));
    assert!(!text.contains("1234"), "{text}");
    assert!(
        text.contains("tokens.*** = ***") && text.contains("shop::serve") && text.contains(" env"),
        "{text}"
    );
    check_section(with_secrets_everywhere(Origin::Plugin));
}

#[test]
fn names_below_a_heading_of_a_secret_are_counted() {
    let fields = || Block::fields([Field::new(SECRET, "alice"), Field::new("b", "c")]);
    let section = |heading: &str| {
        Section::new("pool", "Pool", Origin::Application).with_blocks([Block::heading(1, heading), fields()])
    };
    assert!(check_section(section("api_tokens")).contains("*** = 2 hidden"));
    let mut open = section("Open tokens");
    Secrets::default().section(&mut open);
    assert_eq!(open, section("Open tokens"), "a heading of several words is no key");
}

#[test]
fn a_field_of_a_section_has_the_sections_name_in_its_path() {
    let secrets = Secrets::declared(vec!["pool.owner".into()]).showing(vec!["pool.token".into()]);
    let fields = [Field::new("owner", "me"), Field::new("token", "t"), Field::new("pass", "p")];
    let mut section = Section::new("pool", "Pool", Origin::Application).with_blocks([Block::fields(fields)]);
    secrets.section(&mut section);
    let expected =
        [Field::new("owner", Value::Redacted), Field::new("token", "t"), Field::new("pass", Value::Redacted)];
    assert_eq!(section.blocks, [Block::fields(expected)]);
}

#[test]
fn the_programs_own_names_are_shown_in_native_sections_and_looked_at_in_others() {
    let url = "fn(redis://:hunter2@h)";
    let mut trace = Trace::stack("1");
    trace.frames = vec![Frame::from(Call::of(url).at("a=1&token=hunter2", 1))];
    let section = |origin| Section::new("s", "S", origin).with_blocks([Block::Trace(trace.clone())]);
    for (origin, is_shown) in [(Origin::Native, true), (Origin::Plugin, false)] {
        let mut section = section(origin);
        Secrets::default().section(&mut section);
        assert_eq!(Format::Json.render_section(&section).contains("hunter2"), is_shown);
    }
}

#[test]
fn a_configuration_that_was_masked_by_its_paths_is_left_as_it_is() {
    let fields = || [Block::heading(1, "auth"), Block::fields([Field::new("password", "shown on purpose")])];
    let mut section = Section::native(NativeSection::Configuration).with_blocks(fields());
    section.failure = Some(format!("password={SECRET}"));
    Secrets::default().section(&mut section);
    assert_eq!(section.blocks, fields());
    assert_eq!(section.failure.as_deref(), Some("password=***"));
}

#[test]
fn what_repeats_is_masked_each_time_and_nothing_like_it_passes() {
    let row = |number: usize| {
        let place = Field::new(format!("at_{}", number % 3), format!("shop::pay_{number}"));
        let url = ["redis://cache", "redis://:hunter2@cache", "redis://:hunter3@cache"][number % 3];
        let fields = [place, Field::new("db_pass", "hunter2"), Field::new("url", url)];
        Block::fields(if number.is_multiple_of(2) { fields.to_vec() } else { fields[..2].to_vec() })
    };
    let mut section = Section::new("pool", "Pool", Origin::Application).with_blocks((0..2000).map(row));
    Secrets::default().section(&mut section);
    for (number, block) in section.blocks.iter().enumerate() {
        let Block::Fields { fields, .. } = block else { unreachable!() };
        assert_eq!(fields[0].value, Value::from(format!("shop::pay_{number}")));
        assert_eq!(fields[1].value, Value::Redacted);
        let url = if number.is_multiple_of(3) { "redis://cache" } else { "redis://:***@cache" };
        assert!(fields.get(2).is_none_or(|field| field.value == Value::from(url)), "{number}");
    }
}

#[test]
fn the_head_of_a_report_is_masked() {
    let trigger = Trigger::new(TriggerKind::File, format!("/run/redis://:{SECRET}@h"));
    let mut header = Header::new("shop", "2026-11-22T14:03:07Z".parse().unwrap(), trigger);
    Secrets::default().header(&mut header);
    assert_eq!(header.trigger.detail, format!("/run/redis://:{MASK}@h"));
    assert!(!Format::Text.render(&Report::new(header)).contains(SECRET));
}

//! Secrets, a kind a line: whatever form it has, the one that is planted must not leave the process.
//!
//! Every report that is read here is searched for it (`report.rs`); these lines bring it in by all ways.

use rustix::process::Signal;

use crate::line::{Line, Told};
use crate::report::{SECRET, around};
use crate::stage::Stage;

pub static LINES: &[Line] = &[
    Line {
        name: "secrets-by-key",
        source: "trouble 10",
        condition: "keys that say pass, token, key, jwt and the like, in all ways of writing",
        run: |stage| {
            let keys = [
                "db_pass",
                "smtp.pass",
                "APIToken",
                "CSRFToken",
                "authtoken",
                "accesstoken",
                "accesskey",
                "token2",
                "jwt",
                "bearer",
                "psk",
                "ssh_key",
                "fernet_key",
                "hmac",
                "signature",
                "sas",
                "otp_seed",
                "password.old",
                "adminPass",
            ];
            let options: Vec<String> = keys.iter().map(|key| format!("{key:?}: \"S3cr3tV4lue\"")).collect();
            hides(stage, &format!("{{{}}}", options.join(",")))
        },
    },
    Line {
        name: "secrets-as-names",
        source: "trouble 11",
        condition: "names below a secret's table are secrets",
        run: |stage| {
            hides(
                stage,
                r#"{"tokens": {"S3cr3tV4lue": "alice"}, "api_keys": {"S3cr3tV4lue": {"user": "bob"}}}"#,
            )
        },
    },
    Line {
        name: "secrets-in-urls",
        source: "trouble 8",
        condition: "passwords in URLs with #, ?, /, blanks, quotes, escapes",
        run: |stage| {
            hides(
                stage,
                r##"{"urls": ["postgres://app:2024#S3cr3tV4lue@db/shop", "postgres://app:12/S3cr3tV4lue@db",
                "redis://:9?S3cr3tV4lue@cache/0", "postgres://app:/S3cr3tV4lue@db", "postgres://app:a S3cr3tV4lue@db/shop",
                "postgres://app:a\"S3cr3tV4lue@db/shop", "postgres://app:a`S3cr3tV4lue@db/shop",
                "https%3A%2F%2Fu%3AS3cr3tV4lue%40h", "{\"url\":\"postgres:\\/\\/u:S3cr3tV4lue@h\"}",
                "https://S3cr3tV4lue@github.com/a/b.git"]}"##,
            )
        },
    },
    Line {
        name: "secrets-in-queries",
        source: "trouble 12",
        condition: "signatures and codes in the queries of URLs",
        run: |stage| {
            hides(
                stage,
                r#"{"urls": ["https://a.blob.core.windows.net/c?sv=1&sig=S3cr3tV4lue",
                "https://f.azurewebsites.net/api/x?code=S3cr3tV4lue", "https://h/?X-Amz-Signature=S3cr3tV4lue",
                "https://h/?access_token=S3cr3tV4lue&x=1"]}"#,
            )
        },
    },
    Line {
        name: "secrets-in-connection-strings",
        source: "trouble 9",
        condition: "passwords in connection strings of Go, ODBC, libpq, JDBC and Azure",
        run: |stage| {
            hides(
                stage,
                r#"{"strings": ["Server=db;Password=a S3cr3tV4lue;X=1", "Server=db;Password=a&S3cr3tV4lue;X=1",
                "Server=db;Password=\"a\"\"S3cr3tV4lue\";X=1", "Server = db; Password = S3cr3tV4lue",
                "host = db password = S3cr3tV4lue", "password='it\\'s S3cr3tV4lue' user=u",
                "root:S3cr3tV4lue@tcp(127.0.0.1:3306)/shop", "guest:S3cr3tV4lue@mq:5672",
                "jdbc:oracle:thin:scott/S3cr3tV4lue@//h:1521/svc",
                "BlobEndpoint=https://a/;SharedAccessSignature=sv=1&sig=S3cr3tV4lue"]}"#,
            )
        },
    },
    Line {
        name: "secrets-in-texts",
        source: "trouble 12",
        condition: "JSON, YAML, headers and SQL in texts",
        run: |stage| {
            hides(
                stage,
                r#"{"texts": ["{\"password\":\"S3cr3tV4lue\",\"a\":1}", "user: a\npassword: S3cr3tV4lue\n",
                "Authorization: Bearer S3cr3tV4lue", "authorization=Bearer S3cr3tV4lue", "Bearer S3cr3tV4lue",
                "ALTER ROLE a PASSWORD 'S3cr3tV4lue'"]}"#,
            )
        },
    },
    Line {
        name: "secrets-in-pairs",
        source: "trouble 12",
        condition: "pairs of names and values, and lists of arguments",
        run: |stage| {
            hides(
                stage,
                r#"{"env": [{"name": "DB_PASSWORD", "value": "S3cr3tV4lue"}], "header": ["Authorization", "Bearer S3cr3tV4lue"],
                "command": ["psql", "--password", "S3cr3tV4lue"], "line": "curl -u admin:S3cr3tV4lue https://h"}"#,
            )
        },
    },
    Line {
        name: "private-keys",
        source: "trouble 13",
        condition: "keys of PGP and SSH, and a key as a list of lines",
        run: |stage| {
            hides(
                stage,
                r#"{"keys": ["-----BEGIN PGP PRIVATE KEY BLOCK-----\n\nS3cr3tV4lue\n-----END PGP PRIVATE KEY BLOCK-----",
                "---- BEGIN SSH2 ENCRYPTED PRIVATE KEY ----\nS3cr3tV4lue\n---- END SSH2 ENCRYPTED PRIVATE KEY ----"],
                "lines": ["-----BEGIN PRIVATE KEY-----", "S3cr3tV4lue", "-----END PRIVATE KEY-----"]}"#,
            )
        },
    },
    Line {
        name: "tokens-by-their-shape",
        source: "secrets.txt",
        condition: "tokens of known shapes under keys that say nothing",
        run: |stage| {
            hides(
                stage,
                r#"{"a": "ghp_S3cr3tV4lue0123456789012345678901234", "b": "AKIAIOSFODNN7EXAMPLE:S3cr3tV4lue",
                "c": "h:5432:db:u:S3cr3tV4lue", "d": "xoxb-123456789012-S3cr3tV4lue0123456789"}"#,
            )
        },
    },
    Line {
        name: "secrets-in-own-sections",
        source: "review 1",
        condition: "secrets in the texts, fields and tables of the application's own section",
        run: |stage| {
            let subject = stage.launch().order("contents:secret-texts").start();
            let seen = subject.report();
            assert_eq!(seen.failure("pool"), "", "the section is lost");
            let report = seen.whole();
            subject.finish(format!("{report}; the section without them"))
        },
    },
    Line {
        name: "secrets-in-names-of-tasks",
        source: "trouble 34",
        condition: "a task is called by a request's line with a password and a URL",
        run: |stage| {
            let mut subject = stage.launch().start();
            subject.ask(&format!("track GET /login?password={SECRET} postgres://u:{SECRET}@h"));
            let seen = subject.report();
            let report = seen.whole();
            seen.says(&["GET /login"]);
            subject.finish(format!("{report}; the task's name without them"))
        },
    },
    Line {
        name: "secrets-in-names-of-threads",
        source: "trouble 34",
        condition: "a thread's name holds a secret",
        run: |stage| {
            let mut subject = stage.launch().start();
            subject.ask(&format!("name-thread pw={SECRET}"));
            let report = subject.report().whole();
            subject.finish(report)
        },
    },
    Line {
        name: "secrets-in-text-reports",
        source: "issue",
        condition: "a report for people of a configuration with secrets",
        run: |stage| {
            let subject = stage.launch().set("GMR_FORMAT", "text").start();
            subject.signal(Signal::USR2);
            subject.wait_for_error("end of the report");
            let errors = subject.all_errors();
            assert!(!errors.contains(SECRET), "the secret is shown: {}", around(&errors, SECRET));
            assert!(errors.contains("listen = 0.0.0.0:80"), "the configuration is missing");
            subject.finish("all but them")
        },
    },
];

/// The program's report with this configuration, in which the secret stands.
fn hides(stage: &Stage, configuration: &str) -> Told {
    assert!(configuration.contains(SECRET), "nothing is planted");
    let subject = stage.launch().set("SUBJECT_CONFIGURATION", configuration).start();
    let seen = subject.report();
    assert_eq!(seen.failure("configuration"), "", "the section is lost");
    assert!(!seen.section("configuration").blocks.is_empty(), "the section is empty");
    seen.chains();
    subject.finish("the configuration without them")
}

//! Values, settings and texts that no format expects.

use rustix::process::Signal;

use crate::line::{Line, Told};
use crate::report::{SECRET, Stacks, around};
use crate::stage::Stage;

/// What a settings file may begin with so that the line with the secret is wrong, or stands by what is wrong.
const BROKEN: [&str; 4] = [
    "[gmr]\ndeadline = 5\n[db]\npassword = S3cr3tV4lue\n",
    "[gmr]\ndeadline = 5\n[db]\npassword = \"S3cr3tV4lue\n",
    "[gmr]\ndeadline = true\n[db]\npassword = \"S3cr3tV4lue\"\n",
    "[db]\npassword = \"S3cr3tV4lue\"\npassword = \"S3cr3tV4lue\"\n[gmr]\n",
];

pub static LINES: &[Line] = &[
    Line {
        name: "values-that-json-cannot-hold",
        source: "trouble 14",
        condition: "the configuration holds a map by pairs, a path that is no UTF-8, u128::MAX, a time before 1970, NaN",
        run: |stage| {
            let subject = stage.launch().order("contents:odd").start();
            let seen = subject.report();
            let report = seen.whole();
            let last = seen.option("last");
            assert_eq!(last, Some("is here".into()), "the options after the odd ones are missing");
            subject.finish(format!("{report}; each odd value alone has a reason"))
        },
    },
    Line {
        name: "settings-with-a-mistake",
        source: "trouble 15",
        condition: "the settings file has a mistake in a line with a secret, or beside one",
        run: |stage| {
            let mut said = String::new();
            for text in BROKEN {
                let settings = stage.file("settings.toml", text);
                let (mut command, _) = stage.launch().set("SUBJECT_SETTINGS", &settings).command();
                let output = command.output().expect("it starts");
                let text = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
                assert!(text.starts_with("refused "), "it is not refused: {text}");
                assert!(!text.contains(SECRET), "the secret is shown: {}", around(&text, SECRET));
                said = text.lines().next().unwrap_or_default().to_owned();
            }
            Told {
                report: "none: install refuses the file".to_owned(),
                application: format!("told, e.g. {said:.60}"),
            }
        },
    },
    Line {
        name: "section-with-escapes",
        source: "oslo",
        condition: "a section holds escape sequences and a forged banner",
        run: |stage| {
            let launch = stage.launch().order("contents:escapes").set("GMR_FORMAT", "text");
            let subject = launch.start();
            subject.signal(Signal::USR2);
            subject.wait_for_error("====");
            subject.rests();
            let errors = subject.all_errors();
            assert!(!errors.contains('\u{1b}'), "the escape is printed");
            let banner = format!("===={:^64}====", "Package");
            assert_eq!(
                errors.lines().filter(|line| **line == *banner).count(),
                1,
                "the forged banner passes"
            );
            subject.finish("escaped, one banner of that title")
        },
    },
    Line {
        name: "deeply-nested-configuration",
        source: "issue",
        condition: "the configuration is nested a hundred times",
        run: |stage| {
            let nested = format!("{}1{}", "{\"a\":".repeat(100), "}".repeat(100));
            configured(stage, &format!("{{\"listen\":\"0.0.0.0:80\",\"deep\":{nested}}}"))
        },
    },
    Line {
        name: "huge-configuration",
        source: "issue",
        condition: "the configuration has four thousand options",
        run: |stage| {
            let options: Vec<String> = (0..4000).map(|number| format!("\"o{number}\":{number}")).collect();
            configured(stage, &format!("{{\"listen\":\"0.0.0.0:80\",{}}}", options.join(",")))
        },
    },
    Line {
        name: "no-configuration",
        source: "oslo",
        condition: "the configuration is nothing",
        run: |stage| {
            let subject = stage.launch().set("SUBJECT_CONFIGURATION", "null").start();
            let seen = subject.report();
            let report = format!("{}, {}", seen.threads(Stacks::Named), seen.chains());
            subject.finish(report)
        },
    },
];

fn configured(stage: &Stage, json: &str) -> Told {
    let subject = stage.launch().set("SUBJECT_CONFIGURATION", json).start();
    let report = subject.report().whole();
    subject.finish(report)
}

//! Names of report files: `shop_gurumeditation_20261122T140307Z_8675_1.txt`.

use jiff::Timestamp;
use jiff::tz::TimeZone;

/// The word between the service's name and the time, as oslo.reports has it.
pub(crate) const WORD: &str = "gurumeditation";
/// What a file that is not whole yet is called.
const UNFINISHED: &str = ".gurumeditation-";
/// `20261122T140307Z`.
const MOMENT: usize = 16;

/// A name that no other process chooses, for a file that is not whole yet.
pub(super) fn unfinished(random: u64) -> String {
    format!("{UNFINISHED}{random:016x}.part")
}

/// The name of this process's report of that number.
pub(super) fn of(service: &str, time: Timestamp, number: u32, extension: &str) -> String {
    let moment = time.to_zoned(TimeZone::UTC).strftime("%Y%m%dT%H%M%SZ");
    let process = std::process::id();
    format!("{service}_{WORD}_{moment}_{process}_{number}.{extension}")
}

/// A service's name without what a file name should not have.
pub(crate) fn file_stem(service: &str) -> String {
    let plain = |c: char| if c.is_alphanumeric() || "-.".contains(c) { c } else { '-' };
    let stem: String = service.chars().map(plain).collect();
    stem.trim_start_matches('.').to_owned()
}

/// The time and the number in a report's name; `None` for names that are not this service's reports.
pub(super) fn age<'n>(service: &str, name: &'n str) -> Option<(&'n str, u32)> {
    let rest = name.strip_prefix(service)?.strip_prefix('_')?.strip_prefix(WORD)?.strip_prefix('_')?;
    let (rest, _extension) = rest.split_once('.')?;
    let mut parts = rest.split('_');
    let (moment, process, number) = (parts.next()?, parts.next()?, parts.next()?);
    process.parse::<u32>().ok()?;
    (is_moment(moment) && parts.next().is_none()).then_some((moment, number.parse().ok()?))
}

/// Whether this is the name of a report of any service, whole or not.
pub(crate) fn is_report_file(name: &str) -> bool {
    let has_moment = |(at, word): (usize, &str)| {
        let behind = name[at + word.len()..].strip_prefix('_').and_then(|behind| behind.get(..MOMENT));
        name[..at].ends_with('_') && behind.is_some_and(is_moment)
    };
    name.starts_with(UNFINISHED) || name.match_indices(WORD).any(has_moment)
}

fn is_moment(text: &str) -> bool {
    let fits = |(place, byte): (usize, u8)| match place {
        8 => byte == b'T',
        15 => byte == b'Z',
        _ => byte.is_ascii_digit(),
    };
    text.len() == MOMENT && text.bytes().enumerate().all(fits)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_tells_its_age_to_its_own_service_alone() {
        let time: Timestamp = "2026-11-22T14:03:07.412Z".parse().unwrap();
        let name = of("shop", time, 7, "txt");
        assert_eq!(name, format!("shop_gurumeditation_20261122T140307Z_{}_7.txt", std::process::id()));
        assert_eq!(age("shop", &name), Some(("20261122T140307Z", 7)));
        for other in ["sho", "shops", "s", ""] {
            assert_eq!(age(other, &name), None, "{other}");
        }
        for no_report in [
            "shop_gurumeditation_notes.txt",
            "shop_gurumeditation_20261122T140307Z_1_x.txt",
            "shop_gurumeditation_20261122T140307Z_1_2_3.txt",
            "shop_gurumeditation_20261122-140307Z_1_2.txt",
        ] {
            assert_eq!(age("shop", no_report), None, "{no_report}");
        }
    }

    #[test]
    fn reports_of_every_service_are_known_whole_or_not() {
        for report in [
            of("a b", Timestamp::UNIX_EPOCH, 1, "json"),
            of("odd_gurumeditation_x", Timestamp::UNIX_EPOCH, 1, "txt"),
            unfinished(17),
        ] {
            assert!(is_report_file(&report), "{report}");
        }
        for other in
            ["go", "shop_gurumeditation_", "shop_gurumeditation_notes", "_gurumeditation_20261122T14030é"]
        {
            assert!(!is_report_file(other), "{other}");
        }
    }
}

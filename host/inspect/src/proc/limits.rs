//! `/proc/PID/limits`: resource limits by name.

/// One resource limit.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Line {
    /// As the kernel calls it, without its "Max".
    pub name: String,
    /// Empty if there is none.
    pub unit: String,
    /// `None` is unlimited.
    pub soft: Option<u64>,
    /// `None` is unlimited.
    pub hard: Option<u64>,
}

/// The limits of the file, without those whose line is odd.
pub(crate) fn parse(text: &[u8]) -> Vec<Line> {
    String::from_utf8_lossy(text).lines().filter_map(line).collect()
}

/// `Max open files            20000                20000                files     `: the name has spaces, and
/// the unit may be missing.
fn line(line: &str) -> Option<Line> {
    let mut words: Vec<&str> = line.strip_prefix("Max ")?.split_whitespace().collect();
    let is_number = |word: &str| word == "unlimited" || word.parse::<u64>().is_ok();
    let unit = words.pop_if(|word| !is_number(word)).unwrap_or_default();
    let (hard, soft) =
        (words.pop().filter(|word| is_number(word))?, words.pop().filter(|word| is_number(word))?);
    Some(Line {
        name: words.join(" "),
        unit: if unit == "us" { "microseconds".to_owned() } else { unit.to_owned() },
        soft: soft.parse().ok(),
        hard: hard.parse().ok(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_read_with_and_without_a_unit() {
        let text = b"\
Limit                     Soft Limit           Hard Limit           Units     
Max locked memory         8388608              unlimited            bytes     
Max nonsense
Max nice priority         0                    5                    
Max realtime timeout      unlimited            unlimited            us        
";
        let limit =
            |name: &str, unit: &str, soft, hard| Line { name: name.into(), unit: unit.into(), soft, hard };
        assert_eq!(
            parse(text),
            [
                limit("locked memory", "bytes", Some(8_388_608), None),
                limit("nice priority", "", Some(0), Some(5)),
                limit("realtime timeout", "microseconds", None, None),
            ]
        );
    }
}

//! Spellings of a name that a reader takes for the same: other case, other separators, characters that cannot be seen,
//! and letters that look alike.

/// What is left of a name when everything is gone that a reader may overlook: case, separators, characters that are not
/// seen, and which of several letters of one look stands there. Two names with the same skeleton pass for each other.
///
/// Letters of one look are those of the Latin, Greek and Cyrillic alphabets, the fullwidth and the mathematical ones, after
/// Unicode's [confusables](https://www.unicode.org/Public/security/latest/confusables.txt); marks on letters do not count.
/// It is for comparison only and no text to show: what it does not know it leaves as it is.
///
/// ```
/// use gmr_report::skeleton;
///
/// assert_eq!(skeleton(" THREADS\u{200b}"), skeleton("threads"));
/// assert_eq!(skeleton("Green-Threads"), skeleton("green_threads"));
/// assert_ne!(skeleton("threads"), skeleton("thread pools"));
/// ```
pub fn skeleton(name: &str) -> String {
    let lower = name.chars().map(plain).flat_map(char::to_lowercase);
    let seen = lower.map(latin).filter(|c| c.is_alphanumeric() && !HANGUL_FILLERS.contains(c));
    seen.fold(String::new(), |mut skeleton, letter| {
        match letter {
            // Upright strokes.
            'l' | '1' => skeleton.push('i'),
            '0' => skeleton.push('o'),
            'm' => skeleton.push_str("rn"),
            'w' => skeleton.push_str("vv"),
            letter => skeleton.push(letter),
        }
        skeleton
    })
}

/// Letters, by Unicode, of which nothing is seen.
const HANGUL_FILLERS: [char; 4] = ['\u{115f}', '\u{1160}', '\u{3164}', '\u{ffa0}'];

/// The ordinary character for one that is only another form of it.
fn plain(c: char) -> char {
    let ascii = |offset: u32| char::from_u32(offset).unwrap_or(c);
    match u32::from(c) {
        fullwidth @ 0xff01..=0xff5e => ascii(fullwidth - 0xff01 + u32::from('!')),
        // Thirteen styles of 52 letters, then five of ten digits.
        letter @ 0x1d400..=0x1d6a3 => match (letter - 0x1d400) % 52 {
            capital @ 0..26 => ascii(capital + u32::from('A')),
            small => ascii(small - 26 + u32::from('a')),
        },
        digit @ 0x1d7ce..=0x1d7ff => ascii((digit - 0x1d7ce) % 10 + u32::from('0')),
        _ => c,
    }
}

/// The Latin letter that looks like this small letter, or like its capital.
fn latin(c: char) -> char {
    match c {
        'а' | 'α' | 'à'..='å' | 'ā' | 'ă' | 'ą' => 'a',
        'в' | 'β' => 'b',
        'с' | 'ϲ' | 'ç' | 'ć' | 'ĉ' | 'ċ' | 'č' => 'c',
        'ԁ' | 'ď' | 'đ' => 'd',
        'е' | 'ё' | 'ε' | 'è'..='ë' | 'ē' | 'ĕ' | 'ė' | 'ę' | 'ě' => 'e',
        'ɡ' | 'ĝ' | 'ğ' | 'ġ' | 'ģ' => 'g',
        'н' | 'һ' | 'η' | 'ĥ' | 'ħ' => 'h',
        'і' | 'ї' | 'ι' | 'ӏ' | 'ì'..='ï' | 'ĩ' | 'ī' | 'ĭ' | 'į' | 'ı' | 'ł' | 'ĺ' | 'ļ' | 'ľ' | 'ŀ' => {
            'i'
        }
        'ј' | 'ϳ' | 'ĵ' => 'j',
        'к' | 'κ' | 'ķ' => 'k',
        'м' | 'μ' => 'm',
        'ո' | 'ñ' | 'ń' | 'ņ' | 'ň' => 'n',
        'о' | 'ο' | 'σ' | 'ò'..='ö' | 'ø' | 'ō' | 'ŏ' | 'ő' => 'o',
        'р' | 'ρ' => 'p',
        'ԛ' => 'q',
        'г' | 'ŕ' | 'ŗ' | 'ř' => 'r',
        'ѕ' | 'ś' | 'ŝ' | 'ş' | 'š' | 'ș' => 's',
        'т' | 'τ' | 'ţ' | 'ť' | 'ŧ' | 'ț' => 't',
        'υ' | 'ù'..='ü' | 'ũ' | 'ū' | 'ŭ' | 'ů' | 'ű' | 'ų' => 'u',
        'ν' | 'ѵ' => 'v',
        'ԝ' | 'ŵ' => 'w',
        'х' | 'χ' => 'x',
        'у' | 'ү' | 'γ' | 'ý' | 'ÿ' | 'ŷ' => 'y',
        'ζ' | 'ź' | 'ż' | 'ž' => 'z',
        c => c,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_reader_takes_for_the_same_has_the_same_skeleton() {
        for spelling in [
            "Threads",
            "THREADS",
            " threads ",
            "thr\u{200b}ea\u{ad}ds",
            "thr\u{feff}eads\u{e0041}",
            "threads\u{3164}\u{2800}",
            "Тhreads",
            "thr\u{435}\u{430}ds",
            "Ｔｈｒｅａｄｓ",
            "\u{1d413}\u{1d421}\u{1d42b}\u{1d41e}\u{1d41a}\u{1d41d}\u{1d42c}",
            "Thrëads",
            "Thre\u{301}ads",
            "T-h_r e.a:d/s",
        ] {
            assert_eq!(skeleton(spelling), "threads", "{spelling:?}");
        }
        assert_eq!(skeleton("PIug1ns"), skeleton("Plugins"));
        assert_eq!(skeleton("C0nfiguration"), skeleton("configuration"));
        assert_eq!(skeleton("green_threads"), skeleton("Green Threads"));
        assert_eq!(skeleton("\u{200b}\u{2060} "), "");
    }

    #[test]
    fn other_names_stay_other() {
        let names = ["threads", "thread", "tasks", "limits", "descriptors", "Größe", "プラグイン", "потоки"];
        let skeletons: std::collections::BTreeSet<String> = names.iter().map(|name| skeleton(name)).collect();
        assert_eq!(skeletons.len(), names.len());
    }
}

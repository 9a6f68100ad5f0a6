//! The nearest of several words, for whoever misspelt one.

/// How alike two words must be, from 0 to 1, to be taken for a misspelling.
const LIKENESS_MIN: f64 = 0.7;

/// The candidate most like `word`, if one is like it at all.
pub fn nearest<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    candidates
        .into_iter()
        .map(|candidate| (strsim::jaro_winkler(word, candidate), candidate))
        .filter(|(likeness, _)| *likeness > LIKENESS_MIN)
        .max_by(|(one, _), (other, _)| one.total_cmp(other))
        .map(|(_, candidate)| candidate)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_misspelling_finds_its_word_and_nonsense_finds_none() {
        let words = ["fuel", "memory", "timeout"];
        assert_eq!(nearest("fuell", words), Some("fuel"));
        assert_eq!(nearest("tiemout", words), Some("timeout"));
        assert_eq!(nearest("zzz", words), None);
    }
}

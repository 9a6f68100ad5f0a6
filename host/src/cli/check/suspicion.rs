//! What looks like a secret where none belongs: by its name, or by what it is. It only makes `check` warn, so it may
//! miss one; what it says too often is not read.

/// Words that name a secret, alone or at the end of a word (`hftoken`).
const WORDS: &[&str] = &[
    "apikey",
    "credential",
    "passphrase",
    "passwd",
    "password",
    "secret",
    "token",
];

/// What a key is of that is kept secret.
const KEYS_OF: &[&str] = &["access", "api", "private", "secret"];

/// What stands before the tokens of a language model.
const BEFORE_TOKEN: &[&str] = &["bos", "eos", "max", "min", "num", "pad", "stop"];

/// What stands after them.
const AFTER_TOKEN: &[&str] = &["budget", "count", "length", "limit", "type"];

/// What every token of the Hub begins with, and that of an app's user goes on with.
const HUB_TOKEN: (&str, &str) = ("hf_", "oauth_");

/// The fewest letters and digits behind that.
const HUB_TOKEN_MIN: usize = 20;

/// Whether a name is one that people give to secrets.
pub(super) fn is_name_of_secret(name: &str) -> bool {
    let words = words(name);
    let at = |at: usize| words.get(at).map_or("", String::as_str);
    (0..words.len()).any(|n| {
        let before = n.checked_sub(1).map_or("", at);
        let (word, after) = (at(n), at(n + 1));
        if word == "key" {
            return KEYS_OF.contains(&before);
        }
        let of_model =
            word == "token" && (BEFORE_TOKEN.contains(&before) || AFTER_TOKEN.contains(&after));
        // More than one token are what a model counts in.
        let one = word.strip_suffix('s').filter(|one| !one.ends_with("token"));
        let named = |text: &str| WORDS.iter().any(|known| text.ends_with(known));
        !of_model && (named(word) || one.is_some_and(named))
    })
}

/// Whether a text has a token of the Hub in it.
pub(super) fn has_hub_token(text: &str) -> bool {
    let (begin, app) = HUB_TOKEN;
    text.match_indices(begin).any(|(at, _)| {
        let (before, rest) = text.split_at(at);
        let rest = rest.strip_prefix(begin).unwrap_or(rest);
        let rest = rest.strip_prefix(app).unwrap_or(rest);
        let digits = rest
            .bytes()
            .take_while(u8::is_ascii_alphanumeric)
            .take(HUB_TOKEN_MIN);
        !before.ends_with(|c: char| c.is_ascii_alphanumeric()) && digits.count() == HUB_TOKEN_MIN
    })
}

/// The words of a name in lower case, however they are set apart: `api-key`, `API_KEY`, `apiKey`.
fn words(name: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut was_lower = false;
    for c in name.chars() {
        let begins = c.is_uppercase() && was_lower;
        if begins || !c.is_alphanumeric() {
            words.push(String::new());
        }
        if let Some(word) = words.last_mut().filter(|_| c.is_alphanumeric()) {
            word.extend(c.to_lowercase());
        }
        was_lower = c.is_lowercase() || c.is_numeric();
    }
    words.retain(|word| !word.is_empty());
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_secrets_are_known_however_they_are_written() {
        for name in [
            "token",
            "hf_token",
            "HFTOKEN",
            "accessToken",
            "api-key",
            "apikey",
            "API_KEY",
            "apiKey",
            "OPENAI_APIKEY",
            "private key",
            "password",
            "db.passwd",
            "client_secret",
            "secrets",
            "credentials",
            "token_2",
        ] {
            assert!(is_name_of_secret(name), "{name}");
        }
        for name in [
            "max_tokens",
            "maxTokens",
            "max-token",
            "tokens",
            "token_limit",
            "eos_token",
            "tokenizer",
            "model",
            "key",
            "primary_key",
            "keyboard",
            "secretary",
            "",
        ] {
            assert!(!is_name_of_secret(name), "{name}");
        }
    }

    #[test]
    fn tokens_of_the_hub_are_known_by_how_they_begin() {
        let token = format!("hf_{}", "aB3".repeat(11));
        for text in [
            token.clone(),
            format!("Bearer {token}"),
            format!("https://me:{token}@huggingface.co"),
            format!("hf_oauth_{}", "a".repeat(20)),
        ] {
            assert!(has_hub_token(&text), "{text}");
        }
        for text in [
            "",
            "hf_",
            "hf_transfer",
            "hf_enable_parallel_loading_of_all",
            &token[1..],
        ] {
            assert!(!has_hub_token(text), "{text}");
        }
        assert!(!has_hub_token(&format!("x{token}")));
    }
}

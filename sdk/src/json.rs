//! Reads JSON straight into the places for it, and nothing else of it.
//!
//! A general JSON library would put its number parser, its tree and its maps into every plugin: three times the code
//! for the same few fields. This one reads the text once, without a tree in between, and by one function for all
//! types. It accepts what JSON allows, and one thing more: half a surrogate pair, which JavaScript writes when it cuts
//! a text, becomes the replacement character. Tests compare it with `serde_json`.

use std::borrow::Cow;
use std::fmt;

/// Levels of lists and objects. The Hub sends four.
const DEPTH_MAX: u32 = 128;

/// A place for a value. Each function says whether the place takes JSON of that type; by default it does not.
pub trait Slot {
    fn text(&mut self, _: &str) -> bool {
        false
    }

    fn boolean(&mut self, _: bool) -> bool {
        false
    }

    /// A whole number from zero.
    fn number(&mut self, _: u64) -> bool {
        false
    }

    /// Starts a list. Its items follow through [`Slot::item`].
    fn list(&mut self) -> bool {
        false
    }

    /// The place for the next item.
    fn item(&mut self) -> Option<&mut dyn Slot> {
        None
    }

    /// Takes the last item back: it had a type that its place does not take.
    fn drop_item(&mut self) {}

    /// Starts an object. Its fields follow through [`Slot::field`].
    fn object(&mut self) -> bool {
        false
    }

    /// The place for a field, if it is wanted.
    fn field(&mut self, _: &str) -> Option<&mut dyn Slot> {
        None
    }

    /// The place for a field's JSON as text, if that is wanted rather than the value.
    fn field_as_json(&mut self, _: &str) -> Option<&mut String> {
        None
    }
}

/// Why a text is no JSON, and where.
#[derive(Debug, PartialEq, Eq)]
pub struct Fault {
    what: &'static str,
    at: usize,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} at byte {}", self.what, self.at)
    }
}

/// Reads JSON into a place, and says whether the place took it.
///
/// # Errors
/// If the bytes are not one JSON value, or are nested deeper than [`DEPTH_MAX`].
pub fn read(bytes: &[u8], slot: &mut dyn Slot) -> Result<bool, Fault> {
    let text = match str::from_utf8(bytes) {
        Ok(text) => text,
        Err(error) => {
            return Err(Fault {
                what: "there is no UTF-8",
                at: error.valid_up_to(),
            });
        }
    };
    let mut reader = Reader {
        text,
        at: 0,
        depth: 0,
    };
    let is_taken = reader.value(Some(slot))?;
    match reader.next() {
        None => Ok(is_taken),
        Some(_) => Err(reader.fault("something follows the end")),
    }
}

/// A text as JSON.
pub fn quoted(text: &str) -> String {
    let mut json = String::with_capacity(text.len() + 2);
    json.push('"');
    for c in text.chars() {
        match c {
            '"' | '\\' => json.extend(['\\', c]),
            '\0'..='\x1f' => json.push_str(&format!("\\u{:04x}", u32::from(c))),
            _ => json.push(c),
        }
    }
    json.push('"');
    json
}

struct Reader<'a> {
    text: &'a str,
    at: usize,
    depth: u32,
}

impl<'a> Reader<'a> {
    fn fault(&self, what: &'static str) -> Fault {
        Fault { what, at: self.at }
    }

    fn rest(&self) -> &'a [u8] {
        self.text.as_bytes().get(self.at..).unwrap_or_default()
    }

    fn slice(&self, from: usize) -> &'a str {
        self.text.get(from..self.at).unwrap_or_default()
    }

    /// The next byte that is no white space, which it steps up to.
    fn next(&mut self) -> Option<u8> {
        let rest = self.rest();
        let blank = rest
            .iter()
            .position(|byte| !matches!(byte, b' ' | b'\t' | b'\n' | b'\r'))?;
        self.at += blank;
        rest.get(blank).copied()
    }

    /// Steps over the next byte that is no white space if it is this one.
    fn eat(&mut self, byte: u8) -> bool {
        let is_next = self.next() == Some(byte);
        self.at += usize::from(is_next);
        is_next
    }

    fn expect(&mut self, byte: u8, what: &'static str) -> Result<(), Fault> {
        if self.eat(byte) {
            Ok(())
        } else {
            Err(self.fault(what))
        }
    }

    /// Reads one value, into the place if there is one, and says whether that took it.
    fn value(&mut self, slot: Option<&mut dyn Slot>) -> Result<bool, Fault> {
        match self.next() {
            Some(b'"') => {
                let text = self.string()?;
                Ok(slot.is_some_and(|slot| slot.text(&text)))
            }
            Some(b'{') => self.nested(|reader| reader.object(slot)),
            Some(b'[') => self.nested(|reader| reader.list(slot)),
            Some(b'-' | b'0'..=b'9') => {
                let number = self.number()?;
                Ok(number.is_some_and(|number| slot.is_some_and(|slot| slot.number(number))))
            }
            Some(b't') => self
                .word("true")
                .map(|()| slot.is_some_and(|slot| slot.boolean(true))),
            Some(b'f') => self
                .word("false")
                .map(|()| slot.is_some_and(|slot| slot.boolean(false))),
            Some(b'n') => self.word("null").map(|()| false),
            Some(_) => Err(self.fault("there is no value")),
            None => Err(self.end()),
        }
    }

    fn end(&mut self) -> Fault {
        self.at = self.text.len();
        self.fault("the text ends early")
    }

    fn nested(
        &mut self,
        read: impl FnOnce(&mut Self) -> Result<bool, Fault>,
    ) -> Result<bool, Fault> {
        if self.depth == DEPTH_MAX {
            return Err(self.fault("it is nested deeper than 128 levels"));
        }
        self.at += 1;
        self.depth += 1;
        let is_taken = read(self)?;
        self.depth -= 1;
        Ok(is_taken)
    }

    fn object(&mut self, slot: Option<&mut dyn Slot>) -> Result<bool, Fault> {
        let mut slot = slot.and_then(|slot| if slot.object() { Some(slot) } else { None });
        if self.eat(b'}') {
            return Ok(slot.is_some());
        }
        loop {
            if self.next() != Some(b'"') {
                return Err(self.fault("there is no key"));
            }
            let key = self.string()?;
            self.expect(b':', "a colon is missing")?;
            match &mut slot {
                Some(slot) => self.field(&key, &mut **slot)?,
                None => {
                    self.value(None)?;
                }
            }
            if self.eat(b'}') {
                return Ok(slot.is_some());
            }
            self.expect(b',', "a comma or a closing brace is missing")?;
        }
    }

    fn field(&mut self, key: &str, slot: &mut dyn Slot) -> Result<(), Fault> {
        if let Some(json) = slot.field_as_json(key) {
            self.next();
            let from = self.at;
            self.value(None)?;
            self.slice(from).clone_into(json);
        } else {
            let place = slot.field(key);
            self.value(place)?;
        }
        Ok(())
    }

    fn list(&mut self, slot: Option<&mut dyn Slot>) -> Result<bool, Fault> {
        let mut slot = slot.and_then(|slot| if slot.list() { Some(slot) } else { None });
        if self.eat(b']') {
            return Ok(slot.is_some());
        }
        loop {
            match &mut slot {
                Some(slot) => {
                    if !self.value(slot.item())? {
                        slot.drop_item();
                    }
                }
                None => {
                    self.value(None)?;
                }
            }
            if self.eat(b']') {
                return Ok(slot.is_some());
            }
            self.expect(b',', "a comma or a closing bracket is missing")?;
        }
    }

    fn word(&mut self, word: &str) -> Result<(), Fault> {
        if !self.rest().starts_with(word.as_bytes()) {
            return Err(self.fault("there is no value"));
        }
        self.at += word.len();
        Ok(())
    }

    /// A number, if it is whole, not negative and within 64 bits.
    fn number(&mut self) -> Result<Option<u64>, Fault> {
        let from = self.at;
        let is_negative = self.step(b'-');
        if !self.step(b'0') {
            self.digits()?;
        }
        let is_fraction = self.step(b'.');
        if is_fraction {
            self.digits()?;
        }
        let is_scaled = self.step(b'e') || self.step(b'E');
        if is_scaled {
            let _ = self.step(b'+') || self.step(b'-');
            self.digits()?;
        }
        let is_whole = !is_negative && !is_fraction && !is_scaled;
        Ok(if is_whole {
            self.slice(from).parse().ok()
        } else {
            None
        })
    }

    /// Steps over this byte if it is the very next.
    fn step(&mut self, byte: u8) -> bool {
        let is_next = self.rest().first() == Some(&byte);
        self.at += usize::from(is_next);
        is_next
    }

    fn digits(&mut self) -> Result<(), Fault> {
        let count = self
            .rest()
            .iter()
            .take_while(|byte| byte.is_ascii_digit())
            .count();
        self.at += count;
        if count == 0 {
            Err(self.fault("a digit is missing"))
        } else {
            Ok(())
        }
    }

    /// A string, borrowed unless it has escapes.
    fn string(&mut self) -> Result<Cow<'a, str>, Fault> {
        self.at += 1;
        let first = self.plain()?;
        if self.step(b'"') {
            return Ok(Cow::Borrowed(first));
        }
        let mut text = first.to_owned();
        while !self.step(b'"') {
            text.push(self.escape()?);
            text.push_str(self.plain()?);
        }
        Ok(Cow::Owned(text))
    }

    /// The part of a string up to its end or an escape.
    fn plain(&mut self) -> Result<&'a str, Fault> {
        let from = self.at;
        let is_special = |byte: &u8| matches!(byte, b'"' | b'\\' | 0..=0x1f);
        let Some(length) = self.rest().iter().position(is_special) else {
            return Err(self.end());
        };
        self.at += length;
        match self.rest().first() {
            Some(b'"' | b'\\') => Ok(self.slice(from)),
            _ => Err(self.fault("a control character stands in a string")),
        }
    }

    /// An escape, from its backslash.
    fn escape(&mut self) -> Result<char, Fault> {
        let Some(letter) = self.rest().get(1) else {
            return Err(self.end());
        };
        let c = match letter {
            b'"' | b'\\' | b'/' => char::from(*letter),
            b'b' => '\x08',
            b'f' => '\x0c',
            b'n' => '\n',
            b'r' => '\r',
            b't' => '\t',
            b'u' => return self.unicode(),
            _ => return Err(self.fault("there is no such escape")),
        };
        self.at += 2;
        Ok(c)
    }

    /// One `\uXXXX`, or two that make a pair.
    fn unicode(&mut self) -> Result<char, Fault> {
        let high = self.hex()?;
        if !matches!(high, 0xd800..0xdc00) || !self.rest().starts_with(b"\\u") {
            return Ok(char::from_u32(high).unwrap_or(char::REPLACEMENT_CHARACTER));
        }
        let before = self.at;
        let low = self.hex()?;
        if let 0xdc00..0xe000 = low {
            let pair = 0x10000 + ((high - 0xd800) << 10) + (low - 0xdc00);
            return Ok(char::from_u32(pair).unwrap_or(char::REPLACEMENT_CHARACTER));
        }
        // The second one is no second half: it stands for itself.
        self.at = before;
        Ok(char::REPLACEMENT_CHARACTER)
    }

    fn hex(&mut self) -> Result<u32, Fault> {
        let digits = self
            .text
            .as_bytes()
            .get(self.at + 2..self.at + 6)
            .unwrap_or_default();
        if digits.len() < 4 {
            return Err(self.end());
        }
        let mut code = 0;
        for digit in digits {
            match char::from(*digit).to_digit(16) {
                Some(value) => code = code * 16 + value,
                None => return Err(self.fault("there is no such escape")),
            }
        }
        self.at += 6;
        Ok(code)
    }
}

#[cfg(test)]
mod tests;

//! The state of a native test: in memory, with the host's bounds on keys and values. What is written counts at once;
//! that a failed attempt leaves nothing behind is the host's doing.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fmt;
use std::rc::Rc;

use super::Error;
use crate::given::Stack;

const KEY_BYTES_MAX: usize = 1024;
const VALUE_BYTES_MAX: usize = 1024 * 1024;

/// What a test's state holds, and what it was asked.
#[derive(Debug, Default)]
pub struct Kept {
    pub values: RefCell<BTreeMap<String, Vec<u8>>>,
    pub asked: RefCell<Vec<Asked>>,
    /// Why it refuses to write.
    pub refusal: RefCell<Option<String>>,
}

/// Something that the state was asked.
#[derive(Debug)]
pub struct Asked {
    pub text: String,
    pub is_write: bool,
}

thread_local! {
    /// The state that this thread's test gave.
    pub(crate) static KEPT: Stack<Rc<Kept>> = const { Stack::new() };
}

/// A test's state.
#[derive(Debug)]
pub struct Bucket(Rc<Kept>);

impl Bucket {
    pub fn open() -> Result<Bucket, Error> {
        let kept = KEPT.with(Stack::last);
        kept.map(Bucket).ok_or(Error::NotGranted)
    }

    pub fn get(&self, key: &str) -> Result<Option<Vec<u8>>, Error> {
        self.reads(format_args!("get {key}"));
        check(key)?;
        Ok(self.value(key))
    }

    pub fn set(&self, key: &str, value: &[u8]) -> Result<(), Error> {
        let shown = String::from_utf8_lossy(value);
        self.writes(format_args!("set {key} = {shown}"))?;
        check(key)?;
        if value.len() > VALUE_BYTES_MAX {
            return Err(refused("a value has at most 1 MiB"));
        }
        self.put(key, value.to_vec());
        Ok(())
    }

    pub fn delete(&self, key: &str) -> Result<(), Error> {
        self.writes(format_args!("delete {key}"))?;
        check(key)?;
        self.0.values.borrow_mut().remove(key);
        Ok(())
    }

    pub fn exists(&self, key: &str) -> Result<bool, Error> {
        self.reads(format_args!("exists {key}"));
        check(key)?;
        Ok(self.0.values.borrow().contains_key(key))
    }

    pub fn increment(&self, key: &str, by: u64) -> Result<u64, Error> {
        self.writes(format_args!("increment {key} by {by}"))?;
        check(key)?;
        let before = match self.value(key) {
            None => 0,
            Some(digits) => String::from_utf8_lossy(&digits)
                .parse()
                .map_err(|_| refused("the value is no decimal number"))?,
        };
        let sum = u64::checked_add(before, by);
        let sum = sum.ok_or_else(|| refused("the sum has more than 64 bits"))?;
        self.put(key, sum.to_string().into_bytes());
        Ok(sum)
    }

    /// All keys are one page.
    pub fn list_keys(&self, _: Option<u64>) -> Result<(Vec<String>, Option<u64>), Error> {
        self.reads(format_args!("keys"));
        Ok((self.0.values.borrow().keys().cloned().collect(), None))
    }

    fn value(&self, key: &str) -> Option<Vec<u8>> {
        self.0.values.borrow().get(key).cloned()
    }

    fn put(&self, key: &str, value: Vec<u8>) {
        self.0.values.borrow_mut().insert(key.to_owned(), value);
    }

    fn reads(&self, asked: fmt::Arguments<'_>) {
        self.keep(asked, false);
    }

    fn writes(&self, asked: fmt::Arguments<'_>) -> Result<(), Error> {
        self.keep(asked, true);
        match &*self.0.refusal.borrow() {
            Some(reason) => Err(refused(reason)),
            None => Ok(()),
        }
    }

    fn keep(&self, asked: fmt::Arguments<'_>, is_write: bool) {
        let text = asked.to_string();
        self.0.asked.borrow_mut().push(Asked { text, is_write });
    }
}

fn check(key: &str) -> Result<(), Error> {
    if (1..=KEY_BYTES_MAX).contains(&key.len()) {
        Ok(())
    } else {
        Err(refused("a key has 1 to 1,024 bytes"))
    }
}

fn refused(reason: &str) -> Error {
    Error::Refused {
        reason: reason.to_owned(),
    }
}

//! The state of a native test: in memory, with the host's bounds on keys and values. What is written counts at once;
//! that a failed attempt leaves nothing behind is the host's doing.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

use super::Error;

/// Keys with their values.
pub type Kept = Rc<RefCell<BTreeMap<String, Vec<u8>>>>;

const KEY_BYTES_MAX: usize = 1024;
const VALUE_BYTES_MAX: usize = 1024 * 1024;

thread_local! {
    /// The state that this thread's test gave.
    pub(crate) static KEPT: RefCell<Option<Kept>> = const { RefCell::new(None) };
}

/// A test's state.
#[derive(Debug)]
pub struct Bucket(Kept);

impl Bucket {
    pub fn open() -> Result<Bucket, Error> {
        let kept = KEPT.with_borrow(|kept| kept.clone());
        kept.map(Bucket).ok_or(Error::NotGranted)
    }

    pub fn get(&self, key: &str) -> Result<Option<Vec<u8>>, Error> {
        check(key)?;
        Ok(self.0.borrow().get(key).cloned())
    }

    pub fn set(&self, key: &str, value: &[u8]) -> Result<(), Error> {
        check(key)?;
        if value.len() > VALUE_BYTES_MAX {
            return Err(refused("a value has at most 1 MiB"));
        }
        self.0.borrow_mut().insert(key.to_owned(), value.to_vec());
        Ok(())
    }

    pub fn delete(&self, key: &str) -> Result<(), Error> {
        check(key)?;
        self.0.borrow_mut().remove(key);
        Ok(())
    }

    pub fn exists(&self, key: &str) -> Result<bool, Error> {
        check(key)?;
        Ok(self.0.borrow().contains_key(key))
    }

    pub fn increment(&self, key: &str, by: u64) -> Result<u64, Error> {
        let before = match self.get(key)? {
            None => 0,
            Some(digits) => String::from_utf8_lossy(&digits)
                .parse()
                .map_err(|_| refused("the value is no decimal number"))?,
        };
        let sum = u64::checked_add(before, by);
        let sum = sum.ok_or_else(|| refused("the sum has more than 64 bits"))?;
        self.set(key, sum.to_string().as_bytes())?;
        Ok(sum)
    }

    /// All keys are one page.
    pub fn list_keys(&self, _: Option<u64>) -> Result<(Vec<String>, Option<u64>), Error> {
        Ok((self.0.borrow().keys().cloned().collect(), None))
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

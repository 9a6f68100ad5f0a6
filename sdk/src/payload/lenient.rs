//! How the types of a payload are read: a field of another type counts as absent, and an unknown one is skipped.

#[cfg(test)]
use serde_json::{Map, Value};

pub use crate::json::Slot;

impl Slot for String {
    fn text(&mut self, text: &str) -> bool {
        text.clone_into(self);
        true
    }
}

impl Slot for bool {
    fn boolean(&mut self, value: bool) -> bool {
        *self = value;
        true
    }
}

impl Slot for u64 {
    fn number(&mut self, value: u64) -> bool {
        *self = value;
        true
    }
}

/// A field that may be absent: `null` and what has another type leave it so.
impl<T: Slot + Default> Slot for Option<T> {
    fn text(&mut self, text: &str) -> bool {
        keep(self, |slot| slot.text(text))
    }

    fn boolean(&mut self, value: bool) -> bool {
        keep(self, |slot| slot.boolean(value))
    }

    fn number(&mut self, value: u64) -> bool {
        keep(self, |slot| slot.number(value))
    }

    fn object(&mut self) -> bool {
        keep(self, Slot::object)
    }

    fn field(&mut self, key: &str) -> Option<&mut dyn Slot> {
        self.as_mut()?.field(key)
    }
}

/// Fills a new value, and keeps it if it took what it was given.
fn keep<T: Default>(place: &mut Option<T>, fill: impl FnOnce(&mut T) -> bool) -> bool {
    let mut value = T::default();
    let is_taken = fill(&mut value);
    if is_taken {
        *place = Some(value);
    }
    is_taken
}

/// A list of the items that have the type for it.
impl<T: Slot + Default> Slot for Vec<T> {
    fn list(&mut self) -> bool {
        self.clear();
        true
    }

    fn item(&mut self) -> Option<&mut dyn Slot> {
        self.push(T::default());
        self.last_mut().map(|item| item as &mut dyn Slot)
    }

    fn drop_item(&mut self) {
        self.pop();
    }
}

/// How a value is told again: tests compare that with what was sent. A plugin has no use for it.
#[cfg(test)]
pub trait Told: Default + PartialEq {
    /// As the Hub writes it.
    fn told(&self) -> Value;

    /// Puts it under a key; what is absent is not told.
    fn tell(&self, key: &str, object: &mut Map<String, Value>) {
        if *self != Self::default() {
            object.insert(key.to_owned(), self.told());
        }
    }
}

#[cfg(test)]
impl Told for String {
    fn told(&self) -> Value {
        self.as_str().into()
    }
}

#[cfg(test)]
impl Told for bool {
    fn told(&self) -> Value {
        (*self).into()
    }
}

#[cfg(test)]
impl Told for u64 {
    fn told(&self) -> Value {
        (*self).into()
    }
}

#[cfg(test)]
impl<T: Told> Told for Option<T> {
    fn told(&self) -> Value {
        self.as_ref().map_or(Value::Null, Told::told)
    }
}

#[cfg(test)]
impl<T: Told> Told for Vec<T> {
    fn told(&self) -> Value {
        self.iter().map(Told::told).collect()
    }
}

/// Defines a struct and how it is read: `field: Type = "jsonKey"`. What is absent keeps its default. Of several keys the
/// first is what the Hub writes today.
macro_rules! object {
    (
        $(#[$about:meta])*
        pub struct $name:ident {
            $($(#[$field_about:meta])* pub $field:ident: $type:ty = $($key:literal)|+,)+
        }
    ) => {
        $(#[$about])*
        #[derive(Debug, Clone, Default, PartialEq)]
        #[non_exhaustive]
        pub struct $name {
            $($(#[$field_about])* pub $field: $type,)+
        }

        impl $crate::payload::lenient::Slot for $name {
            $crate::payload::lenient::object_fields!($($field = $($key)|+,)+);
        }
    };
}

/// Defines a struct of a payload: an [`object!`](object) that can be told again.
macro_rules! part {
    (
        $(#[$about:meta])*
        pub struct $name:ident {
            $($(#[$field_about:meta])* pub $field:ident: $type:ty = $($key:literal)|+,)+
        }
    ) => {
        $crate::payload::lenient::object! {
            $(#[$about])*
            pub struct $name {
                $($(#[$field_about])* pub $field: $type = $($key)|+,)+
            }
        }

        $crate::payload::lenient::object_told!($name: $($field = $($key)|+,)+);
    };
}

/// The functions of a [`Slot`] that is an object.
macro_rules! object_fields {
    ($($field:ident = $($key:literal)|+,)+) => {
        fn object(&mut self) -> bool {
            true
        }

        fn field(&mut self, key: &str) -> Option<&mut dyn $crate::payload::lenient::Slot> {
            match key {
                $($($key)|+ => Some(&mut self.$field),)+
                _ => None,
            }
        }
    };
}

/// How a struct of a payload is told again.
macro_rules! object_told {
    ($name:ident: $($field:ident = $key:literal $(| $older:literal)*,)+) => {
        #[cfg(test)]
        impl $crate::payload::lenient::Told for $name {
            fn told(&self) -> serde_json::Value {
                let mut object = serde_json::Map::new();
                $(self.$field.tell($key, &mut object);)+
                object.into()
            }
        }
    };
}

/// Defines an enum of words that the Hub may extend: a word that is not listed is kept in `Other`.
macro_rules! words {
    (
        $(#[$about:meta])*
        pub enum $name:ident {
            $($(#[$word_about:meta])* $word:ident = $text:literal,)+
        }
    ) => {
        $(#[$about])*
        #[derive(Debug, Clone, PartialEq, Eq)]
        #[non_exhaustive]
        pub enum $name {
            $($(#[$word_about])* $word,)+
            /// A word that this version does not know; empty if absent.
            Other(String),
        }

        impl $name {
            /// The word as the Hub writes it.
            ///
            /// ```
            /// # use hookbox_sdk::{hub::*, payload::*};
            #[doc = concat!("let later = ", stringify!($name), "::Other(\"later\".to_owned());")]
            /// assert_eq!(later.as_str(), "later");
            /// ```
            pub fn as_str(&self) -> &str {
                match self {
                    $($name::$word => $text,)+
                    $name::Other(text) => text,
                }
            }
        }

        impl Default for $name {
            fn default() -> Self {
                $name::Other(String::new())
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.as_str())
            }
        }

        impl $crate::payload::lenient::Slot for $name {
            fn text(&mut self, text: &str) -> bool {
                *self = match text {
                    $($text => $name::$word,)+
                    other => $name::Other(other.to_owned()),
                };
                true
            }
        }

        #[cfg(test)]
        impl $crate::payload::lenient::Told for $name {
            fn told(&self) -> serde_json::Value {
                self.as_str().into()
            }
        }
    };
}

pub(crate) use {object, object_fields, object_told, part, words};

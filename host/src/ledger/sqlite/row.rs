//! Reading columns: ids, words and JSON, each with an error that names what was found; and writing JSON.

use super::fault::Fault;
use rusqlite::Row;
use rusqlite::types::Type;
use std::error::Error;
use std::str::FromStr;

/// A text column as what it is the text of.
pub(super) fn parsed<T>(row: &Row<'_>, column: usize) -> rusqlite::Result<T>
where
    T: FromStr,
    T::Err: Error + Send + Sync + 'static,
{
    let text = row.get_ref(column)?.as_str()?;
    text.parse()
        .map_err(|error| unreadable(column, Box::new(error)))
}

/// A text column that may be absent, as what it is the text of.
pub(super) fn parsed_if_any<T>(row: &Row<'_>, column: usize) -> rusqlite::Result<Option<T>>
where
    T: FromStr,
    T::Err: Error + Send + Sync + 'static,
{
    match row.get_ref(column)?.as_str_or_null()? {
        Some(_) => parsed(row, column).map(Some),
        None => Ok(None),
    }
}

/// A column of one of a set of words.
pub(super) fn word<T>(
    row: &Row<'_>,
    column: usize,
    from_word: fn(&str) -> Option<T>,
) -> rusqlite::Result<T> {
    let text = row.get_ref(column)?.as_str()?;
    from_word(text).ok_or_else(|| unreadable(column, format!("unknown word `{text}`").into()))
}

/// A column of one of a set of words that may be absent.
pub(super) fn word_if_any<T>(
    row: &Row<'_>,
    column: usize,
    from_word: fn(&str) -> Option<T>,
) -> rusqlite::Result<Option<T>> {
    match row.get_ref(column)?.as_str_or_null()? {
        Some(_) => word(row, column, from_word).map(Some),
        None => Ok(None),
    }
}

/// A column of JSON; the default if it is absent.
pub(super) fn json<T>(row: &Row<'_>, column: usize) -> rusqlite::Result<T>
where
    T: serde::de::DeserializeOwned + Default,
{
    match row.get_ref(column)?.as_str_or_null()? {
        Some(text) => {
            serde_json::from_str(text).map_err(|error| unreadable(column, Box::new(error)))
        }
        None => Ok(T::default()),
    }
}

/// A value as a column of JSON.
pub(super) fn as_json<T: serde::Serialize + ?Sized>(value: &T) -> Result<String, Fault> {
    serde_json::to_string(value).map_err(|error| Fault::Item(error.to_string()))
}

fn unreadable(column: usize, error: Box<dyn Error + Send + Sync>) -> rusqlite::Error {
    rusqlite::Error::FromSqlConversionFailure(column, Type::Text, error)
}

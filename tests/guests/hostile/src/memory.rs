//! The guest's own linear memory, searched for texts that are not in it to begin with.

use hookbox_sdk::serde_json::Value;

/// The bytes of a page of linear memory.
const PAGE_BYTES: usize = 64 * 1024;

/// The most places that are told of one text.
const PLACES_MAX: usize = 3;

/// A text that is looked for, each byte of it changed by a mask so that it is not found where it is kept here.
pub struct Hidden {
    name: String,
    mask: u8,
    bytes: Vec<u8>,
}

impl Hidden {
    /// Those of a payload: `{"mask": 1, "needles": {"NAME": [98, 99]}}`.
    pub fn all(payload: &Value) -> Vec<Self> {
        let small = |value: &Value| value.as_u64().and_then(|number| u8::try_from(number).ok());
        let mask = payload.get("mask").and_then(small).unwrap_or(0);
        let needles = payload.get("needles").and_then(Value::as_object);
        let hidden = needles.into_iter().flatten().map(|(name, bytes)| Self {
            name: name.clone(),
            mask,
            bytes: bytes
                .as_array()
                .into_iter()
                .flatten()
                .filter_map(small)
                .collect(),
        });
        hidden.filter(|hidden| !hidden.bytes.is_empty()).collect()
    }

    /// Its first byte in clear.
    fn first(&self) -> u8 {
        self.bytes.first().map_or(0, |byte| byte ^ self.mask)
    }

    fn is_at(&self, place: usize) -> bool {
        let mut bytes = self.bytes.iter().enumerate();
        bytes.all(|(offset, hidden)| byte(place + offset) ^ self.mask == *hidden)
    }
}

/// Which of the texts are in memory, and where: all of it is looked at, also what nothing uses any more.
pub fn search(hidden: &[Hidden]) -> Vec<(String, Vec<usize>)> {
    let end = core::arch::wasm32::memory_size::<0>() * PAGE_BYTES;
    let mut found: Vec<_> = hidden.iter().map(|text| (text, Vec::new())).collect();
    // By the first byte: memory is large, and fuel is counted.
    found.sort_by_key(|(text, _)| text.first());
    // Nothing lies at 0, and nobody may look there.
    for place in 1..end {
        let first = byte(place);
        let begin = found.partition_point(|(text, _)| text.first() < first);
        let like = found.iter_mut().skip(begin);
        for (text, places) in like.take_while(|(text, _)| text.first() == first) {
            let fits = place + text.bytes.len() <= end && places.len() < PLACES_MAX;
            if fits && text.is_at(place) {
                places.push(place);
            }
        }
    }
    found.retain(|(_, places)| !places.is_empty());
    let told = found.into_iter();
    told.map(|(text, places)| (text.name.clone(), places))
        .collect()
}

#[expect(
    unsafe_code,
    reason = "all of a guest's memory is its own, and the place was compared with its end"
)]
fn byte(place: usize) -> u8 {
    // SAFETY: the place lies within linear memory, above 0, and a byte has no alignment; volatile, because others change it.
    unsafe { core::ptr::with_exposed_provenance::<u8>(place).read_volatile() }
}

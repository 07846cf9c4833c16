//! The identity of an event: 16 bytes, printed as 26 characters of lower-case base32.
//!
//! Not here: what is hashed to get one (`normalise::identity`).

use std::fmt;

const ALPHABET: &[u8; 32] = b"abcdefghijklmnopqrstuvwxyz234567";

/// The id of an event (design §4): the same event has the same id in every store.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EventId(pub [u8; 16]);

impl EventId {
    /// The id as a number, so that a prefix of its text is a range of numbers.
    pub fn to_u128(self) -> u128 {
        u128::from_be_bytes(self.0)
    }

    /// The id of a full 26-character text; upper case is accepted.
    pub fn parse(text: &str) -> Option<EventId> {
        let prefix = IdPrefix::parse(text)?;
        (text.len() == 26).then_some(EventId(prefix.low.to_be_bytes()))
    }
}

impl fmt::Display for EventId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // 128 bits are 25 groups of five and three bits left, padded with zeros below.
        let bits = self.to_u128();
        for group in 0..26u32 {
            let value = if group < 25 { bits >> (123 - 5 * group) } else { bits << 2 };
            let at = usize::try_from(value & 31).unwrap_or(0);
            let letter = ALPHABET.get(at).copied().unwrap_or(b'a');
            write!(f, "{}", char::from(letter))?;
        }
        Ok(())
    }
}

impl fmt::Debug for EventId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "EventId({self})")
    }
}

/// A range of ids: all those whose text starts with the given characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct IdPrefix {
    /// The smallest id of the range.
    pub low: u128,
    /// The largest id of the range.
    pub high: u128,
}

impl IdPrefix {
    /// The range of a prefix of 1 to 26 base32 characters; `None` when a character is none of them.
    pub fn parse(text: &str) -> Option<IdPrefix> {
        if text.is_empty() || text.len() > 26 {
            return None;
        }
        let mut low = 0u128;
        let mut known_bits = 0u32;
        for letter in text.bytes() {
            let letter = letter.to_ascii_lowercase();
            let value = u128::try_from(ALPHABET.iter().position(|&a| a == letter)?).ok()?;
            if known_bits == 125 {
                // The last character carries three bits; its two lowest are padding.
                if value & 3 != 0 {
                    return None;
                }
                low |= value >> 2;
                known_bits = 128;
            } else {
                low |= value << (123 - known_bits);
                known_bits += 5;
            }
        }
        let unknown = if known_bits >= 128 { 0 } else { u128::MAX >> known_bits };
        Some(IdPrefix { low, high: low | unknown })
    }

    /// Whether an id starts with this prefix.
    pub fn contains(self, id: EventId) -> bool {
        (self.low..=self.high).contains(&id.to_u128())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_and_number_agree() {
        for n in [0u128, 1, u128::MAX, 0x0123_4567_89ab_cdef_0011_2233_4455_6677] {
            let id = EventId(n.to_be_bytes());
            let text = id.to_string();
            assert_eq!(text.len(), 26);
            assert_eq!(EventId::parse(&text), Some(id));
            for len in 1..=26 {
                let prefix = IdPrefix::parse(&text[..len]).unwrap();
                assert!(prefix.contains(id), "{len} characters of {text}");
            }
            let standard = data_encoding::BASE32_NOPAD.encode(&id.0).to_lowercase();
            assert_eq!(text, standard, "RFC 4648 base32");
        }
    }

    #[test]
    fn other_characters_are_refused() {
        for text in ["", "1", "abc!", "äa", &"a".repeat(27), &format!("{}b", "a".repeat(25))] {
            assert_eq!(IdPrefix::parse(text), None, "{text:?}");
        }
    }
}

//! What identifies a line of the audit log: node, record type, time and serial.
//!
//! `header` is called for each incoming line, so it reads no further than the serial. `Record::parse` calls the same function.
//! Not here: the fields behind it (`record`).

use std::borrow::Cow;

use super::fold::unfold;
use super::types::type_number;

/// The longest record type accepted, in bytes.
const TYPE_BYTES_MAX: usize = 64;
/// The longest node name accepted, in bytes.
const NODE_BYTES_MAX: usize = 1024;
/// The longest `audit(…)` that is kept for comparison, in bytes: three numbers of 20 digits.
const STAMP_BYTES_MAX: usize = 72;
/// The longest header with folds that is looked at, in bytes.
const FOLDED_BYTES_MAX: usize = 4096;

/// The identity of one record. Records of one event have equal `node`, `secs`, `millis`, `serial` and `daemon`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Header<'a> {
    /// `node=`, where the line has one that is not empty.
    pub node: Option<Cow<'a, [u8]>>,
    /// The record type as it stands there (`SYSCALL`, `UNKNOWN[1327]`, `1400`); empty for a line that begins with `audit(`.
    pub record_type: Cow<'a, str>,
    /// Whole seconds since 1970 UTC.
    pub secs: u64,
    /// Milliseconds, where three digits stand behind the point, as the kernel always writes. Any other count of digits gives a number that no
    /// three digits give: 10,000,000,000 times the count, plus the digits' value. So two times are equal only when they were written equal.
    pub millis: u64,
    /// The serial number; `DAEMON_*` records count on their own.
    pub serial: u64,
    /// Nanoseconds since 1970 UTC. One or two digits behind the point may be a fraction or milliseconds, so they count nothing here.
    pub nanos: i64,
    /// Digits of the second that `nanos` holds: 3 to 9, or 0 where they could not be understood.
    pub digits: u8,
    /// A record of auditd itself, from its own serial space.
    pub daemon: bool,
    /// Where the fields begin: the offset behind `audit(…)`.
    pub body: usize,
}

impl Header<'_> {
    /// Whether the header itself was folded.
    pub(super) fn is_folded(&self) -> bool {
        matches!(self.record_type, Cow::Owned(_))
    }
}

/// Why a line is no audit record. Offsets are bytes from its start.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NotARecord {
    /// Neither `node=`, `type=` nor `audit(` at the start.
    #[error("no audit record: it begins with none of `node=`, `type=` and `audit(`")]
    Start,
    /// A record type that is none.
    #[error(
        "no audit record: the record type at byte {at} is empty, too long or has characters other than A-Z, 0-9, _ and []"
    )]
    Type {
        /// Offset of the type.
        at: usize,
    },
    /// `audit(seconds.milliseconds:serial)` is not there, or not whole.
    #[error("no audit record: `audit(seconds.milliseconds:serial)` is missing or malformed at byte {at}")]
    Stamp {
        /// Offset where it was expected.
        at: usize,
    },
    /// The time is outside of what can be represented (1970 to 2262).
    #[error("bad time at byte {at}: seconds outside of 1970 to 2262, kept as evidence but no event")]
    TimeRange {
        /// Offset of the seconds.
        at: usize,
    },
    /// The serial number does not fit 64 bits.
    #[error("bad serial at byte {at}: it does not fit 64 bits")]
    SerialRange {
        /// Offset of the serial.
        at: usize,
    },
}

/// The headers of many lines, one after another: records of one event have the same `audit(…)`, which is read once. It changes no answer.
#[derive(Debug, Clone, Default)]
pub struct Headers {
    /// The last `audit(…)`.
    text: Vec<u8>,
    stamp: Option<Stamp>,
}

impl Headers {
    /// The header of a line.
    ///
    /// # Errors
    /// `NotARecord` when the line does not identify itself as an audit record with a time that exists.
    pub fn read<'a>(&mut self, bytes: &'a [u8]) -> Result<Header<'a>, NotARecord> {
        match read(self, bytes) {
            Ok(header) => Ok(header),
            Err(error) => folded_header(bytes).ok_or(error),
        }
    }

    fn stamp(&mut self, bytes: &[u8], at: usize) -> Result<Stamp, NotARecord> {
        if let Some(last) = &self.stamp
            && bytes.get(at..).is_some_and(|rest| rest.starts_with(&self.text))
        {
            return Ok(Stamp { end: at + self.text.len(), ..*last });
        }
        let stamp = stamp(bytes, at)?;
        self.stamp = None;
        if let Some(text) = bytes.get(at..stamp.end).filter(|text| text.len() <= STAMP_BYTES_MAX) {
            text.clone_into(&mut self.text);
            self.stamp = Some(stamp);
        }
        Ok(stamp)
    }
}

/// As `Headers::read`, of one line.
///
/// # Errors
/// As `Headers::read`.
pub fn header(bytes: &[u8]) -> Result<Header<'_>, NotARecord> {
    Headers::default().read(bytes)
}

/// A header that is itself folded; rare, so it is only looked for when the plain reading failed.
#[cold]
fn folded_header(bytes: &[u8]) -> Option<Header<'_>> {
    let start = bytes.get(..FOLDED_BYTES_MAX).unwrap_or(bytes);
    let (whole, folds) = unfold(start);
    if folds.count() == 0 {
        return None;
    }
    let header = read(&mut Headers::default(), &whole).ok()?;
    // A fold right behind the header is the body's.
    let body = folds.raw(header.body.checked_sub(1)?).checked_add(1)?;
    Some(Header {
        node: header.node.map(|node| Cow::Owned(node.into_owned())),
        record_type: Cow::Owned(header.record_type.into_owned()),
        body,
        ..header
    })
}

fn read<'a>(headers: &mut Headers, bytes: &'a [u8]) -> Result<Header<'a>, NotARecord> {
    let mut at = bytes.iter().take_while(|&&byte| byte == b' ').count();
    let mut node = None;
    if let Some(value) = after(bytes, at, b"node=") {
        let end = word_end(bytes, value, NODE_BYTES_MAX).ok_or(NotARecord::Stamp { at })?;
        let name = bytes.get(value..end).unwrap_or_default();
        node = (!name.is_empty()).then_some(Cow::Borrowed(name));
        at = skip_spaces(bytes, end);
    }
    let mut record_type = "";
    if let Some(value) = after(bytes, at, b"type=") {
        let end = word_end(bytes, value, TYPE_BYTES_MAX).ok_or(NotARecord::Type { at: value })?;
        record_type = bytes.get(value..end).and_then(type_text).ok_or(NotARecord::Type { at: value })?;
        at = skip_spaces(bytes, end);
        // A dump of the kernel's multicast group: the netlink message's type and length stand before its text.
        if let Some(digits) = after(bytes, at, b"len=") {
            let length =
                bytes.get(digits..).unwrap_or_default().iter().take_while(|byte| byte.is_ascii_digit()).count();
            at = after(bytes, digits.saturating_add(length), b":").map_or(at, |end| skip_spaces(bytes, end));
        }
        at = after(bytes, at, b"msg=").unwrap_or(at);
    } else if after(bytes, at, b"audit(").is_none() {
        return Err(if node.is_some() { NotARecord::Type { at } } else { NotARecord::Start });
    }
    let stamp = headers.stamp(bytes, at)?;
    let daemon = record_type.starts_with("DAEMON_")
        || type_number(record_type).is_some_and(|number| (1200..1300).contains(&number));
    Ok(Header {
        node,
        record_type: Cow::Borrowed(record_type),
        secs: stamp.secs,
        millis: stamp.millis,
        serial: stamp.serial,
        nanos: stamp.nanos,
        digits: stamp.digits,
        daemon,
        body: stamp.end,
    })
}

#[derive(Debug, Clone, Copy)]
struct Stamp {
    secs: u64,
    millis: u64,
    serial: u64,
    nanos: i64,
    digits: u8,
    end: usize,
}

fn stamp(bytes: &[u8], at: usize) -> Result<Stamp, NotARecord> {
    let malformed = NotARecord::Stamp { at };
    let secs_at = after(bytes, at, b"audit(").ok_or(malformed)?;
    let (secs, point) = digits(bytes, secs_at).ok_or(malformed)?;
    let fraction_at = after(bytes, point, b".").ok_or(malformed)?;
    let (fraction, colon) = digits(bytes, fraction_at).ok_or(malformed)?;
    let serial_at = after(bytes, colon, b":").ok_or(malformed)?;
    let (serial, close) = digits(bytes, serial_at).ok_or(malformed)?;
    let end = after(bytes, close, b")").ok_or(malformed)?;
    let count = colon - fraction_at;
    let fraction = fraction.filter(|_| count <= 9).ok_or(malformed)?;
    let secs = secs.ok_or(NotARecord::TimeRange { at: secs_at })?;
    let serial = serial.ok_or(NotARecord::SerialRange { at: serial_at })?;
    let count = u8::try_from(count).map_err(|_| malformed)?;
    let (millis, nanos, digits) = if count == 3 {
        (fraction, fraction * 1_000_000, 3)
    } else {
        let unlike_millis = 10_000_000_000 * u64::from(count) + fraction;
        if count > 3 {
            (unlike_millis, fraction * 10u64.pow(u32::from(9 - count)), count)
        } else {
            (unlike_millis, 0, 0)
        }
    };
    let nanos = secs.checked_mul(1_000_000_000).and_then(|whole| whole.checked_add(nanos));
    let nanos = nanos.and_then(|nanos| i64::try_from(nanos).ok()).ok_or(NotARecord::TimeRange { at: secs_at })?;
    Ok(Stamp { secs, millis, serial, nanos, digits, end })
}

/// The number at `at` and where it ends: `None` without a digit, `(None, _)` when it does not fit.
#[inline]
fn digits(bytes: &[u8], at: usize) -> Option<(Option<u64>, usize)> {
    let rest = bytes.get(at..)?;
    let (mut len, mut value) = (0usize, 0u64);
    for byte in rest {
        let digit = byte.wrapping_sub(b'0');
        if digit > 9 {
            break;
        }
        value = value.wrapping_mul(10).wrapping_add(u64::from(digit));
        len += 1;
    }
    let number = rest.get(..len).filter(|digits| !digits.is_empty())?;
    // 19 digits always fit 64 bits.
    let value = if len <= 19 {
        Some(value)
    } else {
        number.iter().try_fold(0u64, |value, byte| value.checked_mul(10)?.checked_add(u64::from(byte & 15)))
    };
    Some((value, at + len))
}

#[inline]
fn after(bytes: &[u8], at: usize, expected: &[u8]) -> Option<usize> {
    bytes.get(at..)?.starts_with(expected).then(|| at + expected.len())
}

/// The space that ends the word at `at`; `None` when it is longer than `max`, or has a line end in it (a fold).
#[inline]
fn word_end(bytes: &[u8], at: usize, max: usize) -> Option<usize> {
    let rest = bytes.get(at..)?;
    let len = rest.iter().take(max + 1).position(|&byte| byte == b' ' || byte == b'\n')?;
    (rest.get(len) == Some(&b' ')).then_some(at + len)
}

#[inline]
fn skip_spaces(bytes: &[u8], at: usize) -> usize {
    at + bytes.get(at..).unwrap_or_default().iter().take_while(|&&byte| byte == b' ').count()
}

fn type_text(bytes: &[u8]) -> Option<&str> {
    // Nine of ten records are of these.
    let frequent = match bytes {
        b"SYSCALL" => "SYSCALL",
        b"PATH" => "PATH",
        b"CWD" => "CWD",
        b"PROCTITLE" => "PROCTITLE",
        b"EXECVE" => "EXECVE",
        b"BPRM_FCAPS" => "BPRM_FCAPS",
        b"SOCKADDR" => "SOCKADDR",
        _ => return other_type_text(bytes),
    };
    Some(frequent)
}

fn other_type_text(bytes: &[u8]) -> Option<&str> {
    let fits = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'[' | b']' | b'-');
    if bytes.is_empty() || !bytes.iter().all(fits) {
        return None;
    }
    std::str::from_utf8(bytes).ok()
}

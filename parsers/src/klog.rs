//! klog: the log format of the kubelet and of other components, as text or JSON, one line each.
//!
//! `I1123 20:59:00.500415   22147 cpu_manager.go:313] "Added Container" pod="shop/web-1" …` or `{"ts":1795467465318.286,"caller":"…","msg":"…",…}`.
//! Not here: what a line means (`deponent::normalise`).

use std::borrow::Cow;

use crate::kubernetes::members;
use crate::line::{FIELDS_MAX, Line, Time, quoted};

/// Nesting of a value without quotes that is followed.
const NESTING_MAX: usize = 64;

/// Source files that only the kubelet has, and flags that only it takes: klog is the format of other components too.
const KUBELET_FILES: &[&str] = &[
    "kubelet",
    "kuberuntime",
    "pod_workers.go",
    "pod_startup_latency_tracker.go",
    "pod_container_deletor.go",
    "cpu_manager.go",
    "memory_manager.go",
    "topology_manager.go",
    "status_manager.go",
    "container_manager_linux.go",
    "container_log_manager.go",
    "eviction_manager.go",
    "reconciler_common.go",
    "desired_state_of_world",
    "prober",
    "generic.go",
];
/// See [`KUBELET_FILES`].
const KUBELET_FLAG: &str = "FLAG: --cgroup";

/// Whether a line is the kubelet's.
pub fn is_kubelet(line: &[u8]) -> bool {
    let Some(line) = std::str::from_utf8(line).ok().and_then(|line| parse(line.trim())) else { return false };
    let file = line.field("caller").map_or("", |caller| caller.rsplit('/').next().unwrap_or(caller));
    KUBELET_FILES.iter().any(|known| file.starts_with(known)) || line.message.starts_with(KUBELET_FLAG)
}

/// Reads a line without its end; `None` when it is none.
pub fn parse(line: &str) -> Option<Line<'_>> {
    if line.starts_with('{') { json(line) } else { text(line) }
}

fn text(line: &str) -> Option<Line<'_>> {
    let mut characters = line.chars();
    let level = characters.next().filter(|level| "IWEF".contains(*level))?;
    let rest = characters.as_str();
    let (month, day) = (number(rest.get(..2)?)?, number(rest.get(2..4)?)?);
    let (clock, rest) = rest.get(4..)?.strip_prefix(' ')?.split_once(' ')?;
    let (of_day, digits) = of_day(clock)?;
    // Thread, then file:line].
    let (head, message) = rest.split_once("] ").or_else(|| rest.strip_suffix(']').map(|head| (head, "")))?;
    let (thread, caller) = head.trim_start().split_once(' ')?;
    if !(1..=12).contains(&month) || !(1..=31).contains(&day) || thread.bytes().any(|byte| !byte.is_ascii_digit()) {
        return None;
    }
    let mut line = Line {
        time: Time::NoYear { month: u8::try_from(month).ok()?, day: u8::try_from(day).ok()?, of_day, digits },
        level: level.to_string().into(),
        message: Cow::Borrowed(message),
        fields: vec![("thread".into(), thread.into()), ("caller".into(), caller.into())],
    };
    if let Some((quoted, behind)) = quoted(message) {
        line.message = quoted;
        pairs(behind, &mut line.fields);
    }
    Some(line)
}

fn number(text: &str) -> Option<i64> {
    text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok()).flatten()
}

/// `20:59:00.500415` as nanoseconds since midnight.
fn of_day(text: &str) -> Option<(i64, u8)> {
    let (clock, fraction) = text.split_once('.')?;
    let mut parts = clock.split(':');
    let (hours, minutes, seconds) = (number(parts.next()?)?, number(parts.next()?)?, number(parts.next()?)?);
    if parts.next().is_some() || hours > 23 || minutes > 59 || seconds > 59 || clock.len() != 8 {
        return None;
    }
    let digits = u8::try_from(fraction.len()).ok().filter(|digits| (1..=9).contains(digits))?;
    let scale = 10i64.checked_pow(9 - u32::from(digits))?;
    let nanos = number(fraction)?.checked_mul(scale)?;
    Some((((hours * 60 + minutes) * 60 + seconds) * 1_000_000_000 + nanos, digits))
}

/// ` key="quoted" key=bare key={…}`, as many as there are; stops where they end.
fn pairs<'a>(mut rest: &'a str, into: &mut Vec<(Cow<'a, str>, Cow<'a, str>)>) {
    while into.len() < FIELDS_MAX {
        rest = rest.trim_start();
        let Some((name, behind)) = rest.split_once('=') else { return };
        if name.is_empty() || name.contains([' ', '"']) {
            return;
        }
        let (value, behind) = match quoted(behind) {
            Some(found) => found,
            None => {
                let (value, behind) = behind.split_at(bare_end(behind));
                (Cow::Borrowed(value), behind)
            }
        };
        into.push((name.into(), value));
        rest = behind;
    }
}

/// Where a value without quotes ends: at the first blank outside of brackets and strings.
fn bare_end(text: &str) -> usize {
    let mut depth = 0usize;
    let mut in_string = false;
    let mut escaped = false;
    for (at, byte) in text.bytes().enumerate() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if in_string => escaped = true,
            b'"' => in_string = !in_string,
            _ if in_string => {}
            b'{' | b'[' | b'(' if depth < NESTING_MAX => depth += 1,
            b'}' | b']' | b')' => depth = depth.saturating_sub(1),
            b' ' if depth == 0 => return at,
            _ => {}
        }
    }
    text.len()
}

fn json(line: &str) -> Option<Line<'_>> {
    let members = members(line).ok()?;
    let of = |name: &str| members.iter().find(|(key, _)| key == name).map(|(_, value)| value);
    let (time, message) = (milliseconds(of("ts")?)?, of("msg")?.clone());
    let level =
        of("level").cloned().unwrap_or_else(|| if of("err").is_some() { "error".into() } else { "info".into() });
    let known = ["ts", "msg", "level"];
    let fields = members.into_iter().filter(|(name, _)| !known.contains(&name.as_ref())).take(FIELDS_MAX).collect();
    Some(Line { time, level, message, fields })
}

/// Milliseconds since 1970 with a fraction, as klog's JSON has them; read without rounding.
fn milliseconds(text: &str) -> Option<Time> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    if whole.is_empty() || fraction.len() > 6 {
        return None;
    }
    let nanos = number(whole)?.checked_mul(1_000_000)?;
    let scale = 10i64.checked_pow(6 - u32::try_from(fraction.len()).ok()?)?;
    let rest = if fraction.is_empty() { 0 } else { number(fraction)?.checked_mul(scale)? };
    let digits = u8::try_from(3 + fraction.len()).ok()?;
    Some(Time::Moment { nanos: nanos.checked_add(rest)?, digits })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn shown(line: &str) -> String {
        let Some(line) = parse(line) else { return "none".to_owned() };
        let fields: Vec<String> = line.fields.iter().map(|(name, value)| format!("{name}={value}")).collect();
        format!("{:?} {} {:?} {}", line.time, line.level, line.message, fields.join("|"))
    }

    #[test]
    fn lines_of_text() {
        let check = |line: &str, expected: &str| assert_eq!(shown(line), expected, "{line}");
        let time = "NoYear { month: 11, day: 23, of_day: 75540500415000, digits: 6 } I";
        check(
            r#"I1123 20:59:00.500415   22147 cpu_manager.go:313] "Added Container" pod="shop/web-1" n=3 x={"a b":[1, 2]} last="q\"""#,
            &format!(
                r#"{time} "Added Container" thread=22147|caller=cpu_manager.go:313|pod=shop/web-1|n=3|x={{"a b":[1, 2]}}|last=q""#
            ),
        );
        check(
            r#"I1123 20:59:00.500415       7 flags.go:64] FLAG: --address="0.0.0.0""#,
            &format!(r#"{time} "FLAG: --address=\"0.0.0.0\"" thread=7|caller=flags.go:64"#),
        );
        for other in [
            "",
            "I1323 20:59:00.5 7 a.go:1] x",
            "I1123 24:59:00.5 7 a.go:1] x",
            "I1123 20:59:00 7 a.go:1] x",
            "X1123 20:59:00.5 7 a.go:1] x",
            "I1123 20:59:00.5 x a.go:1] x",
            "goroutine 1 [running]:",
        ] {
            check(other, "none");
        }
    }

    #[test]
    fn lines_of_json() {
        let check = |line: &str, expected: &str| assert_eq!(shown(line), expected, "{line}");
        check(
            r#"{"ts":1795467465318.286,"caller":"a.go:1","msg":"x","v":2,"pod":{"name":"n"}}"#,
            r#"Moment { nanos: 1795467465318286000, digits: 6 } info "x" caller=a.go:1|v=2|pod={"name":"n"}"#,
        );
        check(
            r#"{"ts":1795467465318,"msg":"x","err":"y"}"#,
            r#"Moment { nanos: 1795467465318000000, digits: 3 } error "x" err=y"#,
        );
        for other in [r#"{"msg":"x"}"#, r#"{"ts":1e9,"msg":"x"}"#, r#"{"ts":99999999999999999,"msg":"x"}"#, "{"] {
            check(other, "none");
        }
    }

    proptest! {
        #[test]
        fn no_text_breaks_it(text in "(I1123 20:59:00\\.5 7 a\\.go:1\\] )?[\"\\\\a{}\\[\\]= \u{e4}]{0,60}") {
            let _ = parse(&text);
        }

        #[test]
        fn no_bytes_break_it(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = is_kubelet(&bytes);
        }
    }
}

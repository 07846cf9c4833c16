//! containerd: its log (logfmt or JSON) and its event stream as `ctr events` prints it, one line each.
//!
//! Not here: what a line means (`deponent::normalise`).

use std::borrow::Cow;

use crate::klog;
use crate::kubernetes::{Stamp, members};
use crate::line::{FIELDS_MAX, Line, Time, quoted};

/// Whether a line is of containerd's log. Lines that libraries in it write with klog do not tell.
pub fn is_line(line: &[u8]) -> bool {
    std::str::from_utf8(line).is_ok_and(|line| own(line.trim()).is_some())
}

/// Whether a line is of `ctr events`.
pub fn is_stream_line(line: &[u8]) -> bool {
    std::str::from_utf8(line).is_ok_and(|line| parse_stream(line.trim()).is_some())
}

/// Reads a line of the log without its end; libraries in containerd write some lines with klog. `None` when it is none.
pub fn parse(line: &str) -> Option<Line<'_>> {
    own(line).or_else(|| klog::parse(line))
}

fn own(line: &str) -> Option<Line<'_>> {
    if line.starts_with('{') { json(line) } else { logfmt(line) }
}

fn logfmt(line: &str) -> Option<Line<'_>> {
    if !line.starts_with("time=") {
        return None;
    }
    let mut rest = line;
    let (mut time, mut level, mut message, mut fields) = (None, Cow::Borrowed(""), None, Vec::new());
    while !rest.is_empty() && fields.len() < FIELDS_MAX {
        let (name, behind) = rest.split_once('=')?;
        if name.is_empty() || name.contains([' ', '"']) {
            return None;
        }
        let (value, behind) = match quoted(behind) {
            Some(found) => found,
            None => match behind.split_once(' ') {
                Some((value, _)) => (Cow::Borrowed(value), behind.get(value.len()..)?),
                None => (Cow::Borrowed(behind), ""),
            },
        };
        match name {
            "time" if time.is_none() => time = Some(moment(&value)?),
            "level" if level.is_empty() => level = value,
            "msg" if message.is_none() => message = Some(value),
            _ => fields.push((name.into(), value)),
        }
        rest = behind.trim_start_matches(' ');
    }
    Some(Line { time: time?, level, message: message?, fields })
}

fn moment(text: &str) -> Option<Time> {
    let stamp = Stamp::parse(text)?;
    Some(Time::Moment { nanos: stamp.nanos, digits: stamp.digits })
}

fn json(line: &str) -> Option<Line<'_>> {
    let members = members(line).ok()?;
    let of = |name: &str| members.iter().find(|(key, _)| key == name).map(|(_, value)| value.clone());
    let (time, level, message) = (moment(&of("time")?)?, of("level")?, of("msg")?);
    let known = ["time", "level", "msg"];
    let fields = members.into_iter().filter(|(name, _)| !known.contains(&name.as_ref())).take(FIELDS_MAX).collect();
    Some(Line { time, level, message, fields })
}

/// Reads a line of `ctr events`: `2026-11-23 20:59:10.735496056 +0000 UTC k8s.io /tasks/exec-started {…}`. The text is the topic; the level is
/// containerd's namespace; the fields are the members of the object, nested ones as JSON. `None` when it is none.
pub fn parse_stream(line: &str) -> Option<Line<'_>> {
    let mut parts = line.splitn(7, ' ');
    let (date, clock, offset) = (parts.next()?, parts.next()?, parts.next()?);
    let _zone = parts.next()?;
    let (namespace, topic, object) = (parts.next()?, parts.next()?, parts.next().unwrap_or("{}"));
    let (hours, minutes) = offset.split_at_checked(3)?;
    let time = moment(&format!("{date}T{clock}{hours}:{minutes}"))?;
    if !topic.starts_with('/') {
        return None;
    }
    let fields = members(object).ok()?.into_iter().take(FIELDS_MAX).collect();
    Some(Line { time, level: namespace.into(), message: topic.into(), fields })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn shown(line: Option<Line<'_>>) -> String {
        let Some(line) = line else { return "none".to_owned() };
        let Time::Moment { nanos, digits } = line.time else { return format!("klog {:?}", line.message) };
        let fields: Vec<String> = line.fields.iter().map(|(name, value)| format!("{name}={value}")).collect();
        format!("{nanos}/{digits} {} {:?} {}", line.level, line.message, fields.join("|"))
    }

    #[test]
    fn lines_of_the_log() {
        let check = |line: &str, expected: &str| assert_eq!(shown(parse(line)), expected, "{line}");
        check(
            r#"time="2026-11-23T20:59:10.659929353Z" level=debug msg="Generated exec id \"e\" for container \"c\"" type=x.v1 error="a b""#,
            r#"1795467550659929353/9 debug "Generated exec id \"e\" for container \"c\"" type=x.v1|error=a b"#,
        );
        check(
            r#"time="2026-11-23T20:59:10Z" level=info msg=serving..."#,
            r#"1795467550000000000/0 info "serving..." "#,
        );
        check(
            r#"{"level":"debug","msg":"x \"y\"","time":"2026-11-23T20:59:10.5Z","n":1}"#,
            r#"1795467550500000000/1 debug "x \"y\"" n=1"#,
        );
        check("E1123 20:59:19.620666   22111 httpstream.go:257] error", "klog \"error\"");
        for other in
            ["", "x", r#"time="2026" level=info msg=x"#, r#"time="2026-11-23T20:59:10Z" level=info"#, r#"{"msg":"x"}"#]
        {
            check(other, "none");
        }
    }

    #[test]
    fn lines_of_the_stream() {
        let check = |line: &str, expected: &str| assert_eq!(shown(parse_stream(line)), expected, "{line}");
        check(
            r#"2026-11-23 20:59:10.735496056 +0000 UTC k8s.io /tasks/exec-started {"container_id":"c","exec_id":"e","pid":24100,"x":{"y":[1]}}"#,
            r#"1795467550735496056/9 k8s.io "/tasks/exec-started" container_id=c|exec_id=e|pid=24100|x={"y":[1]}"#,
        );
        check("2026-11-23 21:59:10 +0100 CET moby /tasks/oom", "1795467550000000000/0 moby \"/tasks/oom\" ");
        for other in [
            "",
            "2026-11-23 20:59:10 +0000 UTC k8s.io tasks {}",
            "2026-11-23 20:59:10 +0000 UTC k8s.io /t {",
            "2026-11-23 20:59:10 é UTC k /t {}",
        ] {
            check(other, "none");
        }
    }

    proptest! {
        #[test]
        fn no_bytes_break_it(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = (is_line(&bytes), is_stream_line(&bytes));
        }

        #[test]
        fn no_text_breaks_it(text in "(time=\"2026-11-23T20:59:10Z\" )?[a=\"\\\\ \u{e4}]{0,60}") {
            let _ = (parse(&text), parse_stream(&text));
        }
    }
}

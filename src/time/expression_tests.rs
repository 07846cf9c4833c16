//! Tests of time expressions: every form, every edge of the calendar, arbitrary text.

use super::*;
use crate::time::rfc3339;
use proptest::prelude::*;

const NOW: Moment = Moment { nanos: 1_795_602_645_500_000_000, digits: 9 }; // 2026-11-25T10:30:45.5Z

fn shown(text: &str, zone: &str) -> String {
    let at = |nanos: i64| rfc3339(Moment { nanos, digits: if nanos % 1_000_000_000 == 0 { 0 } else { 9 } });
    match parse_instant(text, NOW, &Zone::parse(zone).unwrap()) {
        Ok(span) if span.start_ns == span.end_ns => at(span.start_ns),
        Ok(span) => format!("{}..{}", at(span.start_ns), at(span.end_ns)),
        Err(error) => error.to_string(),
    }
}

fn check(text: &str, expected: &str) {
    assert_eq!(shown(text, "UTC"), expected, "{text:?}");
}

#[test]
fn rfc_3339() {
    check("2026-07-18T10:00:00Z", "2026-07-18T10:00:00Z");
    check("2026-07-18t10:00:00z", "2026-07-18T10:00:00Z");
    check("2026-07-18T10:00:00.123456789Z", "2026-07-18T10:00:00.123456789Z");
    check("2026-07-18T10:00:00.5+02:00", "2026-07-18T08:00:00.500000000Z");
    check("2026-07-18T10:00:00-05:30", "2026-07-18T15:30:00Z");
    check("2026-07-18T10:00:00+0200", "2026-07-18T08:00:00Z");
    check("2026-07-18T23:30:00-01:00", "2026-07-19T00:30:00Z");
    check("2016-12-31T23:59:60Z", "2017-01-01T00:00:00Z");
    check("1969-12-31T23:59:59.75Z", "1969-12-31T23:59:59.750000000Z");
    check("2262-04-11T23:47:16.854775807Z", "2262-04-11T23:47:16.854775807Z");
}

#[test]
fn civil_times() {
    check("2026-07-18 10:00", "2026-07-18T10:00:00Z");
    check("2026-07-18  10:00:05", "2026-07-18T10:00:05Z");
    check("2026-07-18 10:00:05.25", "2026-07-18T10:00:05.250000000Z");
    check("2026-07-18T10:00", "2026-07-18T10:00:00Z");
    check("2026-07-18 10:00 Europe/Berlin", "2026-07-18T08:00:00Z");
    check("2026-07-18 10:00 UTC", "2026-07-18T10:00:00Z");
    check("10:00", "2026-11-25T10:00:00Z");
    check("10:00:30.5", "2026-11-25T10:00:30.500000000Z");
    check("10:00+01:00", "2026-11-25T09:00:00Z");
    check("2026-07-18", "2026-07-18T00:00:00Z..2026-07-19T00:00:00Z");
    check("2026-07-18Z", "2026-07-18T00:00:00Z..2026-07-19T00:00:00Z");
    check("2026-07-18+02:00", "2026-07-17T22:00:00Z..2026-07-18T22:00:00Z");
    check("2026-02", "2026-02-01T00:00:00Z..2026-03-01T00:00:00Z");
    check("2026-12", "2026-12-01T00:00:00Z..2027-01-01T00:00:00Z");
    check("2024-02-29", "2024-02-29T00:00:00Z..2024-03-01T00:00:00Z");
    check(" 2026-07-18\n", "2026-07-18T00:00:00Z..2026-07-19T00:00:00Z");
    assert_eq!(shown("00:30", "Asia/Tokyo"), "2026-11-24T15:30:00Z");
    assert_eq!(shown("00:30", "Pacific/Auckland"), "2026-11-24T11:30:00Z", "23:30 there: still the 25th");
}

#[test]
fn relative_times() {
    check("now", "2026-11-25T10:30:45.500000000Z");
    check("-2h", "2026-11-25T08:30:45.500000000Z");
    check("2h ago", "2026-11-25T08:30:45.500000000Z");
    check("1h30m ago", "2026-11-25T09:00:45.500000000Z");
    check("now-2h", "2026-11-25T08:30:45.500000000Z");
    check("now + 2h", "2026-11-25T12:30:45.500000000Z");
    check("+30m", "2026-11-25T11:00:45.500000000Z");
    check("today", "2026-11-25T00:00:00Z");
    check("yesterday", "2026-11-24T00:00:00Z");
    check("@1784368800", "2026-07-18T10:00:00Z");
    check("@1784368800.123", "2026-07-18T10:00:00.123000000Z");
    check("@-0.5", "1969-12-31T23:59:59.500000000Z");
    check("@0", "1970-01-01T00:00:00Z");
    assert_eq!(shown("today", "Asia/Tokyo"), "2026-11-24T15:00:00Z");
    assert_eq!(shown("yesterday", "America/New_York"), "2026-11-24T05:00:00Z");
}

#[test]
fn clocks_that_are_set() {
    let berlin = |text| shown(text, "Europe/Berlin");
    assert_eq!(
        berlin("2026-10-25 02:30"),
        "\"2026-10-25 02:30\" occurs twice in Europe/Berlin, when the clock is set back: \
         write 2026-10-25T02:30:00+02:00 or 2026-10-25T02:30:00+01:00"
    );
    assert_eq!(
        berlin("2026-03-29 02:30"),
        "\"2026-03-29 02:30\" does not occur in Europe/Berlin, when the clock is set forward: \
         the next time there is 2026-03-29T03:00:00+02:00"
    );
    assert_eq!(berlin("2026-10-25T02:30:00+01:00"), "2026-10-25T01:30:00Z");
    // Days of 25 and 23 hours.
    assert_eq!(berlin("2026-10-25"), "2026-10-24T22:00:00Z..2026-10-25T23:00:00Z");
    assert_eq!(berlin("2026-03-29"), "2026-03-28T23:00:00Z..2026-03-29T22:00:00Z");
    // A midnight that was skipped, one that came twice, a day that never was.
    assert_eq!(shown("2018-11-04", "America/Sao_Paulo"), "2018-11-04T03:00:00Z..2018-11-05T02:00:00Z");
    assert_eq!(shown("2025-11-02", "America/Havana"), "2025-11-02T04:00:00Z..2025-11-03T05:00:00Z");
    assert!(shown("2011-12-30", "Pacific/Apia").contains("the calendar skips it"));
}

#[test]
fn nonsense_is_refused() {
    for bad in [
        "",
        " ",
        "x",
        "07/18/26",
        "18.07.2026",
        "2026",
        "2026-7-18",
        "2026-07-1",
        "2026-07-18T",
        "2026-07-18X",
        "2026-07-18T1:00",
        "2026-07-18T10",
        "2026-07-18 10:00:00.",
        "2026-07-18 10:00:00.1234567890",
        "2026-13-01",
        "2026-00",
        "2026-02-30",
        "2025-02-29",
        "2026-07-18 24:00",
        "2026-07-18 10:60",
        "2026-07-18 10:00:61",
        "2026-07-18 10:30:60",
        "10:00 Mars/Phobos",
        "10:0",
        "1:00",
        "@",
        "@x",
        "@1.",
        "@1.1234567890",
        "@.5",
        "@--1",
        "@9223372036854775807",
        "@1e9",
        "-2",
        "-",
        "+",
        "- 2h ago",
        "2 ago",
        "ago",
        "-300000d",
        "today 10:00",
        "TODAY",
        "1600-01-01",
        "2262-04-12",
        "2300-01",
        "0000-01-01",
        "9999-12-31",
        "9999-12",
        "٢٠٢٦-07-18",
        "2026-07-18T10:00:00+25:00",
    ] {
        assert!(parse_instant(bad, NOW, &Zone::Utc).is_err(), "{bad:?}");
    }
    check("2026-02-30", "\"2026-02-30\": there is no date 2026-02-30");
    check("2026-07-18 25:00", "\"2026-07-18 25:00\": there is no time of day 25:00:00");
    check("2300-01-01", "\"2300-01-01\" is outside of 1677-09-21 to 2262-04-11, the times that can be stored");
    assert!(shown("\u{1b}[31m\u{202e}", "UTC").starts_with("\"\\u{1b}[31m\\u{202e}\" is no time"));
    assert!(shown(&"9".repeat(100_000), "UTC").len() < 400);
}

proptest! {
    #[test]
    fn arbitrary_text_is_no_panic(text in ".{0,40}", zone in 0usize..597) {
        let zone = Zone::Named(chrono_tz::TZ_VARIANTS[zone]);
        let _ = parse_instant(&text, NOW, &zone);
        let _ = parse_duration(&text);
        let _ = Zone::parse(&text);
    }

    #[test]
    fn near_misses_are_no_panic(text in "[-+@]?[0-9]{0,12}[-T:. ]?[0-9]{0,9}[-:.hmsdZ ]?[0-9]{0,3}(ago|h|Z|\\+02:00)?") {
        let _ = parse_instant(&text, Moment { nanos: i64::MAX, digits: 9 }, &Zone::Utc);
        let _ = parse_instant(&text, Moment { nanos: i64::MIN, digits: 9 }, &Zone::Local);
    }

    #[test]
    fn what_is_printed_is_read(nanos in any::<i64>(), zone in 0usize..597) {
        let zone = Zone::Named(chrono_tz::TZ_VARIANTS[zone]);
        let text = format(Moment { nanos, digits: 9 }, &zone);
        prop_assert_eq!(parse_instant(&text, NOW, &zone), Ok(Span { start_ns: nanos, end_ns: nanos }), "{}", text);
    }
}

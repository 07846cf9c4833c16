//! Whether two records of the same stage say the same: then the second is another witness, else they contradict one another.
//!
//! A webhook's item has no kind and no apiVersion, and blanks or the order of members may differ: none of that is content.
//! Not here: which claims are left out then (`claims`).

use std::borrow::Cow;

use deponent_parsers::kubernetes::{AuditEvent, ResponseStatus, User};

/// The members in which two records of one stage differ; empty when they say the same.
pub fn differences(one: &AuditEvent<'_>, other: &AuditEvent<'_>) -> Vec<&'static str> {
    let truncated = cut(one) || cut(other);
    let bodies = |one: Option<&str>, other: Option<&str>| {
        (truncated && (one.is_none() || other.is_none())) || same_json(one, other)
    };
    let stamp =
        |event: &AuditEvent<'_>| event.stage_time.as_ref().map(|time| time.stamp.ok_or_else(|| time.text.to_string()));
    [
        ("level", one.level == other.level),
        ("stage", one.stage == other.stage),
        ("user", same_user(&one.user, &other.user)),
        (
            "impersonatedUser",
            match (&one.impersonated_user, &other.impersonated_user) {
                (Some(one), Some(other)) => same_user(one, other),
                (one, other) => one.is_none() && other.is_none(),
            },
        ),
        ("authenticationMetadata", one.impersonation_constraint == other.impersonation_constraint),
        ("sourceIPs", one.source_ips == other.source_ips),
        ("userAgent", one.user_agent == other.user_agent),
        ("objectRef", one.object_ref == other.object_ref),
        ("responseStatus", same_status(one.response_status.as_ref(), other.response_status.as_ref())),
        ("requestObject", bodies(one.request_object, other.request_object)),
        ("responseObject", bodies(one.response_object, other.response_object)),
        ("stageTimestamp", stamp(one) == stamp(other)),
        ("annotations", annotations(one) == annotations(other)),
    ]
    .into_iter()
    .filter_map(|(name, same)| (!same).then_some(name))
    .collect()
}

const TRUNCATED: &str = "audit.k8s.io/truncated";

/// Whether the API server took the bodies out because the event was too large for that backend.
fn cut(event: &AuditEvent<'_>) -> bool {
    event.annotation(TRUNCATED) == Some("true")
}

fn annotations<'a>(event: &'a AuditEvent<'_>) -> Vec<(&'a str, &'a str)> {
    let mut pairs: Vec<(&str, &str)> =
        event.annotations.iter().map(|(name, value)| (name.as_ref(), value.as_ref())).collect();
    pairs.retain(|(name, _)| *name != TRUNCATED);
    pairs.sort_unstable();
    pairs
}

fn same_status(one: Option<&ResponseStatus<'_>>, other: Option<&ResponseStatus<'_>>) -> bool {
    let (Some(one), Some(other)) = (one, other) else {
        return one.is_none() && other.is_none();
    };
    (&one.status, &one.message, &one.reason, one.code) == (&other.status, &other.message, &other.reason, other.code)
        && same_json(one.details, other.details)
}

fn same_user(one: &User<'_>, other: &User<'_>) -> bool {
    fn extra<'a>(user: &'a User<'_>) -> Vec<(&'a str, &'a [Cow<'a, str>])> {
        let mut pairs: Vec<_> = user.extra.iter().map(|(name, values)| (name.as_ref(), values.as_slice())).collect();
        pairs.sort_unstable();
        pairs
    }
    (&one.username, &one.uid, &one.groups) == (&other.username, &other.uid, &other.groups) && extra(one) == extra(other)
}

fn same_json(one: Option<&str>, other: Option<&str>) -> bool {
    match (one, other) {
        (Some(one), Some(other)) => {
            one == other
                || match (
                    serde_json::from_str::<serde_json::Value>(one),
                    serde_json::from_str::<serde_json::Value>(other),
                ) {
                    (Ok(one), Ok(other)) => one == other,
                    _ => false,
                }
        }
        (one, other) => one == other,
    }
}

//! One audit event under Kubernetes' own names; what the record does not say is `None` or empty.
//!
//! Not here: how it is read (`parse`).

use std::borrow::Cow;

use super::Stamp;

/// Text of a record, borrowed unless it held escapes.
pub type Text<'a> = Cow<'a, str>;

/// A time member: its text, and the time if it can be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Time<'a> {
    /// As it stands in the record.
    pub text: Text<'a>,
    /// What it says; `None` when it is no time.
    pub stamp: Option<Stamp>,
}

/// `user` and `impersonatedUser`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct User<'a> {
    /// `username`
    pub username: Option<Text<'a>>,
    /// `uid`
    pub uid: Option<Text<'a>>,
    /// `groups`
    pub groups: Vec<Text<'a>>,
    /// `extra`, in the record's order
    pub extra: Vec<(Text<'a>, Vec<Text<'a>>)>,
}

impl<'a> User<'a> {
    /// The values of one member of `extra`.
    pub fn extra(&self, name: &str) -> &[Text<'a>] {
        self.extra.iter().find(|(key, _)| key == name).map_or(&[], |(_, values)| values)
    }
}

/// `objectRef`
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ObjectRef<'a> {
    /// `resource`
    pub resource: Option<Text<'a>>,
    /// `namespace`
    pub namespace: Option<Text<'a>>,
    /// `name`
    pub name: Option<Text<'a>>,
    /// `uid`
    pub uid: Option<Text<'a>>,
    /// `apiGroup`
    pub api_group: Option<Text<'a>>,
    /// `apiVersion`
    pub api_version: Option<Text<'a>>,
    /// `resourceVersion`
    pub resource_version: Option<Text<'a>>,
    /// `subresource`
    pub subresource: Option<Text<'a>>,
}

/// `responseStatus`
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ResponseStatus<'a> {
    /// `status`: `Success` or `Failure`
    pub status: Option<Text<'a>>,
    /// `message`
    pub message: Option<Text<'a>>,
    /// `reason`
    pub reason: Option<Text<'a>>,
    /// `code`: of HTTP
    pub code: Option<i64>,
    /// `details`, as JSON text
    pub details: Option<&'a str>,
}

/// One event: one stage of one request.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct AuditEvent<'a> {
    /// It stood in a list, whose envelope names kind and version for it.
    pub in_list: bool,
    /// `kind`
    pub kind: Option<Text<'a>>,
    /// `apiVersion`
    pub api_version: Option<Text<'a>>,
    /// `level`
    pub level: Option<Text<'a>>,
    /// `auditID`: asserted by the client
    pub audit_id: Option<Text<'a>>,
    /// `stage`
    pub stage: Option<Text<'a>>,
    /// `requestURI`
    pub request_uri: Option<Text<'a>>,
    /// `verb`
    pub verb: Option<Text<'a>>,
    /// `user`
    pub user: User<'a>,
    /// `impersonatedUser`
    pub impersonated_user: Option<User<'a>>,
    /// `authenticationMetadata.impersonationConstraint`
    pub impersonation_constraint: Option<Text<'a>>,
    /// `sourceIPs`: all but the last are asserted by the client
    pub source_ips: Vec<Text<'a>>,
    /// `userAgent`: asserted by the client
    pub user_agent: Option<Text<'a>>,
    /// `objectRef`
    pub object_ref: Option<ObjectRef<'a>>,
    /// `responseStatus`
    pub response_status: Option<ResponseStatus<'a>>,
    /// `requestObject`, as JSON text
    pub request_object: Option<&'a str>,
    /// `responseObject`, as JSON text
    pub response_object: Option<&'a str>,
    /// `requestReceivedTimestamp`
    pub request_received: Option<Time<'a>>,
    /// `stageTimestamp`
    pub stage_time: Option<Time<'a>>,
    /// `annotations`, in the record's order
    pub annotations: Vec<(Text<'a>, Text<'a>)>,
    /// `timestamp` of v1beta1: what became `requestReceivedTimestamp`
    pub timestamp: Option<Time<'a>>,
    /// `metadata.creationTimestamp` of v1beta1
    pub created: Option<Time<'a>>,
}

impl<'a> AuditEvent<'a> {
    /// The value of an annotation.
    pub fn annotation(&self, name: &str) -> Option<&str> {
        self.annotations.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_ref())
    }
}

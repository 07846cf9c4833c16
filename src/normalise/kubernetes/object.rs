//! Name and uid of the object as the response gives them: with generateName the request has no name, and a uid is the server's to give.
//!
//! Not here: any other reading of bodies.

use deponent_parsers::kubernetes::{AuditEvent, ObjectRef, members_of};

use crate::model::Str;

/// Name and uid of the object that a request is about, from its response. Empty where the response is about something else.
pub fn of_response(event: &AuditEvent<'_>, object: &ObjectRef<'_>) -> (Option<Str>, Option<Str>) {
    let nothing = (None, None);
    let verb = event.verb.as_deref().unwrap_or("");
    let about_one = matches!(verb, "create" | "get" | "update" | "patch" | "delete");
    // The size of something is answered with that something's name and uid.
    if !about_one || object.subresource.as_deref().is_some_and(|name| !name.is_empty() && name != "scale") {
        return nothing;
    }
    let asked = object.name.as_deref().filter(|name| !name.is_empty());
    // A client may write a uid into what it creates; the server gives its own.
    if verb != "create" && asked.is_some() && object.uid.as_deref().is_some_and(|uid| !uid.is_empty()) {
        return nothing;
    }
    let response = event.response_object.map(|body| members_of(body, "metadata", ["name", "uid"]));
    let details = event.response_status.as_ref().and_then(|status| status.details);
    let details = details.map(|details| members_of(details, "", ["name", "uid"]));
    for [name, uid] in response.into_iter().chain(details) {
        match (asked, name) {
            (Some(asked), Some(name)) if asked == name => return (None, uid.map(Str::from)),
            // Only what was just created may name itself.
            (None, Some(name)) if verb == "create" && uid.is_some() => return (Some(name.into()), uid.map(Str::from)),
            _ => {}
        }
    }
    nothing
}

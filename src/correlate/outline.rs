//! What a request was, in the words of its join key: read instead of the request where that is enough to say that it is not the one.
//!
//! A key's end is a list of texts in JSON, so that no name can pretend to be two. The index cuts what is very long: such an end says nothing, and the
//! request itself is read. Not here: what is compared (`kubectl`, `sender`).

use super::kubectl;
use crate::model::Event;
use std::borrow::Cow;

type Text<'e> = Option<Cow<'e, str>>;

/// Who asked for what, and with which program.
#[derive(Debug, PartialEq, Eq)]
pub struct Outline<'e> {
    /// What the client calls itself, without its version.
    pub program: Text<'e>,
    /// The name that the API server authenticated.
    pub name: Text<'e>,
    /// The name acted as.
    pub r#as: Text<'e>,
    /// The verb.
    pub verb: Text<'e>,
    /// The resource.
    pub kind: Text<'e>,
    /// Of the object.
    pub namespace: Text<'e>,
    /// Of the object.
    pub object: Text<'e>,
}

impl<'e> Outline<'e> {
    /// That of a request.
    pub fn of(event: &'e Event) -> Outline<'e> {
        let object = event.what.object.as_ref();
        Outline {
            program: event.how.user_agent.as_deref().map(|agent| Cow::Borrowed(kubectl::program(agent))),
            name: event.who.name.as_deref().map(Cow::Borrowed),
            r#as: event.who.r#as.as_deref().map(Cow::Borrowed),
            verb: event.how.verb.as_deref().map(Cow::Borrowed),
            kind: object.and_then(|object| object.kind.as_deref()).map(Cow::Borrowed),
            namespace: object.and_then(|object| object.namespace.as_deref()).map(Cow::Borrowed),
            object: object.and_then(|object| object.name.as_deref()).map(Cow::Borrowed),
        }
    }

    /// Reads the end of a key; `None` where it was cut.
    pub fn parse(ending: &str) -> Option<Outline<'static>> {
        let [program, name, r#as, verb, kind, namespace, object] =
            serde_json::from_str::<[Text<'_>; 7]>(ending).ok()?;
        Some(Outline { program, name, r#as, verb, kind, namespace, object })
    }

    /// The end of its key.
    pub fn ending(&self) -> String {
        let Outline { program, name, r#as, verb, kind, namespace, object } = self;
        serde_json::json!([program, name, r#as, verb, kind, namespace, object]).to_string()
    }

    /// The program, or nothing.
    pub fn program(&self) -> &str {
        self.program.as_deref().unwrap_or("")
    }

    /// Whether another is about the same: verb and object.
    pub fn is_about(&self, other: &Outline<'_>) -> bool {
        self.verb == other.verb
            && self.kind == other.kind
            && self.namespace == other.namespace
            && self.object == other.object
    }

    /// Whether another is somebody else's, as far as both have a name.
    pub fn is_of_another(&self, other: &Outline<'_>) -> bool {
        self.name.is_some() && other.name.is_some() && (&self.name, &self.r#as) != (&other.name, &other.r#as)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outline<'e>(name: &'e str, object: Option<&'e str>) -> Outline<'e> {
        let text = |text: &'static str| Some(Cow::Borrowed(text));
        Outline {
            program: text("kubectl"),
            name: Some(Cow::Borrowed(name)),
            r#as: None,
            verb: text("get"),
            kind: text("pods"),
            namespace: text("shop"),
            object: object.map(Cow::Borrowed),
        }
    }

    #[test]
    fn a_key_says_what_went_into_it() {
        for name in ["alice", "", "a\",null,\"b", "é \u{1f}\n]"] {
            for object in [None, Some(""), Some("web")] {
                let outline = outline(name, object);
                assert_eq!(Outline::parse(&outline.ending()), Some(self::outline(name, object)));
                let ending = outline.ending();
                assert_eq!(Outline::parse(ending.get(..ending.len() - 1).unwrap()), None, "it was cut");
            }
        }
    }

    #[test]
    fn who_is_another() {
        let (alice, bob) = (outline("alice", Some("web")), outline("bob", Some("db")));
        let acting = Outline { r#as: Some("bob".into()), ..outline("alice", Some("web")) };
        let nobody = Outline { name: None, ..outline("", Some("web")) };
        assert!(alice.is_of_another(&bob) && alice.is_of_another(&acting));
        assert!(!alice.is_of_another(&outline("alice", Some("db"))));
        assert!(!alice.is_of_another(&nobody) && !nobody.is_of_another(&alice));
        assert!(alice.is_about(&acting) && !alice.is_about(&bob));
    }
}

//! Lines of a component that runs in a pod: the runtime has put time and stream before each.
//!
//! Not here: logs of all other containers (`application`).

use deponent_parsers::container::{Part, part};
use deponent_parsers::kubernetes::Stamp;
use deponent_parsers::line::{Time, text_of};

use crate::model::{Event, Moment, RecordFields, Source, Str};
use crate::normalise::{Context, Key, line, own};

/// A record, with what the runtime wrote around it, if anything.
pub(super) struct Wrapped<'a> {
    bytes: &'a [u8],
    part: Option<Part<'a>>,
}

impl<'a> Wrapped<'a> {
    /// Of the bytes of a record.
    pub fn of(bytes: &'a [u8]) -> Wrapped<'a> {
        // A record of the component itself begins with a letter, or is JSON of other members.
        let first = bytes.split(|byte| *byte == b'\n').next().unwrap_or_default();
        Wrapped { bytes, part: part(first) }
    }

    /// What the component wrote.
    pub fn inner(&self) -> &[u8] {
        self.part.as_ref().map_or(self.bytes, |part| &part.text)
    }

    fn stamp(&self) -> Option<Stamp> {
        match self.part.as_ref()?.time {
            Time::Moment { nanos, digits } => Some(Stamp { nanos, digits }),
            _ => None,
        }
    }

    /// The key of a line that is none of the component's format, by the runtime's time.
    pub fn key(&self, context: Context<'_>, bytes: &[u8]) -> Option<Key> {
        Some(line::key_at(Source::ControlPlane, context, bytes, self.stamp()?))
    }

    /// The event of such a line: its text.
    pub fn event(&self, key: &Key, context: Context<'_>) -> Event {
        let mut event = own::empty(context, key.id, key.when);
        event.source = Source::ControlPlane;
        event.what.action = "logged".into();
        event.what.message = Some(text_of(self.inner()).as_ref().into());
        event
    }

    /// The fields of such a line.
    pub fn fields(&self) -> RecordFields {
        let mut fields = RecordFields::default();
        let time = self.stamp().map(|Stamp { nanos, digits }| crate::time::rfc3339(Moment { nanos, digits }));
        fields.fields.extend(time.map(|time| (Str::from("time"), time.into())));
        fields.fields.push(("log".into(), text_of(self.inner()).as_ref().into()));
        fields
    }

    /// Where the component runs, where its record does not name a place itself.
    pub fn place(&self, context: Context<'_>, event: &mut Event) {
        if self.part.is_none() || event.r#where.pod.is_some() || event.r#where.namespace.is_some() {
            return;
        }
        line::place_of_file(context, &mut event.r#where);
    }
}

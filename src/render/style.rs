//! Colours: only ever around text, never part of it, and only when asked for.
//!
//! Not here: whether a terminal is there (`main`), what is coloured (the renderers).

use std::fmt;

/// Colours on or off.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Style {
    /// Whether colours are written.
    pub on: bool,
}

/// What a colour means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Paint {
    /// Headings.
    Heading,
    /// Ids, labels.
    Dim,
    /// Success.
    Good,
    /// Failure.
    Bad,
    /// Denied; contradictions.
    Alarm,
}

impl Paint {
    /// The colour of an outcome; `None` where it is unknown.
    pub fn of_outcome(outcome: &str) -> Option<Paint> {
        match outcome {
            "success" => Some(Paint::Good),
            "failure" => Some(Paint::Bad),
            "denied" => Some(Paint::Alarm),
            _ => None,
        }
    }

    fn code(self) -> &'static str {
        match self {
            Paint::Heading => "1",
            Paint::Dim => "2",
            Paint::Good => "32",
            Paint::Bad => "33",
            Paint::Alarm => "31",
        }
    }
}

impl Style {
    /// The text in this colour. It has been made safe before: nothing is looked at here.
    pub fn paint(self, paint: Paint, text: impl fmt::Display) -> String {
        if self.on { format!("\x1b[{}m{text}\x1b[0m", paint.code()) } else { text.to_string() }
    }
}

//! In which form an answer is written: one JSON document, NDJSON with a trailer line, or CSV; and which one a client accepts.
//!
//! Not here: how the bytes get to the client (`stream`).

use super::error::Problem;
use crate::query::{Trailer, json};
use crate::render::{self, Look, Renderer, Style};
use crate::time::Zone;
use axum::http::{HeaderMap, header};
use serde_json::{Value, json as value};

/// The member that makes a line the trailer.
pub const END: &str = "_end";

/// A form.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Form {
    /// `{"items": […], "count": …, "next": …}`
    Json,
    /// One item a line, and a trailer.
    Ndjson,
    /// A header and one event a line.
    Csv,
}

impl Form {
    /// Its media type.
    pub fn media_type(self) -> &'static str {
        match self {
            Form::Json => "application/json",
            Form::Ndjson => "application/x-ndjson",
            Form::Csv => "text/csv; charset=utf-8",
        }
    }

    /// The form that a client likes best, of those that a route has; the first where it says nothing.
    pub fn accepted(headers: &HeaderMap, offered: &[Form]) -> Result<Form, Problem> {
        let media: Vec<&str> = offered.iter().map(|form| form.media_type()).collect();
        Ok(offered.get(preferred(headers, &media)?).copied().unwrap_or(Form::Json))
    }
}

/// Which of these media types a client likes best; the first where it says nothing.
pub fn preferred(headers: &HeaderMap, offered: &[&str]) -> Result<usize, Problem> {
    let mut wanted: Vec<(f32, usize)> = Vec::new();
    let mut said = false;
    for header in headers.get_all(header::ACCEPT) {
        let text = header.to_str().map_err(|_| Problem::request("Accept is not text"))?;
        for range in text.split(',').map(str::trim).filter(|range| !range.is_empty()) {
            said = true;
            let mut parts = range.split(';').map(str::trim);
            let media = parts.next().unwrap_or("").to_ascii_lowercase();
            let quality = parts.find_map(|part| part.strip_prefix("q=")).map_or(Ok(1.0), str::parse::<f32>);
            let quality = quality.map_err(|_| Problem::request("Accept has a q that is no number"))?;
            let form = offered.iter().position(|form| match media.strip_suffix('*') {
                Some("*/") => true,
                Some(kind @ ("application/" | "text/")) => form.starts_with(kind),
                _ => form.split(';').next() == Some(media.as_str()),
            });
            wanted.extend(form.filter(|_| quality > 0.0).map(|form| (quality, form)));
        }
    }
    // The best; of equals the one that was named first.
    let best = wanted.iter().copied().reduce(|best, next| if next.0 > best.0 { next } else { best });
    match best {
        Some((_, form)) => Ok(form),
        None if said => {
            Err(Problem::not_acceptable(format!("there is no such form; here are: {}", offered.join(", "))))
        }
        None => Ok(0),
    }
}

/// Writes the items of an answer in a form.
pub struct Writer {
    form: Form,
    fields: Option<Vec<String>>,
    csv: Option<Box<dyn Renderer>>,
    items: u64,
}

impl Writer {
    /// Of all fields, or of some JSON paths.
    pub fn new(form: Form, fields: Option<Vec<String>>) -> Writer {
        let csv = (form == Form::Csv).then(|| {
            let look = Look { style: Style { on: false }, width: 0, zone: Zone::default(), fields: fields.clone() };
            render::renderer(render::Form::Csv, look)
        });
        Writer { form, fields, csv, items: 0 }
    }

    /// Adds an item.
    pub fn item(&mut self, into: &mut Vec<u8>, item: &Value) -> std::io::Result<()> {
        let kept = self.fields.as_deref().map(|paths| json::keep(item, paths));
        let item = kept.as_ref().filter(|_| self.form != Form::Csv).unwrap_or(item);
        match self.form {
            Form::Csv => {
                if let Some(csv) = &mut self.csv {
                    csv.event(into, item)?;
                }
            }
            Form::Json => {
                into.extend_from_slice(if self.items == 0 { b"{\"items\":[\n" } else { b",\n" });
                into.extend_from_slice(json::line(item).as_bytes());
            }
            Form::Ndjson => {
                into.extend_from_slice(json::line(item).as_bytes());
                into.push(b'\n');
            }
        }
        self.items += 1;
        Ok(())
    }

    /// Adds what stands behind the last item.
    pub fn end(&mut self, into: &mut Vec<u8>, trailer: &Trailer) -> std::io::Result<()> {
        match self.form {
            Form::Csv => {
                if let Some(csv) = &mut self.csv {
                    csv.finish(into)?;
                }
            }
            Form::Json => {
                into.extend_from_slice(if self.items == 0 { b"{\"items\":[" } else { b"\n" });
                let trailer = json::line(&said(trailer));
                into.extend_from_slice(b"],");
                into.extend_from_slice(trailer.strip_prefix('{').unwrap_or("}").as_bytes());
                into.push(b'\n');
            }
            Form::Ndjson => {
                into.extend_from_slice(json::line(&value!({ END: said(trailer) })).as_bytes());
                into.push(b'\n');
            }
        }
        Ok(())
    }

    /// Adds the word about an answer that broke off, where the form has a place for it.
    pub fn broken(&self, into: &mut Vec<u8>, problem: &Problem) {
        if self.form == Form::Ndjson {
            into.extend_from_slice(json::line(&problem.line()).as_bytes());
            into.push(b'\n');
        }
    }

    /// Whether the client can tell from the body itself that it is whole.
    pub fn says_when_broken(&self) -> bool {
        self.form == Form::Ndjson
    }
}

/// The trailer without what is absent.
pub fn said(trailer: &Trailer) -> Value {
    let mut said = serde_json::to_value(trailer).unwrap_or_default();
    if let Some(said) = said.as_object_mut() {
        said.retain(|_, value| !value.is_null());
    }
    said
}

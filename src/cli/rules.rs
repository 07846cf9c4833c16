//! `rules [NAME]`: the table of rules, and the page of one. Both are part of the program; no store is asked.
//!
//! Not here: the table itself (`correlate::rules`), the pages (`docs/rules/`).

use super::args::{Form, Global, RulesArgs};
use super::exit::{CliError, Exit};
use super::output::{Output, stdout_error};
use crate::query::rules_json;
use serde_json::Value;
use std::io::Write;

/// Name of a rule or a finding, and its page.
const PAGES: &[(&str, &str)] = &[
    ("request-stages", include_str!("../../docs/rules/request-stages.md")),
    ("sandbox-container", include_str!("../../docs/rules/sandbox-container.md")),
    ("request-container", include_str!("../../docs/rules/request-container.md")),
    ("container-runtime", include_str!("../../docs/rules/container-runtime.md")),
    ("container-process", include_str!("../../docs/rules/container-process.md")),
    ("session-exec", include_str!("../../docs/rules/session-exec.md")),
    ("exec-process", include_str!("../../docs/rules/exec-process.md")),
    ("process-child", include_str!("../../docs/rules/process-child.md")),
    ("process-container", include_str!("../../docs/rules/process-container.md")),
    ("session-stream", include_str!("../../docs/rules/session-stream.md")),
    ("login-line", include_str!("../../docs/rules/login-line.md")),
    ("login-session", include_str!("../../docs/rules/login-session.md")),
    ("client-runtime", include_str!("../../docs/rules/client-runtime.md")),
    ("manifest-pod", include_str!("../../docs/rules/manifest-pod.md")),
    ("kubelet-pod", include_str!("../../docs/rules/kubelet-pod.md")),
    ("file-executed", include_str!("../../docs/rules/file-executed.md")),
    ("file-loaded", include_str!("../../docs/rules/file-loaded.md")),
    ("owner-request", include_str!("../../docs/rules/owner-request.md")),
    ("pod-binding", include_str!("../../docs/rules/pod-binding.md")),
    ("binding-permission", include_str!("../../docs/rules/binding-permission.md")),
    ("token-use", include_str!("../../docs/rules/token-use.md")),
    ("token-pod", include_str!("../../docs/rules/token-pod.md")),
    ("certificate-use", include_str!("../../docs/rules/certificate-use.md")),
    ("csr-approval", include_str!("../../docs/rules/csr-approval.md")),
    ("client-request", include_str!("../../docs/rules/client-request.md")),
    ("firewall-connection", include_str!("../../docs/rules/firewall-connection.md")),
    ("UNATTRIBUTED_EXEC", include_str!("../../docs/rules/UNATTRIBUTED_EXEC.md")),
    ("AUDIT_ID_REUSE", include_str!("../../docs/rules/AUDIT_ID_REUSE.md")),
    ("ONE_SIDED", include_str!("../../docs/rules/ONE_SIDED.md")),
    ("RECORDS_DISAGREE", include_str!("../../docs/rules/RECORDS_DISAGREE.md")),
    ("TOKEN_OUT_OF_PLACE", include_str!("../../docs/rules/TOKEN_OUT_OF_PLACE.md")),
    ("AUDIT_OFF", include_str!("../../docs/rules/AUDIT_OFF.md")),
    ("TRACE_DELETED", include_str!("../../docs/rules/TRACE_DELETED.md")),
    ("CLOCK_STEP", include_str!("../../docs/rules/CLOCK_STEP.md")),
    ("SOURCE_SILENT", include_str!("../../docs/rules/SOURCE_SILENT.md")),
];

/// The page of a rule or a finding.
fn page(name: &str) -> Option<&'static str> {
    PAGES.iter().find(|(known, _)| *known == name).map(|(_, page)| *page)
}

/// `rules [NAME]`.
pub fn run(global: &Global, args: &RulesArgs) -> Result<Exit, CliError> {
    let form = global.output.unwrap_or(Form::Text);
    if !matches!(form, Form::Text | Form::Table | Form::Json | Form::Ndjson) {
        return Err(CliError::usage("`rules` answers as text, json or ndjson (-o)"));
    }
    let table = rules_json();
    let mut rows: Vec<Value> = table.as_array().cloned().unwrap_or_default();
    if let Some(name) = &args.name {
        rows.retain(|row| name_of(row) == name);
        let Some(row) = rows.first_mut().and_then(Value::as_object_mut) else {
            let message = format!("no rule `{name}`; `deponent rules` lists them");
            return Err(CliError::new(Exit::NoMatch, message));
        };
        row.extend(page(name).map(|page| ("page".to_owned(), page.into())));
    }
    if matches!(form, Form::Json | Form::Ndjson) {
        let mut output = Output::new(global, form)?;
        rows.iter().try_for_each(|row| output.line(row))?;
        output.finish_quietly()?;
        return Ok(Exit::Match);
    }
    let mut out = std::io::stdout().lock();
    write(&mut out, &rows).map_err(|error| stdout_error(&error))?;
    Ok(Exit::Match)
}

fn name_of(row: &Value) -> &str {
    let name = row.get("rule").or_else(|| row.get("finding"));
    name.and_then(Value::as_str).unwrap_or_default()
}

/// Everything written here is the program's own text.
fn write(out: &mut dyn Write, rows: &[Value]) -> std::io::Result<()> {
    let text = |row: &Value, name: &str| row.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
    for row in rows {
        let best = row.get("best").and_then(Value::as_str).unwrap_or("finding");
        writeln!(out, "{:<18} {best:<8} {}", name_of(row), text(row, "title"))?;
    }
    for row in rows {
        if let Some(page) = row.get("page").and_then(Value::as_str) {
            write!(out, "\n{page}")?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::correlate::rules::{FINDINGS, RULES};

    #[test]
    fn every_rule_has_its_page_and_every_page_its_rule() {
        let names: Vec<&str> =
            RULES.iter().map(|rule| rule.name).chain(FINDINGS.iter().map(|(name, _)| *name)).collect();
        let pages: Vec<&str> = PAGES.iter().map(|(name, _)| *name).collect();
        assert_eq!(names, pages);
        for name in names {
            assert!(page(name).unwrap().starts_with(&format!("# {name}\n")), "{name}: another page");
        }
    }

    #[test]
    fn the_table_names_everything() {
        let mut out = Vec::new();
        write(&mut out, rules_json().as_array().unwrap()).unwrap();
        let text = String::from_utf8(out).unwrap();
        assert_eq!(text.lines().count(), RULES.len() + FINDINGS.len());
        let row = text.lines().find(|line| line.starts_with("session-exec ")).unwrap();
        assert!(row.contains(" PROVEN ") && row.contains("an API exec session"), "{row}");
        assert!(text.contains("UNATTRIBUTED_EXEC  finding"), "{text}");
    }
}

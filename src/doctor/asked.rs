//! Programs of the machine that are asked, bounded in time and in what they say.
//!
//! Not here: what their answers mean (`clock`, `rules`).

use std::io::Read;
use std::process::{Command, Stdio};
use std::sync::mpsc::channel;
use std::time::Duration;

/// How long a program may take.
const WITHIN: Duration = Duration::from_secs(10);
/// Bytes of an answer.
const ANSWER_BYTES_MAX: u64 = 4 << 20;

/// What a program writes to its standard output; system folders are looked into besides `PATH`.
///
/// # Errors
/// Why there is no answer, for people.
pub fn asked(program: &str, arguments: &[&str]) -> Result<String, String> {
    let names = [program.to_owned(), format!("/usr/sbin/{program}"), format!("/sbin/{program}")];
    let spawned = names.iter().find_map(|name| {
        let mut command = Command::new(name);
        command.args(arguments).env("LC_ALL", "C").stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command.spawn().ok()
    });
    let mut child = spawned.ok_or_else(|| format!("{program} is not here"))?;
    let (sender, answers) = channel();
    let (output, errors) = (child.stdout.take(), child.stderr.take());
    std::thread::spawn(move || {
        let mut text = [Vec::new(), Vec::new()];
        let [out, err] = &mut text;
        // What it cannot say is as if it had not.
        let _read = output.map(|output| output.take(ANSWER_BYTES_MAX).read_to_end(out));
        let _read = errors.map(|errors| errors.take(4_096).read_to_end(err));
        let _late = sender.send(text);
    });
    let answer = answers.recv_timeout(WITHIN);
    if answer.is_err() {
        let _ended = child.kill();
    }
    let ended = child.wait().map_err(|error| format!("{program}: {error}"))?;
    let [out, err] = answer.map_err(|_| format!("{program} does not answer within {} s", WITHIN.as_secs()))?;
    if ended.success() {
        return Ok(String::from_utf8_lossy(&out).into_owned());
    }
    let said = String::from_utf8_lossy(&err);
    Err(format!("{program}: {}", said.lines().next().unwrap_or("it failed")))
}

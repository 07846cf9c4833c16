//! The binary: arguments → run → exit code.

use clap::Parser;
use deponent::cli::{Cli, Exit, run, say};
use deponent::render::Safe;
use std::process::ExitCode;

fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            // Help and version are answers; everything else is a wrong argument.
            let wrong = error.use_stderr();
            let _closed = error.print();
            return ExitCode::from(if wrong { Exit::Usage.code() } else { Exit::Match.code() });
        }
    };
    match run(&cli) {
        Ok(exit) => ExitCode::from(exit.code()),
        Err(error) => {
            if !error.message.is_empty() {
                for (number, line) in error.message.lines().enumerate() {
                    say(format_args!("{}{}", if number == 0 { "deponent: " } else { "" }, Safe(line)));
                }
            }
            ExitCode::from(error.exit.code())
        }
    }
}

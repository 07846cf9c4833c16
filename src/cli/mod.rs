//! The command line: arguments, one file a subcommand.
//!
//! Data goes to stdout, everything else (summary, progress, coverage) to stderr. Not here: answers (`query`), the running collector (`pipeline`, `serve`).

mod agent;
mod args;
mod ask;
mod backup;
mod case;
mod doctor;
mod evidence;
mod exit;
mod explain;
mod ingest;
mod linked;
mod listed;
mod output;
mod pki;
mod relink;
mod reload;
mod remote;
mod retain;
mod rules;
mod search;
mod serve;
mod story;
mod token;

pub use args::{Cli, command};
pub use exit::{CliError, Exit};
pub use output::say;

use crate::query::LinkedKind;
use args::{Command, Form, InitCommand};

/// Runs a parsed command line.
pub fn run(cli: &Cli) -> Result<Exit, CliError> {
    let global = &cli.global;
    if let (Some(Form::Md | Form::Html), false) = (global.output, matches!(cli.command, Command::Testify(_))) {
        return Err(CliError::usage("-o md and -o html are for documents: `deponent testify ID -o html`"));
    }
    match &cli.command {
        Command::Serve(args) => serve::run(global, args),
        Command::Agent(args) => agent::run(global, args),
        Command::Agents(args) => agent::agents(global, args),
        Command::Doctor(args) => doctor::run(global, args),
        Command::Init(args) => match &args.command {
            InitCommand::Pki(args) => pki::run(args),
        },
        Command::Ingest(args) => ingest::run(global, args),
        Command::Search(args) => search::search(global, args),
        Command::Timeline(args) => search::timeline(global, args),
        Command::Tail(args) => search::tail(global, args),
        Command::Top(args) => search::top(global, args),
        Command::Hist(args) => search::hist(global, args),
        Command::Show(args) => search::show(global, args),
        Command::Links(args) => linked::run(global, LinkedKind::Links, &args.name),
        Command::Why(args) => story::why(global, args),
        Command::Effects(args) => linked::run(global, LinkedKind::Effects, &args.name),
        Command::Tree(args) => linked::run(global, LinkedKind::Tree, &args.name),
        Command::Readers(args) => story::readers(global, args),
        Command::Replay(args) => story::replay(global, args),
        Command::Testify(args) => linked::testify(global, args),
        Command::Rules(args) => rules::run(global, args),
        Command::Fields(args) => explain::fields(global, args),
        Command::Explain(args) => explain::explain(global, args),
        Command::Case(args) => case::run(global, args),
        Command::Prove(args) => evidence::prove(global, args),
        Command::Verify(args) => evidence::verify(global, args),
        Command::Head => evidence::head(global),
        Command::Gaps => evidence::gaps(global),
        Command::Fsck(args) => evidence::fsck(global, args),
        Command::Rebuild => evidence::rebuild(global),
        Command::Retain(args) => retain::run(global, args),
        Command::Backup(args) => backup::run(global, args),
        Command::Key(args) => evidence::key(global, args),
        Command::Token(args) => token::run(global, args),
        Command::Findings(args) => listed::findings(global, args),
        Command::Sources => listed::sources(global),
        Command::Completions { shell } => explain::completions(*shell),
        Command::Man { name } => explain::man(name.as_deref()),
    }
}

//! The arguments: the one table that `--help`, completions and man pages are made from.

pub use crate::render::Form;
use clap::{Args, CommandFactory, Parser, Subcommand, ValueEnum};
use std::path::PathBuf;

/// Audit evidence for Kubernetes: who did what, when, where, why and how, each claim with its proof.
#[derive(Debug, Parser)]
#[command(
    name = "deponent",
    version,
    propagate_version = true,
    after_help = "EXAMPLES:\n  deponent serve                                         follow what config.toml names, answer questions\n  deponent ingest /var/log/audit --store ./case-12       read files into a store\n  deponent search 'who:alice what:exec' -S yesterday     who exec'd where\n  deponent show 2292487f                                 one event with its records\n  deponent why 2292487f                                  who is behind it, back to a credential or a login\n  deponent prove ID > e.proof && deponent verify e.proof a proof for somebody else\n\nEXIT CODES: 0 found, 1 nothing found, 2 usage, 3 integrity failure, 4 incomplete (gaps), 5 unreachable, 6 input/output"
)]
pub struct Cli {
    /// Options of every command.
    #[command(flatten)]
    pub global: Global,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// Options of every command.
#[derive(Debug, Args)]
pub struct Global {
    /// Folder of the store [default: `store` of the configuration, else ./data]
    #[arg(long, global = true, value_name = "DIR", env = "DEPONENT_STORE", help_heading = "Global")]
    pub store: Option<PathBuf>,
    /// Ask a running collector instead, such as https://deponent.example:7363
    #[arg(
        long,
        global = true,
        value_name = "URL",
        env = "DEPONENT_SERVER",
        conflicts_with = "store",
        help_heading = "Global"
    )]
    pub server: Option<String>,
    /// How to get in there
    #[command(flatten)]
    pub entry: super::remote::Entry,
    /// Configuration file [default: ./config.toml where there is one]
    #[arg(short, long, global = true, value_name = "FILE", help_heading = "Global")]
    pub config: Option<PathBuf>,
    /// Form of the output
    #[arg(short, long, global = true, value_name = "FORM", help_heading = "Global")]
    pub output: Option<Form>,
    /// Time zone of what is shown and of times without one: UTC, Europe/Berlin, +02:00, local
    #[arg(long, global = true, value_name = "ZONE", default_value = "UTC", help_heading = "Global")]
    pub tz: String,
    /// Colours
    #[arg(long, global = true, value_name = "WHEN", default_value = "auto", help_heading = "Global")]
    pub color: Color,
    /// No summary, progress or coverage on stderr
    #[arg(short, long, global = true, help_heading = "Global")]
    pub quiet: bool,
}

/// When to colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Color {
    /// On a terminal, unless NO_COLOR is set
    Auto,
    /// Always
    Always,
    /// Never
    Never,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Follow what the configuration names and answer questions (the collector)
    #[command(
        after_help = "EXAMPLES:\n  deponent serve\n  deponent serve -c /etc/deponent.toml --store /var/lib/deponent/store"
    )]
    Serve(ServeArgs),
    /// Read this node's files and send them to a collector (what runs on every node)
    #[command(
        after_help = "EXAMPLES:\n  deponent agent -c /etc/deponent/agent.toml\n  deponent agent -c agent.toml --node \"$NODE_NAME\"\n\nWithout -c: ./agent.toml. Nothing is dropped: what the collector has not acknowledged with a signed receipt stays in the spool, and when that is full nothing more is read. docs/agents.md."
    )]
    Agent(AgentArgs),
    /// The nodes that send to a collector, and letting one in again
    #[command(
        after_help = "EXAMPLES:\n  deponent agents                      who sends, when last, and who is quarantined\n  deponent agents accept prod/node-7   after a look at why"
    )]
    Agents(AgentsArgs),
    /// What is wrong with a node or a collector, and what to change
    #[command(after_help = super::doctor::HELP)]
    Doctor(super::doctor::DoctorArgs),
    /// Make what a first try needs
    #[command(after_help = "EXAMPLES:\n  deponent init pki --cluster lab --collector deponent.example --out pki")]
    Init(InitArgs),
    /// Read files and folders into a store
    #[command(
        after_help = "EXAMPLES:\n  deponent ingest audit.log k8s-audit.log.gz --store ./case\n  deponent ingest /mnt/node-7/var/log --node node-7 --cluster prod -o json\n  deponent ingest sshd.log --kind syslog --zone Europe/Berlin\n\nFormats are found by looking at the content: auditd (RAW, ENRICHED), audit.k8s.io (lines, lists, objects), containerd's log (logfmt, JSON), its events (as `ctr events` prints them), CRI-O's and dockerd's logs, `docker events`, the kubelet's log (klog, JSON), those of the API server, controller manager, scheduler and etcd, containers' logs (/var/log/pods, json-file), syslog (auth.log, kern.log, sudo, `journalctl -o json`, ulogd2); plain, .gz or .zst. What comes out of each: docs/sources.md.\nReading a file again, under another name or compressed, adds nothing."
    )]
    Ingest(IngestArgs),
    /// Find events
    #[command(
        after_help = "EXAMPLES:\n  deponent search 'who:alice@example.com what:exec ns:shop'\n  deponent search 'key:audit-docker outcome:denied' -S -2h -o ndjson\n  deponent search 'path:/etc/* (action:deleted OR action:renamed)' --raw\n  deponent search '* | top who 10'\n\nThe language: docs/query.md, `deponent fields`, `deponent explain QUERY`."
    )]
    Search(SearchArgs),
    /// Show events with all of their records
    #[command(
        after_help = "EXAMPLES:\n  deponent show abcdefgh               an id, or the beginning of one\n  deponent show 2292487f-…             an Audit-ID\n  deponent show 1795467448.980:315819  auditd's time and serial"
    )]
    Show(ShowArgs),
    /// Follow new events as they come
    #[command(after_help = "EXAMPLES:\n  deponent tail\n  deponent tail 'outcome:denied' -o text")]
    Tail(SearchArgs),
    /// Events in order of time, as sentences
    #[command(
        after_help = "EXAMPLES:\n  deponent timeline who:alice --around abcdefgh:5m\n  deponent timeline 'pod:web-1' -S 2026-07-18 -U 2026-07-19\n  deponent timeline user:jane outcome:denied\n  deponent timeline session:node-1/9\n\nENTITIES: user:NAME, sa:NS/NAME, credential:JTI=… or X509SHA256=…, address:IP, pod:NS/NAME, pod:UID, container:ID, node:NAME, session:NODE/SES (the kernel's), file:PATH. An entity becomes a query, which stderr and `deponent explain` show; what stands behind it is a query too, and both must hold."
    )]
    Timeline(SearchArgs),
    /// The commonest values of a field
    #[command(after_help = "EXAMPLES:\n  deponent top who\n  deponent top exe 'outcome:denied' -n 5 -S -7d")]
    Top(TopArgs),
    /// Events a bucket of time
    #[command(after_help = "EXAMPLES:\n  deponent hist 5m\n  deponent hist 1h 'ns:shop' -S yesterday")]
    Hist(HistArgs),
    /// What can be searched, and the short names
    Fields(FieldsArgs),
    /// How a query is understood
    #[command(
        after_help = "EXAMPLES:\n  deponent explain 'who:alice -what:get raw=~\"docker\"'\n  deponent explain pod:shop/web-1            the query that an entity of `timeline` becomes"
    )]
    Explain(ExplainArgs),
    /// Write the proof of an event's raw records
    #[command(
        after_help = "EXAMPLES:\n  deponent prove abcdefgh > e.proof\n  deponent verify e.proof --key \"$(deponent key)\""
    )]
    Prove(ProveArgs),
    /// Testimonies, records and proofs of several events in one archive, for a court or an auditor
    #[command(
        after_help = "EXAMPLES:\n  deponent case export abcdefgh 2292487f-… --to case12.tar.zst --title 'Case 12'\n  deponent case export --query 'who:bob* ns:shop' -S yesterday --to case12.tar.zst\n  deponent verify case12.tar.zst --key VKEY"
    )]
    Case(CaseArgs),
    /// Check a proof file, a testimony, a case, or every byte of a store
    #[command(
        after_help = "EXAMPLES:\n  deponent verify e.proof --key VKEY\n  deponent verify testimony.json --key VKEY              its records, proofs and links; with --store also against the store\n  deponent verify case12.tar.zst --key VKEY              all of a case, without unpacking it\n  deponent verify --store DIR --key VKEY --head saved-head\n  deponent verify --store DIR --key VKEY --links -S -7d  also the links, made again from the raw records\n\nWithout --key the answer is \"self-consistent, not authenticated\": whoever made the store could have made another one."
    )]
    Verify(VerifyArgs),
    /// The newest signed checkpoint; keep it somewhere else
    Head,
    /// What is missing: holes, lost bytes, serials that nobody has (exit 4)
    Gaps,
    /// Check the structure of a store after a crash
    Fsck(FsckArgs),
    /// Make index and state anew from evidence
    Rebuild,
    /// Let old records go, as the configuration says; hashes, headers and proofs stay
    #[command(
        after_help = "EXAMPLES:\n  deponent retain                                        what would go\n  deponent retain --apply                                say it in the log, signed, and let it go\n  deponent retain --source linux --max-age 90d --store DIR\n\nWhat is gone is a record of the log, found with `search source:self action:retention`. A collector that runs does the same by itself, once an hour. docs/retention.md."
    )]
    Retain(super::retain::RetainArgs),
    /// Copy a store, also while it is served, so that the copy verifies
    #[command(
        after_help = "EXAMPLES:\n  deponent backup /mnt/backup/store           a folder; done again, only what is new is copied\n  deponent verify --store /mnt/backup/store --key VKEY\n\nRESTORE: copy the folder back, `deponent key adopt`, `deponent rebuild`. The signing key and the index are not in it. docs/retention.md."
    )]
    Backup(super::backup::BackupArgs),
    /// The store's public key, or a new one
    #[command(
        after_help = "EXAMPLES:\n  deponent key                 the verifier key (vkey), for --key\n  deponent key adopt           go on writing a store whose key is elsewhere, with a new one"
    )]
    Key(KeyArgs),
    /// Who may ask the collector: add, list and revoke tokens
    #[command(
        after_help = "EXAMPLES:\n  deponent token add jane --role auditor > jane.token\n  deponent token add shop-team --role reader --namespace shop --expires 30d\n  deponent token list\n  deponent token revoke jane\n\nA token is printed once, on stdout; the store keeps its hash. A running collector knows of a change within a second, and of a token that is revoked its open streams end. Roles: docs/access.md."
    )]
    Token(super::token::TokenArgs),
    /// The links of an event: causes, effects, findings; strongest first
    #[command(
        after_help = "EXAMPLES:\n  deponent links abcdefgh\n  deponent links 2292487f-… -o ndjson\n\nA link names its rule, its class, each key with both values, and what else could be the cause. The rules: `deponent rules`."
    )]
    Links(LinkedArgs),
    /// Who is behind an event: its causes, back to a credential, a login, or an unknown
    #[command(
        after_help = "EXAMPLES:\n  deponent why abcdefgh                       the id of a process, from `search` or `tree`\n  deponent why 1795467588.740:325512          auditd's time and serial\n  deponent why abcdefgh -o json\n  deponent why abcdefgh --to 2292487f-…       did that request lead to it, and by which links\n\nThe last line is the answer, with no more certainty than its class: did it (PROVEN, STRONG), consistent with (CONSISTENT), one of (AMBIGUOUS), UNKNOWN."
    )]
    Why(WhyArgs),
    /// What an event caused, down to the last process
    #[command(
        after_help = "EXAMPLES:\n  deponent effects 2292487f-…                 what an exec session started\n  deponent effects abcdefgh -o csv"
    )]
    Effects(LinkedArgs),
    /// The processes of a container, an exec or a login session as a tree, each exec with its person
    #[command(
        after_help = "EXAMPLES:\n  deponent tree container:c769c925076b…      everything that ran in it\n  deponent tree exec:cc8805f91346…           one exec\n  deponent tree session:node-1/9             a login session: the kernel's `ses` on a node\n  deponent tree pid:4711@node-1              a process; with :TIME where the number was that of several\n  deponent tree abcdefgh                     what came of an event\n\nA process whose end was recorded (exit_group, a crash, containerd's exit) is shown with it."
    )]
    Tree(TreeArgs),
    /// A login session, or an exec in a container, step by step: programs, commands, what was typed, files, connections
    #[command(
        after_help = "EXAMPLES:\n  deponent replay session:node-1/9            a login session: the kernel's `ses` on a node\n  deponent replay session:2292487f-…          what came of an exec session of the API\n  deponent replay exec:cc8805f91346…          one exec of the container runtime\n\nA login session is the records that have its number. What a session of the API started is found by links, and a step says their class where it is less than STRONG."
    )]
    Replay(ReplayArgs),
    /// Who could have read a secret or another object of the API: by asking, by a list, in a pod that has it, by an exec into one
    #[command(
        after_help = "EXAMPLES:\n  deponent readers secrets/shop/db\n  deponent readers configmaps/shop/settings -S yesterday\n  deponent readers clusterroles/admin -o ndjson\n\nGRADES:\n  read                 a get was answered\n  wrote                a create, update or patch was answered: the answer has the object\n  listed               a list or a watch covered it\n  may have listed      a selector or a page of it is not decided by what is recorded\n  mounted              a pod had it as a volume or in its environment\n  used by its node     the node took it for a volume or an image of a pod\n  could read (exec)    a session into a container that had it: could, not did\n  denied               the API server refused"
    )]
    Readers(ReadersArgs),
    /// Who, what, when, where, why and how of an event, each claim with its grade and its evidence
    #[command(
        after_help = "EXAMPLES:\n  deponent testify abcdefgh > testimony.txt\n  deponent testify abcdefgh -o html > testimony.html             one file, to be printed; md and text too\n  deponent testify abcdefgh -o json --proofs > testimony.json    with raw records and their proof, for somebody else\n  deponent verify testimony.json --key VKEY                      who runs the rules again"
    )]
    Testify(TestifyArgs),
    /// The rules that make links: what each compares, and what it proves at best
    #[command(
        after_help = "EXAMPLES:\n  deponent rules\n  deponent rules session-exec                what it proves, what can be forged, what is missing when it cannot decide"
    )]
    Rules(RulesArgs),
    /// What should be there and is not, or is there twice: executions that nobody asked for, Audit-IDs of several requests
    #[command(
        after_help = "EXAMPLES:\n  deponent findings -S yesterday\n  deponent findings -o ndjson\n  deponent rules UNATTRIBUTED_EXEC          what a finding means"
    )]
    Findings(FindingsArgs),
    /// How each log is doing: state, lag, rate, last event, bad records, gaps, last error; the troubled ones first
    #[command(
        after_help = "EXAMPLES:\n  deponent sources\n  deponent sources -q | head                 what needs somebody\n  deponent sources -o json                  everything: also position, bytes, first and last read\n  deponent sources -c /etc/deponent.toml    what that configuration names, also where no collector runs\n\nSTATES:\n  unreadable  it is there and cannot be read, or its format is not known\n  missing     it is configured, and not there\n  behind      bytes of it are unread (LAG BYTES)\n  following   all of it was read, and the collector goes on\n  stopped     all of it was read; no collector runs\n  empty       nothing was ever written to it\n  rotated     the name of a rotated file; what of it is unread counts as that of its log\n  gone        a pattern named it, and it is not there any more\n  imported    read once, by `ingest`\n  unknown     no [[tail]] here names it: another machine read it, or it is no longer configured"
    )]
    Sources,
    /// Completions for a shell
    Completions {
        /// Which
        shell: clap_complete::Shell,
    },
    /// The man page
    Man {
        /// Of a command
        name: Option<String>,
    },
}

/// `serve`.
#[derive(Debug, Args)]
pub struct ServeArgs {
    /// Loopback address to listen on
    #[arg(long, value_name = "ADDRESS")]
    pub listen: Option<std::net::SocketAddr>,
}

/// `agent`.
#[derive(Debug, Args)]
pub struct AgentArgs {
    /// Name of this node, where the configuration has none
    #[arg(long, value_name = "NODE", env = "NODE_NAME")]
    pub node: Option<String>,
}

/// `agents`.
#[derive(Debug, Args)]
pub struct AgentsArgs {
    /// What to do; lists them where it is left out
    #[command(subcommand)]
    pub command: Option<AgentsCommand>,
}

/// What can be done about a node.
#[derive(Debug, Subcommand)]
pub enum AgentsCommand {
    /// Take batches of a quarantined node again
    Accept {
        /// CLUSTER/NODE
        node: String,
    },
}

/// `init`.
#[derive(Debug, Args)]
pub struct InitArgs {
    /// What to make
    #[command(subcommand)]
    pub command: InitCommand,
}

/// What can be made.
#[derive(Debug, Subcommand)]
pub enum InitCommand {
    /// A certificate authority, and certificates of a collector and its agents
    Pki(InitPkiArgs),
}

/// `init pki`.
#[derive(Debug, Args)]
pub struct InitPkiArgs {
    /// Name of the cluster, as in the agents' configuration
    #[arg(long, value_name = "NAME")]
    pub cluster: String,
    /// Names and addresses under which agents reach the collector
    #[arg(long, value_name = "HOST", required = true, value_delimiter = ',')]
    pub collector: Vec<String>,
    /// A certificate for each of these nodes; where none is named, one for all nodes of the cluster
    #[arg(long, value_name = "NODE", value_delimiter = ',')]
    pub agent: Vec<String>,
    /// A certificate for each of these people or programs, for the search API (docs/access.md)
    #[arg(long, value_name = "NAME", value_delimiter = ',')]
    pub client: Vec<String>,
    /// Where the files go; none is overwritten
    #[arg(long, value_name = "DIR", default_value = "pki")]
    pub out: PathBuf,
    /// How long certificates are valid
    #[arg(long, value_name = "DAYS", default_value_t = 365, value_parser = clap::value_parser!(u16).range(1..=3650))]
    pub days: u16,
}

/// `ingest`.
#[derive(Debug, Args)]
pub struct IngestArgs {
    /// Files and folders
    #[arg(required = true, value_name = "PATH")]
    pub paths: Vec<PathBuf>,
    /// Format, where looking is not enough
    #[arg(long, help = format!("Format, where looking is not enough: {}", crate::model::RecordKind::names()))]
    pub kind: Option<String>,
    /// Node that the files are of; part of the identity of all events but those of the API server
    #[arg(long)]
    pub node: Option<String>,
    /// Cluster that the files are of; part of the identity of events
    #[arg(long)]
    pub cluster: Option<String>,
    /// Time zone of stamps that have none: Europe/Berlin, +02:00; UTC if left out
    #[arg(long, value_name = "ZONE", allow_hyphen_values = true)]
    pub zone: Option<String>,
    /// Fields of an application's lines that answer a question: 'actor=user,sub;action=event'
    #[arg(long, value_name = "NAMES")]
    pub fields: Option<String>,
}

/// Which time.
#[derive(Debug, Clone, Default, Args)]
pub struct TimeArgs {
    /// Events at this time or later: RFC 3339, 2026-07-18, -2h, yesterday, @epoch, A..B
    #[arg(short = 'S', long, value_name = "TIME", allow_hyphen_values = true)]
    pub since: Option<String>,
    /// Events before this time
    #[arg(short = 'U', long, value_name = "TIME", allow_hyphen_values = true)]
    pub until: Option<String>,
    /// Events around one: ID:5m
    #[arg(long, value_name = "ID:TIME", conflicts_with_all = ["since", "until"])]
    pub around: Option<String>,
}

/// `search`, `tail`, `timeline`.
#[derive(Debug, Args)]
pub struct SearchArgs {
    /// The query; several arguments are joined by blanks; all events without one
    #[arg(value_name = "QUERY")]
    pub query: Vec<String>,
    /// Which time
    #[command(flatten)]
    pub time: TimeArgs,
    /// At most so many events; 0: all [default: 100 on a terminal or for people, else all]
    #[arg(short = 'n', long, value_name = "N")]
    pub limit: Option<usize>,
    /// Oldest first
    #[arg(short, long)]
    pub reverse: bool,
    /// The raw records instead, byte for byte
    #[arg(long)]
    pub raw: bool,
    /// Exit with 4 when anything is known to be missing (`gaps`)
    #[arg(long)]
    pub require_complete: bool,
}

/// `show`.
#[derive(Debug, Args)]
pub struct ShowArgs {
    /// Ids, their beginnings, Audit-IDs, or `s.ms:serial`
    #[arg(required = true, value_name = "ID")]
    pub names: Vec<String>,
    /// The raw records instead, byte for byte
    #[arg(long)]
    pub raw: bool,
}

/// `top`.
#[derive(Debug, Args)]
pub struct TopArgs {
    /// The field
    pub field: String,
    /// The query
    #[arg(value_name = "QUERY")]
    pub query: Vec<String>,
    /// Which time
    #[command(flatten)]
    pub time: TimeArgs,
    /// How many values
    #[arg(short = 'n', long, value_name = "N", default_value_t = 10)]
    pub limit: usize,
}

/// `hist`.
#[derive(Debug, Args)]
pub struct HistArgs {
    /// Width of a bucket: 30s, 5m, 1h, 1d
    pub width: String,
    /// The query
    #[arg(value_name = "QUERY")]
    pub query: Vec<String>,
    /// Which time
    #[command(flatten)]
    pub time: TimeArgs,
}

/// `fields`.
#[derive(Debug, Args)]
pub struct FieldsArgs {
    /// A field or a short name
    pub name: Option<String>,
}

/// `explain`.
#[derive(Debug, Args)]
pub struct ExplainArgs {
    /// The query
    #[arg(required = true, value_name = "QUERY")]
    pub query: Vec<String>,
}

/// `prove`.
#[derive(Debug, Args)]
pub struct ProveArgs {
    /// The event: id, beginning of one, Audit-ID, or `s.ms:serial`
    pub name: String,
    /// Where to write it [default: stdout]
    #[arg(long, value_name = "FILE")]
    pub to: Option<PathBuf>,
}

/// `case`.
#[derive(Debug, Args)]
pub struct CaseArgs {
    /// What to do
    #[command(subcommand)]
    pub action: CaseAction,
}

/// What to do with a case.
#[derive(Debug, Subcommand)]
pub enum CaseAction {
    /// Write one: testimonies with their records and proofs, gaps, findings, manifest, how to check it (exit 4: the limit left something out)
    #[command(
        after_help = "EXAMPLES:\n  deponent case export abcdefgh 2292487f-… --to case12.tar.zst --title 'Case 12'\n  deponent case export --query 'who:bob* ns:shop' -S yesterday --to case12.tar.zst\n\nThe same store, checkpoint and arguments give the same bytes: compare the SHA-256 that is printed. Whoever gets it: `deponent verify CASE.tar.zst --key VKEY`."
    )]
    Export(CaseExportArgs),
}

/// `case export`.
#[derive(Debug, Args)]
pub struct CaseExportArgs {
    /// Ids, their beginnings, Audit-IDs, or `s.ms:serial`
    #[arg(value_name = "ID")]
    pub names: Vec<String>,
    /// Also the events that this query finds
    #[arg(long, value_name = "QUERY")]
    pub query: Option<String>,
    /// Which time, of the query
    #[command(flatten)]
    pub time: TimeArgs,
    /// At most so many events of the query, the oldest; what is left out is counted
    #[arg(short = 'n', long, value_name = "N", default_value_t = crate::case::EVENTS_DEFAULT)]
    pub limit: usize,
    /// Where to write it
    #[arg(long, value_name = "FILE")]
    pub to: PathBuf,
    /// What to call it
    #[arg(long, value_name = "TEXT")]
    pub title: Option<String>,
    /// Replace a file that is there
    #[arg(long)]
    pub force: bool,
}

/// `verify`.
#[derive(Debug, Args)]
pub struct VerifyArgs {
    /// A proof file, a testimony in JSON, or a case (.tar.zst); without one the store is checked
    pub file: Option<PathBuf>,
    /// Also make the links of the store again from its raw records, and compare (a testimony's always are)
    #[arg(long)]
    pub links: bool,
    /// With --links: of events at this time or later
    #[arg(short = 'S', long, value_name = "TIME", allow_hyphen_values = true, requires = "links")]
    pub since: Option<String>,
    /// With --links: of events before this time
    #[arg(short = 'U', long, value_name = "TIME", allow_hyphen_values = true, requires = "links")]
    pub until: Option<String>,
    /// The key that you trust (a vkey, or a file that holds one)
    #[arg(long, value_name = "VKEY")]
    pub key: Option<String>,
    /// A checkpoint that was saved earlier: the log must extend it
    #[arg(long, value_name = "FILE")]
    pub head: Option<PathBuf>,
}

/// `testify`.
#[derive(Debug, Args)]
pub struct TestifyArgs {
    /// The event: id, beginning of one, Audit-ID, or `s.ms:serial`
    #[arg(value_name = "ID")]
    pub name: String,
    /// With the proof that each exhibit is in the log, as `prove` writes it
    #[arg(long)]
    pub proofs: bool,
}

/// `links`, `effects`.
#[derive(Debug, Args)]
pub struct LinkedArgs {
    /// The event: id, beginning of one, Audit-ID, or `s.ms:serial`
    #[arg(value_name = "ID")]
    pub name: String,
}

/// `why`.
#[derive(Debug, Args)]
pub struct WhyArgs {
    /// The event: id, beginning of one, Audit-ID, or `s.ms:serial`
    #[arg(value_name = "ID")]
    pub name: String,
    /// Only whether this event led to it: the links between the two, or why there are none (exit 1)
    #[arg(long, value_name = "ID")]
    pub to: Option<String>,
}

/// `tree`.
#[derive(Debug, Args)]
pub struct TreeArgs {
    /// container:ID, exec:ID, session:NODE/SES, pid:PID@NODE[:TIME], or an event as for `why`
    #[arg(value_name = "container:ID|exec:ID|session:NODE/SES|pid:PID@NODE|ID")]
    pub name: String,
}

/// `readers`.
#[derive(Debug, Args)]
pub struct ReadersArgs {
    /// RESOURCE/NAMESPACE/NAME, such as secrets/shop/db; RESOURCE/NAME of what is in no namespace
    #[arg(value_name = "RESOURCE/NAMESPACE/NAME")]
    pub object: String,
    /// Which time
    #[command(flatten)]
    pub time: TimeArgs,
}

/// `replay`.
#[derive(Debug, Args)]
pub struct ReplayArgs {
    /// session:NODE/SES, session:AUDIT-ID, or exec:ID
    #[arg(value_name = "session:NODE/SES|session:AUDIT-ID|exec:ID")]
    pub name: String,
}

/// `rules`.
#[derive(Debug, Args)]
pub struct RulesArgs {
    /// A rule, or a finding
    pub name: Option<String>,
}

/// `findings`.
#[derive(Debug, Args)]
pub struct FindingsArgs {
    /// Which time
    #[command(flatten)]
    pub time: TimeArgs,
}

/// `fsck`.
#[derive(Debug, Args)]
pub struct FsckArgs {
    /// Write again tiles and bundles that are missing or wrong, where the segments prove them
    #[arg(long)]
    pub repair: bool,
}

/// `key`.
#[derive(Debug, Args)]
pub struct KeyArgs {
    /// What to do; shows the vkey without it
    #[command(subcommand)]
    pub action: Option<KeyAction>,
}

/// What to do with the key.
#[derive(Debug, Clone, Copy, Subcommand)]
pub enum KeyAction {
    /// The verifier key, for `verify --key`
    Show,
    /// A new key for a store that was restored from a backup, or whose key is lost
    Adopt,
}

/// clap's description of all of it.
pub fn command() -> clap::Command {
    Cli::command()
}

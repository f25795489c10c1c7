//! Manual pages: clap's options, and the sections that the command line does not define.

use std::io;

use super::Cli;
use crate::{dialect, exit};

mod formats;

pub(crate) use formats::FORMATS;

/// The date of the pages: the last change of what they describe.
const DATE: &str = "2026-11-30";

/// Environment variables, for the section ENVIRONMENT.
const ENVIRONMENT: &[(&str, &str)] = &[
    ("WSTAP_OPTION", "Sets --option, if the option takes at most one value, such as WSTAP_MAX_TIME=10s."),
    ("HTTPS_PROXY, HTTP_PROXY, ALL_PROXY, NO_PROXY", "Proxies, as in curl."),
    ("SSL_CERT_FILE, SSL_CERT_DIR", "Trusted root certificates (PEM), instead of the system's."),
    ("SSLKEYLOGFILE", "File of the key log, with --tls-keylog."),
    ("NO_COLOR, CLICOLOR, CLICOLOR_FORCE, TERM", "Use of color and of the cursor."),
    ("VISUAL, EDITOR", "Editor of /edit at the prompt."),
    ("TMPDIR", "Directory of spill files."),
    ("XDG_CONFIG_HOME, XDG_STATE_HOME", "Directories of the files below."),
];

/// Files, for the section FILES.
const FILES: &[(&str, &str)] = &[
    ("~/.config/wstap/config.toml", "Profiles, used as @NAME."),
    ("~/.config/wstap/dialects/NAME.toml", "User-defined dialects, used as -d NAME."),
    ("~/.local/state/wstap/history", "Lines typed at the prompt, one file per profile, mode 0600."),
];

/// A manual page.
pub struct ManualPage {
    /// Its name, such as `wstap-connect`.
    pub name: String,
    /// 1 for commands, 5 for file formats.
    pub section: u8,
    /// The page in roff.
    pub text: Vec<u8>,
}

impl ManualPage {
    /// The name of its file, such as `wstap-connect.1`.
    #[must_use]
    pub fn file_name(&self) -> String {
        format!("{}.{}", self.name, self.section)
    }
}

/// The page of the tool, of one command or of a file format; `None` if nothing has this name.
///
/// # Errors
/// None in practice: the page is written to memory.
pub fn page(subject: Option<&str>) -> io::Result<Option<ManualPage>> {
    let mut cli = Cli::describe().disable_help_subcommand(true);
    cli.build();
    let Some(subject) = subject else { return render(&cli, &cli).map(Some) };
    if let Some(format) = FORMATS.iter().find(|format| format.name == subject) {
        return Ok(Some(format.page()));
    }
    match cli.find_subcommand(subject) {
        Some(described) => render(described, &cli).map(Some),
        None => Ok(None),
    }
}

/// Every page.
///
/// # Errors
/// None in practice: the pages are written to memory.
pub fn pages() -> io::Result<Vec<ManualPage>> {
    let mut cli = Cli::describe().disable_help_subcommand(true);
    cli.build();
    let commands = std::iter::once(&cli).chain(cli.get_subcommands()).map(|command| render(command, &cli));
    commands.chain(FORMATS.iter().map(|format| Ok(format.page()))).collect()
}

fn render(command: &clap::Command, cli: &clap::Command) -> io::Result<ManualPage> {
    let name = page_name(command);
    // clap would print the name of a command's page with a space.
    let described = command.clone().name(name.clone()).display_name(name.clone());
    let described = described.version(env!("CARGO_PKG_VERSION")).after_help("").after_long_help("");
    let man = clap_mangen::Man::new(described).title(name.to_uppercase()).date(DATE).manual("wstap manual");
    let mut parts = Vec::new();
    man.render_title(&mut parts)?;
    man.render_name_section(&mut parts)?;
    man.render_synopsis_section(&mut parts)?;
    man.render_description_section(&mut parts)?;
    man.render_options_section(&mut parts)?;
    // Every part begins with the same definition of the apostrophe.
    let parts = String::from_utf8_lossy(&parts);
    let definition: String = parts.split_inclusive('\n').take(2).collect();
    // Two line breaks around an empty line separate values, which mandoc warns about.
    let mut more = definition.clone() + &parts.replace(&definition, "").replace(".br\n\n.br\n", ".sp\n");
    if command.has_subcommands() {
        let commands = command.get_subcommands().map(|command| (page_name(command), about(command)));
        let commands: Vec<(String, String)> =
            commands.map(|(name, about)| (format!("{name}(1)"), about)).collect();
        let rows = commands.iter().map(|(name, about)| (name.as_str(), about.as_str()));
        more.push_str(&list("COMMANDS", rows));
    }
    let help = command.get_after_long_help().or(command.get_after_help()).map(ToString::to_string);
    let (examples, others) = sections(help.as_deref().unwrap_or_default());
    more.push_str(&others);
    let credentials: Vec<&str> = dialect::ALL
        .iter()
        .flat_map(|dialect| dialect.credentials())
        .map(|credential| credential.variable)
        .collect();
    let credentials = credentials.join(", ");
    let providers = std::iter::once((credentials.as_str(), "Credentials of the providers."));
    more.push_str(&list("ENVIRONMENT", ENVIRONMENT.iter().copied().chain(providers)));
    more.push_str(&list("FILES", FILES.iter().copied()));
    let statuses: Vec<(String, &str)> =
        exit::TABLE.iter().map(|(exit, meaning)| (exit.code().to_string(), *meaning)).collect();
    more.push_str(&list("EXIT STATUS", statuses.iter().map(|(code, meaning)| (code.as_str(), *meaning))));
    more.push_str(&examples);
    let others = std::iter::once(cli).chain(cli.get_subcommands()).map(page_name);
    let others = others.filter(|other| *other != name).map(|other| (other, 1));
    let formats = FORMATS.iter().map(|format| (format!("wstap-{}", format.name), 5));
    let others: Vec<String> =
        others.chain(formats).map(|(name, section)| format!(".BR {} ({section})", escape(&name))).collect();
    more.push_str(&format!(".SH \"SEE ALSO\"\n{}\n", others.join(",\n")));
    Ok(ManualPage { name, section: 1, text: tidied(&more) })
}

/// A page without the breaks that say nothing: after a heading and after another break.
fn tidied(page: &str) -> Vec<u8> {
    let mut text = String::with_capacity(page.len());
    let mut before = "";
    for line in page.lines().map(str::trim_end) {
        let says_nothing =
            (before.starts_with(".SH") && line == ".PP") || (matches!(before, "" | ".sp") && line == ".br");
        if !says_nothing {
            text.extend([line, "\n"]);
        }
        before = line;
    }
    text.into_bytes()
}

fn page_name(command: &clap::Command) -> String {
    match command.get_name() {
        "wstap" => "wstap".to_owned(),
        name => format!("wstap-{name}"),
    }
}

fn about(command: &clap::Command) -> String {
    command.get_about().map(ToString::to_string).unwrap_or_default()
}

/// A section of terms and what they mean.
fn list<'a>(heading: &str, rows: impl Iterator<Item = (&'a str, &'a str)>) -> String {
    let rows = rows.map(|(term, text)| format!(".TP\n.B {}\n{}\n", escape(term), escape(text)));
    format!(".SH {heading:?}\n{}", rows.collect::<String>())
}

/// The text after the options: its examples, and its other sections. A block that starts with `HEADING:` or
/// `HEADING (text):` begins a section; other blocks continue it. The exit statuses have a section of their own.
fn sections(help: &str) -> (String, String) {
    let (mut examples, mut others) = (String::new(), String::new());
    let mut heading = String::new();
    for block in help.split("\n\n").filter(|block| !block.is_empty()) {
        let starts =
            block.split_once(":\n").filter(|(start, _)| !start.contains('\n') && !start.starts_with(' '));
        let body = match starts {
            None => block,
            Some((start, body)) => {
                let (name, note) = start.split_once(" (").unwrap_or((start, ""));
                heading = name.to_uppercase();
                let page = if heading == "EXAMPLES" { &mut examples } else { &mut others };
                if heading != "EXIT STATUS" {
                    page.push_str(&format!(".SH {heading:?}\n"));
                    let note = note.trim_end_matches(')');
                    page.push_str(&if note.is_empty() { String::new() } else { paragraph(note) });
                }
                body
            }
        };
        let page = if heading == "EXAMPLES" { &mut examples } else { &mut others };
        match heading.as_str() {
            "EXIT STATUS" => {}
            _ if body.starts_with("  ") => page.push_str(&verbatim(body)),
            _ => page.push_str(&paragraph(body)),
        }
    }
    (examples, others)
}

fn paragraph(text: &str) -> String {
    format!(".PP\n{}\n", escape(text))
}

/// Lines that keep their breaks. The page indents them already.
fn verbatim(text: &str) -> String {
    let lines: Vec<String> =
        text.lines().map(|line| escape(line.strip_prefix("  ").unwrap_or(line))).collect();
    format!(".PP\n.nf\n{}\n.fi\n", lines.join("\n"))
}

/// Text that roff prints unchanged: hyphens stay hyphens, and a leading dot or quote is not a request.
fn escape(text: &str) -> String {
    let text = text.replace('\\', "\\e").replace('-', "\\-").replace('\'', "\\(aq").replace('`', "\\(ga");
    if text.starts_with('.') { format!("\\&{text}") } else { text }
}

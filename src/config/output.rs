//! Filter and output options, resolved to a pipeline configuration.

use std::path::Path;
use std::sync::Arc;

use jiff::Timestamp;

use super::World;
use crate::cli::options::{DeliveryArgs, FilterArgs, OutputArgs, SessionArgs};
use crate::cli::values::{ColorChoice, FilterErrors};
use crate::error::{Failure, Result};
use crate::exit::Exit;
use crate::file;
use crate::har;
use crate::pipeline::filter::{Program, Vars};
use crate::pipeline::line::{BinaryForm, Style};
use crate::pipeline::outfile::{self, OutFile, Repair};
use crate::pipeline::recorder::RecordFile;
use crate::pipeline::{Config, FactsLedger};
use crate::report::Report;
use crate::session::policy::{Asked, Count};
use crate::sys;

/// Compiles the programs and opens the recording.
///
/// # Errors
/// A filter that does not compile, a file that cannot be read or written, options that exclude each other.
pub fn resolve(
    args: &SessionArgs,
    reply: Option<&str>,
    color: ColorChoice,
    world: &World<'_>,
    report: &Report,
) -> Result<Config> {
    check_delivery(&args.delivery, &args.output)?;
    let vars = vars(&args.filter)?;
    let sink = {
        let report = report.clone();
        Arc::new(move |text: &str| report.notice(text.trim_end_matches('\n')))
    };
    let compile =
        |name: &str, source: &str| Ok(Program::compile(name, source, &vars)?.with_sink(sink.clone()));
    let optional = |name: &str, source: Option<&str>| source.map(|source| compile(name, source)).transpose();
    let filter = match &args.filter.filter_file {
        Some(path) => {
            let source = read(path, "--filter-file")?;
            optional("--filter-file", Some(&source[..]).filter(|source| !is_empty_program(source)))?
        }
        None => {
            let source = args.filter.filter.as_deref().filter(|source| !is_empty_program(source));
            optional("--filter", source).map_err(|failure| names_file(failure, source))?
        }
    };
    if args.filter.null_input && filter.is_none() {
        return Err(Failure::usage("--null-input needs a filter")
            .hint("add a filter, such as -n -f 'limit(3; inputs)'"));
    }
    let config = Config {
        envelope: args.output.envelope,
        style: style(args, color, world),
        // A filter that passes everything on would only cost what it costs to parse.
        filter: filter.filter(|filter| args.filter.null_input || !filter.is_identity()),
        null_input: args.filter.null_input,
        until: optional("--until", args.end.until.as_deref())?,
        fail_if: optional("--fail-if", args.end.fail_if.as_deref())?,
        reply: optional("--reply", reply)?,
        key: optional("--to-key", args.delivery.to_key.as_deref())?,
        facts: args.delivery.has_sinks().then(FactsLedger::default),
        errors_fail: args.filter.filter_errors == FilterErrors::Fail,
        count: args.end.count,
        show_secrets: args.output.show_secrets,
        recording: args.output.record.as_deref().map(create_recording).transpose()?,
        screen: None,
    };
    if config.style.binary == BinaryForm::Raw && (config.has_programs() || config.envelope) {
        return Err(Failure::usage("--binary raw cannot be combined with a filter or records"));
    }
    if config.style.binary == BinaryForm::Raw && config.style.terminal {
        // The bytes of others could do anything to it.
        return Err(Failure::usage("--binary raw cannot write to a terminal")
            .hint("redirect the output (`> file`, `| xxd`), or use --binary hex"));
    }
    Ok(config)
}

/// Looks for files that would be read and written, or written in two ways, before any is opened.
///
/// # Errors
/// A usage failure that names both options.
pub fn distinct_files(args: &SessionArgs, cursor: Option<&Path>) -> Result<()> {
    let dead_letter = args.delivery.dead_letter.as_deref();
    let (from, record, output) = (args.from.as_deref(), args.output.record.as_deref(), file_of(&args.output));
    for (option, does, path) in [
        ("--record", "overwrite", record),
        ("--output", "change", output),
        ("--dead-letter", "change", dead_letter),
    ] {
        if from.zip(path).is_some_and(|(from, to)| is_same_file(from, to)) {
            return Err(Failure::usage(format!("{option} would {does} the file that --from reads")));
        }
    }
    let written = [
        ("--record", record, "--output", output),
        ("--cursor-file", cursor, "--output", output),
        ("--cursor-file", cursor, "--record", record),
        ("--cursor-file", cursor, "--dead-letter", dead_letter),
        ("--record", record, "--dead-letter", dead_letter),
    ];
    for (option, path, other, other_path) in written {
        if path.zip(other_path).is_some_and(|(a, b)| would_be_same_file(a, b)) {
            let what = format!("{option} would overwrite the file that {other} writes");
            return Err(Failure::usage(what).hint("use a different file for each option"));
        }
    }
    Ok(())
}

/// Refuses options that say how to deliver if nothing says where to.
fn check_delivery(args: &DeliveryArgs, output: &OutputArgs) -> Result<()> {
    let lonely = [
        ("--tee", args.tee),
        ("--to-key", args.to_key.is_some()),
        ("--dead-letter", args.dead_letter.is_some()),
    ];
    if let Some((option, _)) = lonely.into_iter().find(|(_, given)| *given && !args.has_sinks()) {
        return Err(Failure::usage(format!("{option} needs --to or --to-cmd")));
    }
    if args.has_sinks() && file_of(output).is_some() && !args.tee {
        return Err(Failure::usage("--output and --to are two outputs")
            .hint("add --tee to write lines to both, or remove one"));
    }
    Ok(())
}

/// What was asked of the output, as far as the exit status depends on it.
#[must_use]
pub fn asked(args: &SessionArgs) -> Asked {
    let filters = args.filter.filter.is_some() || args.filter.filter_file.is_some();
    Asked {
        until: args.end.until.is_some(),
        count: args.end.count.map(|goal| Count { goal, unit: if filters { "line" } else { "message" } }),
        exit_status: args.filter.exit_status,
    }
}

fn is_same_file(a: &Path, b: &Path) -> bool {
    matches!((sys::identity(a), sys::identity(b)), (Ok(a), Ok(b)) if a == b)
}

/// The same where neither may be there yet. Devices, pipes and sockets have room for what comes from two sides, and
/// nothing in them is overwritten.
fn would_be_same_file(a: &Path, b: &Path) -> bool {
    match (std::fs::metadata(a), std::fs::metadata(b)) {
        (Ok(facts), Ok(_)) => facts.is_file() && is_same_file(a, b),
        (Err(_), Err(_)) => file::destination(a) == file::destination(b),
        _ => false,
    }
}

fn style(args: &SessionArgs, color: ColorChoice, world: &World<'_>) -> Style {
    let delivery = &args.delivery;
    let to_terminal = world.stdout_terminal && file_of(&args.output).is_none() && delivery.writes_lines();
    Style {
        raw: args.output.raw_output,
        join: args.output.join_output,
        indent: indent(&args.output),
        sort: args.output.sort_keys,
        ascii: args.output.ascii_output,
        seq: args.output.seq,
        // The same lines go to all outputs.
        color: !delivery.has_sinks() && world.color(color, to_terminal),
        terminal: to_terminal,
        binary: args.output.binary,
    }
}

/// What a level of JSON is indented by; `None` for JSON on one line. clap keeps the last of these options alone.
#[must_use]
pub fn indent(args: &OutputArgs) -> Option<&'static str> {
    const SPACES: &str = "       ";
    match args.indent {
        Some(0) => None,
        Some(n) => Some(SPACES.get(..n.into()).unwrap_or(SPACES)),
        None if args.tab => Some("\t"),
        None => args.pretty.then_some("  "),
    }
}

/// The variables of jq programs.
///
/// # Errors
/// A value or a file that is not what it should be.
pub fn vars(args: &FilterArgs) -> Result<Vars> {
    let mut vars = Vars::default();
    for pair in args.arg.chunks_exact(2) {
        vars.arg(&pair[0], &pair[1])?;
    }
    for pair in args.argjson.chunks_exact(2) {
        vars.argjson(&pair[0], &pair[1])?;
    }
    for pair in args.slurpfile.chunks_exact(2) {
        vars.slurpfile(&pair[0], Path::new(&pair[1]))?;
    }
    for pair in args.rawfile.chunks_exact(2) {
        vars.rawfile(&pair[0], Path::new(&pair[1]))?;
    }
    args.args.iter().for_each(|text| vars.positional(text));
    args.jsonargs.iter().try_for_each(|text| vars.positional_json(text))?;
    vars.modules(&args.library_path);
    Ok(vars)
}

fn read(path: &Path, option: &str) -> Result<String> {
    file::text(path, file::MAX_WRITTEN)
        .map_err(|error| Failure::usage_of_system(format!("{option} {}", path.display()), &error))
}

/// When the file that lines are added to was last written to, if it has any.
#[must_use]
pub fn last_written(args: &OutputArgs) -> Option<Timestamp> {
    file_of(args).and_then(outfile::last_written)
}

/// The path of the file that lines are added to; `-` is standard output, as elsewhere.
#[must_use]
pub fn file_of(args: &OutputArgs) -> Option<&Path> {
    args.output.as_deref().filter(|path| *path != Path::new("-"))
}

/// The file that lines are added to, if there is one. If its last line is not whole, that is put right and told.
///
/// # Errors
/// If it cannot be written.
pub fn open_output(args: &OutputArgs, report: &Report) -> Result<Option<Arc<OutFile>>> {
    let Some(path) = file_of(args) else { return Ok(None) };
    let name = path.display();
    let failed = |error| Failure::system(Exit::OutputFailed, format!("--output {name}"), &error);
    // With --join-output there are no lines.
    let repaired = if args.join_output { Ok(None) } else { outfile::repair(path, !args.raw_output) };
    match repaired.map_err(failed)? {
        Some(Repair::Cut(bytes)) => report.warning(&format!(
            "--output {name}: removed an incomplete last line ({bytes} bytes), as a crash leaves it"
        )),
        Some(Repair::Ended) => {
            report.warning(&format!("--output {name}: added the missing newline at the end"));
        }
        None => {}
    }
    OutFile::open(path).map(|file| Some(Arc::new(file))).map_err(failed)
}

fn create_recording(path: &Path) -> Result<RecordFile> {
    can_be_recorded_to(path)?;
    RecordFile::create(path)
        .map_err(|error| Failure::system(Exit::OutputFailed, format!("--record {}", path.display()), &error))
}

/// Can a recording have this path?
///
/// # Errors
/// Standard output, and HARs that cannot be written anew at the end.
pub fn can_be_recorded_to(path: &Path) -> Result<()> {
    if path == Path::new("-") {
        return Err(Failure::usage("--record cannot write to standard output")
            .hint("to print records on standard output, use --envelope"));
    }
    let is_stream = std::fs::metadata(path).is_ok_and(|facts| !facts.is_file());
    if is_stream && har::is_har(path) {
        let what = format!("--record {}: not a regular file", path.display());
        return Err(Failure::usage(what).hint("write the HAR to a regular file"));
    }
    Ok(())
}

/// jq's `-f` takes a file, so the name of one may stand where a program does not compile.
fn names_file(failure: Failure, source: Option<&str>) -> Failure {
    match source.filter(|source| failure.exit == Exit::FilterCompile && Path::new(source).is_file()) {
        Some(path) => failure.hint(format!("to read the program from {path}, use --filter-file {path}")),
        None => failure,
    }
}

/// As in jq, such a program passes everything on.
fn is_empty_program(source: &str) -> bool {
    source.lines().map(str::trim).all(|line| line.is_empty() || line.starts_with('#'))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::Command;
    use crate::config::profile::parse;

    #[test]
    fn raw_bytes_are_not_for_a_terminal() {
        let world = |stdout_terminal| World {
            var: &|_| None,
            has_own_vars: false,
            stdout_terminal,
            stderr_terminal: false,
        };
        let argv = ["wstap", "connect", "--binary", "raw", "ws://h/"].map(Into::into);
        let cli = parse(&argv, &world(false)).unwrap();
        let Command::Connect(args) = cli.command else { unreachable!("connect was typed") };
        let report = Report::silent();
        let resolved = |stdout_terminal| {
            resolve(&args.session, None, ColorChoice::Never, &world(stdout_terminal), &report).map(drop)
        };
        assert!(resolved(true).unwrap_err().hint.unwrap().contains("redirect"));
        assert!(resolved(false).is_ok());
    }
}

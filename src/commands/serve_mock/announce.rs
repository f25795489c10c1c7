//! Where the server listens, told to programs and to people.

use std::io::Write as _;
use std::path::Path;

use serde_json::{Map, Value, json};

use crate::cli::mock::{Announce, MockArgs};
use crate::error::{Failure, Result};
use crate::exit::Exit;
use crate::mock::Mock;
use crate::pipeline::output::write_failure;
use crate::replace::{Access, replace};
use crate::report::Report;

/// As many dialects as are described on a screen.
const FEW: usize = 6;

/// One line on standard output, more of them for people, and the file. The file is written last, so that whoever waits for it finds
/// everything ready.
pub(super) fn announce(
    mock: &Mock,
    form: Option<Announce>,
    for_people: bool,
    file: Option<&Path>,
) -> Result<()> {
    let line = match form {
        None => None,
        // A notice would mask the token that makes each of these work.
        Some(Announce::Url) if for_people => Some(mock.main_url() + &every_url(mock)),
        Some(Announce::Url) => Some(mock.main_url()),
        Some(Announce::Json) => Some(everything(mock).to_string()),
    };
    if let Some(line) = line {
        let mut stdout = std::io::stdout().lock();
        writeln!(stdout, "{line}")
            .and_then(|()| stdout.flush())
            .map_err(|error| write_failure("the announcement on standard output", &error))?;
    }
    file.map_or(Ok(()), |path| write_file(path, mock.main_url()))
}

/// A line for each dialect: its URL, and below it what it is unless there are many.
fn every_url(mock: &Mock) -> String {
    let urls = mock.urls();
    let width = urls.iter().map(|(name, _)| name.len()).max().unwrap_or(0).max(8);
    let few = urls.len() <= FEW;
    let line = |(name, url): (&str, String)| {
        let about = if few { format!("\n{:width$} {}", "", mock.about(name)) } else { String::new() };
        format!("\n{name:<width$} {url}{about}")
    };
    urls.into_iter().map(line).collect()
}

/// The same for people, on stderr.
pub(super) fn tell(mock: &Mock, args: &MockArgs, report: &Report) {
    if let Some(path) = mock.ca_file() {
        report.notice(&format!("to trust its certificate, use --cacert {}", path.display()));
    }
    match mock.control_url() {
        Some(url) => report.verbose(&format!("control API: {url}")),
        None if args.no_control => {}
        None => report.notice(
            "control API disabled: on a non-loopback address it needs --control-token-env or --control-token-file",
        ),
    }
    report.notice(&format!("listening on {}; press Ctrl-C to stop", mock.local_addr()));
}

fn everything(mock: &Mock) -> Value {
    let address = mock.local_addr();
    let urls: Map<String, Value> =
        mock.urls().into_iter().map(|(name, url)| (name.to_owned(), url.into())).collect();
    json!({
        "listening": address.to_string(),
        "port": address.port(),
        "url": mock.main_url(),
        "urls": urls,
        "control": mock.control_url(),
        "ca": mock.ca_file().map(|path| path.display().to_string()),
    })
}

/// Replaced as a whole: a reader that polls for the file never sees half a line.
fn write_file(path: &Path, url: String) -> Result<()> {
    replace(path, Access::Kept, move |file| writeln!(file, "{url}")).map_err(|error| {
        Failure::system(Exit::OutputFailed, format!("--port-file {}", path.display()), &error)
    })
}

//! A run of `probe-handshake`: its connections one after the other, each reported as soon as it is known, and the exit
//! status that comes of them.

use tokio::time::{Instant, sleep_until};

use super::gates::Gates;
use super::matrix::{Case, Matrix};
use super::monitor::{ServiceState, nagios, prometheus};
use super::record::{ProbeRecord, SecretMask};
use super::repeat::{Account, Rounds};
use super::{Target, probe, text};
use crate::error::{Failure, Result};
use crate::exit::{Exit, Status};
use crate::net::Renewed;
use crate::pipeline::line::{Style, write_json};
use crate::pipeline::output::{Output as _, write_failure};
use crate::pipeline::stdout::Stdout;
use crate::report::{Level, Report};
use crate::secret::Lease;
use crate::signals::Signals;
use crate::sys;
use crate::system;

/// Which connections are made to the target.
pub(crate) enum Connections {
    Single,
    /// One for each row.
    Matrix(Matrix),
    /// The same one several times.
    Repeated(Rounds),
}

/// What the report is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ReportKind {
    /// One record a line.
    Json,
    /// A page for people.
    Text,
    /// One line with performance data, and the exit status of a plugin.
    Nagios,
    /// Metrics.
    Prometheus,
}

/// How the report is written.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ReportForm {
    /// What it is.
    pub output: ReportKind,
    /// Use color on standard output.
    pub color: bool,
    /// What `COLUMNS` says, for a page whose output is not a terminal.
    pub columns: Option<usize>,
    /// Standard output is a terminal.
    pub stdout_terminal: bool,
    /// Standard error is a terminal, which gets a line a round if standard output is JSON.
    pub stderr_terminal: bool,
}

/// Makes the connections and reports on them.
///
/// # Errors
/// Mistakes on the command line, and output that cannot be written. What is wrong with the endpoint is written to
/// standard output.
pub(crate) async fn run(
    target: &Target,
    connections: &Connections,
    gates: Gates,
    form: ReportForm,
    report: &Report,
) -> Result<Status> {
    let mask = SecretMask(report.clone());
    let mut run =
        ProbeRun { target, gates, form, report, mask, gate_failed: false, failed: None, service: None };
    match connections {
        Connections::Single => run.single().await?,
        Connections::Matrix(matrix) => run.matrix(matrix).await?,
        Connections::Repeated(rounds) => {
            if let Some(stopped) = run.repeated(*rounds).await? {
                return Ok(stopped.into());
            }
        }
    }
    Ok(run.service.map_or_else(|| run.exit().into(), |service| Status(service.code())))
}

struct ProbeRun<'a> {
    target: &'a Target,
    gates: Gates,
    form: ReportForm,
    report: &'a Report,
    mask: SecretMask,
    gate_failed: bool,
    failed: Option<Exit>,
    /// The state of the service, for a plugin.
    service: Option<ServiceState>,
}

impl ProbeRun<'_> {
    async fn single(&mut self) -> Result<()> {
        let (target, _lease) = self.renewed().await?;
        let record = self.probe(&target).await?;
        self.note(&record, record.ok);
        self.text(|color, width| text::page(&record, color, width))?;
        match self.form.output {
            ReportKind::Nagios => {
                let (service, line) = nagios(&record, &self.gates);
                self.service = Some(service);
                return write(line.as_bytes()).map(drop);
            }
            ReportKind::Prometheus => {
                write(prometheus(&record, self.exit() == Exit::Ok).as_bytes())?;
            }
            ReportKind::Text | ReportKind::Json => {}
        }
        if let Some(failed) = record.failed.iter().find(|_| self.form.output != ReportKind::Text) {
            let failure = Failure::new(Exit::Assertion, &failed.what);
            let hint = record.hints.first().map(|hint| hint.text.clone());
            self.report.failure(&Failure { hint, ..failure });
        }
        self.json(&record.to_json()).map(drop)
    }

    /// In a row, a refusal is a result and not a failure, except among the addresses of one name.
    async fn matrix(&mut self, matrix: &Matrix) -> Result<()> {
        self.text(|_, _| text::title(&self.target.url.to_string()))?;
        let (target, _lease) = self.renewed().await?;
        let rows = matrix.rows(&target).await;
        let names = rows.iter().filter_map(|row| row.case.as_ref()).map(|case| case.label().chars().count());
        let longest = names.max().unwrap_or_default();
        for row in rows {
            let record = self.probe(&row).await?;
            let is_address = matches!(record.case, Some(Case::Address { .. }));
            self.note(&record, record.ok || record.is_refusal() && !is_address);
            self.text(|color, width| text::row(&record, longest, color, width))?;
            self.json(&record.to_json())?;
        }
        Ok(())
    }

    /// A signal ends the rounds with the account of those so far, and is the exit status then.
    async fn repeated(&mut self, rounds: Rounds) -> Result<Option<Exit>> {
        let mut signals = Signals::listen().map_err(|error| system("signal handlers", &error))?;
        let mut account = Account::default();
        let stopped = tokio::select! {
            done = self.rounds(rounds, &mut account) => done.map(|()| None),
            outcome = signals.next() => Ok(Some(outcome.exit)),
        };
        self.text(|color, width| text::account(&account, color, width))?;
        self.json(&account.summary().to_json())?;
        stopped
    }

    async fn rounds(&mut self, rounds: Rounds, account: &mut Account) -> Result<()> {
        let mut next = Instant::now();
        for round in 1..=rounds.count {
            sleep_until(next).await;
            next = Instant::now() + rounds.interval;
            let (target, _lease) = self.renewed().await?;
            let record = ProbeRecord { round: Some(round), ..self.probe(&target).await? };
            account.add(&record);
            self.note(&record, record.ok);
            let is_read = self.text(|color, width| text::round(&record, rounds.count, color, width))?;
            if self.form.output == ReportKind::Json && self.form.stderr_terminal {
                let line = text::round(&record, rounds.count, false, usize::MAX);
                self.report.notice(line.lines().next().unwrap_or_default().trim_end());
            }
            if !(self.json(&record.to_json())? && is_read) {
                break;
            }
        }
        Ok(())
    }

    /// The target with the credentials that hold now, and what keeps those masked.
    async fn renewed(&self) -> Result<(Target, Lease)> {
        let Renewed { options, lease, .. } = self.target.options.renewed().await?;
        Ok((Target { options, ..self.target.clone() }, lease))
    }

    /// The record of a connection, judged by the gates.
    async fn probe(&self, target: &Target) -> Result<ProbeRecord> {
        let mut record = probe(target, &self.mask).await?;
        record.gates = self.gates.judge(&record)?;
        Ok(record)
    }

    /// Notes what the record means for the exit status, and reports the gates that fail.
    fn note(&mut self, record: &ProbeRecord, passed: bool) {
        if !passed {
            self.failed = self.failed.or(Exit::from_code(record.exit));
        }
        let place = record.place().map(|place| format!("{place}: ")).unwrap_or_default();
        // A page has them in it.
        for warning in record.warnings.iter().filter(|_| self.form.output != ReportKind::Text) {
            self.report.warning(&format!("{place}{}", warning.text));
        }
        for gate in record.gates.iter().filter(|gate| !gate.ok) {
            self.gate_failed = true;
            let text = self.mask.text(&format!("{place}check failed: {} (actual: {})", gate.gate, gate.saw));
            self.report.say(Level::Error, &text);
        }
    }

    /// Gates decide if there are any.
    fn exit(&self) -> Exit {
        match (self.gates.any(), self.gate_failed) {
            (true, false) => Exit::Ok,
            (true, true) => Exit::Assertion,
            (false, _) => self.failed.unwrap_or(Exit::Ok),
        }
    }

    fn json(&self, line: &str) -> Result<bool> {
        if self.form.output != ReportKind::Json {
            return Ok(true);
        }
        let ReportForm { color, stdout_terminal: terminal, .. } = self.form;
        let mut bytes = Vec::with_capacity(line.len() + 1);
        write_json(line, true, Style { color, terminal, ..Style::default() }, &mut bytes);
        write(&bytes)
    }

    /// Writes a page, which is given whether it may have color, and how wide the terminal is.
    fn text(&self, page: impl FnOnce(bool, usize) -> String) -> Result<bool> {
        if self.form.output == ReportKind::Text {
            write(page(self.form.color, width(self.form.columns)).as_bytes())
        } else {
            Ok(true)
        }
    }
}

/// Writes to standard output. `false`: its reader has gone, and has seen enough; the exit status is still to come.
fn write(bytes: &[u8]) -> Result<bool> {
    match Stdout::default().write(bytes) {
        Err(cut) if cut.error.kind() == std::io::ErrorKind::BrokenPipe => Ok(false),
        written => written.map(|()| true).map_err(|cut| write_failure("standard output", &cut.error)),
    }
}

/// How wide a page is: as wide as the terminal, or else as `COLUMNS` says, and no narrower than its tables need.
fn width(asked: Option<usize>) -> usize {
    const DEFAULT: usize = 100;
    const LEAST: usize = 40;
    let terminal = sys::stdout_size().map(|(columns, _)| usize::from(columns));
    terminal.or(asked).filter(|width| *width > 0).map_or(DEFAULT, |width| width.max(LEAST))
}

//! Reports for monitoring: a line for Nagios and its relatives, and metrics for Prometheus.

use std::fmt::Write as _;

use jiff::Timestamp;

use super::gates::Gates;
use super::record::ProbeRecord;

/// The state of a service, as the Monitoring Plugins Development Guidelines number it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ServiceState {
    /// Everything holds.
    Ok = 0,
    /// It works, and something is odd or will soon be wrong.
    Warning = 1,
    /// It does not work, or a gate fails.
    Critical = 2,
    /// Nothing is known of it: the plugin was given something wrong.
    Unknown = 3,
}

impl ServiceState {
    /// The exit status of the plugin.
    #[must_use]
    pub(crate) fn code(self) -> u8 {
        self as u8
    }

    /// One line: the state and its reason.
    #[must_use]
    pub(crate) fn line(self, reason: &str) -> String {
        let word = match self {
            Self::Ok => "OK",
            Self::Warning => "WARNING",
            Self::Critical => "CRITICAL",
            Self::Unknown => "UNKNOWN",
        };
        // A bar begins the performance data, and a plugin has one line.
        let reason = reason.replace('|', "/").split_whitespace().collect::<Vec<_>>().join(" ");
        format!("WSTAP {word} - {reason}")
    }
}

/// The state that a record shows, and its line with performance data.
#[must_use]
pub(crate) fn nagios(record: &ProbeRecord, gates: &Gates) -> (ServiceState, String) {
    let failed_gates =
        record.gates.iter().filter(|gate| !gate.ok).map(|gate| format!("{} ({})", gate.gate, gate.saw));
    let failed = failed_gates.collect::<Vec<_>>().join("; ");
    let odd = || {
        let hints = record.hints.iter().filter(|hint| hint.id == "expires-soon");
        let notes = record.warnings.iter().chain(hints).map(|note| note.text.clone());
        let checks = record.checks.iter().filter(|check| check.verdict == "warn");
        let checks =
            checks.map(|check| format!("{}: expected {}; got {}", check.id, check.expected, check.got));
        notes.chain(checks).next()
    };
    let (state, reason) = if !failed.is_empty() {
        (ServiceState::Critical, format!("{}: {failed}", record.url))
    } else if let Some(failed) = record.failed.as_ref().filter(|_| !gates.any()) {
        (ServiceState::Critical, failed.what.clone())
    } else {
        let time = record.phases.total.map(|ms| format!(" in {ms} ms")).unwrap_or_default();
        let status = record.status().map_or("no response".to_owned(), |status| format!("status {status}"));
        match odd() {
            Some(odd) => (ServiceState::Warning, format!("{}: {odd}", record.url)),
            None => (ServiceState::Ok, format!("{}: {status}{time}", record.url)),
        }
    };
    (state, format!("{} | {}\n", state.line(&reason), performance(record, gates)))
}

/// `label=value[unit];warning;critical;least`, one after the other. The gates give the critical values.
fn performance(record: &ProbeRecord, gates: &Gates) -> String {
    let mut data: Vec<String> = record
        .times()
        .into_iter()
        .map(|(name, ms)| {
            let most = gates.most(name).map(|most| most.as_secs_f64().to_string()).unwrap_or_default();
            format!("{name}={:.6}s;;{most};0", ms / 1e3)
        })
        .collect();
    if let Some(days) = record.tls.as_ref().and_then(|tls| tls.days_left) {
        let least = gates.min_cert_days().map(|days| format!("{days}:")).unwrap_or_default();
        data.push(format!("cert_days={days};;{least}"));
    }
    if let Some(live) = &record.live {
        data.push(format!("messages={};;;0", live.message_count));
    }
    data.join(" ")
}

/// The record in Prometheus' text format, for the textfile collector of its node exporter.
#[must_use]
pub(crate) fn prometheus(record: &ProbeRecord, passed: bool) -> String {
    let mut page = MetricsPage { text: String::new(), url: escaped(&record.url) };
    page.family("success", "1 if the probe passed, 0 if not", &[("", number(passed))]);
    page.family("exit_status", "Exit status of the probe", &[("", record.exit.to_string())]);
    let phases: Vec<_> = record
        .times()
        .into_iter()
        .map(|(name, ms)| (format!(",phase=\"{name}\""), (ms / 1e3).to_string()))
        .collect();
    page.family("phase_seconds", "Duration of each phase", &phases);
    let status = record.status().map(|status| ("", status.to_string()));
    page.family("http_status", "Status of the HTTP response", status.as_slice());
    let expiry = record.tls.as_ref().and_then(|tls| tls.not_after.as_deref()?.parse::<Timestamp>().ok());
    let expiry = expiry.map(|time| ("", time.as_second().to_string()));
    page.family("cert_not_after_timestamp_seconds", "Expiry of the server's certificate", expiry.as_slice());
    let messages = record.live.as_ref().map(|live| ("", live.message_count.to_string()));
    page.family("messages", "Messages received", messages.as_slice());
    let checks: Vec<_> = record
        .checks
        .iter()
        .filter(|check| check.verdict != "skipped")
        .map(|check| (format!(",check=\"{}\"", check.id), number(check.verdict != "fail")))
        .collect();
    page.family("check_passed", "1 if the check passed, 0 if not", &checks);
    let gates: Vec<_> = record
        .gates
        .iter()
        .map(|gate| (format!(",gate=\"{}\"", escaped(&gate.gate)), number(gate.ok)))
        .collect();
    page.family("gate_passed", "1 if the gate passed, 0 if not", &gates);
    let started = record.ts.parse::<Timestamp>().ok().map(|time| ("", time.as_second().to_string()));
    page.family("timestamp_seconds", "Start of the probe", started.as_slice());
    page.text
}

fn number(yes: bool) -> String {
    u8::from(yes).to_string()
}

/// A label's value.
fn escaped(text: &str) -> String {
    text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

struct MetricsPage {
    text: String,
    url: String,
}

impl MetricsPage {
    /// Metrics of one name, each with its labels and its value.
    fn family(&mut self, name: &str, help: &str, metrics: &[(impl AsRef<str>, String)]) {
        if metrics.is_empty() {
            return;
        }
        // Writing into a text cannot fail.
        let _ = writeln!(self.text, "# HELP wstap_probe_{name} {help}.\n# TYPE wstap_probe_{name} gauge");
        for (labels, value) in metrics {
            let _ =
                writeln!(self.text, "wstap_probe_{name}{{url=\"{}\"{}}} {value}", self.url, labels.as_ref());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_one_line_without_a_bar() {
        assert_eq!(ServiceState::Critical.line("a|b\nc\u{2028}d"), "WSTAP CRITICAL - a/b c d");
        assert_eq!(escaped("a\"b\\c\nd"), "a\\\"b\\\\c\\nd");
    }
}

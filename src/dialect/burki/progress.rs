//! What a message says of campaigns, in either shape: the documents' nested one and the SDK's flat one. Nothing
//! is added up, corrected or required here: what a message does not say, or says in another kind of value, is not
//! known.

use jiff::{Timestamp, civil, tz::TimeZone};
use serde_json::{Map, Value};

use super::wire;
use crate::error::Result;
use crate::message::Message;
use crate::net::WsUrl;

/// The state of a campaign as one message tells it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Reading {
    /// Its id.
    pub campaign: u64,
    /// Its status, in the provider's word. The flat shape has none but for completion.
    pub status: Option<String>,
    /// All contacts.
    pub total: Option<u64>,
    /// Contacts that were reached.
    pub completed: Option<u64>,
    /// Contacts that were not.
    pub failed: Option<u64>,
    /// Contacts that are being called.
    pub processing: Option<u64>,
    /// Contacts that are still to be called.
    pub pending: Option<u64>,
    /// Percent of the contacts that are done.
    pub progress_percentage: Option<f64>,
    /// Percent of those that were reached.
    pub success_rate: Option<f64>,
    /// When the message was made, by the server's clock. Only the flat shape says.
    pub at: Option<Timestamp>,
}

/// What a message says: nothing, the state of one campaign, or of several in an overview.
#[must_use]
pub fn read(message: &Message) -> Vec<Reading> {
    let Ok(Value::Object(object)) = serde_json::from_slice(message.as_bytes()) else { return Vec::new() };
    match object.get("data") {
        Some(Value::Object(data)) => match data.get("campaigns") {
            Some(Value::Array(all)) => all.iter().filter_map(Value::as_object).filter_map(nested).collect(),
            _ => nested(data).into_iter().collect(),
        },
        _ => flat(&object).into_iter().collect(),
    }
}

/// The message that asks for the present state.
#[must_use]
pub fn request_update() -> Message {
    wire::request_update()
}

/// The message that asks for the last hours.
#[must_use]
pub fn request_history(hours: u32) -> Message {
    wire::request_history(hours)
}

/// The endpoint of one campaign, on the server of this one; the query stays, with the credential in it.
///
/// # Errors
/// If it makes no URL.
pub fn endpoint(url: &WsUrl, campaign: u64) -> Result<WsUrl> {
    let (path, query) = url.target().split_once('?').unwrap_or((url.target(), ""));
    let mark = if query.is_empty() { "" } else { "?" };
    let prefix = path.find("/ws/campaigns/").map_or(path, |at| &path[..at]).trim_end_matches('/');
    url.join(&format!("{prefix}/ws/campaigns/{campaign}/progress{mark}{query}"))
}

/// The `data` of the documents' messages.
fn nested(data: &Map<String, Value>) -> Option<Reading> {
    let progress = data.get("progress")?.as_object()?;
    Some(Reading {
        campaign: count(data, "campaign_id")?,
        status: data.get("status").and_then(Value::as_str).map(str::to_owned),
        total: count(progress, "total_contacts"),
        completed: count(progress, "completed"),
        failed: count(progress, "failed"),
        processing: count(progress, "processing"),
        pending: count(progress, "pending"),
        progress_percentage: percent(progress, "progress_percentage"),
        success_rate: percent(progress, "success_rate"),
        at: None,
    })
}

/// The SDK's messages that have counts in them.
fn flat(object: &Map<String, Value>) -> Option<Reading> {
    let completed = match object.get("type")?.as_str()? {
        "progress" => false,
        "campaign_completed" => true,
        _ => return None,
    };
    Some(Reading {
        campaign: count(object, "campaign_id")?,
        status: completed.then(|| "completed".to_owned()),
        total: count(object, "total_contacts"),
        completed: count(object, "completed_contacts"),
        failed: count(object, "failed_contacts"),
        processing: count(object, "in_progress_contacts"),
        pending: count(object, "pending_contacts"),
        progress_percentage: percent(object, "completion_percentage"),
        success_rate: percent(object, "success_rate"),
        at: object.get("timestamp").and_then(time),
    })
}

fn count(object: &Map<String, Value>, name: &str) -> Option<u64> {
    let value = object.get(name)?;
    // 120.0 is a count as well.
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "checked before")]
    let whole =
        |number: f64| (number.fract() == 0.0 && (0.0..9e15).contains(&number)).then_some(number as u64);
    value.as_u64().or_else(|| value.as_f64().and_then(whole))
}

fn percent(object: &Map<String, Value>, name: &str) -> Option<f64> {
    object.get(name)?.as_f64()
}

/// Seconds since 1970 as a number, or an ISO time, which is UTC where it names no zone.
fn time(value: &Value) -> Option<Timestamp> {
    match value {
        Value::String(text) => text.parse().ok().or_else(|| {
            let local: civil::DateTime = text.parse().ok()?;
            TimeZone::UTC.to_timestamp(local).ok()
        }),
        // Within the range, milliseconds are exact enough in either direction.
        #[expect(clippy::cast_possible_truncation, reason = "saturates, and is checked after")]
        Value::Number(number) => Timestamp::from_millisecond((number.as_f64()? * 1000.0).round() as i64).ok(),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reading(text: &str) -> Vec<Reading> {
        read(&Message::text(text))
    }

    fn known(status: Option<&str>, at: Option<&str>) -> Reading {
        Reading {
            campaign: 42,
            status: status.map(str::to_owned),
            total: Some(200),
            completed: Some(120),
            failed: Some(10),
            processing: Some(4),
            pending: Some(66),
            progress_percentage: Some(65.0),
            success_rate: Some(92.31),
            at: at.map(|at| at.parse().unwrap()),
        }
    }

    #[test]
    fn the_documents_example() {
        let data = r#"{"campaign_id":42,"status":"running","progress":{"total_contacts":200,"completed":120,
            "failed":10,"processing":4,"pending":66,"progress_percentage":65.0,"success_rate":92.31},
            "started_at":"2026-01-01T09:00:00Z","completed_at":null,"recent_activity":[]}"#;
        for kind in ["initial_progress", "progress_update", "Progress-Update"] {
            let message = format!(r#"{{"type":"{kind}","data":{data}}}"#);
            assert_eq!(reading(&message), [known(Some("running"), None)]);
        }
        let overview = format!(r#"{{"type":"overview","data":{{"campaigns":[{data},7,{data}]}}}}"#);
        assert_eq!(reading(&overview).len(), 2);
    }

    #[test]
    fn the_flat_shape_with_any_time() {
        let message = |time: &str| {
            format!(
                r#"{{"type":"progress","campaign_id":42,"timestamp":{time},"total_contacts":200,
                "completed_contacts":120.0,"failed_contacts":10,"pending_contacts":66,"in_progress_contacts":4,
                "completion_percentage":65.0,"success_rate":92.31}}"#
            )
        };
        for (time, at) in [
            ("1767225600.123", Some("2026-01-01T00:00:00.123Z")),
            ("\"2026-01-01T00:00:00.123\"", Some("2026-01-01T00:00:00.123Z")),
            ("\"2026-01-01T01:00:00+01:00\"", Some("2026-01-01T00:00:00Z")),
            ("1e300", None),
            ("\"soon\"", None),
            ("null", None),
        ] {
            assert_eq!(reading(&message(time)), [known(None, at)], "{time}");
        }
        let completed = message("null").replace("\"progress\"", "\"campaign_completed\"");
        assert_eq!(reading(&completed)[0].status.as_deref(), Some("completed"));
    }

    #[test]
    fn what_is_not_said_is_not_known_and_the_rest_is_no_reading() {
        let little =
            reading(r#"{"data":{"campaign_id":1,"progress":{"completed":-1,"failed":"2","pending":1.5}}}"#);
        assert_eq!(little, [Reading { campaign: 1, ..Reading::default() }]);
        for text in
            ["", "[]", "7", r#"{"type":"pong"}"#, r#"{"type":"progress"}"#, r#"{"data":{"campaign_id":1}}"#]
        {
            assert_eq!(reading(text), [], "{text}");
        }
    }

    #[test]
    fn the_endpoint_of_a_campaign() {
        for (from, to) in [
            ("ws://h/ws/campaigns/monitor?token=a%26b", "ws://h/ws/campaigns/7/progress?token=a%26b"),
            ("ws://h/ws/campaigns/42/progress", "ws://h/ws/campaigns/7/progress"),
            ("ws://h/behind/ws/campaigns/monitor", "ws://h/behind/ws/campaigns/7/progress"),
            ("ws://h/behind/ws/campaigns/1/progress", "ws://h/behind/ws/campaigns/7/progress"),
            ("ws://h/", "ws://h/ws/campaigns/7/progress"),
        ] {
            let url = endpoint(&WsUrl::parse(from).unwrap(), 7).unwrap();
            assert_eq!(url.exposed(), WsUrl::parse(to).unwrap().exposed(), "{from}");
        }
    }
}

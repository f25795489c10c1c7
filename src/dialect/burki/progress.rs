//! What a message says of campaigns, in either shape: the documents' nested one and the SDK's flat one. Nothing
//! is added up, corrected or required here: what a message does not say, or says in another kind of value, is not
//! known.

use jiff::{Timestamp, civil, tz::TimeZone};
use serde_json::{Map, Value};

use super::{MONITOR, campaign_number, campaign_of, wire};
use crate::campaign::{CampaignStatus, Contact, Counts, History, Reading, Said, Sample};
use crate::dialect::Campaigns;
use crate::error::Result;
use crate::message::Message;
use crate::net::WsUrl;

/// What the SDK's messages say of contacts whose turn has not come or is not over.
const UNDECIDED: [&str; 2] = ["pending", "in_progress"];

/// The documents' messages of progress.
const PROGRESS: [&str; 2] = ["initial_progress", "progress_update"];

/// The documents' names of all contacts and of those in each state, of the part that is done and of that which was
/// reached ("Progress Fields").
const DOCUMENTED: [&str; 7] =
    ["total_contacts", "completed", "failed", "processing", "pending", "progress_percentage", "success_rate"];

/// The same in the SDK's messages.
const FLAT: [&str; 7] = [
    "total_contacts",
    "completed_contacts",
    "failed_contacts",
    "in_progress_contacts",
    "pending_contacts",
    "completion_percentage",
    "success_rate",
];

/// Characters that are shown of a value that is no number.
const LONGEST_ODD: usize = 40;

/// The provider's campaigns.
pub(super) struct BurkiCampaigns;

impl Campaigns for BurkiCampaigns {
    fn id(&self, text: &str) -> Option<u64> {
        campaign_number(text)
    }

    fn shown_at(&self, url: &WsUrl) -> Option<u64> {
        campaign_number(&campaign_of(url)?)
    }

    fn one(&self, url: &WsUrl, campaign: u64) -> Result<WsUrl> {
        at_endpoint(url, &format!("/ws/campaigns/{campaign}/progress"))
    }

    fn monitor(&self, url: &WsUrl) -> Result<WsUrl> {
        at_endpoint(url, MONITOR)
    }

    fn read(&self, message: &Message) -> Vec<Said> {
        let Ok(Value::Object(object)) = serde_json::from_slice(message.as_bytes()) else { return Vec::new() };
        match object.get("data") {
            Some(Value::Object(data)) => {
                let kind = object.get("type").and_then(Value::as_str).unwrap_or_default();
                documented(kind, data).into_iter().collect()
            }
            _ => flat(&object),
        }
    }

    fn request_update(&self) -> Message {
        wire::request_update()
    }

    fn request_history(&self, hours: u32) -> Message {
        wire::request_history(hours)
    }

    fn follow(&self, campaign: u64) -> Message {
        wire::watch("subscribe", campaign)
    }
}

/// An endpoint on the server of this one; the query stays, with the credential in it.
fn at_endpoint(url: &WsUrl, endpoint: &str) -> Result<WsUrl> {
    let (path, query) = url.target().split_once('?').unwrap_or((url.target(), ""));
    let mark = if query.is_empty() { "" } else { "?" };
    let prefix = path.find("/ws/campaigns/").map_or(path, |at| &path[..at]).trim_end_matches('/');
    url.join(&format!("{prefix}{endpoint}{mark}{query}"))
}

/// The `data` of the documents' messages. That an overview is a list of them, and the shape of a history, are
/// guesses.
fn documented(kind: &str, data: &Map<String, Value>) -> Option<Said> {
    let objects = |value: &Value| -> Option<Vec<Map<String, Value>>> {
        Some(value.as_array()?.iter().filter_map(Value::as_object).cloned().collect())
    };
    if let Some(all) = data.get("campaigns").and_then(objects) {
        return Some(Said::Overview(all.iter().filter_map(|data| nested(data, true)).collect()));
    }
    if let Some(metrics) = data.get("metrics").and_then(objects) {
        let campaign = count(data, "campaign_id")?;
        return Some(Said::History(History { campaign, samples: metrics.iter().map(sample).collect() }));
    }
    nested(data, PROGRESS.contains(&kind)).map(Said::Progress)
}

/// The `data` of one campaign. Where it is known to be that, it may also tell a status alone.
fn nested(data: &Map<String, Value>, known: bool) -> Option<Reading> {
    let none = Map::new();
    let progress = data.get("progress").and_then(Value::as_object);
    let alone = known && data.get("status").is_some_and(Value::is_string);
    let progress = progress.or(alone.then_some(&none))?;
    let campaign = count(data, "campaign_id")?;
    let recent = data.get("recent_activity").and_then(Value::as_array);
    let activity = |value: &Value| {
        contact(value.as_object()?, campaign, ["execution_id", "contact_phone", "status", ""])
    };
    Some(Reading {
        campaign,
        status: text(data, "status").map(|name| CampaignStatus::from_name(&name)),
        counts: documented_counts(progress),
        odd: odd(progress, DOCUMENTED),
        recent: recent.into_iter().flatten().filter_map(activity).collect(),
    })
}

fn documented_counts(progress: &Map<String, Value>) -> Counts {
    counts(progress, DOCUMENTED)
}

/// The five counts and two percentages of these names.
fn counts(object: &Map<String, Value>, names: [&str; 7]) -> Counts {
    let [total, completed, failed, processing, pending, progress, success] = names;
    Counts {
        total: count(object, total),
        completed: count(object, completed),
        failed: count(object, failed),
        processing: count(object, processing),
        pending: count(object, pending),
        progress_percentage: percent(object, progress),
        success_rate: percent(object, success),
    }
}

/// The first of these that is there, and is no such number.
fn odd(object: &Map<String, Value>, names: [&str; 7]) -> Option<String> {
    let (counts, percentages) = names.split_at(5);
    let told = |name: &&&str| object.get(**name).is_some_and(|value| !value.is_null());
    let no_count = counts.iter().filter(told).find(|name| count(object, name).is_none());
    let no_percent = || percentages.iter().filter(told).find(|name| percent(object, name).is_none());
    let (name, what) =
        no_count.map(|name| (name, "count")).or_else(|| no_percent().map(|name| (name, "percentage")))?;
    let value: String = object[*name].to_string().chars().take(LONGEST_ODD).collect();
    Some(format!("{name} is {value}, which is not a valid {what} (treated as unknown)"))
}

fn sample(metric: &Map<String, Value>) -> Sample {
    Sample { at: metric.get("timestamp").and_then(time), counts: documented_counts(metric) }
}

/// The SDK's messages, and the monitor's refusal.
fn flat(object: &Map<String, Value>) -> Vec<Said> {
    let (Some(kind), Some(campaign)) = (text(object, "type"), count(object, "campaign_id")) else {
        return Vec::new();
    };
    let touched = |names| contact(object, campaign, names).map(Said::Contact);
    match kind.as_str() {
        "progress" => {
            let contact = touched(["contact_id", "contact_phone", "contact_status", "contact_error"]);
            std::iter::once(Said::Progress(flat_progress(object, campaign, None))).chain(contact).collect()
        }
        "campaign_completed" => {
            vec![Said::Progress(flat_progress(object, campaign, Some(CampaignStatus::Completed)))]
        }
        "contact_update" => {
            touched(["contact_id", "phone_number", "status", "error_message"]).into_iter().collect()
        }
        // A guess, as that the monitor answers so.
        "error" => {
            let why = text(object, "message").or_else(|| text(object, "error")).unwrap_or_default();
            vec![Said::Refused { campaign, why }]
        }
        _ => Vec::new(),
    }
}

/// No status is told but that of a campaign that was completed.
fn flat_progress(object: &Map<String, Value>, campaign: u64, status: Option<CampaignStatus>) -> Reading {
    Reading { campaign, status, counts: counts(object, FLAT), odd: odd(object, FLAT), recent: Vec::new() }
}

/// A contact of which it is decided what became; its id, telephone number, status and error have these names.
fn contact(object: &Map<String, Value>, campaign: u64, names: [&str; 4]) -> Option<Contact> {
    let [id, phone, status, error] = names;
    let status = text(object, status).filter(|status| !UNDECIDED.contains(&status.as_str()))?;
    let name = text(object, phone);
    let key = match object.get(id) {
        Some(Value::String(id)) => id.clone(),
        Some(Value::Number(id)) => id.to_string(),
        _ => name.clone()?,
    };
    let name = name.unwrap_or_else(|| key.clone());
    Some(Contact { campaign, key, name, status, detail: text(object, error) })
}

fn text(object: &Map<String, Value>, name: &str) -> Option<String> {
    object.get(name)?.as_str().map(str::to_owned)
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

    fn read(text: &str) -> Vec<Said> {
        BurkiCampaigns.read(&Message::text(text))
    }

    fn known(status: Option<&str>) -> Reading {
        Reading {
            campaign: 42,
            status: status.map(CampaignStatus::from_name),
            counts: Counts {
                total: Some(200),
                completed: Some(120),
                failed: Some(10),
                processing: Some(4),
                pending: Some(66),
                progress_percentage: Some(65.0),
                success_rate: Some(92.31),
            },
            ..Reading::default()
        }
    }

    const DATA: &str = r#"{"campaign_id":42,"status":"running","progress":{"total_contacts":200,"completed":120,
        "failed":10,"processing":4,"pending":66,"progress_percentage":65.0,"success_rate":92.31},
        "started_at":"2026-01-01T09:00:00Z","completed_at":null,"recent_activity":[]}"#;

    #[test]
    fn the_documents_example() {
        for kind in ["initial_progress", "progress_update", "Progress-Update"] {
            let message = format!(r#"{{"type":"{kind}","data":{DATA}}}"#);
            assert_eq!(read(&message), [Said::Progress(known(Some("running")))]);
        }
        let overview = format!(r#"{{"type":"overview","data":{{"campaigns":[{DATA},7,{DATA}]}}}}"#);
        let both = vec![known(Some("running")), known(Some("running"))];
        assert_eq!(read(&overview), [Said::Overview(both)]);
    }

    #[test]
    fn the_flat_shape_with_numbers_of_any_spelling() {
        let message = r#"{"type":"progress","campaign_id":42,"timestamp":1767225600.123,"total_contacts":200,
            "completed_contacts":120.0,"failed_contacts":10,"pending_contacts":66,"in_progress_contacts":4,
            "completion_percentage":65.0,"success_rate":92.31}"#;
        assert_eq!(read(message), [Said::Progress(known(None))]);
        let completed = message.replace("\"progress\"", "\"campaign_completed\"");
        assert_eq!(read(&completed), [Said::Progress(known(Some("completed")))]);
    }

    #[test]
    fn what_became_of_contacts_comes_in_three_shapes() {
        let contact = |detail: Option<&str>| Contact {
            campaign: 42,
            key: "7".to_owned(),
            name: "+15550000007".to_owned(),
            status: "failed".to_owned(),
            detail: detail.map(str::to_owned),
        };
        let update = r#"{"type":"contact_update","campaign_id":42,"contact_id":7,"phone_number":"+15550000007",
            "status":"failed","error_message":"Busy"}"#;
        assert_eq!(read(update), [Said::Contact(contact(Some("Busy")))]);
        assert_eq!(read(&update.replace("failed", "in_progress")), []);
        let progress = r#"{"type":"progress","campaign_id":42,"contact_id":"7","contact_phone":"+15550000007",
            "contact_status":"failed","contact_error":"Busy"}"#;
        assert_eq!(read(progress)[1], Said::Contact(contact(Some("Busy"))));
        let activity =
            r#"[{"execution_id":7,"contact_phone":"+15550000007","status":"failed","call_id":1},{}]"#;
        let message = format!(r#"{{"data":{}}}"#, DATA.replace("[]", activity));
        let Said::Progress(reading) = &read(&message)[0] else { panic!("progress is read") };
        assert_eq!(reading.recent, [contact(None)]);
    }

    #[test]
    fn a_history_with_any_time() {
        for (time, at) in [
            ("1767225600.123", Some("2026-01-01T00:00:00.123Z")),
            ("\"2026-01-01T00:00:00.123\"", Some("2026-01-01T00:00:00.123Z")),
            ("\"2026-01-01T01:00:00+01:00\"", Some("2026-01-01T00:00:00Z")),
            ("1e300", None),
            ("\"soon\"", None),
            ("null", None),
        ] {
            let message = format!(
                r#"{{"type":"metrics_history","data":{{"campaign_id":42,"hours":1,"metrics":[
                {{"timestamp":{time},"completed":1}}]}}}}"#
            );
            let counts = Counts { completed: Some(1), ..Counts::default() };
            let samples = vec![Sample { at: at.map(|at| at.parse().unwrap()), counts }];
            assert_eq!(read(&message), [Said::History(History { campaign: 42, samples })], "{time}");
        }
    }

    #[test]
    fn what_is_not_said_is_not_known_and_the_rest_says_nothing() {
        let little = read(r#"{"data":{"campaign_id":1,"progress":{"completed":null}}}"#);
        assert_eq!(little, [Said::Progress(Reading { campaign: 1, ..Reading::default() })]);
        let refused = read(r#"{"type":"error","campaign_id":420,"message":"Campaign not found"}"#);
        assert_eq!(refused, [Said::Refused { campaign: 420, why: "Campaign not found".to_owned() }]);
        for text in
            ["", "[]", "7", r#"{"type":"pong"}"#, r#"{"type":"progress"}"#, r#"{"data":{"campaign_id":1}}"#]
        {
            assert_eq!(read(text), [], "{text}");
        }
    }

    #[test]
    fn what_is_no_number_is_not_known_and_said_to_be_none() {
        for (name, value, what) in [
            ("completed", "-1", "completed is -1, which is not a valid count"),
            ("failed", "\"2\"", "failed is \"2\", which is not a valid"),
            ("pending", "1.5", "pending is 1.5, which is not a valid"),
            ("total_contacts", "1e30", "total_contacts is 1e+30, which is not a valid"),
            ("success_rate", "\"9%\"", "success_rate is \"9%\", which is not a valid percentage"),
        ] {
            let message = format!(r#"{{"data":{{"campaign_id":1,"progress":{{"{name}":{value}}}}}}}"#);
            let Said::Progress(Reading { counts, odd, .. }) = &read(&message)[0] else { panic!("{value}") };
            assert_eq!(*counts, Counts::default(), "{value}");
            let odd = odd.as_ref().unwrap();
            assert!(odd.starts_with(what), "{odd}");
        }
        let flat = read(r#"{"type":"progress","campaign_id":1,"failed_contacts":-2}"#);
        let Said::Progress(Reading { odd, .. }) = &flat[0] else { panic!("progress is read") };
        assert!(odd.as_ref().unwrap().starts_with("failed_contacts is -2"));
    }

    #[test]
    fn a_status_may_come_alone_where_it_can_be_only_that_of_a_campaign() {
        let failed = Reading { campaign: 1, status: Some(CampaignStatus::Failed), ..Reading::default() };
        for progress in ["", r#","progress":null"#] {
            let data = format!(r#"{{"campaign_id":1,"status":"failed"{progress}}}"#);
            let update = format!(r#"{{"type":"progress_update","data":{data}}}"#);
            assert_eq!(read(&update), [Said::Progress(failed.clone())]);
            let overview = format!(r#"{{"type":"overview","data":{{"campaigns":[{data}]}}}}"#);
            assert_eq!(read(&overview), [Said::Overview(vec![failed.clone()])]);
            assert_eq!(read(&update.replace("progress_update", "contact_update")), []);
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
            let url = BurkiCampaigns.one(&WsUrl::parse(from).unwrap(), 7).unwrap();
            assert_eq!(url.exposed(), WsUrl::parse(to).unwrap().exposed(), "{from}");
            assert_eq!(BurkiCampaigns.shown_at(&url), (!from.contains("behind")).then_some(7));
            let monitor = BurkiCampaigns.monitor(&url).unwrap();
            assert_eq!(BurkiCampaigns.shown_at(&monitor), None);
            assert!(monitor.exposed().expose().contains("/ws/campaigns/monitor"));
        }
    }
}

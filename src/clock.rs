//! Points in time, also those that RFC 3339 cannot write: it ends with the year 9999.

use std::time::SystemTime;

use jiff::Timestamp;

/// The time of day. A system's clock that is out of the range stands still at its end.
#[must_use]
pub(crate) fn now() -> Timestamp {
    at(SystemTime::now())
}

/// So many milliseconds after 1970, or the end of the range.
#[must_use]
pub(crate) fn at_millisecond(millis: i64) -> Timestamp {
    Timestamp::from_millisecond(millis).unwrap_or(end(millis >= 0))
}

/// So many microseconds after 1970, or the end of the range.
#[must_use]
pub(crate) fn at_microsecond(micros: i64) -> Timestamp {
    Timestamp::from_microsecond(micros).unwrap_or(end(micros >= 0))
}

fn at(time: SystemTime) -> Timestamp {
    Timestamp::try_from(time).unwrap_or(end(time >= SystemTime::UNIX_EPOCH))
}

fn end(is_last: bool) -> Timestamp {
    if is_last { Timestamp::MAX } else { Timestamp::MIN }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn time_ends_with_the_year_9999() {
        let far = Duration::from_secs(400_000_000_000);
        assert_eq!(at(SystemTime::UNIX_EPOCH + Duration::from_secs(1)), Timestamp::from_second(1).unwrap());
        assert_eq!(at(SystemTime::UNIX_EPOCH + far).to_string()[..4], *"9999");
        assert_eq!(at(SystemTime::UNIX_EPOCH + 20_000_000 * far).to_string()[..4], *"9999");
        assert_eq!(at(SystemTime::UNIX_EPOCH - far), Timestamp::MIN);
        for (millis, end) in [(i64::MAX, Timestamp::MAX), (i64::MIN, Timestamp::MIN)] {
            assert_eq!((at_millisecond(millis), at_microsecond(millis)), (end, end));
        }
    }
}

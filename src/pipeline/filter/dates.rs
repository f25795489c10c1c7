//! Dates, as jq has them from C's library: broken down times are arrays of year, month from 0, day, hour, minute,
//! second with its fraction, day of the week and day of the year.

use jaq_core::native::{Filter, bome, unary, v};
use jaq_core::{RunPtr, ValR};
use jiff::civil::{Date, DateTime};
use jiff::fmt::strtime;
use jiff::tz::TimeZone;
use jiff::{Span, Timestamp, Zoned};

use super::natives::EngineTypes;
use super::value::{Error, Val};
use crate::clock;

pub(super) fn filters() -> Box<[Filter<RunPtr<EngineTypes>>]> {
    Box::new([
        ("now", v(0), |_| bome(Ok(Val::from(clock::now().as_microsecond() as f64 / 1e6)))),
        ("mktime", v(0), |cv| bome(mktime(&cv.1))),
        ("gmtime", v(0), |cv| bome(broken_down(&cv.1, TimeZone::UTC, "gmtime() requires numeric inputs"))),
        ("localtime", v(0), |cv| {
            bome(broken_down(&cv.1, TimeZone::system(), "localtime() requires numeric inputs"))
        }),
        ("strftime", v(1), |cv| {
            unary(cv, |time, format| strftime(&time, &format, TimeZone::UTC, "strftime/1"))
        }),
        ("strflocaltime", v(1), |cv| {
            unary(cv, |time, format| strftime(&time, &format, TimeZone::system(), "strflocaltime/1"))
        }),
        ("strptime", v(1), |cv| unary(cv, |text, format| strptime(&text, &format))),
        ("todate", v(0), |cv| bome(strftime(&cv.1, &Val::string(ISO), TimeZone::UTC, "strftime/1"))),
        ("todateiso8601", v(0), |cv| bome(strftime(&cv.1, &Val::string(ISO), TimeZone::UTC, "strftime/1"))),
        ("fromdate", v(0), |cv| bome(strptime(&cv.1, &Val::string(ISO)).and_then(|time| mktime(&time)))),
        ("fromdateiso8601", v(0), |cv| {
            bome(strptime(&cv.1, &Val::string(ISO)).and_then(|time| mktime(&time)))
        }),
    ])
}

const ISO: &str = "%Y-%m-%dT%H:%M:%SZ";

/// The fields of C's `struct tm` that jq knows, with the year as it is and the month from 0.
#[derive(Default)]
struct BrokenDownTime {
    year: i64,
    month: i64,
    day: i64,
    hour: i64,
    minute: i64,
    second: i64,
}

impl BrokenDownTime {
    /// The fields of an array, which may be short. Fractions are cut off.
    fn read(val: &Val) -> Option<Self> {
        let Val::Arr(items) = val else { return None };
        let mut fields = [0_i64; 8];
        for (field, item) in fields.iter_mut().zip(items.iter()) {
            let number = item.float().filter(|number| !number.is_nan())?;
            *field = number.clamp(f64::from(i32::MIN), f64::from(i32::MAX)) as i64;
        }
        let [year, month, day, hour, minute, second, ..] = fields;
        // C counts years from 1900, and without a day it is the one before the first.
        let year = if items.is_empty() { 1900 } else { year };
        Some(Self { year, month, day, hour, minute, second })
    }

    /// The seconds since 1970, whatever the fields count up to.
    fn seconds(&self) -> i64 {
        let year = self.year + self.month.div_euclid(12);
        let month = self.month.rem_euclid(12);
        let days = days_before(year, month) + self.day - 1;
        days * 86_400 + self.hour * 3_600 + self.minute * 60 + self.second
    }

    fn date_time(&self) -> Option<DateTime> {
        let day = Date::new(1970, 1, 1).ok()?.to_datetime(jiff::civil::Time::midnight());
        day.checked_add(Span::new().try_seconds(self.seconds()).ok()?).ok()
    }
}

/// Days from 1970 to the first of a month, in the Gregorian calendar.
fn days_before(year: i64, month: i64) -> i64 {
    // Years that begin in March have their odd day last.
    let (year, month) = if month < 2 { (year - 1, month + 10) } else { (year, month - 2) };
    let leaps = year.div_euclid(4) - year.div_euclid(100) + year.div_euclid(400);
    year * 365 + leaps + (month * 153 + 2) / 5 - 719_468
}

fn array(time: DateTime, fraction: f64) -> Val {
    let second = f64::from(time.second());
    [
        Val::from(isize::from(time.year())),
        Val::from(isize::from(time.month()) - 1),
        Val::from(isize::from(time.day())),
        Val::from(isize::from(time.hour())),
        Val::from(isize::from(time.minute())),
        if fraction == 0.0 { Val::from(second as isize) } else { Val::from(second + fraction) },
        Val::from(isize::from(time.weekday().to_sunday_zero_offset())),
        Val::from(isize::from(time.day_of_year()) - 1),
    ]
    .into_iter()
    .collect()
}

fn mktime(val: &Val) -> ValR<Val> {
    if !matches!(val, Val::Arr(_)) {
        return Err(Error::str("mktime requires array inputs"));
    }
    let fields =
        BrokenDownTime::read(val).ok_or_else(|| Error::str("mktime requires parsed datetime inputs"))?;
    Ok(Val::from(fields.seconds() as isize))
}

/// The time of a number of seconds since 1970 in a time zone.
fn zoned(seconds: f64, zone: TimeZone) -> Result<Zoned, Error> {
    let out_of_range = || Error::str("error converting number of seconds since epoch to datetime");
    if seconds.is_nan() || seconds.abs() > 1e15 {
        return Err(out_of_range());
    }
    Ok(Timestamp::from_second(seconds.trunc() as i64).map_err(|_| out_of_range())?.to_zoned(zone))
}

fn broken_down(val: &Val, zone: TimeZone, why: &str) -> ValR<Val> {
    let seconds = val.float().ok_or_else(|| Error::str(why))?;
    Ok(array(zoned(seconds, zone)?.datetime(), seconds - seconds.floor()))
}

fn strftime(val: &Val, format: &Val, zone: TimeZone, name: &str) -> ValR<Val> {
    let unfit = || Error::str(format!("{name} requires parsed datetime inputs"));
    let Val::Str(format) = format else { return Err(Error::str(format!("{name} requires a string format"))) };
    let time = match val.float() {
        Some(seconds) => zoned(seconds, zone)?,
        None => {
            let time = BrokenDownTime::read(val).ok_or_else(unfit)?.date_time().ok_or_else(unfit)?;
            time.to_zoned(zone).map_err(|_| unfit())?
        }
    };
    let format = formats_of_c(format, time.time_zone() == &TimeZone::UTC);
    strtime::format(&*format, &time).map(Val::from).map_err(|error| Error::str(format!("{name}: {error}")))
}

/// C writes conversions that it does not know as they are, and has some that are the same as others. `gmt` is
/// what it calls UTC.
fn formats_of_c(format: &str, gmt: bool) -> String {
    let mut out = String::with_capacity(format.len());
    let mut rest = format;
    while let Some((plain, after)) = rest.split_once('%') {
        out.push_str(plain);
        let skipped = after.len() - after.trim_start_matches(['_', '-', '0', '^', '#', ':']).len();
        let width = after[skipped..].bytes().take_while(u8::is_ascii_digit).count();
        let flags = &after[..skipped + width];
        let mut chars = after[flags.len()..].chars();
        let mut conversion = chars.next();
        if let Some('E' | 'O') = conversion {
            conversion = chars.next();
        }
        match conversion {
            Some('+') => out.push_str("%a %b %e %H:%M:%S %Z %Y"),
            Some('c') => out.push_str("%a %b %e %H:%M:%S %Y"),
            Some('x') => out.push_str("%m/%d/%y"),
            Some('X') => out.push_str("%H:%M:%S"),
            Some('Z') if gmt => out.push_str("GMT"),
            Some('r') => out.push_str("%I:%M:%S %p"),
            Some(c) if "%aAbBCdDeFgGhHIjklmMnNpPQRsSTtuUVwWyYzZ".contains(c) => {
                out.push('%');
                out.push_str(flags);
                out.push(c);
            }
            Some(c) => {
                out.push_str("%%");
                out.push_str(flags);
                out.push(c);
            }
            None => {
                out.push_str("%%");
                out.push_str(flags);
            }
        }
        rest = chars.as_str();
    }
    out.push_str(rest);
    out
}

fn strptime(val: &Val, format: &Val) -> ValR<Val> {
    let (Val::Str(text), Val::Str(format)) = (val, format) else {
        return Err(Error::str("strptime/1 requires string inputs and arguments"));
    };
    let fail = || Error::str(format!("date \"{text}\" does not match format \"{format}\""));
    let mut parser = DateParser {
        rest: text,
        fields: BrokenDownTime { year: 1900, ..BrokenDownTime::default() },
        ..DateParser::default()
    };
    parser.format(format).ok_or_else(fail)?;
    if !parser.rest.is_empty() && !parser.rest.starts_with(|c: char| c.is_ascii_whitespace()) {
        return Err(fail());
    }
    parser.finish().ok_or_else(fail)
}

/// Reads a date as C's `strptime` does.
#[derive(Default)]
struct DateParser<'t> {
    rest: &'t str,
    fields: BrokenDownTime,
    /// `%p`, to be added to an hour of twelve.
    afternoon: Option<bool>,
    twelve: bool,
    century: Option<i64>,
    day_of_year: Option<i64>,
    weekday: Option<i64>,
    /// `%s` says all.
    epoch: Option<i64>,
    /// A year, a month or a day was read.
    date: bool,
}

impl<'t> DateParser<'t> {
    fn format(&mut self, format: &str) -> Option<()> {
        let mut chars = format.chars();
        while let Some(c) = chars.next() {
            if c.is_ascii_whitespace() {
                self.space();
            } else if c != '%' {
                self.rest = self.rest.strip_prefix(c)?;
            } else {
                let mut conversion = chars.find(|c| !"_-0^#:".contains(*c))?;
                if let 'E' | 'O' = conversion {
                    conversion = chars.next()?;
                }
                self.conversion(conversion)?;
            }
        }
        Some(())
    }

    fn conversion(&mut self, conversion: char) -> Option<()> {
        self.date |= "YCymdebBhDxFc".contains(conversion);
        match conversion {
            'Y' => {
                self.fields.year = self.number(4, 0, 9999)?;
                self.century = None;
            }
            'C' => self.century = Some(self.number(2, 0, 99)?),
            'y' => {
                let year = self.number(2, 0, 99)?;
                self.fields.year = if year < 69 { 2000 + year } else { 1900 + year };
            }
            'm' => self.fields.month = self.number(2, 1, 12)? - 1,
            'd' | 'e' => self.fields.day = self.number(2, 1, 31)?,
            'H' | 'k' => {
                self.fields.hour = self.number(2, 0, 23)?;
                self.twelve = false;
            }
            'I' | 'l' => {
                self.fields.hour = self.number(2, 1, 12)? % 12;
                self.twelve = true;
            }
            'M' => self.fields.minute = self.number(2, 0, 59)?,
            'S' => self.fields.second = self.number(2, 0, 61)?,
            'j' => self.day_of_year = Some(self.number(3, 1, 366)? - 1),
            's' => self.epoch = Some(self.signed()?),
            'w' => self.weekday = Some(self.number(1, 0, 6)?),
            'u' => self.weekday = Some(self.number(1, 1, 7)? % 7),
            'U' | 'W' | 'V' => drop(self.number(2, 0, 53)?),
            'g' => drop(self.number(2, 0, 99)?),
            'G' => drop(self.number(4, 0, 9999)?),
            'a' | 'A' => self.weekday = Some(self.name(&WEEKDAYS)?),
            'b' | 'B' | 'h' => self.fields.month = self.name(&MONTHS)?,
            'p' | 'P' => self.afternoon = Some(self.name(&["am", "pm"])? == 1),
            'z' => self.offset()?,
            // C skips the name of a zone, which it cannot know.
            'Z' => self.rest = self.rest.trim_start_matches(|c: char| c.is_ascii_alphabetic()),
            'D' => self.format("%m/%d/%y")?,
            'x' => self.format("%m/%d/%y")?,
            'F' => self.format("%Y-%m-%d")?,
            'T' | 'X' => self.format("%H:%M:%S")?,
            'R' => self.format("%H:%M")?,
            'r' => self.format("%I:%M:%S %p")?,
            'c' => self.format("%a %b %e %H:%M:%S %Y")?,
            'n' | 't' => self.space(),
            '%' => self.rest = self.rest.strip_prefix('%')?,
            _ => return None,
        }
        Some(())
    }

    fn space(&mut self) {
        self.rest = self.rest.trim_start_matches(|c: char| c.is_ascii_whitespace());
    }

    /// A number of at most so many digits within bounds; spaces before it do not count.
    fn number(&mut self, digits: usize, least: i64, most: i64) -> Option<i64> {
        self.rest = self.rest.trim_start_matches(' ');
        let mut value = 0;
        let mut length = 0;
        for byte in self.rest.bytes().take(digits).take_while(u8::is_ascii_digit) {
            let next = value * 10 + i64::from(byte - b'0');
            if next > most {
                break;
            }
            value = next;
            length += 1;
        }
        if length == 0 || value < least {
            return None;
        }
        self.rest = &self.rest[length..];
        Some(value)
    }

    fn signed(&mut self) -> Option<i64> {
        let digits = self.rest.strip_prefix('-').unwrap_or(self.rest);
        let length = self.rest.len() - digits.trim_start_matches(|c: char| c.is_ascii_digit()).len();
        let value = self.rest[..length].parse().ok()?;
        self.rest = &self.rest[length..];
        Some(value)
    }

    /// Which of these names comes next, in full or by its first three letters.
    fn name(&mut self, names: &[&str]) -> Option<i64> {
        for (n, name) in names.iter().enumerate() {
            for known in [name, &name[..name.len().min(3)]] {
                let found =
                    self.rest.get(..known.len()).is_some_and(|start| start.eq_ignore_ascii_case(known));
                if found {
                    self.rest = &self.rest[known.len()..];
                    return i64::try_from(n).ok();
                }
            }
        }
        None
    }

    /// `Z`, `+hh`, `+hhmm`, `+hh:mm`. jq does not use it.
    fn offset(&mut self) -> Option<()> {
        self.space();
        if let Some(rest) = self.rest.strip_prefix('Z') {
            self.rest = rest;
            return Some(());
        }
        self.rest = self.rest.strip_prefix(['+', '-'])?;
        self.two_digits()?;
        self.rest = self.rest.strip_prefix(':').unwrap_or(self.rest);
        let _ = self.two_digits();
        Some(())
    }

    fn two_digits(&mut self) -> Option<()> {
        let two = self.rest.get(..2).filter(|two| two.bytes().all(|byte| byte.is_ascii_digit()))?;
        self.rest = &self.rest[two.len()..];
        Some(())
    }

    /// The array of what was read. What was not stays at zero, and the days are computed where there is a date.
    fn finish(self) -> Option<Val> {
        let Self { rest, mut fields, afternoon, twelve, century, day_of_year, weekday, epoch, date } = self;
        if let Some(epoch) = epoch {
            return broken_down(&Val::from(epoch as isize), TimeZone::system(), "").ok();
        }
        if let Some(century) = century {
            fields.year = century * 100 + fields.year.rem_euclid(100);
        }
        if twelve && afternoon == Some(true) {
            fields.hour += 12;
        }
        if let (Some(day), 0) = (day_of_year, fields.day) {
            fields.day = day + 1;
            let date = fields.date_time()?;
            (fields.month, fields.day) = (i64::from(date.month()) - 1, i64::from(date.day()));
        }
        let number = |n: i64| Val::from(n as isize);
        let (mut of_week, mut of_year) = (weekday.unwrap_or(8), day_of_year.unwrap_or(367));
        if date || fields.day > 0 {
            let day = days_before(fields.year, fields.month) + fields.day - 1;
            of_week = weekday.unwrap_or((day + 4).rem_euclid(7));
            of_year = day - days_before(fields.year, 0);
        }
        let time = [
            fields.year,
            fields.month,
            fields.day,
            fields.hour,
            fields.minute,
            fields.second,
            of_week,
            of_year,
        ];
        let more = (!rest.is_empty()).then(|| Val::string(rest));
        Some(time.into_iter().map(number).chain(more).collect())
    }
}

const WEEKDAYS: [&str; 7] = ["sunday", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday"];
const MONTHS: [&str; 12] = [
    "january",
    "february",
    "march",
    "april",
    "may",
    "june",
    "july",
    "august",
    "september",
    "october",
    "november",
    "december",
];

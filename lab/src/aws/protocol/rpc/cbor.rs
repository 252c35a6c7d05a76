//! Documents in CBOR (RFC 8949), as far as Smithy uses it: no byte strings, no tags but that of a moment.

use super::Value;
use super::fields::moment;

/// Deeper documents are refused, as by the AWS SDKs.
const DEEPEST: usize = 32;

/// Major types (RFC 8949, 3.1).
const UNSIGNED: u8 = 0;
const NEGATIVE: u8 = 1;
const TEXT: u8 = 3;
const LIST: u8 = 4;
const MAP: u8 = 5;
const TAG: u8 = 6;
const SIMPLE: u8 = 7;

/// Seconds since 1970 (RFC 8949, 3.4.2).
const MOMENT: u64 = 1;
/// "Break" ends what has no length (RFC 8949, 3.2.1).
const BREAK: u8 = 0xff;

/// The document that `bytes` hold, and nothing behind it.
pub(super) fn read(bytes: &[u8]) -> Result<Value, String> {
    let mut reader = Reader { bytes, at: 0 };
    let value = reader.value(0)?;
    if reader.at < bytes.len() { Err(format!("more follows at byte {}", reader.at)) } else { Ok(value) }
}

struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Reader<'a> {
    fn value(&mut self, depth: usize) -> Result<Value, String> {
        if depth > DEEPEST {
            return Err(format!("it is more than {DEEPEST} levels deep"));
        }
        let (major, info) = self.first()?;
        match major {
            UNSIGNED => Ok(Value::Number(self.argument(info)? as f64)),
            NEGATIVE => Ok(Value::Number(-1.0 - self.argument(info)? as f64)),
            TEXT => self.text(info).map(Value::Text),
            LIST => self.all(info, |reader| reader.value(depth + 1)).map(Value::List),
            MAP => self.all(info, |reader| Ok((reader.key()?, reader.value(depth + 1)?))).map(Value::Map),
            TAG => match (self.argument(info)?, self.value(depth + 1)?) {
                (MOMENT, Value::Number(seconds)) => {
                    moment(seconds).map(Value::Time).ok_or_else(|| format!("{seconds} is no moment"))
                }
                (tag, _) => Err(format!("the tag {tag} is not known")),
            },
            SIMPLE => self.simple(info),
            _ => Err(format!("the type {major} is not known")),
        }
    }

    fn simple(&mut self, info: u8) -> Result<Value, String> {
        match info {
            20 => Ok(Value::Bool(false)),
            21 => Ok(Value::Bool(true)),
            22 | 23 => Ok(Value::Null),
            26 => Ok(Value::Number(f64::from(f32::from_be_bytes(self.array()?)))),
            27 => Ok(Value::Number(f64::from_be_bytes(self.array()?))),
            _ => Err(format!("the simple value {info} is not known")),
        }
    }

    fn key(&mut self) -> Result<String, String> {
        match self.first()? {
            (TEXT, info) => self.text(info),
            (major, _) => Err(format!("a key of the type {major}")),
        }
    }

    fn text(&mut self, info: u8) -> Result<String, String> {
        let mut bytes = Vec::new();
        if info == 31 {
            while !self.ends() {
                let (TEXT, info) = self.first()? else { return Err("a text in parts of another type".to_owned()) };
                let length = self.argument(info)?;
                bytes.extend_from_slice(self.take(length)?);
            }
        } else {
            let length = self.argument(info)?;
            bytes.extend_from_slice(self.take(length)?);
        }
        String::from_utf8(bytes).map_err(|error| error.to_string())
    }

    /// The items: as many as are promised, or all up to the break.
    fn all<T>(&mut self, info: u8, item: impl Fn(&mut Self) -> Result<T, String>) -> Result<Vec<T>, String> {
        let mut items = Vec::new();
        if info == 31 {
            while !self.ends() {
                items.push(item(self)?);
            }
        } else {
            for _ in 0..self.argument(info)? {
                items.push(item(self)?);
            }
        }
        Ok(items)
    }

    /// Takes a break if there is one.
    fn ends(&mut self) -> bool {
        let ends = self.bytes.get(self.at) == Some(&BREAK);
        self.at += usize::from(ends);
        ends
    }

    fn first(&mut self) -> Result<(u8, u8), String> {
        let [byte] = self.array()?;
        Ok((byte >> 5, byte & 0x1f))
    }

    fn argument(&mut self, info: u8) -> Result<u64, String> {
        match info {
            0..24 => Ok(u64::from(info)),
            24 => Ok(u64::from(u8::from_be_bytes(self.array()?))),
            25 => Ok(u64::from(u16::from_be_bytes(self.array()?))),
            26 => Ok(u64::from(u32::from_be_bytes(self.array()?))),
            27 => Ok(u64::from_be_bytes(self.array()?)),
            _ => Err(format!("the length {info} is not known")),
        }
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], String> {
        let bytes = self.take(N as u64)?;
        bytes.try_into().map_err(|_| "it ends too early".to_owned())
    }

    fn take(&mut self, count: u64) -> Result<&'a [u8], String> {
        let end = usize::try_from(count).ok().and_then(|count| self.at.checked_add(count));
        let taken = end.and_then(|end| self.bytes.get(self.at..end)).ok_or("it ends too early")?;
        self.at += taken.len();
        Ok(taken)
    }
}

pub(super) fn write(value: &Value) -> Vec<u8> {
    let mut bytes = Vec::new();
    append(&mut bytes, value);
    bytes
}

fn append(to: &mut Vec<u8>, value: &Value) {
    match value {
        Value::Null => to.push(SIMPLE << 5 | 22),
        Value::Bool(is) => to.push(SIMPLE << 5 | if *is { 21 } else { 20 }),
        Value::Number(number) => {
            to.push(SIMPLE << 5 | 27);
            to.extend(number.to_be_bytes());
        }
        Value::Time(at) => {
            head(to, TAG, MOMENT);
            append(to, &Value::Number(at.as_millisecond() as f64 / 1_000.0));
        }
        Value::Text(text) => {
            head(to, TEXT, text.len() as u64);
            to.extend(text.bytes());
        }
        Value::List(items) => {
            head(to, LIST, items.len() as u64);
            items.iter().for_each(|item| append(to, item));
        }
        Value::Map(fields) => {
            head(to, MAP, fields.len() as u64);
            for (name, value) in fields {
                append(to, &Value::text(name));
                append(to, value);
            }
        }
    }
}

fn head(to: &mut Vec<u8>, major: u8, argument: u64) {
    match argument {
        0..24 => to.push(major << 5 | argument as u8),
        24..0x1_0000 => {
            to.push(major << 5 | 25);
            to.extend((argument as u16).to_be_bytes());
        }
        _ => {
            to.push(major << 5 | 27);
            to.extend(argument.to_be_bytes());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn document() -> Value {
        Value::map([
            ("null", Value::Null),
            ("flags", Value::list([Value::Bool(true), Value::Bool(false)])),
            ("numbers", Value::list([0.0, -1.5, 1e9].map(Value::Number))),
            ("time", Value::Time("2026-11-29T12:00:00.5Z".parse().unwrap())),
            ("long", Value::text(&"ü".repeat(40_000))),
            ("many", Value::list((0..300).map(|number| Value::Number(f64::from(number))))),
            ("none", Value::map([])),
        ])
    }

    #[test]
    fn what_is_written_is_read() {
        assert_eq!(read(&write(&document())), Ok(document()));
    }

    /// The forms of the AWS SDK for Rust: maps without a length, small numbers, tagged whole seconds.
    #[test]
    fn other_forms_mean_the_same() {
        let a = |value: &[u8]| {
            read(&[&[0xbf, 0x61, b'a'], value, &[0xff]].concat()).map(|read| match read {
                Value::Map(mut fields) => fields.remove(0).1,
                other => other,
            })
        };
        assert_eq!(a(&[0x18, 60]), Ok(Value::Number(60.0)));
        assert_eq!(a(&[0x39, 0x01, 0x00]), Ok(Value::Number(-257.0)));
        assert_eq!(a(&[0xfa, 0x3f, 0x80, 0, 0]), Ok(Value::Number(1.0)));
        assert_eq!(a(&[0xc1, 0x1a, 0x6b, 0x49, 0xd2, 0x00]), Ok(Value::Time("2027-01-15T08:00:00Z".parse().unwrap())));
        assert_eq!(a(&[0x9f, 0x01, 0xff]), Ok(Value::list([Value::Number(1.0)])));
        assert_eq!(a(&[0x7f, 0x61, b'x', 0x61, b'y', 0xff]), Ok(Value::text("xy")));
    }

    #[test]
    fn what_is_cut_or_too_much_is_no_document() {
        let small = Value::map([("a", Value::list([Value::Number(1.0), Value::text("b"), Value::Null]))]);
        let whole = write(&small);
        for end in 0..whole.len() {
            assert!(read(&whole[..end]).is_err(), "cut at {end}");
        }
        for odd in [
            [whole.as_slice(), &[0]].concat(),
            vec![0x81; 1_000],
            vec![0x9b, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff],
            vec![0x7b, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff],
            vec![0x41, 0x00],
            vec![0xc2, 0x01],
            vec![0xa1, 0x01, 0x01],
            vec![0x61, 0xff],
            b"<html></html>".to_vec(),
        ] {
            assert!(read(&odd).is_err(), "{odd:?}");
        }
    }
}

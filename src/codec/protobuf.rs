//! `protobuf:DESCRIPTORS:MESSAGE`: messages of one type, in the JSON that Protocol Buffers define, with integers of 64
//! bits as numbers. The descriptors are what `protoc --include_imports --descriptor_set_out` or `buf build` write.

use std::io;

use prost_reflect::prost::Message as _;
use prost_reflect::{DescriptorPool, DynamicMessage, MessageDescriptor, SerializeOptions};

use super::{Step, StepError};
use crate::message::Message;

/// The step.
#[derive(Clone)]
pub(super) struct Protobuf {
    message: MessageDescriptor,
}

impl Protobuf {
    /// Reads the descriptors.
    ///
    /// # Errors
    /// What is wrong with them, or that they have no such message.
    pub(super) fn new(descriptors: &[u8], message: &str) -> Result<Self, String> {
        let pool =
            DescriptorPool::decode(descriptors).map_err(|error| format!("not a descriptor set: {error}"))?;
        let known =
            || pool.all_messages().map(|known| known.full_name().to_owned()).take(20).collect::<Vec<_>>();
        match pool.get_message_by_name(message) {
            Some(message) => Ok(Self { message }),
            None => Err(format!("unknown message {message} (known messages: {})", known().join(", "))),
        }
    }
}

impl Step for Protobuf {
    fn decode(&mut self, message: Message, limit: usize, out: &mut Vec<Message>) -> Result<(), StepError> {
        let Message::Binary(bytes) = message else {
            out.push(message);
            return Ok(());
        };
        let mut rest = &bytes[..];
        let mut read = DynamicMessage::new(self.message.clone());
        read.merge(&mut rest).map_err(|error| StepError::new(bytes.len() - rest.len(), error.to_string()))?;
        let options = SerializeOptions::new().stringify_64_bit_integers(false);
        let mut json = Bounded { bytes: Vec::new(), limit };
        let written = read.serialize_with_options(&mut serde_json::Serializer::new(&mut json), &options);
        match written {
            Err(error) if error.is_io() => Err(StepError::too_long(bytes.len(), limit)),
            Err(error) => Err(StepError::new(bytes.len(), error.to_string())),
            Ok(()) => {
                let text = Message::from_utf8(json.bytes.into());
                out.push(text.map_err(|(_, at)| StepError::new(at, "not UTF-8"))?);
                Ok(())
            }
        }
    }

    fn encode(&mut self, message: Message) -> Result<Message, StepError> {
        let Message::Text(text) = &message else { return Ok(message) };
        let mut json = serde_json::Deserializer::from_str(text);
        let read = DynamicMessage::deserialize(self.message.clone(), &mut json);
        let read = read.and_then(|read| json.end().map(|()| read));
        read.map(|read| Message::Binary(read.encode_to_vec().into())).map_err(|error| {
            // The reader counts lines and columns.
            let lines = text.split_inclusive('\n').take(error.line().saturating_sub(1));
            let at = lines.map(str::len).sum::<usize>() + error.column().saturating_sub(1);
            let why = error.to_string();
            let why = why.rsplit_once(" at line ").map_or(&*why, |(why, _)| why);
            StepError::new(at, why)
        })
    }
}

/// Takes as much as the limit allows.
struct Bounded {
    bytes: Vec<u8>,
    limit: usize,
}

impl io::Write for Bounded {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.bytes.len() + bytes.len() > self.limit {
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        self.bytes.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

//! One item of CBOR to a serde type, and back.

use crate::from_cbor;
use crate::nulls::Nulls;
use cbor4ii::serde::EncodeError;
use serde::Serialize;
use serde::de::DeserializeOwned;

/// Reads exactly one item.
///
/// # Errors
/// Says what is wrong, and where: `items[2].price: expected a number (f64), got null`.
pub fn read<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, String> {
    match from_cbor::from_slice(bytes) {
        Ok((value, false)) => Ok(value),
        Ok((_, true)) => Err("bytes follow the item".to_owned()),
        Err(fault) => Err(fault.to_string()),
    }
}

/// Writes one item behind what is in the buffer.
///
/// # Errors
/// When the type can't be written, with the remedy, or there is no memory.
pub fn write<T: Serialize + ?Sized>(value: &T, buffer: Vec<u8>) -> Result<Vec<u8>, String> {
    cbor4ii::serde::to_vec(buffer, &Nulls(value)).map_err(|error| match error {
        EncodeError::Custom(why) => why.to_string(),
        EncodeError::Core(cbor4ii::core::enc::Error::Write(why)) => {
            format!("there is no memory for it: {why}")
        }
        EncodeError::Core(_) => "it is beyond what CBOR can hold".to_owned(),
    })
}

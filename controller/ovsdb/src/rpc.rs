//! JSON-RPC 1.0 as OVSDB uses it (RFC 7047, 4): requests, notifications, responses.
//!
//! This file gives a JSON object its shape and knows no method; what is asked and answered is
//! in [`crate::session`] and [`crate::server`].

use bytes::Bytes;
use serde_json::{Value, json};

use crate::error::Error;

/// The error string by which `ovsdb-server` answers a method it does not know.
pub const UNKNOWN_METHOD: &str = "unknown method";

/// One message of either side.
#[derive(Clone, Debug, PartialEq)]
pub enum Message {
    /// Asks for a [`Message::Response`] with the same id.
    Request {
        /// Any JSON value but null, chosen by the asker.
        id: Value,
        /// The method.
        method: String,
        /// Its parameters.
        params: Vec<Value>,
    },
    /// Asks for nothing.
    Notification {
        /// The method.
        method: String,
        /// Its parameters.
        params: Vec<Value>,
    },
    /// Answers the request of this id.
    Response {
        /// The request's id.
        id: Value,
        /// The result, or the error as the peer gave it.
        result: Result<Value, Value>,
    },
}

impl Message {
    /// Reads one message.
    ///
    /// # Errors
    /// [`Error::Shape`] names the member that is wrong.
    pub fn parse(value: Value) -> Result<Self, Error> {
        let Value::Object(mut members) = value else {
            return Err(Error::shape("a JSON-RPC object", &value));
        };
        let mut take = |name: &str| members.remove(name).unwrap_or(Value::Null);
        let id = take("id");
        match take("method") {
            Value::Null => Self::response(id, take("result"), take("error")),
            Value::String(method) => {
                let params = match take("params") {
                    Value::Array(params) => params,
                    other => return Err(Error::shape("\"params\" to be an array", &other)),
                };
                Ok(match id {
                    Value::Null => Self::Notification { method, params },
                    id => Self::Request { id, method, params },
                })
            }
            other => Err(Error::shape("\"method\" to be a string", &other)),
        }
    }

    fn response(id: Value, result: Value, error: Value) -> Result<Self, Error> {
        if id.is_null() {
            return Err(Error::shape("\"method\", or \"id\" of a request", &id));
        }
        if !error.is_null() && !result.is_null() {
            return Err(Error::shape(
                "either \"result\" or \"error\" to be null",
                &error,
            ));
        }
        let result = if error.is_null() {
            Ok(result)
        } else {
            Err(error)
        };
        Ok(Self::Response { id, result })
    }

    /// The message as it goes on the wire.
    pub fn encode(&self) -> Bytes {
        let value = match self {
            Self::Request { id, method, params } => {
                json!({"id": id, "method": method, "params": params})
            }
            Self::Notification { method, params } => {
                json!({"id": null, "method": method, "params": params})
            }
            Self::Response { id, result } => match result {
                Ok(result) => json!({"id": id, "result": result, "error": null}),
                Err(error) => json!({"id": id, "result": null, "error": error}),
            },
        };
        Bytes::from(value.to_string())
    }

    /// The answer to a request whose method is not known here.
    pub fn unknown_method(id: Value) -> Self {
        Self::Response {
            id,
            result: Err(Value::from(UNKNOWN_METHOD)),
        }
    }
}

/// Whether a peer's error says that it does not know the method: a bare string, or an object
/// with `error`, as implementations differ.
pub fn is_unknown_method(error: &Value) -> bool {
    let text = error
        .as_str()
        .or_else(|| error.get("error").and_then(Value::as_str));
    text == Some(UNKNOWN_METHOD)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(value: Value) -> Result<Message, Error> {
        Message::parse(value)
    }

    #[test]
    fn every_kind_of_message_survives_the_wire() {
        let messages = [
            Message::Request {
                id: json!(3),
                method: "echo".into(),
                params: vec![json!("x")],
            },
            Message::Notification {
                method: "update3".into(),
                params: vec![],
            },
            Message::Response {
                id: json!("echo"),
                result: Ok(json!([])),
            },
            Message::Response {
                id: json!([1]),
                result: Err(json!({"error": "e"})),
            },
        ];
        for message in messages {
            let value = serde_json::from_slice(&message.encode()).unwrap();
            assert_eq!(parse(value), Ok(message));
        }
    }

    #[test]
    fn a_wrong_member_is_named() {
        let said = |value| parse(value).unwrap_err().to_string();
        assert_eq!(
            said(json!({"id": 1, "method": 7, "params": []})),
            "expected \"method\" to be a string, found 7"
        );
        assert_eq!(
            said(json!({"id": 1, "method": "echo"})),
            "expected \"params\" to be an array, found null"
        );
        assert!(said(json!({"result": 1})).contains("\"id\" of a request"));
        assert!(said(json!({"id": 1, "result": 1, "error": "e"})).contains("to be null"));
        assert!(said(json!([])).contains("a JSON-RPC object"));
    }

    #[test]
    fn both_spellings_of_unknown_method_are_understood() {
        assert!(is_unknown_method(&json!("unknown method")));
        assert!(is_unknown_method(
            &json!({"error": "unknown method", "details": "x"})
        ));
        assert!(!is_unknown_method(&json!({"error": "unknown database"})));
    }
}

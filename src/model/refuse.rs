//! Refusals: what a target is told when the stub has no answer for it, and what the journal says of it.
//!
//! Bodies have the shape of the API's errors, so that a client shows the reason instead of a parse failure. Statuses are
//! those that no client retries: a refusal is a finding, and a second one would only blur it.

use hyper::StatusCode;
use serde_json::json;

use crate::journal::{Refusal, RefusalKind};
use crate::responses::pairing::Unpaired;

/// How the API refuses encrypted reasoning that it cannot read any more (openai/codex#8119).
pub(super) const ENCRYPTED_CONTENT: &str = r#"{"error":{"message":"The encrypted content gAAA...odel could not be verified. Reason: Encrypted content could not be decrypted or parsed.","type":"invalid_request_error","param":null,"code":"invalid_encrypted_content"}}"#;

/// A request that is not answered by a script.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Refused {
    pub(super) status: StatusCode,
    pub(super) refusal: Refusal,
}

impl Refused {
    pub(super) fn malformed(status: StatusCode, text: impl Into<String>) -> Refused {
        Refused::new(status, RefusalKind::Malformed, text)
    }

    /// No bearer token, or a wrong one.
    pub(super) fn unauthorized(text: &str) -> Refused {
        Refused::new(StatusCode::UNAUTHORIZED, RefusalKind::Unauthorized, text)
    }

    /// In the words of the API.
    pub(super) fn unpaired(what: &Unpaired) -> Refused {
        Refused::new(StatusCode::BAD_REQUEST, RefusalKind::Unpaired, what.to_string())
    }

    /// No script is left.
    pub(super) fn unexpected(text: impl Into<String>) -> Refused {
        Refused::new(StatusCode::BAD_REQUEST, RefusalKind::Unexpected, text)
    }

    fn new(status: StatusCode, kind: RefusalKind, text: impl Into<String>) -> Refused {
        Refused { status, refusal: Refusal { kind, text: text.into() } }
    }

    /// The body of the answer.
    pub(super) fn body(&self) -> String {
        let kind = match self.refusal.kind {
            RefusalKind::Unauthorized => "authentication_error",
            _ => "invalid_request_error",
        };
        error_body(kind, &self.refusal.text)
    }
}

/// An error as the API writes it.
pub(super) fn error_body(kind: &str, text: &str) -> String {
    json!({"error": {"message": text, "type": kind, "param": null, "code": null}}).to_string()
}

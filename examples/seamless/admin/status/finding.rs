//! A finding of `status`: a code, a severity, and what to do.

use serde::Serialize;
use std::fmt;

/// A finding of `status`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// The code, which does not change between versions of the tool.
    pub code: String,
    /// The severity of the finding.
    pub severity: Severity,
    /// What `status` found.
    pub text: String,
    /// What to do.
    pub remedy: String,
}

/// The severity of a finding.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// A fact that needs no action. Such a finding does not change the exit code.
    Information,
    /// Users can sign in now, but the sign-in or the account is in danger.
    Warning,
    /// Users cannot sign in, or an attacker can sign in as every user.
    Fault,
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Information => "information",
            Self::Warning => "warning",
            Self::Fault => "fault",
        })
    }
}

impl Finding {
    /// Makes a fault.
    pub fn fault(code: &str, text: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self { code: code.into(), severity: Severity::Fault, text: text.into(), remedy: remedy.into() }
    }

    /// Makes a warning.
    pub fn warning(code: &str, text: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self { severity: Severity::Warning, ..Self::fault(code, text, remedy) }
    }

    /// Makes a finding with the severity [`Severity::Information`].
    pub fn information(code: &str, text: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self { severity: Severity::Information, ..Self::fault(code, text, remedy) }
    }
}

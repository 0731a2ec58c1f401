//! The tree of an explanation. Each node is a fact or a check, with the value that was found. A failed check has its reason
//! and its remedy. The tree is data, and `Display` draws it for a terminal.

use kerberos_sso::Error;
use std::fmt::{self, Write as _};

/// One fact or check of the tree, and the nodes below it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Node {
    /// Whether the check was made, and its result.
    pub mark: Mark,
    /// The name of the fact or of the check.
    pub title: String,
    /// The value that was found, or an empty text.
    pub value: String,
    /// The reason of the failure, if the check failed.
    pub failure: Option<Failure>,
    /// The facts and checks below this node.
    pub children: Vec<Node>,
}

/// The result of a check, or the mark of a fact.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mark {
    /// The check was made, and passed.
    Passed,
    /// The check was made, and failed.
    Failed,
    /// The node is a fact, or a check that was not made.
    Untold,
}

/// The reason why a check failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// The code of the refusal ([`Error::code`]).
    pub code: &'static str,
    /// Where to look for the cause: the text of [`Error::blame`].
    pub blame: String,
    /// The text of the error.
    pub because: String,
    /// The remedy, if there is one ([`Error::remedy`]).
    pub remedy: Option<String>,
}

impl Mark {
    /// Returns the character of the mark on a terminal.
    #[must_use]
    pub const fn sign(self) -> char {
        match self {
            Self::Passed => '✓',
            Self::Failed => '✗',
            Self::Untold => '·',
        }
    }
}

impl Failure {
    /// Returns the code of `error`, and its texts for the user of the program.
    #[must_use]
    pub fn new(error: &Error) -> Self {
        Self {
            code: error.code(),
            blame: error.blame().to_string(),
            because: error.to_string(),
            remedy: error.remedy().map(|remedy| remedy.to_string()),
        }
    }
}

impl Node {
    /// Makes a node without children.
    #[must_use]
    #[expect(clippy::needless_pass_by_value, reason = "callers pass values that they make for this call")]
    pub fn new(mark: Mark, title: impl Into<String>, value: impl ToString) -> Self {
        Self { mark, title: title.into(), value: value.to_string(), failure: None, children: Vec::new() }
    }

    /// Makes the node of a fact.
    #[must_use]
    pub fn fact(title: impl Into<String>, value: impl ToString) -> Self {
        Self::new(Mark::Untold, title, value)
    }

    /// Makes the node of a check that failed.
    #[must_use]
    pub fn failed(title: impl Into<String>, value: impl ToString, error: &Error) -> Self {
        Self { failure: Some(Failure::new(error)), ..Self::new(Mark::Failed, title, value) }
    }

    /// Makes the node of a stage from its children. The mark is `Failed` if a child failed, else `Passed` if a child passed,
    /// else `Untold`.
    #[must_use]
    pub fn stage(title: &str, children: Vec<Self>) -> Self {
        let any = |mark| children.iter().any(|child| child.mark == mark);
        let mark = match (any(Mark::Failed), any(Mark::Passed)) {
            (true, _) => Mark::Failed,
            (false, true) => Mark::Passed,
            (false, false) => Mark::Untold,
        };
        Self { children, ..Self::new(mark, title, "") }
    }

    fn write(&self, f: &mut fmt::Formatter<'_>, indent: &str, branch: Branch) -> fmt::Result {
        let separator = if self.value.is_empty() { "" } else { ": " };
        let head = format!("{indent}{}{} ", branch.own(), self.mark.sign());
        let below = format!("{indent}{}", branch.below());
        let text = format!("{}{separator}{}", self.title, self.value);
        write_wrapped(f, &head, &format!("{below}    "), &text)?;
        if let Some(failure) = &self.failure {
            failure.write(f, &below)?;
        }
        self.children.iter().enumerate().try_for_each(|(index, child)| {
            let is_last = index.saturating_add(1) == self.children.len();
            child.write(f, &below, if is_last { Branch::Last } else { Branch::Inner })
        })
    }
}

/// Draws the tree with one line for each node. Lines are wrapped at 118 columns.
impl fmt::Display for Node {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.write(f, "", Branch::Root)
    }
}

impl Failure {
    fn write(&self, f: &mut fmt::Formatter<'_>, indent: &str) -> fmt::Result {
        let code = format!("{} (look at: {})", self.code, self.blame);
        let remedy = self.remedy.as_deref().map(|remedy| ("remedy   ", remedy));
        let lines = [("refused  ", code.as_str()), ("because  ", self.because.as_str())].into_iter().chain(remedy);
        for (label, text) in lines {
            write_wrapped(f, &format!("{indent}  {label}"), &format!("{indent}           "), text)?;
        }
        Ok(())
    }
}

/// The position of a node among the children of its parent.
#[derive(Clone, Copy)]
enum Branch {
    Root,
    Inner,
    Last,
}

impl Branch {
    const fn own(self) -> &'static str {
        match self {
            Self::Root => "",
            Self::Inner => "├ ",
            Self::Last => "└ ",
        }
    }

    const fn below(self) -> &'static str {
        match self {
            Self::Root => "",
            Self::Inner => "│ ",
            Self::Last => "  ",
        }
    }
}

/// Writes `text` in lines. The first line begins with `first`, and the other lines begin with `others`.
fn write_wrapped(f: &mut fmt::Formatter<'_>, first: &str, others: &str, text: &str) -> fmt::Result {
    f.write_str(first)?;
    let mut column = first.chars().count();
    for (index, word) in text.split_whitespace().enumerate() {
        let width = word.chars().count();
        if index > 0 && column.saturating_add(width) >= WIDTH {
            write!(f, "\n{others}")?;
            column = others.chars().count();
        } else if index > 0 {
            f.write_char(' ')?;
            column = column.saturating_add(1);
        }
        f.write_str(word)?;
        column = column.saturating_add(width);
    }
    f.write_char('\n')
}

const WIDTH: usize = 118;

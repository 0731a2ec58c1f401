//! The interfaces through which a command reads and changes everything outside of the tool, such as [`Directory`] and
//! [`Kdc`]. In the tests, a model of a forest implements these interfaces.

use crate::clock::Clock;
use crate::directory::Directory;
use crate::files::Files;
use crate::kdc::Kdc;
use crate::node::Nodes;
use crate::steps::Steps;

/// Everything outside of the tool that a command reads or changes.
pub struct Tools<'a> {
    /// The directory, at one domain controller.
    pub directory: &'a mut dyn Directory,
    /// The KDCs of all domain controllers.
    pub kdc: &'a mut dyn Kdc,
    /// The nodes of the sign-in server.
    pub nodes: &'a mut dyn Nodes,
    /// The files.
    pub files: &'a mut dyn Files,
    /// The clock.
    pub clock: &'a mut dyn Clock,
    /// The output.
    pub steps: &'a mut dyn Steps,
}

impl std::fmt::Debug for Tools<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Tools(..)")
    }
}

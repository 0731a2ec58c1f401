//! The clock of this machine, and the pauses in which the tool waits for nodes and for domain controllers.

use kerberos_sso::UnixTime;
use std::time::{Duration, SystemTime};

/// The clock that the commands use.
pub trait Clock {
    /// Returns the time.
    fn now(&mut self) -> UnixTime;

    /// Waits for one second.
    fn wait(&mut self);
}

/// The clock of the operating system.
#[derive(Clone, Copy, Debug)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&mut self) -> UnixTime {
        SystemTime::now().into()
    }

    fn wait(&mut self) {
        std::thread::sleep(Duration::from_secs(1));
    }
}

/// The largest difference between two clocks that Kerberos accepts, in seconds (MS-KILE section 3.1.1.2).
pub const MAX_DIFFERENCE: i64 = 5 * 60;

//! The master that the sentinels name.

use super::{Nodes, Topology};
use crate::error::StoreError;
use crate::link::Address;

impl Nodes {
    /// Returns the master that more than half of all sentinels name. If this process does not know the master yet, asks
    /// the sentinels.
    pub(super) async fn ask_for_master(&self) -> Result<Address, StoreError> {
        let asked = self.asking_for_master.share(async {
            if let Some(master) = self.known_master() {
                return Ok(master);
            }
            let master = self.master_by_majority().await?;
            self.note_master(Some(master.clone()));
            Ok(master)
        });
        asked.await
    }

    /// Asks the sentinels whether the master has changed. If the master has changed, or if no majority answers, the
    /// cache drops its connection to the old master.
    pub(crate) async fn check_master(&self) {
        let Some(used) = self.known_master() else { return };
        if self.master_by_majority().await.is_ok_and(|master| master == used) {
            return;
        }
        tracing::warn!(host = used.0, port = used.1, "most sentinels no longer name this master of the replay store");
        let link = self.node(&used).open_link();
        link.inspect(|link| self.drop_link(link));
        self.doubt(&used);
    }

    async fn master_by_majority(&self) -> Result<Address, StoreError> {
        let Topology::Sentinel { sentinels, .. } = &self.topology else {
            return Err(StoreError::NoNode { reason: "no sentinel is named".into() });
        };
        sentinels.master(self.settings.connect_timeout).await
    }
}

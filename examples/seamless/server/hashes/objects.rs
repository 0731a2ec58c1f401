//! The list of a tenant's objects, by which the server limits their number. The list is needed because the store cannot list its
//! entries.
//!
//! The list is spread over many entries, so a new object changes only one small entry. A removed account stays in the list,
//! because its entry stays in the store.

use crate::store::{Change, FOR_EVER, Key, Kind, Records, StoreError};
use seamless_phs::ObjectId;
use seamless_phs::batch::PARTS;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use tokio::sync::OnceCell;

/// The objects of a tenant.
#[derive(Clone)]
pub(super) struct Objects {
    tenant: Arc<str>,
    records: Records,
    most: u64,
}

/// The number of objects for which the list had room when the first new object of a batch came.
#[derive(Default)]
pub(super) struct Room(OnceCell<AtomicU64>);

impl Objects {
    pub(super) const fn new(tenant: Arc<str>, records: Records, most: u64) -> Self {
        Self { tenant, records, most }
    }

    /// Adds an object, unless the list is full. Returns whether the list has the object afterwards.
    pub(super) async fn add(&self, object: ObjectId, room: &Room) -> Result<bool, StoreError> {
        let key = self.key(self.bucket(object));
        let present: Option<Vec<ObjectId>> = self.records.get(&key).await?;
        if present.is_some_and(|objects| objects.contains(&object)) {
            return Ok(true);
        }
        let left = room.0.get_or_try_init(|| async {
            Ok::<_, StoreError>(AtomicU64::new(self.most.saturating_sub(self.count().await?)))
        });
        let taken = left.await?.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1));
        if taken.is_err() {
            return Ok(false);
        }
        let add = |objects: Option<Vec<ObjectId>>| {
            let mut objects = objects.unwrap_or_default();
            if objects.contains(&object) {
                return (Change::Keep, ());
            }
            objects.push(object);
            (Change::Put(objects, FOR_EVER), ())
        };
        match self.records.update(&key, add).await {
            Ok(()) => Ok(true),
            Err(StoreError::TooLong(_)) => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Returns the objects of a part of the list.
    pub(super) async fn part(&self, part: u8) -> Result<Vec<ObjectId>, StoreError> {
        let mut objects = Vec::new();
        for bucket in (0..BUCKETS).filter(|bucket| bucket.checked_rem(PARTS.into()) == Some(part.into())) {
            objects.extend(self.records.get::<Vec<ObjectId>>(&self.key(bucket)).await?.unwrap_or_default());
        }
        Ok(objects)
    }

    async fn count(&self) -> Result<u64, StoreError> {
        let mut count = 0_u64;
        for part in 0..PARTS {
            let objects = self.part(part).await?.len();
            count = count.saturating_add(u64::try_from(objects).unwrap_or(u64::MAX));
        }
        Ok(count)
    }

    /// Returns the number of the list's entry to which an object belongs. A source cannot predict the number, because
    /// it depends on the server's secret.
    fn bucket(&self, object: ObjectId) -> u16 {
        let name = self.records.secret().name(&[b"bucket", self.tenant.as_bytes(), &object.0]);
        let two = name.first_chunk::<2>().copied().unwrap_or_default();
        u16::from_be_bytes(two).checked_rem(BUCKETS).unwrap_or_default()
    }

    fn key(&self, bucket: u16) -> Key {
        let parts = [b"objects", self.tenant.as_bytes(), &bucket.to_be_bytes()];
        Key::new(Kind::HashObjects, &self.records.secret().name(&parts))
    }
}

/// The number of store entries that have the list of a tenant's objects. With a million objects, each entry has about a
/// thousand objects (40 kB).
const BUCKETS: u16 = 1024;

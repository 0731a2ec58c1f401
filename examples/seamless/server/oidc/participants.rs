//! The clients to which the server reports the end of a user's stay in a browser. The store has one list for each stay.

use crate::store::{Change, Key, Kind, Locator, Records, StoreError};
use kerberos_sso::UnixTime;

/// Adds a client to the list of the clients that hear of the end of a stay. The store keeps the list until `end`. A
/// list with [`MAX_CLIENTS`] clients gets no further client.
///
/// # Errors
/// Returns an error if the store cannot be asked.
pub(super) async fn add(records: &Records, stay: &Locator, client_id: &str, end: UnixTime) -> Result<(), StoreError> {
    let change = |listed: Option<Vec<String>>| {
        let mut listed = listed.unwrap_or_default();
        if !listed.iter().any(|known| known == client_id) && listed.len() < MAX_CLIENTS {
            listed.push(client_id.into());
        }
        (Change::Put(listed, end), ())
    };
    records.update(&key(stay), change).await
}

/// Returns the clients of a stay.
///
/// # Errors
/// Returns an error if the store cannot be asked.
pub(super) async fn of(records: &Records, stay: &Locator) -> Result<Vec<String>, StoreError> {
    let listed: Option<Vec<String>> = records.get(&key(stay)).await?;
    Ok(listed.unwrap_or_default())
}

/// Deletes the list of a stay that has ended.
///
/// # Errors
/// Returns an error if the store cannot be asked.
pub(super) async fn forget(records: &Records, stay: &Locator) -> Result<(), StoreError> {
    records.delete(&key(stay)).await
}

fn key(stay: &Locator) -> Key {
    Key::new(Kind::Participants, stay)
}

/// The largest number of clients in the list of a stay.
const MAX_CLIENTS: usize = 50;

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::clock;

    #[tokio::test]
    async fn list_of_a_stay_has_each_client_once_and_at_most_50_and_is_empty_after_forget() {
        let (records, end) = (Records::for_tests(), clock::now().saturating_add_seconds(60));
        for number in [0, 1, 0] {
            add(&records, &[1; 16], &number.to_string(), end).await.unwrap();
        }
        assert_eq!(of(&records, &[1; 16]).await, Ok(vec!["0".into(), "1".into()]));
        forget(&records, &[1; 16]).await.unwrap();
        assert_eq!((of(&records, &[1; 16]).await, of(&records, &[2; 16]).await), (Ok(vec![]), Ok(vec![])));
        for number in 0..60 {
            add(&records, &[2; 16], &number.to_string(), end).await.unwrap();
        }
        assert_eq!(of(&records, &[2; 16]).await.unwrap().len(), 50);
    }
}

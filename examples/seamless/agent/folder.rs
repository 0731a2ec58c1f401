//! The agent's folder. It has the agent's identity, and the request of a renewal that the server has not answered yet.
//! Only the agent's user can read the files. A file gets its name only after it is completely written.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rcgen::KeyPair;
use seamless_pta::message::{Certificate, Chain, Enrolled, NodeUrl};
use seamless_pta::user::Tenant;
use seamless_pta::{AgentId, Fixed, SealingKey, Time};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use thiserror::Error;
use zeroize::Zeroizing;

#[derive(Clone)]
pub(crate) struct Folder(PathBuf);

/// The identity of the agent.
#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Identity {
    pub(crate) agent: AgentId,
    pub(crate) tenant: Tenant,
    pub(crate) certificate: Certificate,
    pub(crate) chain: Chain,
    pub(crate) generation: u32,
    pub(crate) not_after: Time,
    pub(crate) renew_at: Time,
    pub(crate) nodes: Vec<NodeUrl>,
    /// The server's challenge, which the agent decrypted with its new key and sends with its first request for a job.
    pub(crate) proof: Fixed<32>,
    pub(crate) keys: Keys,
}

/// The private keys of one certificate, in base64: the key of TLS in PKCS #8, and the key that opens sealed passwords.
#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Keys {
    tls: Zeroizing<String>,
    sealing: Zeroizing<String>,
}

#[derive(Debug, Error)]
pub(crate) enum FolderError {
    #[error("{path}: {error}")]
    File { path: String, error: String },
    #[error("the agent has not enrolled: run seamless-agent enrol")]
    NotEnrolled,
    #[error("the agent has enrolled already, as {0}; remove its folder to enrol again")]
    Enrolled(AgentId),
    #[error("the keys of the agent cannot be read")]
    Keys,
    #[error("the server's challenge does not open with the agent's key")]
    Challenge,
}

impl Keys {
    /// Makes new keys.
    pub(crate) fn make() -> Result<Self, FolderError> {
        let tls = KeyPair::generate().map_err(|_| FolderError::Keys)?;
        let tls = Zeroizing::new(tls.serialize_der());
        let sealing = SealingKey::from_random(&crate::clock::random());
        let encode = |octets: &[u8]| Zeroizing::new(STANDARD.encode(octets));
        Ok(Self { tls: encode(&tls), sealing: encode(sealing.secret()) })
    }

    /// Returns the private key of the agent's TLS certificate, in PKCS #8.
    pub(crate) fn tls_der(&self) -> Result<Zeroizing<Vec<u8>>, FolderError> {
        STANDARD.decode(self.tls.as_bytes()).map(Zeroizing::new).map_err(|_| FolderError::Keys)
    }

    pub(crate) fn tls(&self) -> Result<KeyPair, FolderError> {
        KeyPair::try_from(self.tls_der()?.as_slice()).map_err(|_| FolderError::Keys)
    }

    pub(crate) fn sealing(&self) -> Result<SealingKey, FolderError> {
        let octets = STANDARD.decode(self.sealing.as_bytes()).map(Zeroizing::new).map_err(|_| FolderError::Keys)?;
        octets.as_slice().try_into().map(SealingKey::from_secret).map_err(|_| FolderError::Keys)
    }
}

impl Identity {
    /// Makes the identity from the server's response to an enrolment or renewal, and from the keys of this request.
    pub(crate) fn new(enrolled: Enrolled, keys: Keys) -> Result<Self, FolderError> {
        let proof = keys.sealing()?.open_challenge(&enrolled.challenge).map_err(|_| FolderError::Challenge)?;
        let Enrolled { agent, tenant, certificate, chain, not_after, renew_at, generation, nodes, .. } = enrolled;
        Ok(Self { agent, tenant, certificate, chain, generation, not_after, renew_at, nodes, proof, keys })
    }
}

impl Folder {
    pub(crate) const fn new(path: PathBuf) -> Self {
        Self(path)
    }

    pub(crate) fn identity(&self) -> Result<Identity, FolderError> {
        self.read(IDENTITY)?.ok_or(FolderError::NotEnrolled)
    }

    /// Returns the identity if another program has renewed it, so that its generation is later than `generation`.
    pub(crate) fn newer(&self, generation: u32) -> Result<Option<Identity>, FolderError> {
        Ok(Some(self.identity()?).filter(|identity| identity.generation > generation))
    }

    /// Returns an error if the folder has an identity, because the agent must not enrol a second time.
    pub(crate) fn is_free(&self) -> Result<(), FolderError> {
        match self.read::<Identity>(IDENTITY)? {
            Some(identity) => Err(FolderError::Enrolled(identity.agent)),
            None => Ok(()),
        }
    }

    pub(crate) fn write_identity(&self, identity: &Identity) -> Result<(), FolderError> {
        self.write(IDENTITY, identity)
    }

    /// Returns the keys of a renewal that has begun and has no response yet.
    pub(crate) fn pending(&self) -> Result<Option<Pending>, FolderError> {
        self.read(PENDING)
    }

    pub(crate) fn write_pending(&self, pending: &Pending) -> Result<(), FolderError> {
        self.write(PENDING, pending)
    }

    pub(crate) fn remove_pending(&self) {
        let _ = fs::remove_file(self.0.join(PENDING));
    }

    /// Waits until no other program renews the identity of this folder. The lock ends when the returned file is
    /// dropped.
    pub(crate) fn lock(&self) -> Result<fs::File, FolderError> {
        let path = self.0.join(LOCK);
        let mut options = fs::OpenOptions::new();
        options.write(true).create(true).truncate(false);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let file = options.open(&path).map_err(|error| in_file(&path, &error))?;
        file.lock().map_err(|error| in_file(&path, &error))?;
        Ok(file)
    }

    fn read<T: DeserializeOwned>(&self, name: &str) -> Result<Option<T>, FolderError> {
        let path = self.0.join(name);
        let text = match fs::read(&path) {
            Ok(text) => Zeroizing::new(text),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(in_file(&path, &error)),
        };
        // The error of the parser could repeat a key.
        serde_json::from_slice(&text).map(Some).map_err(|_| in_file(&path, &"not a file of this program"))
    }

    fn write<T: Serialize>(&self, name: &str, value: &T) -> Result<(), FolderError> {
        let path = self.0.join(name);
        let text = Zeroizing::new(serde_json::to_vec(value).map_err(|error| in_file(&path, &error))?);
        self.replace(&path, &text).map_err(|error| in_file(&path, &error))
    }

    fn replace(&self, path: &Path, text: &[u8]) -> std::io::Result<()> {
        let mut folder = fs::DirBuilder::new();
        folder.recursive(true);
        #[cfg(unix)]
        std::os::unix::fs::DirBuilderExt::mode(&mut folder, 0o700);
        folder.create(&self.0)?;
        let part = path.with_extension(format!("new-{}", std::process::id()));
        let mut options = fs::OpenOptions::new();
        options.write(true).create(true).truncate(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let mut file = options.open(&part)?;
        file.write_all(text)?;
        file.sync_all()?;
        fs::rename(&part, path)
    }
}

/// The keys of a renewal, and its request. If the response is lost, the agent sends the same request again.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Pending {
    pub(crate) keys: Keys,
    pub(crate) request: seamless_pta::message::Renew,
}

fn in_file(path: &Path, error: &dyn std::fmt::Display) -> FolderError {
    FolderError::File { path: path.display().to_string(), error: error.to_string() }
}

const IDENTITY: &str = "identity.json";
const PENDING: &str = "renewal.json";
const LOCK: &str = "lock";

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use seamless_pta::Octets;
    use seamless_pta::message::V1;

    fn enrolled(keys: &Keys) -> Enrolled {
        let public = keys.sealing().unwrap().public();
        Enrolled {
            v: V1,
            agent: AgentId::from_random([1; 16]),
            tenant: Tenant::new("contoso.test").unwrap(),
            certificate: Octets::new(vec![1]).unwrap(),
            chain: Chain::new(vec![Octets::new(vec![1]).unwrap()]).unwrap(),
            not_after: Time::from_seconds(1),
            renew_at: Time::from_seconds(1),
            generation: 1,
            nodes: vec![NodeUrl::parse("https://n1:8443").unwrap()],
            challenge: public.seal_challenge(&Fixed::new([3; 32]), Zeroizing::new([4; 32])).unwrap(),
        }
    }

    #[test]
    fn written_identity_is_read_back_and_only_the_agents_user_can_read_the_file() {
        let parent = tempfile::TempDir::new().unwrap();
        let folder = Folder::new(parent.path().join("agent"));
        assert!(matches!(folder.identity(), Err(FolderError::NotEnrolled)) && folder.is_free().is_ok());
        let keys = Keys::make().unwrap();
        let identity = Identity::new(enrolled(&keys), keys).unwrap();
        folder.write_identity(&identity).unwrap();
        let read = folder.identity().unwrap();
        assert_eq!((read.agent, read.proof), (identity.agent, Fixed::new([3; 32])));
        assert_eq!(read.keys.tls_der().unwrap(), identity.keys.tls_der().unwrap());
        assert!(matches!(folder.is_free(), Err(FolderError::Enrolled(_))));
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            let mode = |path: PathBuf| fs::metadata(path).unwrap().permissions().mode() % 0o1000;
            assert_eq!((mode(folder.0.clone()), mode(folder.0.join(IDENTITY))), (0o700, 0o600));
        }
    }

    #[test]
    fn identity_is_returned_only_if_another_program_has_renewed_it() {
        let parent = tempfile::TempDir::new().unwrap();
        let folder = Folder::new(parent.path().into());
        let keys = Keys::make().unwrap();
        let identity = Identity::new(enrolled(&keys), keys).unwrap();
        folder.write_identity(&identity).unwrap();
        assert!(folder.newer(1).unwrap().is_none());
        folder.write_identity(&Identity { generation: 2, ..identity }).unwrap();
        assert_eq!(folder.newer(1).unwrap().map(|newer| newer.generation), Some(2));
        assert!(folder.newer(2).unwrap().is_none());
    }

    #[test]
    fn second_program_waits_with_its_renewal_until_the_first_program_releases_the_lock() {
        let parent = tempfile::TempDir::new().unwrap();
        let folder = Folder::new(parent.path().into());
        let first = folder.lock().unwrap();
        let second = fs::File::open(parent.path().join(LOCK)).unwrap();
        assert!(second.try_lock().is_err());
        drop(first);
        assert!(second.try_lock().is_ok());
    }

    #[test]
    fn challenge_that_was_sealed_to_another_key_makes_no_identity() {
        let (keys, other) = (Keys::make().unwrap(), Keys::make().unwrap());
        assert!(matches!(Identity::new(enrolled(&other), keys), Err(FolderError::Challenge)));
    }

    #[test]
    fn error_about_a_malformed_file_repeats_nothing_of_the_file() {
        let parent = tempfile::TempDir::new().unwrap();
        fs::write(parent.path().join(IDENTITY), r#"{"keys": "secret"}"#).unwrap();
        let error = Folder::new(parent.path().into()).identity().err().unwrap().to_string();
        assert!(error.contains("identity.json") && !error.contains("secret"), "{error}");
    }
}

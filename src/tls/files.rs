//! Certificates and keys in PEM files.
//!
//! Not here: what they are used for (`tls`).

use rustls::RootCertStore;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use std::fmt::Display;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// Why certificates cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TlsError {
    /// A file.
    #[error("{}: {what}; `deponent init pki` makes certificates for a first try", path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// What is wrong with it.
        what: String,
    },
    /// A private key that others can read.
    #[error("{} may be read by others (mode {mode:o}); `chmod 600 {}` makes it private", path.display(), path.display())]
    Exposed {
        /// Which.
        path: PathBuf,
        /// Its permissions.
        mode: u32,
    },
}

impl TlsError {
    pub(super) fn unfit(path: &Path, what: &dyn Display) -> TlsError {
        TlsError::File { path: path.to_owned(), what: what.to_string() }
    }
}

/// Where certificate, key and authority are.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Files {
    /// The certificate, and those between it and the authority. Empty: a client without one.
    pub cert: PathBuf,
    /// Its private key.
    pub key: PathBuf,
    /// The authorities that the other side's certificate must come from.
    pub ca: PathBuf,
}

/// What tells that files have changed: length, time and inode of each. Secrets of Kubernetes are links whose target changes.
pub(super) type Stamp = [Option<(u64, i64, i64, u64)>; 3];

impl Files {
    pub(super) fn stamp(&self) -> Stamp {
        [&self.cert, &self.key, &self.ca].map(|path| {
            let data = std::fs::metadata(path).ok()?;
            Some((data.len(), data.mtime(), data.mtime_nsec(), data.ino()))
        })
    }

    pub(super) fn has_certificate(&self) -> bool {
        !self.cert.as_os_str().is_empty()
    }

    pub(super) fn chain(&self) -> Result<Vec<CertificateDer<'static>>, TlsError> {
        certificates(&self.cert)
    }

    /// The private key. A file that everybody may read is refused; the group may, as of a Secret that is mounted into a pod.
    pub(super) fn secret(&self) -> Result<PrivateKeyDer<'static>, TlsError> {
        let data = std::fs::metadata(&self.key).map_err(|error| TlsError::unfit(&self.key, &error))?;
        if data.mode() & 0o007 != 0 {
            return Err(TlsError::Exposed { path: self.key.clone(), mode: data.mode() & 0o777 });
        }
        PrivateKeyDer::from_pem_file(&self.key).map_err(|error| TlsError::unfit(&self.key, &error))
    }

    pub(super) fn roots(&self) -> Result<RootCertStore, TlsError> {
        let mut roots = RootCertStore::empty();
        for certificate in certificates(&self.ca)? {
            roots.add(certificate).map_err(|error| TlsError::unfit(&self.ca, &error))?;
        }
        Ok(roots)
    }
}

/// The certificates in a file, in order.
///
/// # Errors
/// None, or one that is malformed.
pub(super) fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let read = CertificateDer::pem_file_iter(path).map_err(|error| TlsError::unfit(path, &error))?;
    let certificates: Result<Vec<_>, _> = read.collect();
    let certificates = certificates.map_err(|error| TlsError::unfit(path, &error))?;
    if certificates.is_empty() {
        return Err(TlsError::unfit(path, &"no certificate in it"));
    }
    Ok(certificates)
}

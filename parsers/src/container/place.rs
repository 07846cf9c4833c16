//! Whose container a file of logs is of, as the kubelet and Docker name their files.
//!
//! Only the last parts of a path count, and only in exactly these forms; nothing is guessed. Not here: whether the file is really theirs (`deponent::source`).

/// What a path says.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Place {
    /// Namespace of the pod.
    pub namespace: Option<String>,
    /// Name of the pod.
    pub pod: Option<String>,
    /// Its UID; of a static pod the hash of its configuration.
    pub pod_uid: Option<String>,
    /// Name of the container within the pod.
    pub container: Option<String>,
    /// The runtime's id of the container.
    pub container_id: Option<String>,
    /// How often the container was started before, as the kubelet counts.
    pub restart: Option<u32>,
}

/// Bytes of an id of a container.
const ID_BYTES: usize = 64;

/// What the path of a file says: `…/NAMESPACE_POD_UID/CONTAINER/N.log` (the kubelet's, rotated and compressed ones too),
/// `…/containers/POD_NAMESPACE_CONTAINER-ID.log` (the kubelet's links), `…/containers/ID/ID-json.log` (Docker's, rotated ones too).
pub fn place(path: &[u8]) -> Option<Place> {
    let path = std::str::from_utf8(path).ok()?;
    let mut parts = path.rsplit('/');
    let (file, folder, above) = (parts.next()?, parts.next()?, parts.next());
    if folder == "containers" {
        return link(file);
    }
    let above = above?;
    if above == "containers" { docker(folder, file) } else { pod(above, folder, file) }
}

fn pod(pod: &str, container: &str, file: &str) -> Option<Place> {
    let mut parts = pod.split('_');
    let (namespace, name, uid) = (parts.next()?, parts.next()?, parts.next()?);
    let right = parts.next().is_none() && is_label(namespace) && is_name(name) && is_uid(uid) && is_label(container);
    let (number, rotated) = file.split_once(".log")?;
    let is_number = !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit());
    let canonical = is_number && (number == "0" || !number.starts_with('0'));
    if !right || !canonical || !(rotated.is_empty() || is_rotation(rotated)) {
        return None;
    }
    Some(Place {
        namespace: Some(namespace.to_owned()),
        pod: Some(name.to_owned()),
        pod_uid: Some(uid.to_owned()),
        container: Some(container.to_owned()),
        container_id: None,
        restart: Some(number.parse().ok()?),
    })
}

/// `.20261123-205925`, `.20261123-205925.gz`
fn is_rotation(text: &str) -> bool {
    let text = text.strip_suffix(".gz").unwrap_or(text);
    let shape = text.bytes().enumerate().all(|(at, byte)| match at {
        0 => byte == b'.',
        9 => byte == b'-',
        _ => byte.is_ascii_digit(),
    });
    text.len() == 16 && shape
}

fn link(file: &str) -> Option<Place> {
    let (name, id) = file.strip_suffix(".log")?.rsplit_once('-')?;
    let mut parts = name.split('_');
    let (pod, namespace, container) = (parts.next()?, parts.next()?, parts.next()?);
    let right = parts.next().is_none() && is_name(pod) && is_label(namespace) && is_label(container) && is_id(id);
    right.then(|| Place {
        namespace: Some(namespace.to_owned()),
        pod: Some(pod.to_owned()),
        container: Some(container.to_owned()),
        container_id: Some(id.to_owned()),
        ..Place::default()
    })
}

fn docker(folder: &str, file: &str) -> Option<Place> {
    let rotated = file.strip_prefix(folder)?.strip_prefix("-json.log")?;
    let is_rotation = || {
        let number = rotated.strip_suffix(".gz").unwrap_or(rotated).strip_prefix('.')?;
        let right = (1..=4).contains(&number.len()) && number.bytes().all(|byte| byte.is_ascii_digit());
        (right && !number.starts_with('0')).then_some(())
    };
    (is_id(folder) && (rotated.is_empty() || is_rotation().is_some()))
        .then(|| Place { container_id: Some(folder.to_owned()), ..Place::default() })
}

/// A DNS label of RFC 1123, as Kubernetes takes them.
fn is_label(text: &str) -> bool {
    let inner = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    text.len() <= 63 && !text.is_empty() && text.bytes().all(inner) && !text.starts_with('-') && !text.ends_with('-')
}

/// DNS labels with dots between them.
fn is_name(text: &str) -> bool {
    let label = |label: &str| {
        !label.is_empty()
            && label.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    text.len() <= 253 && text.split('.').all(label)
}

/// `c21771f8-e538-4834-bee3-f64557fa058f`, or the 32 figures of a static pod.
fn is_uid(text: &str) -> bool {
    let dash = |at: usize| matches!(at, 8 | 13 | 18 | 23);
    let uuid = || {
        text.len() == 36
            && text.bytes().enumerate().all(|(at, byte)| if dash(at) { byte == b'-' } else { is_hex(byte) })
    };
    (text.len() == 32 && text.bytes().all(is_hex)) || uuid()
}

fn is_id(text: &str) -> bool {
    text.len() == ID_BYTES && text.bytes().all(is_hex)
}

fn is_hex(byte: u8) -> bool {
    matches!(byte, b'0'..=b'9' | b'a'..=b'f')
}

//! A value of an item: bytes, or the trace of a deletion.

use bytes::Bytes;

/// One value of an item.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Value {
    /// The item was deleted.
    Tombstone,
    /// The item holds these bytes.
    Data(Bytes),
}

impl Value {
    /// The bytes, or `None` for a tombstone.
    #[must_use]
    pub fn data(&self) -> Option<&Bytes> {
        match self {
            Self::Tombstone => None,
            Self::Data(data) => Some(data),
        }
    }

    /// Whether this is the trace of a deletion.
    #[must_use]
    pub fn is_tombstone(&self) -> bool {
        matches!(self, Self::Tombstone)
    }
}

/// What can be inserted as a value: anything that owns or borrows bytes.
///
/// ```
/// use k2v_client::IntoData;
/// assert_eq!(b"data".into_data(), "data".into_data());
/// assert_eq!(vec![1, 2].into_data(), [1, 2].as_slice().into_data());
/// ```
pub trait IntoData {
    /// The bytes of the value; borrowed ones are copied.
    fn into_data(self) -> Bytes;
}

macro_rules! into_data {
    ($($source:ty => |$data:ident| $bytes:expr;)*) => {$(
        impl IntoData for $source {
            fn into_data(self) -> Bytes {
                let $data = self;
                $bytes
            }
        }
    )*};
}

into_data! {
    Bytes => |data| data;
    Vec<u8> => |data| data.into();
    String => |data| data.into();
    &[u8] => |data| Bytes::copy_from_slice(data);
    &str => |data| Bytes::copy_from_slice(data.as_bytes());
    &Vec<u8> => |data| Bytes::copy_from_slice(data);
    &String => |data| Bytes::copy_from_slice(data.as_bytes());
    &Bytes => |data| data.clone();
}

impl<const N: usize> IntoData for &[u8; N] {
    fn into_data(self) -> Bytes {
        Bytes::copy_from_slice(self)
    }
}

impl<const N: usize> IntoData for [u8; N] {
    fn into_data(self) -> Bytes {
        Bytes::copy_from_slice(&self)
    }
}

impl<T: IntoData> From<T> for Value {
    fn from(data: T) -> Self {
        Self::Data(data.into_data())
    }
}

/// `None` deletes.
impl<T: IntoData> From<Option<T>> for Value {
    fn from(data: Option<T>) -> Self {
        data.map_or(Self::Tombstone, Self::from)
    }
}

//! Where a bucket is and who may write to it.

use std::{fmt, str::FromStr, time::Duration};

/// A place in S3-compatible storage: `s3://BUCKET/PREFIX`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct S3Location {
    bucket: String,
    prefix: String,
}

impl S3Location {
    /// The bucket.
    #[must_use]
    pub fn bucket(&self) -> &str {
        &self.bucket
    }

    /// What the names of all objects begin with, without a slash at its ends; empty for the whole bucket.
    #[must_use]
    pub fn prefix(&self) -> &str {
        &self.prefix
    }
}

/// Not `s3://BUCKET` or `s3://BUCKET/PREFIX`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not a place in S3-compatible storage (s3://BUCKET/PREFIX): {0:?}")]
pub struct S3LocationError(String);

impl crate::error::Classify for S3LocationError {
    fn class(&self) -> crate::error::Class {
        crate::error::Class::Usage
    }
}

impl FromStr for S3Location {
    type Err = S3LocationError;

    /// Names of buckets are those of the S3 manual: 3 to 63 lower-case letters, digits, dots and hyphens.
    fn from_str(text: &str) -> Result<Self, S3LocationError> {
        let wrong = || S3LocationError(text.to_owned());
        let rest = text.strip_prefix("s3://").ok_or_else(wrong)?;
        let (bucket, prefix) = rest.split_once('/').unwrap_or((rest, ""));
        let prefix = prefix.trim_end_matches('/');
        let good = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'.' | b'-');
        let segment = |part: &str| {
            let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_' | b'+' | b'~');
            !part.is_empty() && part != "." && part != ".." && part.bytes().all(plain)
        };
        let is_bucket = (3..=63).contains(&bucket.len()) && bucket.bytes().all(good);
        if !is_bucket || !(prefix.is_empty() || prefix.split('/').all(segment)) {
            return Err(wrong());
        }
        Ok(Self { bucket: bucket.to_owned(), prefix: prefix.to_owned() })
    }
}

impl fmt::Display for S3Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.prefix.as_str() {
            "" => write!(f, "s3://{}", self.bucket),
            prefix => write!(f, "s3://{}/{prefix}", self.bucket),
        }
    }
}

/// An access key. Its secret is never shown.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct S3Credentials {
    /// The key's id.
    pub access_key: String,
    /// The key's secret.
    pub secret_key: String,
    /// The token of a session, for temporary keys.
    pub token: Option<String>,
}

impl S3Credentials {
    /// A key with its secret.
    #[must_use]
    pub fn new(access_key: impl Into<String>, secret_key: impl Into<String>) -> Self {
        Self { access_key: access_key.into(), secret_key: secret_key.into(), token: None }
    }

    /// With the token of a session.
    #[must_use]
    pub fn with_token(mut self, token: Option<String>) -> Self {
        self.token = token;
        self
    }
}

impl fmt::Debug for S3Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("S3Credentials").field("access_key", &self.access_key).finish_non_exhaustive()
    }
}

/// How a bucket is reached.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct S3Options {
    /// The bucket and the prefix.
    pub location: S3Location,
    /// Who writes.
    pub credentials: S3Credentials,
    /// The region; `us-east-1` is what most servers other than Amazon's call theirs.
    pub region: String,
    /// The server, as `https://HOST[:PORT]`; without, Amazon's of the region.
    pub endpoint: Option<String>,
    /// Whether the bucket is a part of the host's name instead of the path.
    pub virtual_hosted: bool,
    /// A proxy; without one none is used, whatever the environment says.
    pub proxy: Option<String>,
    /// How long the server may be silent.
    pub timeout: Duration,
}

impl S3Options {
    /// Amazon's servers in `us-east-1`, the bucket in the path, no proxy, 60 s of silence.
    #[must_use]
    pub fn new(location: S3Location, credentials: S3Credentials) -> Self {
        Self {
            location,
            credentials,
            region: "us-east-1".to_owned(),
            endpoint: None,
            virtual_hosted: false,
            proxy: None,
            timeout: Duration::from_secs(60),
        }
    }

    /// In another region.
    #[must_use]
    pub fn with_region(mut self, region: impl Into<String>) -> Self {
        self.region = region.into();
        self
    }

    /// On this server.
    #[must_use]
    pub fn with_endpoint(mut self, endpoint: Option<String>) -> Self {
        self.endpoint = endpoint;
        self
    }

    /// With the bucket in the host's name, or in the path.
    #[must_use]
    pub const fn with_virtual_hosted(mut self, virtual_hosted: bool) -> Self {
        self.virtual_hosted = virtual_hosted;
        self
    }

    /// Through this proxy.
    #[must_use]
    pub fn with_proxy(mut self, proxy: Option<String>) -> Self {
        self.proxy = proxy;
        self
    }

    /// With another limit on silence.
    #[must_use]
    pub const fn with_timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }
}

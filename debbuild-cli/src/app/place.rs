//! Other places that a repository is published to: a folder, or a bucket with the keys of this user.

use std::{collections::BTreeMap, fs, sync::Arc};

use debbuild_core::{
    context::Context,
    error::Class,
    name::SuiteName,
    path::{AbsPath, IoResultExt as _},
    repo::{FolderTarget, PublishTarget, Repository, S3Credentials, S3Location, S3Options, S3Target, State},
};

use super::{App, AppError, Failure};

impl App {
    /// The place that a text names: `s3://BUCKET/PREFIX`, or a folder.
    ///
    /// # Errors
    /// Class `config` when there is no key for the bucket.
    pub fn publish_target(&self, to: &str) -> Result<Arc<dyn PublishTarget>, AppError> {
        if !to.starts_with("s3://") {
            return Ok(Arc::new(FolderTarget::new(self.machine().path(to)?)));
        }
        let location: S3Location = to.parse()?;
        let settings = &self.settings().s3;
        let variable = |name: &str| self.machine().variables.get(name).filter(|value| !value.is_empty()).cloned();
        let set = |text: &String| (!text.is_empty()).then(|| text.clone());
        let region = set(&settings.region).or_else(|| variable("AWS_REGION"));
        let region = region.or_else(|| variable("AWS_DEFAULT_REGION")).unwrap_or_else(|| "us-east-1".to_owned());
        let options = S3Options::new(location, self.s3_credentials()?)
            .with_region(region)
            .with_endpoint(set(&settings.endpoint).or_else(|| variable("AWS_ENDPOINT_URL")))
            .with_virtual_hosted(settings.virtual_hosted)
            .with_proxy(set(&self.settings().archives.proxy));
        Ok(Arc::new(S3Target::new(&options)?))
    }

    /// The variables that all S3 tools know, else the file that they share.
    fn s3_credentials(&self) -> Result<S3Credentials, AppError> {
        let variable = |name: &str| self.machine().variables.get(name).filter(|value| !value.is_empty()).cloned();
        if let (Some(key), Some(secret)) = (variable("AWS_ACCESS_KEY_ID"), variable("AWS_SECRET_ACCESS_KEY")) {
            return Ok(S3Credentials::new(key, secret).with_token(variable("AWS_SESSION_TOKEN")));
        }
        let settings = &self.settings().s3;
        let file = match settings.credentials.as_str() {
            "" => self
                .machine()
                .variables
                .get("HOME")
                .and_then(|home| AbsPath::new(home).ok())
                .map(|home| home.join(".aws/credentials")),
            text => Some(self.machine().path(text)?),
        };
        let missing = |what: String| {
            let failure = Failure::new(Class::Config, what);
            failure.with_hint("set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or s3.credentials to a file with them")
        };
        let Some(file) = file.filter(|file| file.as_std().is_file()) else {
            return Err(missing("no key for S3-compatible storage".to_owned()).into());
        };
        let values = profile(&fs::read_to_string(&file).at("read", &file)?, &settings.profile);
        match (values.get("aws_access_key_id"), values.get("aws_secret_access_key")) {
            (Some(key), Some(secret)) => {
                Ok(S3Credentials::new(key, secret).with_token(values.get("aws_session_token").cloned()))
            }
            _ => Err(missing(format!("{file} has no key in profile {}", settings.profile)).into()),
        }
    }

    /// Publishes the published state of a suite, or of every suite, to another place as well.
    ///
    /// # Errors
    /// Those of [`Repository::publish_to`]; suites before the one that failed are published.
    pub async fn repo_publish_to(
        &self,
        cx: &Context,
        repository: &Repository,
        suite: Option<&SuiteName>,
        to: &str,
    ) -> Result<Vec<State>, AppError> {
        let target = self.publish_target(to)?;
        let name = if to.starts_with("s3://") {
            to.trim_end_matches('/').to_owned()
        } else {
            self.machine().path(to)?.to_string()
        };
        let suites = match suite {
            Some(suite) => vec![suite.clone()],
            None => repository.suites(cx).await?.into_iter().map(|options| options.suite).collect(),
        };
        let mut states = Vec::new();
        for suite in suites {
            states.push(repository.publish_to(cx, &suite, &*target, &name).await?);
        }
        Ok(states)
    }
}

/// The values of a section of a file as the AWS tools share it: `[NAME]`, then lines `key = value`.
fn profile(text: &str, wanted: &str) -> BTreeMap<String, String> {
    let mut values = BTreeMap::new();
    let mut inside = false;
    for line in text.lines().map(str::trim).filter(|line| !line.starts_with(['#', ';'])) {
        if let Some(name) = line.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
            inside = name.trim() == wanted;
        } else if let Some((key, value)) = line.split_once('=').filter(|_| inside) {
            values.insert(key.trim().to_owned(), value.trim().to_owned());
        }
    }
    values
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_profile_is_read_and_others_are_not() {
        let text = "[other]\naws_access_key_id=no\n\n# a comment\n[ default ]\naws_access_key_id = one\naws_secret_access_key = a=b\n[x]\nkey=1\n";
        let values = profile(text, "default");
        assert_eq!(values.get("aws_access_key_id").map(String::as_str), Some("one"));
        assert_eq!(values.get("aws_secret_access_key").map(String::as_str), Some("a=b"));
        assert_eq!(values.len(), 2);
        assert!(profile(text, "none").is_empty());
    }
}

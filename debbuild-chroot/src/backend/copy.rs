//! Files into a session and out of it, by the tar that is inside: for backends that have no better way.

use std::{
    fs::{self, File},
    io::{self, Write as _},
};

use debbuild_core::{
    command::{Discard, OutputSink, Stdin, Stream, Tail},
    context::Context,
    path::{AbsPath, IoResultExt as _},
};

use super::{ChrootError, Session, SessionCommand};

/// How much of what tar says is kept, in bytes.
const TAIL: usize = 4096;

/// See [`Session::copy_in`].
pub(super) async fn into<S: Session + ?Sized>(
    session: &mut S,
    cx: &Context,
    tar: &AbsPath,
    to: &str,
) -> Result<(), ChrootError> {
    let to = AbsPath::new(to)?;
    let failed = |reason| ChrootError::Copy { what: to.to_string(), reason };
    let mut said = Tail::new(TAIL);
    let make = SessionCommand::new(["mkdir", "-p", "--", to.as_str()]);
    if !session.run(cx, &make, &mut said).await?.success() {
        return Err(failed(said.text()));
    }
    let unpack = SessionCommand::new(["tar", "--extract", "--no-same-owner", "--directory", to.as_str()]);
    let exit = session.run(cx, &unpack.with_stdin(Stdin::File(tar.clone())), &mut said).await?;
    if exit.success() { Ok(()) } else { Err(failed(said.text())) }
}

/// See [`Session::copy_out`].
pub(super) async fn out<S: Session + ?Sized>(
    session: &mut S,
    cx: &Context,
    from: &str,
    tar: &AbsPath,
) -> Result<(), ChrootError> {
    let (folder, name) = split_inside(from)?;
    let exists = SessionCommand::new(["sh", "-c", r#"[ -e "$1" ] || [ -L "$1" ]"#, "sh", from]);
    if !session.run(cx, &exists, &mut Discard).await?.success() {
        return Err(ChrootError::NoFile(from.to_owned()));
    }
    let mut sink = ToFile(File::create_new(tar).at("create", tar)?, Tail::new(TAIL));
    let pack = SessionCommand::new(["tar", "--create", "--mode=ug-s", "--directory", &folder, "--", &name]);
    let exit = session.run(cx, &pack, &mut sink).await?;
    if exit.success() {
        return Ok(());
    }
    fs::remove_file(tar).at("remove", tar)?;
    Err(ChrootError::Copy { what: from.to_owned(), reason: sink.1.text() })
}

/// An absolute path inside without `..`, split into its folder and its last name (`.` for `/`).
pub(super) fn split_inside(path: &str) -> Result<(String, String), ChrootError> {
    let clean = AbsPath::new(path)?;
    let name = if clean.name().is_empty() { "." } else { clean.name() };
    Ok((clean.parent().to_string(), name.to_owned()))
}

/// Everything that goes to standard output, into a file.
struct ToFile(File, Tail);

impl OutputSink for ToFile {
    fn write(&mut self, stream: Stream, bytes: &[u8]) -> io::Result<()> {
        match stream {
            Stream::Stdout => self.0.write_all(bytes),
            Stream::Stderr => self.1.write(stream, bytes),
        }
    }
}

//! Small rooms: every file says its purpose, files and functions stay short.

use super::{Source, TREE, none};

const FILE_LINES: usize = 400;
const FUNCTION_LINES: usize = 60;

#[test]
fn every_rust_file_starts_with_its_purpose() {
    let bare = TREE.iter().filter(|file| file.is_rust() && !file.text.starts_with("//! "));
    none("files without a first line of purpose", bare.map(|file| file.name.clone()).collect());
}

#[test]
fn files_are_rooms_not_halls() {
    let long = TREE.iter().filter(|file| file.is_rust() && !file.is_test());
    let long = long.map(|file| (file, file.text.lines().count())).filter(|(_, lines)| *lines > FILE_LINES);
    none("files over 400 lines", long.map(|(file, lines)| format!("{} has {lines}", file.name)).collect());
}

#[test]
fn functions_are_short() {
    let mut long = Vec::new();
    for file in TREE.iter().filter(|file| file.is_rust() && !file.is_test()) {
        long.extend(
            functions(file)
                .filter(|(_, lines)| *lines > FUNCTION_LINES)
                .map(|(line, lines)| format!("{}:{line} has {lines} lines", file.name)),
        );
    }
    none("functions over 60 lines", long);
}

/// Where each function starts (counted from 1) and how many lines it has, in code that rustfmt has laid out.
fn functions(file: &Source) -> impl Iterator<Item = (usize, usize)> {
    let lines: Vec<&str> = file.text.lines().collect();
    let starts = lines.iter().enumerate().filter(|(_, line)| {
        let words = line.trim_start();
        !words.starts_with("//") && (words.starts_with("fn ") || words.contains(" fn ")) && !words.ends_with(';')
    });
    let found: Vec<(usize, usize)> = starts
        .filter_map(|(start, line)| {
            if line.ends_with('}') {
                return Some((start + 1, 1));
            }
            // A declaration in a trait has no body.
            let head = lines[start..].iter().find(|line| line.ends_with(['{', ';']))?;
            if head.ends_with(';') {
                return None;
            }
            let close = format!("{}}}", &line[..line.len() - line.trim_start().len()]);
            let length = lines[start..].iter().position(|line| **line == close)?;
            Some((start + 1, length + 1))
        })
        .collect();
    found.into_iter()
}

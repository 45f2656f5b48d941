//! Foreign text on the user's terminal: no escape sequences, no control characters.

/// The text without escape sequences and control characters; line ends and tabs stay.
///
/// Logs, package fields and error messages come from outside: they must not move the cursor, set titles, fill the
/// clipboard, or show other text than they have (bidirectional overrides).
pub(crate) fn clean(text: &str) -> String {
    let plain = console::strip_ansi_codes(text);
    let mut kept = String::with_capacity(plain.len());
    let mut chars = plain.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '\n' | '\t' => kept.push(c),
            // A progress bar of a tool overwrites its line: each state becomes a line of its own.
            '\r' if chars.peek().is_none_or(|next| *next == '\n') => {}
            '\r' => kept.push('\n'),
            '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => {}
            c if c.is_control() => {}
            c => kept.push(c),
        }
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::clean;

    #[test]
    fn nothing_reaches_the_terminal_but_text() {
        for (text, shown) in [
            ("plain äöü\tx\n", "plain äöü\tx\n"),
            ("\u{1b}[31mred\u{1b}[0m", "red"),
            ("a\u{1b}]52;c;ZXZpbA==\u{7}b", "ab"),
            ("a\u{1b}]0;title\u{1b}\\b", "ab"),
            ("\u{1b}[2J\u{1b}[Hx\u{7}\u{8}", "x"),
            ("10%\r20%\r\n", "10%\n20%\n"),
            ("\u{9b}31mx\u{202e}y", "xy"),
        ] {
            assert_eq!(clean(text), shown, "{text:?}");
        }
        let cut = clean("\u{1b}]52;c;never ends");
        assert!(!cut.contains('\u{1b}'), "{cut:?}");
    }
}

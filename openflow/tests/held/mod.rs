//! The vectors of messages that are held in files: one format, whatever they are from.
//!
//! A line that begins with `#` is a comment. A message is a line of hexadecimal digits with spaces between them
//! as its author liked; before them may stand version and type, with the subtype behind a slash. In the next line
//! may stand the object that it is read as.

/// The files, and what they hold.
pub(crate) const FILES: [(&str, &str); 3] = [
    (
        "messages.vectors",
        include_str!("../vectors/messages.vectors"),
    ),
    (
        "open_vswitch.vectors",
        include_str!("../vectors/open_vswitch.vectors"),
    ),
    (
        "specification.vectors",
        include_str!("../vectors/specification.vectors"),
    ),
];

/// A message that this crate did not make.
pub(crate) struct Vector<'a> {
    /// Version, and type with subtype, where its author wrote them.
    pub(crate) named: Option<(&'a str, &'a str)>,
    /// The message, two digits for each byte.
    pub(crate) digits: String,
    /// What it says, where that is held.
    pub(crate) object: Option<&'a str>,
}

/// The vectors of a file.
pub(crate) fn vectors(text: &str) -> impl Iterator<Item = Vector<'_>> {
    let is_said = |line: &&str| !line.is_empty() && !line.starts_with('#');
    let mut lines = text.lines().filter(is_said).peekable();
    std::iter::from_fn(move || {
        let line = lines.next()?;
        let object = lines.next_if(|line| line.starts_with('{'));
        let mut words = line.splitn(3, ' ');
        // No digits have a dot.
        let named = match (words.next(), words.next()) {
            (Some(version), Some(name)) if version.contains('.') => Some((version, name)),
            _ => None,
        };
        let digits = named.map_or(Some(line), |_| words.next());
        Some(Vector {
            named,
            digits: digits.unwrap_or_default().split_whitespace().collect(),
            object,
        })
    })
}

//! What a string that is no hash for this handler is: names the kind and the remedy.

use ringwork_ring::format::counted;

/// What the strings of other schemes begin with, and what they are.
const SCHEMES: &[(&str, &str)] = &[
    ("1", "MD5-crypt"),
    ("apr1", "Apache's MD5-crypt"),
    ("md5", "Sun's MD5-crypt"),
    ("sha1", "SHA-1-crypt"),
    ("3", "an NT hash"),
    ("5", "SHA-256-crypt"),
    ("6", "SHA-512-crypt"),
    ("7", "scrypt in crypt's own form"),
    ("y", "yescrypt"),
    ("gy", "gost-yescrypt"),
    ("2", "the first bcrypt of 1997"),
    (
        "2x",
        "bcrypt made by a crypt_blowfish with a known bug, which accepts wrong passwords",
    ),
    ("P", "phpass (WordPress)"),
    ("H", "phpass (phpBB)"),
    ("S", "Drupal's SHA-512"),
    ("s0", "scrypt as lambdaworks writes it"),
    ("e0801", "scrypt as Spring Security writes it"),
    ("100801", "scrypt as Spring Security writes it"),
    ("pbkdf2", "PBKDF2 with SHA-1"),
    ("pbkdf2-sha1", "PBKDF2 with SHA-1"),
    ("pbkdf2-sha384", "PBKDF2 with SHA-384"),
    (
        "bcrypt-sha256",
        "passlib's bcrypt of an HMAC of the password",
    ),
    ("shiro1", "Apache Shiro's"),
];

/// Schemes that write their name before the first `$` (Django, Werkzeug), and what they are.
const NAMED_BEFORE: &[(&str, &str)] = &[
    (
        "bcrypt_sha256",
        "Django's bcrypt of the password's SHA-256: strip `bcrypt_sha256$` and pass the digest in lower-case hex as the password",
    ),
    (
        "pbkdf2_sha256",
        "Django's PBKDF2: write it as $pbkdf2-sha256$i=<iterations>$<salt>$<hash>, both in Base64 without `=`",
    ),
    (
        "pbkdf2:sha256:",
        "Werkzeug's PBKDF2: write it as $pbkdf2-sha256$i=<iterations>$<salt>$<hash>, both in Base64 without `=`",
    ),
    (
        "pbkdf2:sha512:",
        "Werkzeug's PBKDF2: write it as $pbkdf2-sha512$i=<iterations>$<salt>$<hash>, both in Base64 without `=`",
    ),
    (
        "scrypt",
        "Django's scrypt: write it as $scrypt$ln=<log2 of N>,r=<r>,p=<p>$<salt>$<hash>, both in Base64 without `=`",
    ),
    (
        "scrypt:",
        "Werkzeug's scrypt: write it as $scrypt$ln=<log2 of N>,r=<r>,p=<p>$<salt>$<hash>, both in Base64 without `=`",
    ),
];

/// What is wrong with the ends of `text`, before anything else is looked at.
pub(super) fn surroundings(text: &str) -> Option<String> {
    let blank = |c: char| c.is_whitespace() || c == '\0' || c == '\u{feff}';
    let edge = if text.starts_with(blank) {
        "begins"
    } else if text.ends_with(blank) {
        "ends"
    } else {
        return before_the_first_dollar(text);
    };
    Some(format!(
        "a string of {} that {edge} with white space or NUL (the newline of a file, the padding of a column); trim it",
        counted(text.len(), "byte")
    ))
}

/// Says what stands before the first `$`, and what to do about it.
fn before_the_first_dollar(text: &str) -> Option<String> {
    if text.is_empty() {
        return Some("empty or missing".to_owned());
    }
    let at = text.find('$');
    let before = &text[..at.unwrap_or(text.len())];
    if before.is_empty() {
        return None;
    }
    if let Some((_, what)) = NAMED_BEFORE
        .iter()
        .find(|(name, _)| before == *name || (name.ends_with(':') && before.starts_with(name)))
    {
        return Some(what.to_string());
    }
    let id = before
        .strip_prefix('{')
        .and_then(|rest| rest.split_once('}'))
        .map(|(id, _)| id)
        .filter(|id| harmless(id, 40));
    Some(match (id, at) {
        (Some(id), Some(_)) if id.len() + 2 == before.len() => format!(
            "a string with the prefix `{{{id}}}` before the first `$`, as Spring Security's DelegatingPasswordEncoder and Dovecot write it; strip `{{{id}}}`, so that the string begins with `$`"
        ),
        (Some(id), _) => format!(
            "a string with the prefix `{{{id}}}` (Spring Security, Dovecot, LDAP), and what follows does not begin with `$`"
        ),
        (None, Some(at)) => format!(
            "a string with {} of text before the first `$`; strip prefixes as `{{bcrypt}}` (Spring Security), `{{ARGON2ID}}` (Dovecot), `argon2` or `bcrypt$` (Django), so that the string begins with the `$` of $argon2id$, $2b$ and the like",
            counted(at, "byte")
        ),
        (None, None) => format!(
            "a string of {} that does not begin with `$`",
            counted(text.len(), "byte")
        ),
    })
}

/// Names a string that begins with `$` and is of none of the accepted kinds.
///
/// `is_known`: whether strings that begin with `$name$` are of an accepted kind.
pub(super) fn kind(text: &str, is_known: impl Fn(&str) -> bool) -> String {
    let length = text.len();
    let name = text.split('$').nth(1).unwrap_or_default();
    let closed = name.len() + 1 < length;
    if let Some((_, what)) = SCHEMES.iter().find(|(known, _)| *known == name && closed) {
        return format!("a `${name}$` string, {what}");
    }
    let lower = name.to_ascii_lowercase();
    if closed && lower != name && is_known(&lower) {
        return format!("a string of the kind `${name}$`; write `${lower}$`, in lower case");
    }
    if name.is_empty() && closed {
        return format!(
            "a string of {} that begins with `$$`; strip the first `$`",
            counted(length, "byte")
        );
    }
    if closed && harmless(name, 16) {
        return format!("a string of the kind `${name}$`");
    }
    format!(
        "a string of {} without a known `$…$` prefix",
        counted(length, "byte")
    )
}

/// Whether a name may be shown: too short and too plain to be a secret.
fn harmless(name: &str, longest: usize) -> bool {
    (1..=longest).contains(&name.len())
        && name
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b"-_.@".contains(&b))
}

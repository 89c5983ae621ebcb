//! Known answers from the reference implementations, and the limits.

use super::*;

/// The reference implementation's `src/test.c` uses this salt throughout.
const SOMESALT: &str = "c29tZXNhbHQ";

fn argon2id(memory_kib: u32, iterations: u32, parallelism: u32) -> HashParams {
    HashParams {
        memory_kib,
        iterations,
        parallelism,
        salt_base64: Some(SOMESALT.to_owned()),
        ..HashParams::default()
    }
}

fn bcrypt_params(cost: u32) -> HashParams {
    HashParams {
        algorithm: Algorithm::Bcrypt,
        cost,
        ..HashParams::default()
    }
}

fn verify_with(hash: &str, body: &[u8]) -> Result<bool, TaskError> {
    let params = VerifyParams {
        hash: hash.to_owned(),
        ..VerifyParams::default()
    };
    verify(&params, body)
}

/// Argon2id, version 1.3, from the reference implementation's `src/test.c`.
#[test]
fn argon2id_known_answers() {
    for (params, password, digest) in [
        (
            argon2id(256, 2, 1),
            "password",
            "9dfeb910e80bad0311fee20f9c0e2b12c17987b4cac90c2ef54d5b3021c68bfe",
        ),
        (
            argon2id(256, 2, 2),
            "password",
            "6d093c501fd5999645e0ea3bf620d7b8be7fd2db59c20d9fff9539da2bf57037",
        ),
        (
            argon2id(65_536, 1, 1),
            "password",
            "f6a5adc1ba723dddef9b5ac1d464e180fcd9dffc9d1cbf76cca2fed795d9ca98",
        ),
        (
            argon2id(65_536, 2, 1),
            "differentpassword",
            "0b84d652cf6b0c4beaef0dfe278ba6a80df6696281d7e0d2891b817d8c458fde",
        ),
    ] {
        let text = hash(&params, password.as_bytes()).unwrap();
        let bytes = STANDARD_NO_PAD
            .decode(text.rsplit('$').next().unwrap())
            .unwrap();
        let hex: String = bytes.iter().map(|b| format!("{b:02x}")).collect();
        assert_eq!(hex, digest);
        let head = format!(
            "$argon2id$v=19$m={},t={},p={}${SOMESALT}$",
            params.memory_kib, params.iterations, params.parallelism
        );
        assert!(text.starts_with(&head), "{text}");
        assert!(verify_with(&text, password.as_bytes()).unwrap());
        assert!(!verify_with(&text, b"Password").unwrap());
    }
}

/// Argon2i of both versions, from the same file; version 1.0 has no `v=`.
#[test]
fn argon2i_strings_of_the_reference_verify() {
    for text in [
        "$argon2i$m=65536,t=2,p=1$c29tZXNhbHQ$9sTbSlTio3Biev89thdrlKKiCaYsjjYVJxGAL3swxpQ",
        "$argon2i$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$wWKIMhR9lyDFvRz9YTZweHKfbftvj+qf+YFY4NeBbtA",
        "$argon2i$v=19$m=256,t=2,p=1$c29tZXNhbHQ$iekCn0Y3spW+sCcFanM2xBT63UP2sghkUoHLIUpWRS8",
    ] {
        assert!(verify_with(text, b"password").unwrap(), "{text}");
        assert!(!verify_with(text, b"passwort").unwrap(), "{text}");
    }
}

/// Each variant and version gives another output, so that a mix-up shows.
#[test]
fn variants_and_versions_differ() {
    let text = hash(&argon2id(64, 1, 1), b"pw").unwrap();
    for other in [
        text.replacen("argon2id", "argon2i", 1),
        text.replacen("argon2id", "argon2d", 1),
        text.replacen("v=19", "v=16", 1),
        text.replacen("t=1", "t=2", 1),
    ] {
        assert!(!verify_with(&other, b"pw").unwrap(), "{other}");
    }
}

/// A big hash between small ones: kept memory must not leak into results.
#[test]
fn kept_memory_does_not_change_results() {
    let first = hash(&argon2id(64, 1, 1), b"pw").unwrap();
    hash(&argon2id(1024, 1, 1), b"other").unwrap();
    assert_eq!(hash(&argon2id(64, 1, 1), b"pw").unwrap(), first);
}

#[test]
fn default_cost_is_owasps_and_the_salt_is_fresh() {
    let one = hash(&HashParams::default(), b"").unwrap();
    let two = hash(&HashParams::default(), b"").unwrap();
    assert!(one.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{one}");
    assert_ne!(one, two);
    assert!(verify_with(&one, b"").unwrap());
    assert!(!verify_with(&one, b"\0").unwrap());
}

/// From Openwall's crypt_blowfish `wrapper.c` and jBCrypt's `TestBCrypt`.
#[test]
fn bcrypt_known_answers() {
    for (text, password) in [
        (
            "$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW",
            "U*U",
        ),
        (
            "$2a$05$CCCCCCCCCCCCCCCCCCCCC.VGOzA784oUp/Z0DY336zx7pLYAy0lwK",
            "U*U*",
        ),
        (
            "$2a$05$XXXXXXXXXXXXXXXXXXXXXOAcXxm9kjPGEMsLznoKqmqw7tc8WCx4a",
            "U*U*U",
        ),
        (
            "$2a$06$DCq7YPn5Rq63x1Lad4cll.TV4S6ytwfsfvkgY8jIucDrjc8deX1s.",
            "",
        ),
    ] {
        assert!(verify_with(text, password.as_bytes()).unwrap(), "{text}");
        assert!(!verify_with(text, b"U*V").unwrap(), "{text}");
        let y = text.replacen("$2a$", "$2y$", 1);
        assert!(verify_with(&y, password.as_bytes()).unwrap(), "{y}");
        let parts: bcrypt::HashParts = text.parse().unwrap();
        let params = HashParams {
            salt_base64: Some(STANDARD.encode(parts.get_salt_raw())),
            ..bcrypt_params(parts.get_cost())
        };
        let made = hash(&params, password.as_bytes()).unwrap();
        assert_eq!(made, text.replacen("$2a$", "$2b$", 1));
    }
}

#[test]
fn bcrypt_neither_truncates_nor_stops_at_nul() {
    let longest = [b'x'; 72];
    let text = hash(&bcrypt_params(4), &longest).unwrap();
    assert!(text.starts_with("$2b$04$"));
    assert!(verify_with(&text, &longest).unwrap());
    assert!(!verify_with(&text, &longest[..71]).unwrap());
    for error in [
        hash(&bcrypt_params(4), &[b'x'; 73]).unwrap_err(),
        verify_with(&text, &[b'x'; 73]).unwrap_err(),
    ] {
        assert_eq!(error.code(), "password.too_long");
        assert!(error.message().contains("73 bytes"), "{error}");
        assert!(error.message().contains("argon2id"), "{error}");
    }
    for error in [
        hash(&bcrypt_params(4), b"a\0b").unwrap_err(),
        verify_with(&text, b"a\0b").unwrap_err(),
    ] {
        assert_eq!(error.code(), "password.contains_nul");
    }
    let long = hash(&argon2id(64, 1, 1), &[b'x'; 73]).unwrap();
    assert!(!verify_with(&long, &longest).unwrap());
}

#[test]
fn parameters_out_of_range_are_refused() {
    let salted = |salt: &str, base: HashParams| HashParams {
        salt_base64: Some(salt.to_owned()),
        ..base
    };
    for (params, clue) in [
        (argon2id(7, 1, 1), "8..=1048576"),
        (argon2id(15, 1, 2), "16..=1048576"),
        (argon2id((1 << 20) + 1, 1, 1), "8..=1048576"),
        (argon2id(64, 0, 1), "at least 1"),
        (argon2id(1 << 20, 5, 1), "4194304"),
        (argon2id(64, u32::MAX, 1), "4194304"),
        (argon2id(64, 1, 0), "1..=64"),
        (argon2id(u32::MAX, 1, u32::MAX), "1..=64"),
        (
            HashParams {
                output_len: 15,
                ..argon2id(64, 1, 1)
            },
            "16..=128",
        ),
        (
            HashParams {
                output_len: usize::MAX,
                ..argon2id(64, 1, 1)
            },
            "16..=128",
        ),
        (salted("!!!", argon2id(64, 1, 1)), "not Base64"),
        (salted("AAAA", argon2id(64, 1, 1)), "8..=64"),
        (salted(SOMESALT, bcrypt_params(4)), "16..=16"),
        (bcrypt_params(3), "4..=31"),
        (bcrypt_params(32), "4..=31"),
    ] {
        let error = hash(&params, b"pw").unwrap_err();
        assert_eq!(error.code(), "password.invalid_params", "{error}");
        assert!(error.message().contains(clue), "{error}");
    }
}

#[test]
fn malformed_hashes_are_named_but_not_repeated() {
    let secret = "c2VjcmV0c2VjcmV0c2VjcmV0";
    for (text, clue) in [
        (String::new(), "empty or missing"),
        (secret.to_owned(), "does not begin with `$`"),
        (format!("${secret}"), "without a known"),
        (format!("$6$rounds=5000${secret}"), "`$6$`"),
        (
            format!("$scrypt$ln=16,r=8,p=1${secret}${secret}"),
            "`$scrypt$`",
        ),
        (format!("$2x$05${secret}"), "$2x$"),
        (format!("$2b$05${secret}"), "bcrypt string of 31 bytes"),
        (format!("$2b$99${secret}{secret}${secret}"), "bcrypt string"),
        (format!("$argon2id$v=19$m=64,t=1,p=1${secret}"), "cut off"),
        (
            format!("$argon2id$v=19$m=64,t=1,p=1${secret}${secret}$x"),
            "text added",
        ),
        (
            format!("$argon2id$v=18$m=64,t=1,p=1${secret}${secret}"),
            "version",
        ),
        (
            format!("$argon2id$v=19$m=64,t=1${secret}${secret}"),
            "m, t and p once",
        ),
        (
            format!("$argon2id$v=19$m=64,t=1,t=1${secret}${secret}"),
            "m, t and p once",
        ),
        (
            format!("$argon2id$v=19$m=64,t=1,p=1,x=1${secret}${secret}"),
            "other than",
        ),
        (
            format!("$argon2id$v=19$m=64,t=1,p=1,keyid=AA${secret}${secret}"),
            "secret that",
        ),
        (
            format!("$argon2id$v=19$m=+64,t=1,p=1${secret}${secret}"),
            "`m`",
        ),
        (
            format!("$argon2id$v=19$m=64,t=99999999999,p=1${secret}${secret}"),
            "`t`",
        ),
        (format!("$argon2id$v=19$m=64,t=1,p=1$ab${secret}"), "salt"),
        (
            format!("$argon2id$v=19$m=64,t=1,p=1$***${secret}"),
            "Base64",
        ),
        (
            format!("$argon2id$v=19$m=64,t=1,p=1${secret}$"),
            "hash has 0 bytes",
        ),
        ("$argon2id".to_owned(), "other than m, t and p"),
        ("$\u{e9}\u{e9}$x".to_owned(), "without a known"),
    ] {
        let error = verify_with(&text, b"pw").unwrap_err();
        assert_eq!(error.code(), "password.malformed_hash", "{text}: {error}");
        assert!(error.message().contains(clue), "{text}: {error}");
        assert!(error.message().contains("accepted are"), "{error}");
        assert!(!error.message().contains(secret), "{error}");
    }
}

#[test]
fn a_hostile_cost_is_refused_before_it_is_spent() {
    let tail = "c29tZXNhbHQ$c29tZXNhbHRzb21lc2FsdA";
    for cost in [
        "m=4294967295,t=1,p=1",
        "m=1048577,t=1,p=1",
        "m=64,t=4294967295,p=1",
        "m=1048576,t=5,p=1",
        "m=1048576,t=1,p=65",
        "m=8,t=1,p=2",
    ] {
        let error = verify_with(&format!("$argon2id$v=19${cost}${tail}"), b"pw").unwrap_err();
        assert_eq!(error.code(), "password.cost_too_high", "{cost}");
    }
    let salt_and_hash = "CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW";
    for cost in [18, 31] {
        let error = verify_with(&format!("$2b${cost}${salt_and_hash}"), b"pw").unwrap_err();
        assert_eq!(error.code(), "password.cost_too_high");
        assert!(error.message().contains("max_cost"), "{error}");
    }
    let strict = VerifyParams {
        hash: hash(&argon2id(128, 1, 1), b"pw").unwrap(),
        max_memory_kib: 127,
        ..VerifyParams::default()
    };
    assert_eq!(
        verify(&strict, b"pw").unwrap_err().code(),
        "password.cost_too_high"
    );
    let greedy = VerifyParams {
        max_memory_kib: u32::MAX,
        ..strict
    };
    assert_eq!(
        verify(&greedy, b"pw").unwrap_err().code(),
        "password.invalid_params"
    );
}

#[test]
fn unknown_parameters_are_refused_with_the_known_ones() {
    let error = serde_json::from_str::<HashParams>(r#"{"memory":1}"#).unwrap_err();
    assert!(error.to_string().contains("`memory_kib`"), "{error}");
    let params: HashParams = serde_json::from_str(r#"{"algorithm":"bcrypt"}"#).unwrap();
    assert_eq!(params, bcrypt_params(12));
}

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
        let parts: ::bcrypt::HashParts = text.parse().unwrap();
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

/// Of argon2-cffi 25.1: each variant in both versions, two lanes, 24 bytes.
#[test]
fn argon2_strings_of_argon2_cffi_verify() {
    for text in [
        "$argon2i$v=16$m=64,t=2,p=2$c29tZXNhbHQ$ZMP3RTfBqchLDYW722UelogpAGOmGY+h",
        "$argon2i$v=19$m=64,t=2,p=2$c29tZXNhbHQ$IInz54p5lyD4CvgGVTEo8psTLK/kDQWf",
        "$argon2d$v=16$m=64,t=2,p=2$c29tZXNhbHQ$nfdqwgZA1Ww0HK/8QkvyZ6MgiZX8YLe0",
        "$argon2d$v=19$m=64,t=2,p=2$c29tZXNhbHQ$aOJGLJi4vGu2DsaNtBiuLJ7ST8Z0ikDp",
        "$argon2id$v=16$m=64,t=2,p=2$c29tZXNhbHQ$/qru6ELDx3dN5J8JlnnJkCF2SqUlT4Ga",
        "$argon2id$v=19$m=64,t=2,p=2$c29tZXNhbHQ$NQrDciL0Nsy1wJcvHr079rlYvyBxhBNi",
        // The order of the parameters, and the version that is meant where none stands.
        "$argon2id$v=19$t=2,p=2,m=64$c29tZXNhbHQ$NQrDciL0Nsy1wJcvHr079rlYvyBxhBNi",
        "$argon2id$m=64,t=2,p=2$c29tZXNhbHQ$/qru6ELDx3dN5J8JlnnJkCF2SqUlT4Ga",
    ] {
        assert!(verify_with(text, b"password").unwrap(), "{text}");
        assert!(!verify_with(text, b"password ").unwrap(), "{text}");
    }
}

/// RFC 9106, 5.3 has a secret, too; this is the crate's own answer, which has to depend on it.
#[test]
fn associated_data_counts() {
    let with = |data: &str| {
        format!("$argon2id$v=19$m=64,t=2,p=2{data}$c29tZXNhbHQ$NQrDciL0Nsy1wJcvHr079rlYvyBxhBNi")
    };
    assert!(verify_with(&with(""), b"password").unwrap());
    assert!(!verify_with(&with(",data=AAAA"), b"password").unwrap());
    let long = format!(",data={}", "A".repeat(44));
    let error = verify_with(&with(&long), b"password").unwrap_err();
    assert!(error.message().contains("data has 33 bytes"), "{error}");
}

/// Of passlib 1.7.4 and OpenSSL (Python's hashlib); RFC 7914's, too.
#[test]
fn scrypt_strings_of_others_verify() {
    for (text, password) in [
        (
            "$scrypt$ln=4,r=8,p=1$MDEyMzQ1Njc4OWFiY2RlZg$jU+wVnnRO8xMJ6kk2pn2W1IFgOT9r8PK+dHZ+HH3bt4",
            "password",
        ),
        (
            "$scrypt$ln=10,r=8,p=2$MDEyMzQ1Njc4OWFiY2RlZg$bEaCAiyRYDARuNXGlQE7Plyz+/JVlfoIQ0KBQ3KtPwI",
            "password",
        ),
        (
            "$scrypt$ln=5,r=1,p=16$MDEyMzQ1Njc4OWFiY2RlZg$tq/aygeyBpGpdYNdFxOHPnxkjBDUx3ErxTCAzVh8/qM",
            "password",
        ),
        (
            "$scrypt$ln=3,r=20,p=3$MDEyMzQ1Njc4OWFiY2RlZg$lvZr44mkQWkeTznitpE+CD+To75wHegC0SXATGP27Yk",
            "password",
        ),
        (
            "$scrypt$ln=14,r=8,p=1$U29kaXVtQ2hsb3JpZGU$cCO9yzr9c0hGHAbNgf046/2o+7qQT44+qbVD9lRdofLVQylVYT8Pz2LUlwUkKpr55h6F3A1lHkDfzwF7RVdYhw",
            "pleaseletmein",
        ),
        (
            "$scrypt$ln=4,r=1,p=1$$d9ZXYjhleyA7GcpCwYoEl/FrSETjB0ro39/6P+3iFEL80Aad7QlI+DJqdToPyB8X6NPg+y4NNijPNeIMONGJBg",
            "",
        ),
    ] {
        assert!(verify_with(text, password.as_bytes()).unwrap(), "{text}");
        assert!(!verify_with(text, b"passwort").unwrap(), "{text}");
    }
}

/// Of passlib 1.7.4 (its own Base64, an empty salt, too) and Python's hashlib.
#[test]
fn pbkdf2_strings_of_others_verify() {
    for (text, password) in [
        (
            "$pbkdf2-sha256$1$/.../.../.../.../.../...$V.RGCnSb8UANCBb6r0TR6gO9tFf2nLUngh1k8b/X5gc",
            "password",
        ),
        (
            "$pbkdf2-sha256$29000$8PHy8/T19vf4.fr7/P3./w$YEsryuQeLpX.S7h/44VEsbkSPUZOYT9iuY71Ms.KDi0",
            "password",
        ),
        (
            "$pbkdf2-sha256$25$$98g8uU8XTYwfwixcz.LspRmecLe9niViI3XFclkdYaM",
            "password",
        ),
        (
            "$pbkdf2-sha512$1$/.../.../.../.../.../...$6k1GNuprhGRpvEFwXTjw9Nr/Alyzh9Aigfcib3TA2AAJVfnCyLfDUEOOolO/ukadgsod8QvGou4ntz27yUNDXg",
            "password",
        ),
        (
            "$pbkdf2-sha512$25$$fZykkPVY0ux0343yTQruxqgWX6BYRWinwGiO/syMxA338ow5UtraSgH4zJphXLajOFmYR975wSCoLuOuM1Txyw",
            "password",
        ),
        (
            "$pbkdf2-sha256$i=1000,l=32$+/8tc2FsdC1zYWx0$ungrXXI2DN83BQ+O9i6YwpqKwITsY/2MJZ6HobHGClw",
            "correct horse",
        ),
        (
            "$pbkdf2-sha256$i=1000$+/8tc2FsdC1zYWx0$ungrXXI2DN83BQ+O9i6YwpqKwITsY/2MJZ6HobHGClw",
            "correct horse",
        ),
        (
            "$pbkdf2-sha256$l=100,i=1000$+/8tc2FsdC1zYWx0$ungrXXI2DN83BQ+O9i6YwpqKwITsY/2MJZ6HobHGClzwOJ8x9GL/hjw9LC1Ln7eZParK9b+4DrEJiOtA/ADJ1JhiwAzSES7kpHTdg6my/QAulA5K3U+rKqTlClxd7i/33jY7QA",
            "correct horse",
        ),
        (
            "$pbkdf2-sha256$i=2,l=16$+/8tc2FsdC1zYWx0$a0JCMwx/Hg+hDyDa+dme6Q",
            "correct horse",
        ),
        (
            "$pbkdf2-sha512$i=1000$+/8tc2FsdC1zYWx0$bg5CY5J88k9S4Xy3u2pCTE1gDWtke4vfJeLcSvshKj4",
            "correct horse",
        ),
        (
            "$pbkdf2-sha512$i=1000,l=100$+/8tc2FsdC1zYWx0$bg5CY5J88k9S4Xy3u2pCTE1gDWtke4vfJeLcSvshKj7mmcmgwui65CuR39chVaYI5r4CNDW/RrPajuUhloU/KeuE/CycdJFyBIPoJG62I9n40p1J8jSljktW0qa6vXkYofPfjw",
            "correct horse",
        ),
    ] {
        assert!(verify_with(text, password.as_bytes()).unwrap(), "{text}");
        assert!(!verify_with(text, b"correct house").unwrap(), "{text}");
    }
}

/// Our bcrypt beside the crate's, over all lengths, and of the bcrypt wheel 4.0.1.
#[test]
fn bcrypt_agrees_with_the_crate() {
    for len in 0..=72 {
        let password: Vec<u8> = (0..len).map(|i| ((i * 7 + len) % 255 + 1) as u8).collect();
        let salt: [u8; 16] = std::array::from_fn(|i| (i * 37 + len) as u8);
        let params = HashParams {
            salt_base64: Some(STANDARD.encode(salt)),
            ..bcrypt_params(4 + (len % 3) as u32)
        };
        let theirs = ::bcrypt::hash_with_salt(&password, params.cost, salt).unwrap();
        let ours = hash(&params, &password).unwrap();
        assert_eq!(ours, theirs.to_string(), "{len} bytes");
        assert!(::bcrypt::verify(&password, &ours).unwrap());
    }
    let text = "$2b$06$......................KNXvBgDJ84aNb7sa4tsJ9HLpvAwapOe";
    assert!(verify_with(text, "p\u{e4}$$w\u{f6}rd".as_bytes()).unwrap());
}

/// Hashes that the bcrypt wheel 4.0.1 made of 80 bytes.
#[test]
fn truncation_is_allowed_on_request_and_on_verify_only() {
    for (text, password) in [
        (
            "$2b$04$abcdefghijklmnopqrstuubzadhGtS2zEF.gu0yd0opP6cVzb.e0i",
            "x".repeat(80),
        ),
        (
            "$2a$04$abcdefghijklmnopqrstuum2G75IXDN/xsgbNa/hCiPSKyIHQd70S",
            "0123456789".repeat(8),
        ),
    ] {
        let with = |allow_truncation, password: &[u8]| {
            let params = VerifyParams {
                hash: text.to_owned(),
                allow_truncation,
                ..VerifyParams::default()
            };
            verify(&params, password)
        };
        let password = password.as_bytes();
        let error = with(false, password).unwrap_err();
        assert_eq!(error.code(), "password.too_long");
        assert!(error.message().contains("allow_truncation"), "{error}");
        assert!(with(true, password).unwrap());
        assert!(with(true, &password[..72]).unwrap());
        assert!(with(false, &password[..72]).unwrap());
        assert!(!with(true, &password[..71]).unwrap());
        // What is beyond 72 bytes does not count, and what is before does.
        let mut other = password.to_vec();
        other[72] = 0;
        assert!(with(true, &other).unwrap());
        other[71] ^= 1;
        assert!(!with(true, &other).unwrap());
        other[71] = 0;
        assert_eq!(
            with(true, &other).unwrap_err().code(),
            "password.contains_nul"
        );
    }
    // Argon2 has no such limit: there is nothing to truncate.
    let params = VerifyParams {
        hash: hash(&argon2id(64, 1, 1), &[b'x'; 80]).unwrap(),
        allow_truncation: true,
        ..VerifyParams::default()
    };
    assert!(!verify(&params, &[b'x'; 72]).unwrap());
}

/// passlib repairs such salts; the last character of a salt carries two bits of six.
#[test]
fn spare_bits_of_a_bcrypt_salt_are_ignored() {
    let text = "$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW";
    assert!(verify_with(&text.replacen("C.E5", "C/E5", 1), b"U*U").unwrap());
}

/// What stands around a hash, or in its place: named, with the remedy, and never repeated.
#[test]
fn what_stands_before_a_hash_is_named() {
    let bcrypt = "$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW";
    let argon = "$argon2id$v=19$m=64,t=2,p=2$c29tZXNhbHQ$NQrDciL0Nsy1wJcvHr079rlYvyBxhBNi";
    for hash in [bcrypt, argon] {
        for (before, after, clue) in [
            ("anything", "", "8 bytes of text before the first `$`"),
            ("{bcrypt}", "", "strip `{bcrypt}`"),
            (
                "{argon2@SpringSecurity_v5_8}",
                "",
                "strip `{argon2@SpringSecurity_v5_8}`",
            ),
            ("{BLF-CRYPT}", "", "strip `{BLF-CRYPT}`"),
            ("{bcrypt} ", "", "`{bcrypt}`"),
            ("argon2", "", "`argon2`"),
            ("bcrypt$", "", "`bcrypt$` (Django)"),
            ("root:", "", "5 bytes of text before"),
            ("bcrypt_sha256$", "", "digest in lower-case hex"),
            ("$", "", "strip the first `$`"),
            (" ", "", "begins with white space"),
            ("\u{feff}", "", "begins with white space"),
            ("", "\n", "ends with white space"),
            ("", "\r\n", "ends with white space"),
            ("", "   ", "ends with white space"),
            ("", "\0\0\0\0", "ends with white space or NUL"),
        ] {
            let error = verify_with(&format!("{before}{hash}{after}"), b"U*U").unwrap_err();
            assert_eq!(error.code(), "password.malformed_hash", "{before}: {error}");
            assert!(error.message().contains(clue), "{before:?}: {error}");
            assert!(
                !error.message().contains(&hash[hash.len() - 20..]),
                "{error}"
            );
        }
    }
    for (text, clue) in [
        ("{noop}secret1", "`{noop}`"),
        ("{secret1", "does not begin with `$`"),
        ("{}secret1$x", "before the first `$`"),
        ("secret1$argon2id$x", "7 bytes of text before"),
        ("pbkdf2_sha256$600000$secret1$secret1", "Django's PBKDF2"),
        ("pbkdf2:sha256:600000$secret1$secret1", "Werkzeug's PBKDF2"),
        ("scrypt:32768:8:1$secret1$secret1", "Werkzeug's scrypt"),
        ("scrypt$secret1$16384$8$1$secret1", "Django's scrypt"),
        ("$1$secret1$secret1", "MD5-crypt"),
        ("$apr1$secret1$secret1", "Apache's MD5-crypt"),
        ("$5$rounds=5000$secret1$secret1", "SHA-256-crypt"),
        ("$6$secret1$secret1", "SHA-512-crypt"),
        ("$y$j9T$secret1$secret1", "yescrypt"),
        (
            "$7$C6..../....secret1$secret1",
            "scrypt in crypt's own form",
        ),
        ("$P$Bsecret1$", "phpass"),
        ("$2$05$secret1", "bcrypt of 1997"),
        ("$2x$05$secret1", "known bug"),
        ("$2c$05$secret1", "of the kind `$2c$`"),
        ("$2B$05$secret1", "write `$2b$`"),
        (
            "$ARGON2ID$v=19$m=64,t=1,p=1$secret1$secret1",
            "write `$argon2id$`",
        ),
        ("$pbkdf2$29000$secret1$secret1", "PBKDF2 with SHA-1"),
        ("$pbkdf2-sha1$29000$secret1$secret1", "PBKDF2 with SHA-1"),
        (
            "$bcrypt-sha256$v=2,t=2b,r=12$secret1$secret1",
            "HMAC of the password",
        ),
        ("$s0$e0801$secret1$secret1", "lambdaworks"),
        ("$e0801$secret1$secret1", "Spring Security"),
    ] {
        let error = verify_with(text, b"pw").unwrap_err();
        assert_eq!(error.code(), "password.malformed_hash", "{text}: {error}");
        assert!(error.message().contains(clue), "{text}: {error}");
        assert!(!error.message().contains("secret1"), "{error}");
    }
}

#[test]
fn malformed_scrypt_and_pbkdf2_are_named_but_not_repeated() {
    let salt = "MDEyMzQ1Njc4OWFiY2RlZg";
    let hash = "jU+wVnnRO8xMJ6kk2pn2W1IFgOT9r8PK+dHZ+HH3bt4";
    for (text, clue) in [
        (
            format!("$scrypt$ln=4,r=8${salt}${hash}"),
            "ln, r and p once",
        ),
        (
            format!("$scrypt$ln=4,r=8,p=1,ln=4${salt}${hash}"),
            "`ln` twice",
        ),
        (
            format!("$scrypt$N=16,r=8,p=1${salt}${hash}"),
            "other than ln, r, p",
        ),
        (format!("$scrypt$ln=0,r=8,p=1${salt}${hash}"), "is 0"),
        (format!("$scrypt$ln=4,r=0,p=1${salt}${hash}"), "is 0"),
        (format!("$scrypt$ln=4,r=8,p=0${salt}${hash}"), "is 0"),
        (
            format!("$scrypt$ln=-4,r=8,p=1${salt}${hash}"),
            "`ln` is not",
        ),
        (format!("$scrypt$ln=4,r=8,p=1${salt}"), "cut off"),
        (format!("$scrypt$ln=4,r=8,p=1${salt}${hash}$"), "text added"),
        (
            format!("$scrypt$ln=4,r=8,p=1${salt}==${hash}"),
            "padded with `=`",
        ),
        (
            format!("$scrypt$ln=4,r=8,p=1${salt}${hash}="),
            "padded with `=`",
        ),
        (
            format!("$scrypt$ln=4,r=8,p=1${salt}${}", hash.replace('+', "-")),
            "URL-safe",
        ),
        (
            format!("$scrypt$ln=4,r=8,p=1${salt}$AAAA"),
            "hash has 3 bytes",
        ),
        (format!("$pbkdf2-sha256$i=0${salt}${hash}"), "0 iterations"),
        (format!("$pbkdf2-sha256$0${salt}${hash}"), "0 iterations"),
        (
            format!("$pbkdf2-sha256$99999999999${salt}${hash}"),
            "`i` is not",
        ),
        (format!("$pbkdf2-sha256$${salt}${hash}"), "other than i, l"),
        (
            format!("$pbkdf2-sha256$l=32${salt}${hash}"),
            "without its iterations",
        ),
        (
            format!("$pbkdf2-sha256$i=1,l=31${salt}${hash}"),
            "32 bytes and not",
        ),
        (
            format!("$pbkdf2-sha256$i=1,x=1${salt}${hash}"),
            "other than i, l",
        ),
        (
            format!("$pbkdf2-sha256$i=1${salt}.${hash}"),
            "salt is cut off",
        ),
        (format!("$pbkdf2-sha512$1${salt}"), "cut off"),
        (format!("$pbkdf2-sha512$1${salt}$"), "hash has 0 bytes"),
    ] {
        let error = verify_with(&text, b"pw").unwrap_err();
        assert_eq!(error.code(), "password.malformed_hash", "{text}: {error}");
        assert!(error.message().contains(clue), "{text}: {error}");
        assert!(!error.message().contains(&salt[..8]), "{error}");
        assert!(!error.message().contains(&hash[..8]), "{error}");
    }
}

#[test]
fn a_hostile_scrypt_or_pbkdf2_is_refused_before_it_is_spent() {
    let tail = "$MDEyMzQ1Njc4OWFiY2RlZg$jU+wVnnRO8xMJ6kk2pn2W1IFgOT9r8PK+dHZ+HH3bt4";
    for cost in [
        "scrypt$ln=20,r=8,p=1",
        "scrypt$ln=63,r=8,p=1",
        "scrypt$ln=1,r=1,p=1073741823",
        "scrypt$ln=1,r=1073741823,p=1",
        "scrypt$ln=1,r=32767,p=32767",
        "scrypt$ln=17,r=8,p=17",
        "pbkdf2-sha256$10000001",
        "pbkdf2-sha256$i=4294967295",
        "pbkdf2-sha512$i=10000001,l=32",
    ] {
        let error = verify_with(&format!("${cost}{tail}"), b"pw").unwrap_err();
        assert_eq!(error.code(), "password.cost_too_high", "{cost}: {error}");
        let raised = error.message().contains("raise max_iterations");
        assert_eq!(raised, cost.starts_with("pbkdf2"), "{cost}: {error}");
        // scrypt's limits are at their highest.
        assert!(!error.message().contains("max_memory"), "{cost}: {error}");
    }
    // Two blocks of output cost twice the iterations.
    let two = format!("$pbkdf2-sha256$i=5000001$$A{}", "A".repeat(43));
    let error = verify_with(&two, b"pw").unwrap_err();
    assert_eq!(error.code(), "password.cost_too_high", "{error}");
    let strict = |limits: VerifyParams, cost: &str| {
        let params = VerifyParams {
            hash: format!("${cost}{tail}"),
            ..limits
        };
        verify(&params, b"password").map_err(|error| error.code().to_owned())
    };
    let memory = |max_memory_kib| VerifyParams {
        max_memory_kib,
        ..VerifyParams::default()
    };
    let refused = Err("password.cost_too_high".to_owned());
    // 16 blocks of a KiB, one that is mixed, one to mix with.
    assert_eq!(strict(memory(17), "scrypt$ln=4,r=8,p=1"), refused);
    assert_eq!(strict(memory(18), "scrypt$ln=4,r=8,p=1"), Ok(true));
    let iterations = |max_iterations| VerifyParams {
        max_iterations,
        ..VerifyParams::default()
    };
    assert_eq!(strict(iterations(999), "pbkdf2-sha256$1000"), refused);
    assert_eq!(strict(iterations(1000), "pbkdf2-sha256$1000"), Ok(false));
}

#[test]
fn weaker_hashes_need_a_rehash() {
    let needs = |params: &RehashParams| needs_rehash(params).unwrap();
    let of = |hash: String| RehashParams {
        hash,
        ..RehashParams::default()
    };
    let default = of(hash(&HashParams::default(), b"pw").unwrap());
    assert!(!needs(&default));
    for (field, wanted) in [
        (
            "memory",
            RehashParams {
                memory_kib: 19_457,
                ..default.clone()
            },
        ),
        (
            "iterations",
            RehashParams {
                iterations: 3,
                ..default.clone()
            },
        ),
        (
            "output",
            RehashParams {
                output_len: 33,
                ..default.clone()
            },
        ),
        (
            "algorithm",
            RehashParams {
                algorithm: Algorithm::Bcrypt,
                ..default.clone()
            },
        ),
    ] {
        assert!(needs(&wanted), "{field}");
    }
    let lower = RehashParams {
        memory_kib: 64,
        iterations: 1,
        output_len: 16,
        ..default.clone()
    };
    assert!(!needs(&lower));
    for older in ["argon2i$", "argon2d$"] {
        assert!(needs(&of(default.hash.replacen("argon2id$", older, 1))));
    }
    assert!(needs(&of(default.hash.replacen("v=19$", "", 1))));
    let bcrypt = |cost| RehashParams {
        hash: hash(&bcrypt_params(5), b"pw").unwrap(),
        algorithm: Algorithm::Bcrypt,
        cost,
        ..RehashParams::default()
    };
    assert!(!needs(&bcrypt(4)) && !needs(&bcrypt(5)) && needs(&bcrypt(6)));
    for foreign in [
        "$scrypt$ln=4,r=8,p=1$MDEyMzQ1Njc4OWFiY2RlZg$jU+wVnnRO8xMJ6kk2pn2W1IFgOT9r8PK+dHZ+HH3bt4",
        "$pbkdf2-sha256$i=2,l=16$+/8tc2FsdC1zYWx0$a0JCMwx/Hg+hDyDa+dme6Q",
    ] {
        assert!(needs(&of(foreign.to_owned())));
    }
    // Nothing is computed: a cost that no verification would spend is no fault here.
    assert!(!needs(&RehashParams {
        hash: bcrypt(4).hash.replacen("$05$", "$31$", 1),
        ..bcrypt(31)
    }));
    let error = needs_rehash(&of("{bcrypt}$2b$05$x".to_owned())).unwrap_err();
    assert_eq!(error.code(), "password.malformed_hash");
}

#[test]
fn parameters_are_shown_without_the_hash() {
    let hash = "$2b$05$secret".to_owned();
    let verify = format!(
        "{:?}",
        VerifyParams {
            hash: hash.clone(),
            ..VerifyParams::default()
        }
    );
    let rehash = format!(
        "{:?}",
        RehashParams {
            hash,
            ..RehashParams::default()
        }
    );
    for text in [verify, rehash] {
        assert!(
            text.contains("13 bytes") && !text.contains("secret"),
            "{text}"
        );
    }
}

#[test]
fn malformed_hashes_are_named_but_not_repeated() {
    let secret = "c2VjcmV0c2VjcmV0c2VjcmV0";
    for (text, clue) in [
        (String::new(), "empty or missing"),
        (secret.to_owned(), "does not begin with `$`"),
        (format!("${secret}"), "without a known"),
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
            "`t` twice",
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
        ("$argon2id".to_owned(), "other than m, t, p"),
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
        "m=4294967295,t=1,p=16777215",
    ] {
        let error = verify_with(&format!("$argon2id$v=19${cost}${tail}"), b"pw").unwrap_err();
        assert_eq!(error.code(), "password.cost_too_high", "{cost}");
        // Nothing that could be raised.
        assert!(!error.message().contains("max_memory_kib"), "{error}");
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
    let error = verify(&strict, b"pw").unwrap_err();
    assert_eq!(error.code(), "password.cost_too_high");
    assert!(error.message().contains("raise max_memory_kib"), "{error}");
    let greedy = VerifyParams {
        max_memory_kib: u32::MAX,
        ..strict
    };
    assert_eq!(
        verify(&greedy, b"pw").unwrap_err().code(),
        "password.invalid_params"
    );
}

/// What the format does not have is no matter of cost, however small or large.
#[test]
fn numbers_outside_of_the_format_are_malformed() {
    let tail = "c29tZXNhbHQ$c29tZXNhbHRzb21lc2FsdA";
    for (text, clue) in [
        ("$argon2id$v=19$m=64,t=0,p=1", "t is 0"),
        ("$argon2i$v=19$m=64,t=1,p=0", "p is 0"),
        ("$argon2d$m=0,t=1,p=1", "m is 0, and 8 is the least"),
        (
            "$argon2id$v=19$m=8,t=1,p=2",
            "m is 8, and 16 is the least for p=2",
        ),
        (
            "$argon2id$v=19$m=4294967295,t=1,p=16777216",
            "outside 1..=16777215",
        ),
        ("$argon2id$v=19$m=64,t=03,p=1", "`t` has a zero in front"),
        ("$argon2id$v=19$m=064,t=3,p=1", "`m` has a zero in front"),
        ("$argon2id$v=19$m=64,t=3,p=00", "`p` has a zero in front"),
        ("$argon2id$v=19$m=64,t=+3,p=1", "`t` is not a 32-bit number"),
        (
            "$argon2id$v=19$m=64,t=4294967296,p=1",
            "`t` is not a 32-bit number",
        ),
        ("$argon2id$v=019$m=64,t=3,p=1", "a version other than"),
        ("$argon2id$v=19$m=64,t=3,p=1,data", "`data` and no value"),
        ("$argon2id$v=19$m=64,t,p=1", "`t` and no value"),
        ("$scrypt$ln=04,r=8,p=1", "`ln` has a zero in front"),
        ("$scrypt$ln=64,r=8,p=1", "ln is 64, where 63 is the most"),
        (
            "$scrypt$ln=16,r=1,p=1",
            "ln is 16, where 15 is the most for r=1",
        ),
        ("$scrypt$ln=4,r=32768,p=32768", "r times p is 1073741824"),
        ("$pbkdf2-sha256$i=0600,l=16", "`i` has a zero in front"),
        ("$pbkdf2-sha256$0600", "`i` has a zero in front"),
        ("$pbkdf2-sha512$i=600,l=016", "`l` has a zero in front"),
    ] {
        let error = verify_with(&format!("{text}${tail}"), b"pw").unwrap_err();
        assert_eq!(error.code(), "password.malformed_hash", "{text}: {error}");
        assert!(error.message().contains(clue), "{text}: {error}");
        assert!(!error.message().contains("c29tZXN"), "{text}: {error}");
    }
    for cost in ["+4", " 4", "03", "32", "-4"] {
        let hash = format!("$2b${cost}$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW");
        let error = verify_with(&hash, b"U*U").unwrap_err();
        assert_eq!(error.code(), "password.malformed_hash", "{cost}: {error}");
    }
}

/// New hashes have 64 lanes at most; a stored one has what its maker gave it.
#[test]
fn any_number_of_lanes_is_verified() {
    for lanes in [65, 255, 1000] {
        let params = argon2::Params::new(8 * lanes, 1, lanes, Some(16)).unwrap();
        let (id, version) = (argon2::Algorithm::Argon2id, argon2::Version::V0x13);
        let mut output = [0; 16];
        argon2::Argon2::new(id, version, params)
            .hash_password_into(b"pw", b"somesalt", &mut output)
            .unwrap();
        use base64::Engine as _;
        let output = base64::engine::general_purpose::STANDARD_NO_PAD.encode(output);
        let hash = format!(
            "$argon2id$v=19$m={},t=1,p={lanes}$c29tZXNhbHQ${output}",
            8 * lanes
        );
        assert!(verify_with(&hash, b"pw").unwrap(), "{lanes}");
        assert!(!verify_with(&hash, b"PW").unwrap(), "{lanes}");
    }
}

#[test]
fn a_parameter_of_the_other_algorithm_is_refused_by_name() {
    for (json, name) in [
        (r#"{"algorithm":"bcrypt","memory_kib":64}"#, "`memory_kib`"),
        (
            r#"{"algorithm":"bcrypt","cost":4,"iterations":3}"#,
            "`iterations`",
        ),
        (r#"{"algorithm":"bcrypt","parallelism":2}"#, "`parallelism`"),
        (r#"{"algorithm":"bcrypt","output_len":16}"#, "`output_len`"),
        (r#"{"algorithm":"argon2id","cost":10}"#, "`cost`"),
        (r#"{"cost":10}"#, "`cost`"),
    ] {
        let params: HashParams = serde_json::from_str(json).unwrap();
        let error = hash(&params, b"pw").unwrap_err();
        assert_eq!(error.code(), "password.invalid_params", "{json}");
        assert!(error.message().contains(name), "{json}: {error}");
    }
    let stored = "$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW";
    let params = RehashParams {
        hash: stored.to_owned(),
        algorithm: Algorithm::Bcrypt,
        memory_kib: 64,
        ..RehashParams::default()
    };
    let error = needs_rehash(&params).unwrap_err();
    assert_eq!(error.code(), "password.invalid_params", "{error}");
    // All parameters, with the other algorithm's at their defaults.
    let all = serde_json::to_string(&bcrypt_params(4)).unwrap();
    hash(&serde_json::from_str(&all).unwrap(), b"pw").unwrap();
}

#[test]
fn unknown_parameters_are_refused_with_the_known_ones() {
    let error = serde_json::from_str::<HashParams>(r#"{"memory":1}"#).unwrap_err();
    assert!(error.to_string().contains("`memory_kib`"), "{error}");
    let params: HashParams = serde_json::from_str(r#"{"algorithm":"bcrypt"}"#).unwrap();
    assert_eq!(params, bcrypt_params(12));
}

/// A hash that differs anywhere is another one.
#[test]
fn every_part_of_a_stored_hash_counts() {
    let made = [
        hash(&argon2id(64, 1, 1), b"secret").unwrap(),
        hash(&bcrypt_params(4), b"secret").unwrap(),
        "$pbkdf2-sha256$1$/.../.../.../.../.../...$V.RGCnSb8UANCBb6r0TR6gO9tFf2nLUngh1k8b/X5gc"
            .to_owned(),
    ];
    for text in made {
        let password: &[u8] = if text.contains("pbkdf2") {
            b"password"
        } else {
            b"secret"
        };
        assert!(verify_with(&text, password).unwrap(), "{text}");
        // The hash stands behind the last `$`, that of bcrypt in the last 31 characters.
        let start = if text.starts_with("$2") {
            text.len() - 31
        } else {
            text.rfind('$').unwrap() + 1
        };
        for at in start..text.len() - 1 {
            let other = if &text[at..=at] == "A" { "B" } else { "A" };
            let changed = format!("{}{other}{}", &text[..at], &text[at + 1..]);
            assert!(!verify_with(&changed, password).unwrap(), "{changed}");
        }
    }
}

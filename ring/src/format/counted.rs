//! Numbers of things, for people.

use std::fmt::Display;

/// A number with the noun that it counts: "1 task", "2 tasks", "3 entries".
pub fn counted<N: Display + PartialEq + From<u8>>(n: N, one: &str) -> String {
    if n == N::from(1) {
        return format!("{n} {one}");
    }
    match one.strip_suffix('y') {
        Some(stem) if !stem.ends_with(['a', 'e', 'o', 'u']) => format!("{n} {stem}ies"),
        _ => format!("{n} {one}s"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_one_is_one() {
        let told = [
            counted(0_u32, "lane"),
            counted(1_u64, "lane"),
            counted(2_usize, "lane"),
            counted(1_u32, "entry"),
            counted(5_u32, "entry"),
            counted(5_u32, "day"),
        ];
        assert_eq!(
            told,
            [
                "0 lanes",
                "1 lane",
                "2 lanes",
                "1 entry",
                "5 entries",
                "5 days"
            ]
        );
    }
}

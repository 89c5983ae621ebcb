//! Links the command without debug information: 14 MB in place of 78. The names of functions stay in it, for
//! backtraces and profilers; with `RINGWORK_DEBUG_INFO=1` files and lines do, too. Nothing is compiled again.

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-env-changed=RINGWORK_DEBUG_INFO");
    let wanted = std::env::var_os("RINGWORK_DEBUG_INFO").is_some_and(|value| value != "0");
    let linux = std::env::var("CARGO_CFG_TARGET_OS").is_ok_and(|os| os == "linux");
    if linux && !wanted {
        println!("cargo::rustc-link-arg-bin=ringwork=-Wl,--strip-debug");
    }
}

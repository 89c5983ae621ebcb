//! Prints `Layout.java` (`make layout`).

fn main() {
    print!("{}", ringwork_ring::layout_java::source());
}

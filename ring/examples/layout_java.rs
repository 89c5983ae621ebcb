//! Prints what is generated from the layout: `java` (Layout.java) or `text`
//! (the golden list that both languages' tests compare with). See `make layout`.

fn main() {
    match std::env::args().nth(1).as_deref() {
        Some("java") => print!("{}", ringwork_ring::format::export::source()),
        Some("text") => print!("{}", ringwork_ring::format::export::golden()),
        _ => {
            eprintln!("usage: layout_java java|text");
            std::process::exit(2);
        }
    }
}

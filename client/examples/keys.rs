//! Two tasks of one account, one after the other, word for word as the guide has it.

use ringwork::{OnFailure, Ringwork, TaskType};

const BOOK: TaskType<str, String> = TaskType::new("echo");

fn main() -> ringwork::Result<()> {
    let rw = Ringwork::connect_blocking("shop")?;
    let debit = rw
        .call(BOOK, "debit 10")
        .key("account-4711")
        .on_failure(OnFailure::FailKey)
        .submit()?;
    let credit = rw.call(BOOK, "credit 10").key("account-4711").submit()?;
    println!("{}, then {}", debit.wait()?, credit.wait()?);
    Ok(())
}

//! In which order states can be made.

use super::finder::Wanted;

/// The order in which each comes after what it needs, else as told; or those of a circle, of which
/// the first one stands at the end, too.
pub(super) fn order(wanted: &[Wanted]) -> Result<Vec<usize>, Vec<usize>> {
    #[derive(Clone, Copy, PartialEq)]
    enum Mark {
        New,
        Under,
        Done,
    }
    fn visit(
        index: usize,
        wanted: &[Wanted],
        marks: &mut [Mark],
        path: &mut Vec<usize>,
        order: &mut Vec<usize>,
    ) -> Result<(), Vec<usize>> {
        path.push(index);
        match marks[index] {
            Mark::Done => {}
            Mark::Under => {
                let first = path.iter().position(|one| *one == index);
                return Err(path.split_off(first.unwrap_or(0)));
            }
            Mark::New => {
                marks[index] = Mark::Under;
                for need in &wanted[index] {
                    visit(*need, wanted, marks, path, order)?;
                }
                marks[index] = Mark::Done;
                order.push(index);
            }
        }
        path.pop();
        Ok(())
    }
    let mut marks = vec![Mark::New; wanted.len()];
    let (mut path, mut order) = (Vec::new(), Vec::new());
    for index in 0..wanted.len() {
        visit(index, wanted, &mut marks, &mut path, &mut order)?;
    }
    Ok(order)
}

//! Small dense linear systems.

use crate::scalar::Scalar;

/// `x` with `matrix · x = rhs`, by elimination with partial pivoting; `matrix` is square, row by row. A singular matrix
/// gives values that are not finite.
#[must_use]
pub fn solve<S: Scalar>(mut matrix: Vec<Vec<S>>, mut rhs: Vec<S>) -> Vec<S> {
    let n = rhs.len();
    for column in 0..n {
        let pivot = (column..n)
            .max_by(|&a, &b| matrix[a][column].value().abs().total_cmp(&matrix[b][column].value().abs()))
            .unwrap_or(column);
        matrix.swap(column, pivot);
        rhs.swap(column, pivot);
        for row in column + 1..n {
            let factor = matrix[row][column] / matrix[column][column];
            let (above, below) = matrix.split_at_mut(row);
            for (value, &pivot) in below[0].iter_mut().zip(&above[column]).skip(column) {
                *value = *value - factor * pivot;
            }
            rhs[row] = rhs[row] - factor * rhs[column];
        }
    }
    for row in (0..n).rev() {
        for k in row + 1..n {
            rhs[row] = rhs[row] - matrix[row][k] * rhs[k];
        }
        rhs[row] = rhs[row] / matrix[row][row];
    }
    rhs
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn needs_a_pivot() {
        let x = solve(vec![vec![0.0, 2.0, 1.0], vec![1.0, 0.0, 0.0], vec![3.0, 0.0, 1.0]], vec![5.0, 1.0, 4.0]);
        assert!(x.iter().zip([1.0, 2.0, 1.0]).all(|(got, exact)| (got - exact).abs() < 1e-14), "{x:?}");
    }
}

//! RES4LYF's arctangent curves: flat, steep around a pivot, flat again.

use super::{check_range, finish, levels};
use crate::error::{Error, Noun, Result};

/// Steps at which a slope counts as it is; for other counts it is stretched, so that the curve keeps its shape.
const REFERENCE_STEPS: f64 = 40.0;

/// A usable pivot and slope of one curve.
///
/// # Errors
/// [`Error::Parameter`] unless `pivot` is in `[0, 1]` and `slope` in `(0, 100]`.
pub fn check_tangent(pivot: f64, slope: f64) -> Result<()> {
    check_curve("pivot", pivot, "slope", slope)
}

/// A usable pair of curves that meet at `middle`.
///
/// # Errors
/// [`Error::Parameter`] for a pivot or slope outside its range, `start` that is not positive and finite, or `middle`
/// outside `(0, start)`.
pub fn check_bong_tangent(start: f64, middle: f64, pivots: [f64; 2], slopes: [f64; 2]) -> Result<()> {
    if !(start > 0.0 && start.is_finite()) {
        let expected = "a positive finite value";
        return Err(Error::Parameter { noun: Noun::Schedule, name: "start", got: start, expected });
    }
    if !(middle > 0.0 && middle < start) {
        let expected = "0 to start, both excluded";
        return Err(Error::Parameter { noun: Noun::Schedule, name: "middle", got: middle, expected });
    }
    check_curve("pivot_1", pivots[0], "slope_1", slopes[0])?;
    check_curve("pivot_2", pivots[1], "slope_2", slopes[1])
}

fn check_curve(pivot_name: &'static str, pivot: f64, slope_name: &'static str, slope: f64) -> Result<()> {
    if !(0.0..=1.0).contains(&pivot) {
        return Err(Error::Parameter { noun: Noun::Schedule, name: pivot_name, got: pivot, expected: "0 to 1" });
    }
    if !(slope > 0.0 && slope <= 100.0) {
        let expected = "0 (excluded) to 100";
        return Err(Error::Parameter { noun: Noun::Schedule, name: slope_name, got: slope, expected });
    }
    Ok(())
}

/// One arctangent curve over the whole range, steepest after `pivot` of the steps, then 0; one step is `[sigma_max, 0]`.
///
/// # Errors
/// The range, the parameters or the step count outside their limits.
pub fn tangent(sigma_min: f64, sigma_max: f64, pivot: f64, slope: f64, out: &mut [f64]) -> Result<()> {
    let levels = levels(out)?;
    check_range(sigma_min, sigma_max)?;
    check_tangent(pivot, slope)?;
    let steps = levels.len() as f64;
    let last = levels.len() - 1;
    curve(pivot * steps, slope * REFERENCE_STEPS / steps, [sigma_max, sigma_min], levels);
    if last > 0 {
        levels[last] = sigma_min;
    }
    levels[0] = sigma_max;
    finish(out)
}

/// Two arctangent curves, from `start` to `middle` and from there to 0, over `steps + 2` places of which the middle one
/// is shared. One step is `[start, 0]`.
///
/// # Errors
/// The parameters or the step count outside their limits.
pub fn bong_tangent(start: f64, middle: f64, pivots: [f64; 2], slopes: [f64; 2], out: &mut [f64]) -> Result<()> {
    let steps = levels(out)?.len();
    check_bong_tangent(start, middle, pivots, slopes)?;
    if steps == 1 {
        out[0] = start;
        return finish(out);
    }
    let first = two_curves([start, middle, 0.0], pivots, slopes, out);
    if first == 1 {
        out[0] = start;
    }
    finish(out)
}

/// The curves of [`bong_tangent`] as stable-diffusion.cpp has them: from `sigma_max` over the mean of both ends towards
/// `sigma_min`, whose place the 0 takes. One step is `[mean, 0]`.
///
/// # Errors
/// The range or the step count outside their limits.
pub fn bong_tangent_stable_diffusion_cpp(sigma_min: f64, sigma_max: f64, out: &mut [f64]) -> Result<()> {
    levels(out)?;
    check_range(sigma_min, sigma_max)?;
    let middle = sigma_min + 0.5 * (sigma_max - sigma_min);
    two_curves([sigma_max, middle, sigma_min], [0.6; 2], [0.2; 2], out);
    finish(out)
}

/// Curves from the first end to the second and on to the third, over one place more than `out` has, of which the one in
/// the middle is shared. The place where the second begins, counted from 1.
fn two_curves(ends: [f64; 3], pivots: [f64; 2], slopes: [f64; 2], out: &mut [f64]) -> usize {
    let places = (out.len() + 1) as f64;
    let place = |part: f64| (places * part).floor();
    let slope = |slope: f64| slope * REFERENCE_STEPS / places;
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "inside 1 to steps + 1")]
    let first = place(0.5 * (pivots[0] + pivots[1])).clamp(1.0, places - 2.0) as usize;
    let mut upper = vec![0.0; first];
    curve(place(pivots[0]), slope(slopes[0]), [ends[0], ends[1]], &mut upper);
    let (head, tail) = out.split_at_mut(first - 1);
    head.copy_from_slice(&upper[..first - 1]);
    curve(place(pivots[1]) - first as f64, slope(slopes[1]), [ends[1], ends[2]], tail);
    tail[0] = ends[1];
    if first > 1 {
        out[0] = ends[0];
    }
    first
}

/// `-atan(slope (x - pivot))` at `x = 0, 1, …`, scaled to run from the first end to the second.
fn curve(pivot: f64, slope: f64, ends: [f64; 2], out: &mut [f64]) {
    let last = (out.len() - 1) as f64;
    // The difference of two arctangents as one angle: nothing cancels where the curve is flat.
    let above_end = |x: f64| libm::atan2(slope * (last - x), 1.0 + slope * (last - pivot) * (slope * (x - pivot)));
    let whole = above_end(0.0);
    for (x, level) in out.iter_mut().enumerate() {
        let part = above_end(x as f64) / whole;
        *level = ends[1] + part * (ends[0] - ends[1]);
    }
}

//! Batches: every item is the single schedule, on every CPU path and with any number of threads.

use proptest::prelude::*;
use stepladder_core::process::{BetaSchedule, DiscreteProcess};
use stepladder_core::schedule::{
    Batch, Column, Packing, Rule, align_your_steps, exponential, karras, kl_optimal, normal, polyexponential,
    sgm_uniform, simple,
};
use stepladder_core::simd::Backend;

fn filled(batch: &Batch<'_>, backend: Backend, threads: usize) -> Vec<Vec<f64>> {
    let (mut offsets, mut values) = (vec![0; batch.len() + 1], vec![f64::NAN; batch.total()]);
    batch.fill_on(backend, &mut offsets, &mut values, threads).unwrap();
    let offsets: Vec<usize> = offsets.into_iter().map(|offset| usize::try_from(offset).unwrap()).collect();
    offsets.windows(2).map(|ends| values[ends[0]..ends[1]].to_vec()).collect()
}

fn check(rule: Rule<'_>, steps: &[i64], tolerance: impl Fn(usize) -> f64, single: impl Fn(usize, &mut [f64])) {
    let batch = Batch::new(rule, Column::Each(steps), Column::All(1.0)).unwrap();
    let items = filled(&batch, Backend::active(), 1);
    for backend in Backend::available() {
        for threads in [1, 2, 5] {
            assert_eq!(filled(&batch, backend, threads), items, "{} with {threads} threads", backend.name());
        }
    }
    for (index, item) in items.iter().enumerate() {
        let mut truth = vec![0.0; usize::try_from(steps[index]).unwrap() + 1];
        single(index, &mut truth);
        assert_eq!(item.len(), truth.len());
        assert_eq!((item[0], item.last()), (truth[0], Some(&0.0)));
        for (a, b) in item.iter().zip(&truth) {
            assert!((a - b).abs() <= tolerance(index) * b, "{a} is not {b}");
        }
    }
}

proptest! {
    // Each case runs every CPU path with several threads.
    #![proptest_config(ProptestConfig::with_cases(12))]

    #[test]
    fn ranges_equal_single_schedules(
        rows in prop::collection::vec((1i64..3000, 1e-4..10.0, 1.1..1e5, 0.3..30.0, any::<bool>()), 0..20),
        uniform in prop::sample::select(vec![None, Some(7.0), Some(5.0), Some(12.0), Some(2.5)]),
    ) {
        let steps: Vec<i64> = rows.iter().map(|row| row.0).collect();
        let low: Vec<f64> = rows.iter().map(|row| row.1).collect();
        let high: Vec<f64> = rows.iter().map(|row| row.1 * row.2).collect();
        let rhos: Vec<f64> =
            rows.iter().map(|row| uniform.unwrap_or(if row.4 { f64::ceil(row.3) } else { row.3 })).collect();
        let (sigma_min, sigma_max) = (Column::Each(low.as_slice()), Column::Each(high.as_slice()));
        let rho = uniform.map_or(Column::Each(rhos.as_slice()), Column::All);
        check(Rule::Karras { sigma_min, sigma_max, rho }, &steps, |i| (rhos[i] + 8.0) * f64::EPSILON * 2.0, |i, out| {
            karras(low[i], high[i], rhos[i], out).unwrap();
        });
        check(Rule::Exponential { sigma_min, sigma_max }, &steps, |_| 2e-14, |i, out| {
            exponential(low[i], high[i], out).unwrap();
        });
        check(Rule::KlOptimal { sigma_min, sigma_max }, &steps, |_| 0.0, |i, out| {
            kl_optimal(low[i], high[i], out).unwrap();
        });
        // A steep ramp would put neighbouring levels on one number.
        let flat: Vec<f64> = rhos.iter().map(|rho| rho.clamp(0.5, 2.0)).collect();
        let rho = Column::Each(flat.as_slice());
        check(Rule::Polyexponential { sigma_min, sigma_max, rho }, &steps, |_| 0.0, |i, out| {
            polyexponential(low[i], high[i], flat[i], out).unwrap();
        });
    }

    #[test]
    fn tables_equal_single_schedules(steps in prop::collection::vec(1i64..3000, 0..20)) {
        let process = DiscreteProcess::new(BetaSchedule::ScaledLinear, 8.5e-4, 1.2e-2, 1000).unwrap();
        check(Rule::Simple(&process), &steps, |_| 0.0, |_, out| simple(&process, out).unwrap());
        check(Rule::Normal(&process), &steps, |_| 0.0, |_, out| normal(&process, out).unwrap());
        check(Rule::SgmUniform(&process), &steps, |_| 0.0, |_, out| sgm_uniform(&process, out).unwrap());
        check(Rule::AlignYourSteps("svd"), &steps, |_| 0.0, |_, out| align_your_steps("svd", out).unwrap());
    }
}

#[test]
fn room_and_threads_are_checked() {
    let steps = [3, 4];
    let batch = Batch::new(Rule::AlignYourSteps("sdxl"), Column::Each(&steps), Column::All(1.0)).unwrap();
    assert!(!batch.is_empty());
    for (offsets, values, threads, text) in [
        (2, 9, 1, "offsets has 2 values; expected 3"),
        (3, 8, 1, "out has 8 values; expected 9"),
        (3, 9, 0, "threads is 0"),
    ] {
        let error = batch.fill(&mut vec![0; offsets], &mut vec![0.0_f64; values], threads).unwrap_err();
        assert!(error.to_string().starts_with(text), "{error}");
    }
    let (items, which) = ([[1.0, 0.0].as_slice(), &[]], [0, 1, 0]);
    let packing = Packing::new(&items, &which).unwrap();
    let (mut offsets, mut values) = ([0; 4], [0.0_f32; 4]);
    packing.fill(&mut offsets, &mut values).unwrap();
    assert_eq!((offsets, values), ([0, 2, 2, 4], [1.0, 0.0, 1.0, 0.0]));
}

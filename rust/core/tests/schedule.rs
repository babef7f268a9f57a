//! Schedules: every one descends strictly from its top to an exact zero, whatever the step count.

use proptest::prelude::*;
use stepladder_core::process::{BetaSchedule, DiscreteProcess, EdmProcess, NoiseProcess};
use stepladder_core::schedule::{
    AYS_FAMILIES, LogTable, TailRule, align_your_steps, check_steps, exponential, karras, normal, simple, tail,
    validate_schedule, validate_sigmas,
};

fn filled(steps: usize, f: impl FnOnce(&mut [f64]) -> stepladder_core::Result<()>) -> Vec<f64> {
    let mut out = vec![f64::NAN; steps + 1];
    f(&mut out).unwrap();
    out
}

fn sd() -> DiscreteProcess {
    DiscreteProcess::new(BetaSchedule::ScaledLinear, 8.5e-4, 1.2e-2, 1000).unwrap()
}

fn assert_close(got: &[f64], expected: &[f64], relative: f64) {
    assert_eq!(got.len(), expected.len());
    for (a, b) in got.iter().zip(expected) {
        assert!((a - b).abs() <= relative * b.abs(), "{a} is not {b}");
    }
}

proptest! {
    #[test]
    fn ranges_descend(low in 1e-4..1.0, ratio in 1.1..1e5, rho in 0.2..1000.0, whole in any::<bool>(), steps in 1usize..300) {
        let rho = if whole { f64::ceil(rho) } else { rho };
        let high = low * ratio;
        for sigmas in [
            filled(steps, |out| karras(low, high, rho, out)),
            filled(steps, |out| exponential(low, high, out)),
        ] {
            validate_schedule(&sigmas, steps).unwrap();
            prop_assert_eq!(sigmas[0].to_bits(), high.to_bits());
            if steps > 1 {
                prop_assert_eq!(sigmas[steps - 1].to_bits(), low.to_bits());
            }
        }
    }

    #[test]
    fn tables_descend(steps in 1usize..3000, timesteps in 2usize..1500) {
        let discrete = DiscreteProcess::new(BetaSchedule::Cosine, 1e-4, 2e-2, timesteps).unwrap();
        let edm = EdmProcess::new(0.002, 120.0).unwrap();
        for process in [&discrete as &dyn NoiseProcess, &edm] {
            for sigmas in [
                filled(steps, |out| simple(process, out)),
                filled(steps, |out| normal(process, out)),
            ] {
                validate_schedule(&sigmas, steps).unwrap();
                prop_assert_eq!(sigmas[0].to_bits(), process.sigma_max().to_bits());
            }
        }
    }

    #[test]
    fn published_tables_descend(family in prop::sample::select(AYS_FAMILIES.to_vec()), steps in 1usize..3000) {
        validate_schedule(&filled(steps, |out| align_your_steps(family, out)), steps).unwrap();
    }

    #[test]
    fn resampling_keeps_ends_and_levels(
        levels in prop::collection::btree_set(1u32..1_000_000, 2..40),
        factor in 1usize..9,
    ) {
        let values: Vec<f64> = levels.iter().rev().map(|&level| f64::from(level) * 1e-3).collect();
        let table = LogTable::new(values.clone()).unwrap();
        let mut out = vec![0.0; (values.len() - 1) * factor + 1];
        table.resample(&mut out).unwrap();
        let kept: Vec<f64> = out.iter().step_by(factor).copied().collect();
        prop_assert_eq!(kept, values);
        prop_assert!(out.is_sorted_by(|a, b| a >= b));
    }

    #[test]
    fn tails_have_their_length(steps in 1usize..200, denoise in 0.01..=1.0, discards in any::<bool>()) {
        for rule in TailRule::NAMES.map(|name| TailRule::parse(name).unwrap()) {
            let plan = tail(rule, steps, denoise, discards).unwrap();
            let built = filled(plan.build, |out| karras(0.03, 14.0, 7.0, out));
            let mut out = vec![f64::NAN; plan.keep];
            plan.take(&built, &mut out).unwrap();
            validate_sigmas(&out).unwrap();
            prop_assert_eq!(out.last().map(|zero| zero.to_bits()), Some(0));
            if rule == TailRule::StepsOverDenoise {
                prop_assert_eq!(out.len(), steps + 1);
            }
            if discards {
                prop_assert!(!out.contains(&built[plan.build - 1]));
            }
        }
    }
}

#[test]
fn published_values() {
    let process = sd();
    let (low, high) = (process.sigma_min(), process.sigma_max());
    let karras_10 =
        [14.6146, 9.10293, 5.47839, 3.1686, 1.74942, 0.914_072, 0.446_918, 0.201_398, 0.081_910_2, 0.029_167_2, 0.0];
    assert_close(&filled(10, |out| karras(low, high, 7.0, out)), &karras_10, 1e-5);
    let simple_10 = [14.6146, 8.3028, 5.08776, 3.32108, 2.27646, 1.61289, 1.16058, 0.82986, 0.569_285, 0.341_674, 0.0];
    assert_close(&filled(10, |out| simple(&process, out)), &simple_10, 1e-5);
    let normal_10 =
        [14.6146, 7.83988, 4.60917, 2.91831, 1.95016, 1.34493, 0.932_358, 0.624_977, 0.368_658, 0.029_167_2, 0.0];
    assert_close(&filled(10, |out| normal(&process, out)), &normal_10, 1e-5);
    let ays_5 = [14.6146, 3.86367, 1.88419, 0.964_258, 0.397_746, 0.0];
    assert_close(&filled(5, |out| align_your_steps("sd15", out)), &ays_5, 1e-5);
}

#[test]
fn one_step_is_the_top_and_zero() {
    let process = sd();
    let (low, high) = (process.sigma_min(), process.sigma_max());
    for sigmas in [
        filled(1, |out| karras(low, high, 7.0, out)),
        filled(1, |out| exponential(low, high, out)),
        filled(1, |out| simple(&process, out)),
        filled(1, |out| normal(&process, out)),
    ] {
        assert_eq!(sigmas, [high, 0.0]);
    }
}

#[test]
fn simple_with_the_whole_table_is_the_table() {
    let process = sd();
    let sigmas = filled(1000, |out| simple(&process, out));
    assert!(sigmas[..1000].iter().rev().eq(process.sigmas().unwrap()));
}

#[test]
fn normal_lets_a_process_reach_zero_by_itself() {
    let process = EdmProcess::new(1e-6, 10.0).unwrap();
    let sigmas = filled(4, |out| normal(&process, out));
    let ratio = 1e-6_f64 / 10.0;
    let expected = [10.0, 10.0 * ratio.powf(0.25), 10.0 * ratio.sqrt(), 10.0 * ratio.powf(0.75), 0.0];
    assert_close(&sigmas, &expected, 1e-12);
}

#[test]
fn many_steps_still_descend() {
    let process = sd();
    for steps in [10_000, 1_000_000] {
        for sigmas in [
            filled(steps, |out| karras(process.sigma_min(), process.sigma_max(), 7.0, out)),
            filled(steps, |out| exponential(process.sigma_min(), process.sigma_max(), out)),
            filled(steps, |out| simple(&process, out)),
            filled(steps, |out| normal(&process, out)),
            filled(steps, |out| align_your_steps("svd", out)),
        ] {
            validate_schedule(&sigmas, steps).unwrap();
        }
    }
}

#[test]
fn tails_follow_the_hosts() {
    let plan = |rule, steps, denoise, discards| {
        let plan = tail(rule, steps, denoise, discards).unwrap();
        (plan.build, plan.keep)
    };
    assert_eq!(plan(TailRule::StepsOverDenoise, 20, 0.75, false), (26, 21));
    assert_eq!(plan(TailRule::StepsOverDenoise, 20, 0.75, true), (27, 21));
    assert_eq!(plan(TailRule::StepsOverDenoise, 10_000, 0.999_95, false), (10_000, 10_001));
    assert_eq!(plan(TailRule::StepsOverDenoise, 10_000, 0.9998, false), (10_002, 10_001));
    assert_eq!(plan(TailRule::StepsOverDenoise, 20, 0.0, false), (20, 0));
    assert_eq!(plan(TailRule::Round, 10, 0.05, false), (10, 1));
    assert_eq!(plan(TailRule::Round, 10, 0.15, false), (10, 3));
    assert_eq!(plan(TailRule::Round, 10, 0.25, false), (10, 3));
    assert_eq!(plan(TailRule::Round, 10, 1.0, false), (10, 11));
    let mut out = [0.0; 3];
    let kept = tail(TailRule::StepsOverDenoise, 2, 1.0, true).unwrap();
    kept.take(&[4.0, 3.0, 2.0, 0.0], &mut out).unwrap();
    assert_eq!(out.map(f64::to_bits), [4.0, 3.0, 0.0].map(f64::to_bits));
    assert!(kept.take(&[4.0, 0.0], &mut out).is_err());
}

#[test]
fn what_no_schedule_can_have_is_named() {
    let mut out = [0.0; 11];
    let text = |result: stepladder_core::Result<()>| result.unwrap_err().to_string();
    assert_eq!(text(karras(0.1, 1.0, 7.0, &mut [])), "steps is 0; expected 1 to 10000000");
    assert_eq!(text(karras(0.1, 1.0, 0.0, &mut out)), "rho is 0; expected 0 (excluded) to 1000");
    assert!(text(karras(0.1, 1.0, f64::NAN, &mut out)).starts_with("rho is NaN"));
    assert!(text(karras(0.1, 1.0, 1e-4, &mut out)).contains("raise rho"));
    for (low, high) in [(0.0, 1.0), (1.0, 1.0), (2.0, 1.0), (-1.0, 1.0), (f64::NAN, 1.0), (0.1, f64::INFINITY)] {
        assert!(text(exponential(low, high, &mut out)).contains("expected 0 < sigma_min < sigma_max"));
        assert!(text(karras(low, high, 7.0, &mut out)).contains("expected 0 < sigma_min < sigma_max"));
    }
    assert!(text(exponential(1.0, 1.0 + 1e-15, &mut out)).contains("10 steps do not fit"));
    assert!(text(align_your_steps("flux", &mut out)).contains("sd15, sdxl, svd, deepfloyd"));
    assert_eq!(
        check_steps(u64::MAX).unwrap_err().to_string(),
        format!("steps is {}; expected 1 to 10000000", u64::MAX)
    );
    for denoise in [-0.1, 1.1, f64::NAN] {
        assert!(text(tail(TailRule::Round, 10, denoise, false).map(|_| ())).contains("denoise is"));
    }
    assert!(text(tail(TailRule::StepsOverDenoise, 10, 1e-9, false).map(|_| ())).contains("raise denoise"));
    assert!(TailRule::parse("floor").is_err());
    for table in [&[1.0][..], &[1.0, 0.0], &[1.0, f64::NAN], &[f64::INFINITY, 1.0], &[1.0, 1.0], &[1.0, 2.0]] {
        assert!(LogTable::new(table.to_vec()).is_err(), "{table:?}");
    }
    assert!(text(LogTable::new(vec![2.0, 1.0]).unwrap().resample(&mut [])).contains("n is 0"));
}

#[test]
fn sigmas_are_checked_one_by_one() {
    let text = |sigmas: &[f64]| validate_sigmas(sigmas).unwrap_err().to_string();
    assert_eq!(text(&[1.0, f64::NAN]), "sigmas[1] is NaN; expected a finite value, 0 or above");
    assert_eq!(text(&[f64::INFINITY, 1.0]), "sigmas[0] is inf; expected a finite value, 0 or above");
    assert_eq!(text(&[1.0, -1.0]), "sigmas[1] is -1; expected a finite value, 0 or above");
    assert_eq!(text(&[1.0, 1.0, 0.0]), "sigmas[1] is 1; expected strictly descending values");
    assert_eq!(text(&[1.0, 0.0, 0.0]), "sigmas[2] is 0; expected strictly descending values");
    validate_sigmas(&[2.0, 1.0]).unwrap();
    assert_eq!(
        validate_schedule(&[2.0, 1.0], 1).unwrap_err().to_string(),
        "sigmas[1] is 1; expected exactly 0 at the end"
    );
    assert_eq!(
        validate_schedule(&[2.0, 0.0], 2).unwrap_err().to_string(),
        "sigmas has 2 values; expected steps + 1 = 3"
    );
}

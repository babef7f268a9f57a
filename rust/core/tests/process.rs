//! Noise processes: invariants over random parameters, and what is refused.

use proptest::prelude::*;
use stepladder_core::process::{
    BATCH_FROM, BEFORE_START, BetaSchedule, ContinuousVProcess, CosmosProcess, DiscreteProcess, DistilledProcess,
    EdmProcess, Family, FlowProcess, Lookup, NoiseProcess, StableCascadeProcess, TerminalSnr, TrigFlowProcess,
    VpSdeProcess,
};

fn one(f: impl FnOnce(&mut [f64]) -> stepladder_core::Result<()>) -> f64 {
    let mut out = [0.0];
    f(&mut out).unwrap();
    out[0]
}

fn close(a: f64, b: f64, relative: f64) -> bool {
    (a - b).abs() <= relative * a.abs().max(b.abs())
}

fn schedule() -> impl Strategy<Value = BetaSchedule> {
    prop::sample::select(BetaSchedule::NAMES.to_vec()).prop_map(|name| BetaSchedule::parse(name).unwrap())
}

proptest! {
    #[test]
    fn tables_ascend(schedule in schedule(), start in 1e-5..1e-3, end in 2e-3..2e-2, timesteps in 2usize..2000) {
        let process = DiscreteProcess::new(schedule, start, end, timesteps).unwrap();
        let table = process.sigmas().unwrap();
        prop_assert_eq!(table.len(), timesteps);
        prop_assert!(table.is_sorted_by(|a, b| a < b));
        prop_assert_eq!(process.sigma_min().to_bits(), table[0].to_bits());
        prop_assert_eq!(process.sigma_max().to_bits(), table[timesteps - 1].to_bits());
    }

    #[test]
    fn discrete_times_round_trip(schedule in schedule(), timesteps in 2usize..2000, part in 0.0..=1.0) {
        let process = DiscreteProcess::new(schedule, 1e-4, 2e-2, timesteps).unwrap();
        let t = part * (timesteps - 1) as f64;
        let sigma = one(|out| process.sigma(&[t], out));
        let back = one(|out| process.timestep(&[sigma], Lookup::Interpolated, out));
        // Time is recovered up to the rounding of sigma divided by the slope of its logarithm.
        prop_assert!((back - t).abs() <= 1e-6 * t.max(1.0), "{t} became {back}");
        let nearest = one(|out| process.timestep(&[sigma], Lookup::Nearest, out));
        prop_assert!((nearest - t).abs() <= 0.5 + 1e-6);
    }

    #[test]
    fn sigma_rises_with_time(schedule in schedule(), a in 0.0..=999.0, b in 0.0..=999.0) {
        let process = DiscreteProcess::new(schedule, 8.5e-4, 1.2e-2, 1000).unwrap();
        let mut sigmas = [0.0; 2];
        process.sigma(&[f64::min(a, b), f64::max(a, b)], &mut sigmas).unwrap();
        prop_assert!(sigmas[0] <= sigmas[1]);
    }

    #[test]
    fn edm_times_round_trip(low in 1e-4..1.0, ratio in 1.5..1e6, sigma in 1e-6..1e6) {
        let process = EdmProcess::new(low, low * ratio).unwrap();
        let t = one(|out| process.timestep(&[sigma], Lookup::Nearest, out));
        prop_assert!(close(one(|out| process.sigma(&[t], out)), sigma, 1e-13));
        prop_assert!(process.sigmas().unwrap().is_sorted_by(|a, b| a < b));
    }

    #[test]
    fn half_log_snr_inverts(name in prop::sample::select(Family::NAMES.to_vec()), sigma in 1e-6..0.999_999) {
        let family = Family::parse(name).unwrap();
        let half_log_snr = one(|out| family.half_log_snr(&[sigma], out));
        prop_assert!(close(one(|out| family.sigma_from_half_log_snr(&[half_log_snr], out)), sigma, 1e-12));
        let alpha = one(|out| family.alpha(&[sigma], out));
        prop_assert!(alpha > 0.0 && alpha <= 1.0);
    }

    #[test]
    fn percent_falls_from_top_to_bottom(a in 0.0..=1.0, b in 0.0..=1.0) {
        let discrete = DiscreteProcess::new(BetaSchedule::ScaledLinear, 8.5e-4, 1.2e-2, 1000).unwrap();
        let edm = EdmProcess::new(0.002, 120.0).unwrap();
        for process in [&discrete as &dyn NoiseProcess, &edm] {
            let (early, late) = (f64::min(a, b), f64::max(a, b));
            prop_assert!(process.percent_to_sigma(early).unwrap() >= process.percent_to_sigma(late).unwrap());
        }
    }

    #[test]
    fn tables_agree_however_they_are_given(start in 1e-5..1e-3, end in 2e-3..2e-2, timesteps in 2usize..1000) {
        let last = (timesteps - 1) as f64;
        let betas: Vec<f64> = (0..timesteps).map(|k| start + (end - start) * k as f64 / last).collect();
        let mut product = 1.0;
        let alphas_cumprod: Vec<f64> = betas.iter().map(|beta| { product *= 1.0 - beta; product }).collect();
        let from_betas = DiscreteProcess::from_betas(&betas).unwrap();
        let from_products = DiscreteProcess::from_alphas_cumprod(&alphas_cumprod).unwrap();
        for (a, b) in from_betas.sigmas().unwrap().iter().zip(from_products.sigmas().unwrap()) {
            // 1 - ᾱ loses up to 5 digits where betas are 1e-5.
            prop_assert!(close(*a, *b, 1e-9));
        }
    }
}

#[test]
fn ends_are_exact() {
    let process = DiscreteProcess::new(BetaSchedule::ScaledLinear, 8.5e-4, 1.2e-2, 1000).unwrap();
    assert!(close(process.sigma_min(), 0.029_167_158_151_720_367, 1e-13));
    assert!(close(process.sigma_max(), 14.614_641_229_333_639, 1e-13));
    assert_eq!(one(|out| process.sigma(&[999.0], out)).to_bits(), process.sigma_max().to_bits());
    assert_eq!(one(|out| process.timestep(&[0.0], Lookup::Nearest, out)).to_bits(), 0f64.to_bits());
    assert_eq!(one(|out| process.timestep(&[1e6], Lookup::Nearest, out)).to_bits(), 999f64.to_bits());
    assert_eq!(process.percent_to_sigma(0.0).unwrap().to_bits(), BEFORE_START.to_bits());
    assert_eq!(process.percent_to_sigma(1.0).unwrap().to_bits(), 0f64.to_bits());
}

#[test]
fn a_float32_rounding_past_an_end_is_the_end() {
    let process = DiscreteProcess::new(BetaSchedule::ScaledLinear, 8.5e-4, 1.2e-2, 1000).unwrap();
    for (sigma, t) in [(process.sigma_max() * (1.0 + 1e-7), 999.0), (process.sigma_min() * (1.0 - 1e-7), 0.0)] {
        assert_eq!(one(|out| process.timestep(&[sigma], Lookup::Interpolated, out)).to_bits(), f64::to_bits(t));
    }
}

#[test]
fn what_a_process_does_not_define_is_named() {
    let process = DiscreteProcess::new(BetaSchedule::ScaledLinear, 8.5e-4, 1.2e-2, 1000).unwrap();
    let edm = EdmProcess::new(0.002, 120.0).unwrap();
    let text = |result: stepladder_core::Result<()>| result.unwrap_err().to_string();
    let mut one = [0.0];
    let mut two = [0.0; 2];
    assert_eq!(text(process.sigma(&[1000.0], &mut one)), "t is 1000; expected 0 to 999 (timesteps - 1)");
    assert_eq!(text(process.sigma(&[0.0, f64::NAN], &mut two)), "t[1] is NaN; expected 0 to 999 (timesteps - 1)");
    assert_eq!(
        text(process.timestep(&[-1.0], Lookup::Nearest, &mut one)),
        "sigma is -1; expected a finite value, 0 or above"
    );
    assert!(text(process.timestep(&[15.0], Lookup::Interpolated, &mut one)).contains("sigma_min to sigma_max"));
    assert_eq!(text(edm.timestep(&[0.0], Lookup::Nearest, &mut one)), "sigma is 0; expected a positive finite value");
    assert_eq!(text(edm.timestep(&[1.0, 1.0], Lookup::Nearest, &mut one)), "sigma has 2 values; expected 1, as out");
    assert!(text(process.percent_to_sigma(1.5).map(|_| ())).contains("percent is 1.5; expected 0 to 1"));
    assert_eq!(text(process.percents_to_sigmas(&[0.5, 1.5], &mut two)), "percent[1] is 1.5; expected 0 to 1");
    assert_eq!(text(process.percents_to_sigmas(&[0.5], &mut two)), "percent has 1 values; expected 2, as out");
    process.percents_to_sigmas(&[0.25, 1.0], &mut two).unwrap();
    assert_eq!(two.map(f64::to_bits), [process.percent_to_sigma(0.25).unwrap(), 0.0].map(f64::to_bits));
    assert_eq!(text(EdmProcess::new(0.0, 1.0).map(|_| ())), "sigma_min is 0; expected a positive finite value");
    assert_eq!(text(EdmProcess::new(1.0, f64::NAN).map(|_| ())), "sigma_max is NaN; expected a positive finite value");
}

#[test]
fn impossible_processes_are_refused() {
    let named =
        |start, end, steps| DiscreteProcess::new(BetaSchedule::Linear, start, end, steps).unwrap_err().to_string();
    assert_eq!(named(0.0, 0.1, 10), "beta_start is 0; expected 0 to 1, both excluded");
    assert_eq!(named(0.1, 1.0, 10), "beta_end is 1; expected 0 to 1, both excluded");
    assert_eq!(named(0.1, 0.2, 1), "timesteps is 1; expected 2 to 1000000");
    assert_eq!(named(0.1, 0.2, 1_000_001), "timesteps is 1000001; expected 2 to 1000000");
    assert!(named(0.5, 0.9, 10_000).contains("stay finite"));
    assert_eq!(
        DiscreteProcess::from_betas(&[0.1, f64::NAN]).unwrap_err().to_string(),
        "betas[1] is NaN; expected a value from 0 to 1, both excluded"
    );
    for table in [&[1.0, 0.5][..], &[0.5, 0.5], &[0.5, 0.0], &[0.5, 0.6]] {
        assert!(DiscreteProcess::from_alphas_cumprod(table).is_err(), "{table:?}");
    }
    assert!(DiscreteProcess::from_betas(&[1e-300, 1e-320]).is_err(), "levels that do not rise");
    assert_eq!(
        DiscreteProcess::from_betas(&[0.1]).unwrap_err().to_string(),
        "betas has 1 values; expected 2 to 1000000"
    );
    for (low, high) in [(0.0, 1.0), (1.0, 1.0), (2.0, 1.0), (1.0, f64::INFINITY), (f64::NAN, 1.0), (1.0, 1.0 + 1e-15)] {
        assert!(EdmProcess::new(low, high).is_err(), "{low} {high}");
    }
    assert!(BetaSchedule::parse("quadratic").unwrap_err().to_string().contains("scaled_linear"));
    assert!(Family::parse("vpp").unwrap_err().to_string().contains("ve, vp, flow"));
}

/// Every family at its hosts' defaults.
fn families() -> Vec<Box<dyn NoiseProcess>> {
    let teacher = DiscreteProcess::new(BetaSchedule::ScaledLinear, 8.5e-4, 1.2e-2, 1000).unwrap();
    vec![
        Box::new(teacher.with_zero_terminal_snr(TerminalSnr::Diffusers).unwrap()),
        Box::new(DistilledProcess::new(&teacher, 50).unwrap()),
        Box::new(EdmProcess::new(0.002, 120.0).unwrap()),
        Box::new(ContinuousVProcess::new(0.03, 500.0).unwrap()),
        Box::new(CosmosProcess::new(0.002, 80.0).unwrap()),
        Box::new(TrigFlowProcess::new(0.004, 160.0).unwrap()),
        Box::new(FlowProcess::new(3.0, 1000.0, 1000).unwrap()),
        Box::new(FlowProcess::flux(1.15, 10_000).unwrap()),
        Box::new(StableCascadeProcess::new(2.0, 0.008).unwrap()),
        Box::new(VpSdeProcess::new(0.1, 19.9, 1e-3).unwrap()),
    ]
}

proptest! {
    #[test]
    fn every_family_inverts_itself(part in 1e-3..0.999) {
        for process in families() {
            let sigma = process.sigma_min() * (process.sigma_max() / process.sigma_min()).powf(part);
            let t = one(|out| process.timestep(&[sigma], Lookup::Interpolated, out));
            prop_assert!(close(one(|out| process.sigma(&[t], out)), sigma, 1e-10));
            prop_assert!(process.percent_to_sigma(part).unwrap() <= process.sigma_max());
        }
    }

    #[test]
    fn long_slices_agree_with_single_values(start in 0.0..0.5) {
        for process in families() {
            let ratio = process.sigma_max() / process.sigma_min();
            let sigmas: Vec<f64> =
                (0..BATCH_FROM + 7).map(|k| process.sigma_min() * ratio.powf(start + 0.4 * k as f64 / 2000.0)).collect();
            let mut times = vec![0.0; sigmas.len()];
            let mut levels = times.clone();
            process.timestep(&sigmas, Lookup::Interpolated, &mut times).unwrap();
            process.sigma(&times, &mut levels).unwrap();
            for k in (0..sigmas.len()).step_by(97) {
                let t = one(|out| process.timestep(&sigmas[k..=k], Lookup::Interpolated, out));
                prop_assert!((t - times[k]).abs() <= 1e-11 * t.abs().max(1.0));
                prop_assert!(close(one(|out| process.sigma(&times[k..=k], out)), levels[k], 4e-15));
            }
        }
    }
}

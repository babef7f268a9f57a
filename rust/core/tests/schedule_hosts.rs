//! The schedules of the hosts, their published tables, and the functions over lists: what holds of each without Python.

use proptest::prelude::*;
use stepladder_core::process::{
    BetaSchedule, ContinuousVProcess, DiscreteProcess, EdmProcess, FlowProcess, NoiseProcess, StableCascadeProcess,
};
use stepladder_core::schedule::{
    self as s, AYS_CONVENTIONS, CONVERSIONS, EXTENSIONS, FLOW_CONVERSIONS, OPTIMAL_STEPS_MODELS, SPACING_VARIANTS,
    SPACINGS, STRENGTH_HOSTS, Spacing, validate_schedule,
};
use stepladder_core::{Error, Result};

type Fill<'a> = Box<dyn Fn(&mut [f64]) -> Result<()> + 'a>;

fn filled(steps: usize, f: impl Fn(&mut [f64]) -> Result<()>) -> Vec<f64> {
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
        assert!((a - b).abs() <= relative * b.abs(), "{got:?} is not {expected:?}");
    }
}

fn fails<T>(result: Result<T>) -> String {
    result.err().expect("an error").to_string()
}

/// Every schedule over a process, at its hosts' default parameters.
fn over(process: &dyn NoiseProcess) -> Vec<(&'static str, Fill<'_>)> {
    let spacing = Spacing { spacing: "leading", variant: "euler", steps_offset: 1, convert: "none", ends: [None; 2] };
    vec![
        ("simple", Box::new(move |out| s::simple(process, out))),
        ("sgm_uniform", Box::new(move |out| s::sgm_uniform(process, out))),
        ("normal", Box::new(move |out| s::normal(process, out))),
        ("ddim_uniform", Box::new(move |out| s::ddim_uniform(process, out))),
        ("beta", Box::new(move |out| s::beta(process, 0.6, 0.6, out))),
        ("beta57", Box::new(move |out| s::beta(process, 0.5, 0.7, out))),
        ("smoothstep", Box::new(move |out| s::smoothstep(process, out))),
        ("diffusers", Box::new(move |out| s::spaced(process, &spacing, out))),
    ]
}

/// Every schedule over a range.
fn between(low: f64, high: f64) -> Vec<(&'static str, Fill<'static>)> {
    vec![
        ("karras", Box::new(move |out| s::karras(low, high, 7.0, out))),
        ("exponential", Box::new(move |out| s::exponential(low, high, out))),
        ("polyexponential", Box::new(move |out| s::polyexponential(low, high, 2.0, out))),
        ("laplace", Box::new(move |out| s::laplace(low, high, 0.0, 0.5, out))),
        ("kl_optimal", Box::new(move |out| s::kl_optimal(low, high, out))),
        ("beta_over_range", Box::new(move |out| s::beta_over_range(low, high, 0.6, 0.6, out))),
        ("cosine", Box::new(move |out| s::cosine(low, high, out))),
        ("tangent", Box::new(move |out| s::tangent(low, high, 0.6, 0.2, out))),
        ("linear_quadratic", Box::new(move |out| s::linear_quadratic(high, 0.025, None, out))),
    ]
}

/// Every schedule with levels of its own.
fn own() -> Vec<(&'static str, Fill<'static>)> {
    vec![
        ("vp", Box::new(|out| s::vp(19.9, 0.1, 1e-3, out))),
        ("bong_tangent", Box::new(|out| s::bong_tangent(1.0, 0.5, [0.6; 2], [0.2; 2], out))),
        ("logit_normal", Box::new(|out| s::logit_normal(0.7, 1.75, out))),
        ("flow_shift", Box::new(|out| s::flow_shift(3.0, None, None, "none", out))),
        ("flow_shift to an end", Box::new(|out| s::flow_shift(3.0, Some(0.1), Some(0.001), "karras", out))),
        ("gits", Box::new(|out| s::gits(1.2, out))),
        ("optimal_steps", Box::new(|out| s::optimal_steps("wan", out))),
    ]
}

#[test]
fn any_number_of_steps() {
    let (sd, edm, flow) = (sd(), EdmProcess::new(0.002, 120.0).unwrap(), FlowProcess::new(3.0, 1000.0, 1000).unwrap());
    let cascade = StableCascadeProcess::new(2.0, 0.008).unwrap();
    for steps in [1, 2, 3, 10, 999, 1000, 1001, 1500, 10_000] {
        for process in [&sd as &dyn NoiseProcess, &edm, &flow, &cascade] {
            for (name, fill) in over(process) {
                let sigmas = filled(steps, fill);
                assert_eq!(validate_schedule(&sigmas, steps), Ok(()), "{name} {steps}");
            }
        }
        for (name, fill) in between(0.03, 14.6).into_iter().chain(own()) {
            let sigmas = filled(steps, fill);
            assert_eq!(validate_schedule(&sigmas, steps), Ok(()), "{name} {steps}");
        }
    }
}

proptest! {
    #[test]
    fn ranges_descend(low in 1e-3..0.5, ratio in 1.5..1e4, steps in 1usize..300) {
        let high = low * ratio;
        for (name, fill) in between(low, high) {
            let sigmas = filled(steps, fill);
            prop_assert_eq!(validate_schedule(&sigmas, steps), Ok(()), "{}", name);
            prop_assert!(name == "laplace" || sigmas[0].to_bits() == high.to_bits(), "{}", name);
            if steps > 1 && !["laplace", "linear_quadratic"].contains(&name) {
                prop_assert_eq!(sigmas[steps - 1].to_bits(), low.to_bits(), "{}", name);
            }
        }
    }

    #[test]
    fn spacings_descend(
        spacing in prop::sample::select(SPACINGS.to_vec()),
        variant in prop::sample::select(SPACING_VARIANTS.to_vec()),
        convert in prop::sample::select(CONVERSIONS.to_vec()),
        steps_offset in 0usize..3,
        steps in 1usize..1500,
        timesteps in 2usize..1200,
    ) {
        let process = DiscreteProcess::new(BetaSchedule::Linear, 1e-4, 2e-2, timesteps).unwrap();
        let choice = Spacing { spacing, variant, steps_offset, convert, ends: [None; 2] };
        let sigmas = filled(steps, |out| s::spaced(&process, &choice, out));
        prop_assert_eq!(validate_schedule(&sigmas, steps), Ok(()));
    }

    #[test]
    fn flows_descend(
        shift in 0.05..50.0,
        terminal in prop::option::of(0.001..0.6),
        lowest in prop::option::of(0.0005..0.5),
        convert in prop::sample::select(FLOW_CONVERSIONS.to_vec()),
        steps in 1usize..300,
    ) {
        let sigmas = filled(steps, |out| s::flow_shift(shift, terminal, lowest, convert, out));
        prop_assert_eq!(validate_schedule(&sigmas, steps), Ok(()));
        prop_assert!((sigmas[0] - 1.0).abs() < 1e-15);
        if let (Some(terminal), true) = (terminal, steps > 1) {
            prop_assert!((sigmas[steps - 1] - terminal).abs() < 1e-15);
        }
    }

    #[test]
    fn distilled_models_have_few_steps(points in 1usize..200, steps in 1usize..250) {
        let process = sd();
        let mut out = vec![0.0; steps + 1];
        let made = s::lcm(&process, points, &mut out);
        if steps > points {
            let text = format!("steps is {steps}; expected at most {points}: lcm exists");
            prop_assert!(fails(made).starts_with(&text));
        } else {
            prop_assert_eq!(validate_schedule(&out, steps), Ok(()));
            prop_assert_eq!(out[0].to_bits(), process.sigma_max().to_bits());
        }
    }

    #[test]
    fn tables_are_stretched(coefficient in 16u32..=30, steps in 1usize..500) {
        let sigmas = filled(steps, |out| s::gits(f64::from(coefficient) * 0.05, out));
        prop_assert_eq!(validate_schedule(&sigmas, steps), Ok(()));
        for model in OPTIMAL_STEPS_MODELS {
            prop_assert_eq!(validate_schedule(&filled(steps, |out| s::optimal_steps(model, out)), steps), Ok(()));
        }
    }

    #[test]
    fn lists_split_and_join(levels in prop::collection::btree_set(1u32..1_000_000, 2..40), at in 0usize..40) {
        let sigmas: Vec<f64> = levels.iter().rev().map(|&level| f64::from(level) * 1e-3).chain([0.0]).collect();
        let step = at % sigmas.len();
        let (high, low) = s::split_sigmas(&sigmas, step).unwrap();
        prop_assert_eq!((high.len(), low.len()), (step + 1, sigmas.len() - step));
        prop_assert_eq!(&s::concatenate_sigmas(&high, &low).unwrap(), &sigmas);
        for spacing in EXTENSIONS {
            let extended = s::extend_sigmas(&sigmas, 3, f64::INFINITY, 0.0, spacing).unwrap();
            let kept: Vec<f64> = extended.iter().step_by(3).copied().collect();
            prop_assert_eq!(&kept, &sigmas);
        }
        for host in STRENGTH_HOSTS {
            prop_assert_eq!(&s::strength_sigmas(&sigmas, 1.0, host).unwrap(), &sigmas);
        }
        let flipped = s::flip_sigmas(&sigmas).unwrap();
        prop_assert_eq!(flipped[0].to_bits(), 1e-4_f64.to_bits());
        prop_assert_eq!(flipped[1..].iter().rev().copied().collect::<Vec<_>>(), sigmas[..sigmas.len() - 1].to_vec());
    }
}

#[test]
fn published_values() {
    let process = sd();
    let sgm = [14.6146, 8.30717, 5.09241, 3.32507, 2.27973, 1.61558, 1.16286, 0.831_884, 0.571_189, 0.343_705, 0.0];
    assert_close(&filled(10, |out| s::sgm_uniform(&process, out)), &sgm, 1e-5);
    let ddim = [8.39068, 5.13443, 3.34776, 2.29285, 1.62369, 1.16822, 0.835_653, 0.574_05, 0.346_187, 0.041_314_4, 0.0];
    assert_close(&filled(10, |out| s::ddim_uniform(&process, out)), &ddim, 1e-5);
    let beta = [14.6146, 11.5428, 7.37184, 4.3728, 2.61524, 1.61828, 1.02733, 0.654_885, 0.395_51, 0.199_059, 0.0];
    assert_close(&filled(10, |out| s::beta(&process, 0.6, 0.6, out)), &beta, 1e-5);
    let bong = [1.0, 0.978_045, 0.947_931, 0.904_317, 0.836_365, 0.719_834, 0.5, 0.257_43, 0.117_461, 0.043_265_1, 0.0];
    assert_close(&filled(10, |out| s::bong_tangent(1.0, 0.5, [0.6; 2], [0.2; 2], out)), &bong, 1e-5);
    let vp = [152.167, 53.3098, 21.0956, 9.4032, 4.68064, 2.54943, 1.46197, 0.822_899, 0.381_702, 0.010_486, 0.0];
    assert_close(&filled(10, |out| s::vp(19.9, 0.1, 1e-3, out)), &vp, 1e-5);
    let quadratic = [1.0, 0.995, 0.99, 0.985, 0.98, 0.975, 0.932, 0.813, 0.618, 0.347, 0.0];
    assert_close(&filled(10, |out| s::linear_quadratic(1.0, 0.025, None, out)), &quadratic, 1e-12);
    let flux = [1.0, 0.904_531, 0.759_511, 0.512_844, 0.0];
    let shift = s::linear_mu(4096.0, [256.0, 4096.0], 0.5, 1.15).unwrap().exp();
    assert_close(&filled(4, |out| s::flow_shift(shift, None, None, "none", out)), &flux, 2e-6);
    for (tokens, steps, mu) in [
        (4096.0, 20, 2.198_022_072_555_116_5),
        (4096.0, 50, 2.023_351_157_129_263_7),
        (4300.0, 28, 2.170_851_489_658_105),
        (4301.0, 28, 1.184_696_93),
    ] {
        assert_close(&[s::flux2_mu(tokens, steps).unwrap()], &[mu], 1e-8);
    }
}

#[test]
fn the_middle_of_laplace_is_its_centre() {
    for steps in [3, 11, 101] {
        let sigmas = s::laplace_comfyui(1e-6, 1e6, 0.3, 0.5, steps).unwrap();
        assert_close(&sigmas[steps / 2..=steps / 2], &[0.3_f64.exp()], 1e-15);
    }
}

#[test]
fn clamped_ends_do_not_repeat() {
    let host = s::laplace_comfyui(0.5, 5.0, 1.0, 2.0, 40).unwrap();
    assert!(host.windows(2).filter(|pair| pair[0].to_bits() == pair[1].to_bits()).count() > 10);
    let sigmas = filled(40, |out| s::laplace(0.5, 5.0, 1.0, 2.0, out));
    validate_schedule(&sigmas, 40).unwrap();
    assert_eq!([sigmas[0], sigmas[39]].map(f64::to_bits), [5.0_f64, 0.5].map(f64::to_bits));
}

#[test]
fn a_shift_that_time_leaves_out_stays_out() {
    // ComfyUI's time of a flow's level is level * multiplier, whatever the shift.
    let flow = FlowProcess::new(3.0, 1000.0, 1000).unwrap();
    let sigmas = filled(2, |out| s::normal(&flow, out));
    assert_close(&sigmas, &[1.0, 0.008_928_571_428_571_428, 0.0], 1e-13);
    let process = ContinuousVProcess::new(0.03, 500.0).unwrap();
    let sigmas = filled(2, |out| s::normal(&process, out));
    assert_eq!(sigmas.iter().map(|x| x.to_bits()).collect::<Vec<_>>(), [500.0, 0.03, 0.0].map(f64::to_bits));
}

#[test]
fn host_lists_keep_their_habits() {
    let process = sd();
    let counts = |n| s::ddim_uniform_comfyui(&process, n).unwrap().len() - 1;
    assert_eq!([6, 7, 11, 12, 30].map(counts), [7, 8, 12, 13, 31]);
    let counts = |n| s::beta_comfyui(&process, 0.6, 0.6, n).unwrap().len() - 1;
    assert_eq!([150, 300, 500, 1000].map(counts), [149, 293, 475, 847]);
    for list in [s::simple_comfyui(&process, 1500).unwrap(), s::smoothstep_rounded(&process, 1000).unwrap()] {
        assert!(list.windows(2).any(|pair| pair[0].to_bits() == pair[1].to_bits()));
    }
    let a1111 = s::kl_optimal_a1111(0.03, 14.6, 10).unwrap();
    assert_eq!((a1111.len(), a1111[10].to_bits()), (11, 0.03_f64.to_bits()));
    for convention in AYS_CONVENTIONS {
        let list = s::align_your_steps_as("sdxl", 11, convention, [None; 2], 10).unwrap();
        assert_eq!(list[10] > 0.0, convention == "nvidia", "{convention}");
    }
    let moved = s::align_your_steps_as("svd", 11, "nvidia", [Some(0.01), Some(80.0)], 10).unwrap();
    assert_close(&[moved[0], moved[10]], &[80.0, 0.01], 1e-14);
}

#[test]
fn what_is_refused() {
    let mut out = [0.0; 11];
    let process = sd();
    let parameter = |name: &str, result: Result<()>| match result {
        Err(Error::Parameter { name: got, .. }) => assert_eq!(got, name),
        other => panic!("{name}: {other:?}"),
    };
    for bad in [f64::NAN, f64::INFINITY, -20.0] {
        parameter("alpha", s::beta(&process, bad, 0.6, &mut out));
        parameter("beta", s::beta_over_range(0.1, 1.0, 0.6, bad, &mut out));
        parameter("mu", s::laplace(0.1, 1.0, bad, 0.5, &mut out));
        parameter("beta", s::laplace(0.1, 1.0, 0.0, bad, &mut out));
        parameter("rho", s::polyexponential(0.1, 1.0, bad, &mut out));
        parameter("pivot", s::tangent(0.1, 1.0, bad, 0.2, &mut out));
        parameter("slope", s::tangent(0.1, 1.0, 0.6, bad, &mut out));
        parameter("beta_d", s::vp(bad, 0.1, 1e-3, &mut out));
        parameter("eps_s", s::vp(19.9, 0.1, bad, &mut out));
        parameter("threshold_noise", s::linear_quadratic(1.0, bad, None, &mut out));
        parameter("start", s::bong_tangent(bad, 0.5, [0.6; 2], [0.2; 2], &mut out));
        parameter("middle", s::bong_tangent(1.0, bad, [0.6; 2], [0.2; 2], &mut out));
        parameter("slope_2", s::bong_tangent(1.0, 0.5, [0.6; 2], [0.2, bad], &mut out));
        parameter("mu with the resolution's shift", s::logit_normal(bad, 1.0, &mut out));
        parameter("std", s::logit_normal(0.0, bad, &mut out));
        parameter("shift", s::flow_shift(bad, None, None, "none", &mut out));
        parameter("terminal", s::flow_shift(1.0, Some(bad), None, "none", &mut out));
        parameter("lowest", s::flow_shift(1.0, None, Some(bad), "none", &mut out));
        parameter("mu", s::dynamic_shift(bad, false).map(drop));
        parameter("mu", s::dynamic_shift(bad, true).map(drop));
        parameter("max_shift", s::linear_mu(1.0, [256.0, 4096.0], 0.0, bad).map(drop));
        parameter("tokens", s::flux2_mu(bad, 20).map(drop));
        parameter("coefficient", s::gits(bad, &mut out));
        parameter("start", s::sd_turbo(&process, bad, &mut out));
        parameter("sigma_max", s::check_ends([None, Some(bad)]));
        parameter("value", s::check_value(bad));
        assert!(s::check_levels(&[bad]).is_err());
        assert!(s::flip_sigmas(&[bad]).is_err());
    }
    assert_eq!(
        fails(s::check_levels(&[2.0, 2.0])),
        "levels[1] is 2; expected positive, finite, strictly descending values"
    );
    assert_eq!(fails(s::check_levels(&[])), "levels has 0 values; expected 1 to 10000000");
    assert_eq!(fails(s::check_linear_steps(0)), "linear_steps is 0; expected 1 to 9999999");
    assert!(fails(s::linear_quadratic(1.0, 0.1, Some(10), &mut out)).contains("expected 1 to steps - 1 = 9"));
    assert!(fails(s::flow_shift(1.0, None, None, "lu", &mut out)).contains("none, karras, exponential, beta"));
    assert!(fails(s::optimal_steps("sd3", &mut out)).contains("flux, wan, chroma"));
    assert!(fails(s::align_your_steps_as("svd", 32, "nvidia", [None; 2], 10)).contains("sd15 and sdxl only"));
    assert!(fails(s::align_your_steps_as("svd", 11, "forge", [None; 2], 10)).contains("comfyui, a1111, nvidia"));
    assert!(
        fails(s::sd_turbo(&process, 1.0, &mut out.to_vec().repeat(2))).contains("at most 10: sd_turbo exists only")
    );
    let list = [4.0, 1.0, 0.0];
    assert!(fails(s::split_sigmas(&list, 3)).contains("0 to 2"));
    assert!(fails(s::concatenate_sigmas(&list, &[0.5])).contains("starts at 0.5; expected at most 0"));
    assert!(fails(s::extend_sigmas(&list, 2, 1.0, 5.0, "linear")).contains("start_at at or above end_at"));
    assert!(fails(s::extend_sigmas(&list, 2, 5.0, 1.0, "cubic")).contains("linear, cosine, sine"));
    assert!(fails(s::rescale_sigmas(&[1.0], 2.0, 1.0)).contains("two different ends"));
    assert!(fails(s::truncate_sigmas(&list, 0.5, 0.4)).contains("at least one level"));
    assert!(fails(s::strength_sigmas(&list, 0.5, "comfyui")).contains("diffusers, a1111, stable_diffusion_cpp"));
    assert_eq!(s::step_range_sigmas(&list, 2, 9, true), Ok(vec![]));
}

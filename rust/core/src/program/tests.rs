//! Programs run on plain numbers: allocation, slicing, folding and encoding must not change what comes out.

use std::collections::HashMap;

use proptest::prelude::*;

use super::*;
use crate::error::Error;
use crate::sampler::{Churn, Dpmpp2m, Dpmpp2mSde, Euler, EulerAncestral, Heun, Sampler, SolverType};

/// Runs operations on scalars. `den(x, sigma)`; noise is a function of the ordinal.
fn run(body: &Body, inputs: &HashMap<String, f64>, den: &dyn Fn(f64, f64) -> f64) -> (HashMap<String, f64>, Vec<f64>) {
    let mut reg = vec![f64::NAN; body.registers as usize];
    for p in &body.inputs {
        reg[p.register as usize] = inputs[&p.name.to_string()];
    }
    let mut xs = Vec::new();
    let mut step = 0;
    for (at, op) in body.ops.iter().enumerate() {
        while body.steps[step].end <= at {
            xs.push(reg[body.steps[step].x as usize]);
            step += 1;
        }
        match op {
            Op::Noise { out, ordinal, .. } => reg[*out as usize] = (f64::from(*ordinal) * 1.7 + 0.3).sin(),
            Op::Combine { inputs, rows } => {
                let made: Vec<f64> = rows
                    .iter()
                    .map(|r| r.terms.iter().map(|t| t.coefficient * reg[inputs[t.input] as usize]).sum())
                    .collect();
                rows.iter().zip(made).for_each(|(r, v)| reg[r.out as usize] = v);
            }
            Op::Denoise { out, input, sigma, second } => {
                let value = den(reg[*input as usize], *sigma);
                reg[*out as usize] = value;
                if let Some((_, r)) = second {
                    reg[*r as usize] = 0.5 * value;
                }
            }
        }
    }
    for s in &body.steps[step..] {
        xs.push(reg[s.x as usize]);
    }
    (body.outputs.iter().map(|p| (p.name.to_string(), reg[p.register as usize])).collect(), xs)
}

fn start(x: f64) -> HashMap<String, f64> {
    HashMap::from([("x".to_owned(), x)])
}

/// Smooth, not linear, so that no mistake in a coefficient cancels.
fn denoiser(x: f64, sigma: f64) -> f64 {
    (x / (1.0 + sigma)).tanh() * 0.8 + 0.1
}

type Compile = Box<dyn Fn(&[f64]) -> Program>;

fn samplers() -> Vec<Compile> {
    fn of(s: impl Sampler + 'static) -> Compile {
        Box::new(move |sigmas| s.compile(sigmas).unwrap())
    }
    let churn = Churn { s_churn: 2.0, s_tmin: 0.05, s_tmax: 8.0, s_noise: 1.01 };
    vec![
        of(Euler::default()),
        of(Euler { churn }),
        of(EulerAncestral::default()),
        of(EulerAncestral { eta: 0.3.into(), s_noise: 0.9.into() }),
        of(Heun::default()),
        of(Heun { churn }),
        of(Dpmpp2m),
        of(Dpmpp2mSde::default()),
        of(Dpmpp2mSde { eta: 0.4.into(), s_noise: 1.1.into(), solver_type: SolverType::Heun }),
        of(Dpmpp2mSde { eta: 0.0.into(), ..Dpmpp2mSde::default() }),
    ]
}

prop_compose! {
    fn schedules()(mut ratios in prop::collection::vec(0.2_f64..0.95, 1..9), top in 0.5_f64..80.0, zero in any::<bool>()) -> Vec<f64> {
        if ratios.len() == 1 { ratios.push(0.5); }
        let mut sigmas: Vec<f64> = ratios.iter().scan(top, |s, r| { let now = *s; *s *= r; Some(now) }).collect();
        if zero { *sigmas.last_mut().unwrap() = 0.0; }
        sigmas
    }
}

fn close(a: f64, b: f64) -> bool {
    (a - b).abs() <= 1e-12 * (1.0 + a.abs().max(b.abs()))
}

proptest! {
    // A part of what PROPTEST_CASES asks for: each case here is a whole family of checks.
    #![proptest_config(ProptestConfig::with_cases(ProptestConfig::default().cases / 4))]

    #[test]
    fn allocation_never_changes_a_result(sigmas in schedules(), x in -30.0_f64..30.0) {
        for make in samplers() {
            let program = make(&sigmas);
            let values = program.to_values();
            let (a, xs_a) = run(program.body(), &start(x), &denoiser);
            let (b, xs_b) = run(&values, &start(x), &denoiser);
            prop_assert_eq!(a, b);
            prop_assert_eq!(xs_a, xs_b);
            prop_assert_eq!(Program::allocate(values).unwrap(), program);
        }
    }

    #[test]
    fn slices_one_after_the_other_are_the_program(sigmas in schedules(), x in -30.0_f64..30.0, cut in any::<prop::sample::Index>()) {
        prop_assume!(sigmas.len() > 2);
        let cut = 1 + cut.index(sigmas.len() - 2);
        for make in samplers() {
            for keep in [None, Some(false), Some(true)] {
                let program = keep.map_or_else(|| make(&sigmas), |keep| folded(&make(&sigmas), keep));
                let (whole, xs) = run(program.body(), &start(x), &denoiser);
                let (first, second) = (program.slice(0, cut).unwrap(), program.slice(cut, sigmas.len() - 1).unwrap());
                let (between, xs_first) = run(first.body(), &start(x), &denoiser);
                let (end, xs_second) = run(second.body(), &between, &denoiser);
                prop_assert_eq!(&whole, &end);
                prop_assert_eq!(xs, [xs_first, xs_second].concat());
                prop_assert_eq!(second.offset().steps as usize, cut);
                let names = |ports: &[Port]| ports.iter().map(|p| p.name).collect::<Vec<_>>();
                prop_assert_eq!(names(&program.boundary(cut).unwrap()), names(second.inputs()));
                // Stopping the whole program there and reading those registers is stopping the first part.
                let mut stopped = program.body().clone();
                let end = stopped.steps[cut - 1].end;
                stopped.ops.truncate(end);
                stopped.steps.truncate(cut);
                stopped.outputs = program.boundary(cut).unwrap();
                prop_assert_eq!(&run(&stopped, &start(x), &denoiser).0, &between);
                prop_assert_eq!(second.noise_range(), program.noise_range());
                prop_assert_eq!(program.slice(0, sigmas.len() - 1).unwrap(), program);
            }
        }
    }

    #[test]
    fn folding_never_changes_a_result(sigmas in schedules(), x in -30.0_f64..30.0) {
        for make in samplers() {
            let program = make(&sigmas);
            let (plain, xs) = run(program.body(), &start(x), &denoiser);
            for keep in [false, true] {
                let folded = folded(&program, keep);
                let (raw, xs_raw) = run(folded.body(), &start(x), &network);
                prop_assert!(close(plain["x"], raw["x"]), "{} {}", plain["x"], raw["x"]);
                prop_assert!(xs.iter().zip(&xs_raw).all(|(a, b)| close(*a, *b)));
                prop_assert_eq!(folded.steps().iter().all(|s| s.denoised.is_some()), keep);
            }
        }
    }

    #[test]
    fn encoding_round_trips_and_survives_damage(sigmas in schedules(), which in 0_usize..10, at in any::<prop::sample::Index>(), by in -3_i64..70000) {
        let program = samplers()[which](&sigmas);
        let (structure, numbers) = program.encode();
        let back = Program::decode(&structure, &numbers).unwrap();
        prop_assert_eq!(&back, &program);
        prop_assert_eq!(back.digest(), program.digest());
        // Whatever is changed or cut off, decoding gives a valid program or an error, never a panic.
        let mut damaged = structure.clone();
        let i = at.index(damaged.len());
        damaged[i] = by;
        let _ = Program::decode(&damaged, &numbers);
        prop_assert!(Program::decode(&structure[..i], &numbers).is_err());
        prop_assert!(Program::decode(&structure, &numbers[..at.index(numbers.len())]).is_err());
    }

    #[test]
    fn tracer_algebra_is_arithmetic(ks in prop::collection::vec((0_usize..5, -3.0_f64..3.0, 0_usize..3), 1..12), x in -2.0_f64..2.0, d in -2.0_f64..2.0) {
        let mut t = Trace::new(vec![1.0, 0.5]).unwrap();
        let s = t.start();
        let den = t.denoise(&s, 1.0);
        let (mut v, mut want) = (s.clone(), x);
        for (op, k, operand) in ks {
            let (o, value) = match operand { 0 => (&s, x), 1 => (&den, d), _ => (&v.clone(), want) };
            let k = if k.abs() < 0.1 { 0.5 } else { k };
            match op {
                0 => { v = &v + o; want += value; }
                1 => { v = &v - o; want -= value; }
                2 => { v = &v * k; want *= k; }
                3 => { v = &v / k; want /= k; }
                _ => { v = -&v; want = -want; }
            }
        }
        t.end_step(&v);
        let program = t.finish().unwrap();
        let (out, _) = run(program.body(), &start(x), &|_, _| d);
        prop_assert!((out["x"] - want).abs() <= 1e-11 * (1.0 + want.abs() + v.terms().map(|t| t.1.abs()).sum::<f64>()));
    }

    #[test]
    fn jacobian_matches_differences(sigmas in schedules(), j in any::<prop::sample::Index>()) {
        let j = j.index(sigmas.len());
        prop_assume!(sigmas[j] > 0.0);
        let sampler = Dpmpp2mSde { eta: 0.7.into(), ..Dpmpp2mSde::default() };
        let jac = jacobian(&sampler, &sigmas, Setting::VE).unwrap();
        let numbers = |sigmas: &[f64]| -> Vec<f64> {
            let p = sampler.compile(sigmas).unwrap();
            p.ops().iter().flat_map(|op| match op {
                Op::Combine { rows, .. } => rows.iter().flat_map(|r| &r.terms).map(|t| t.coefficient).collect(),
                Op::Denoise { sigma, .. } => vec![*sigma],
                Op::Noise { .. } => vec![],
            }).collect()
        };
        let h = 1e-5 * sigmas[j];
        let (mut up, mut down) = (sigmas.clone(), sigmas.clone());
        up[j] += h;
        down[j] -= h;
        let (up, down) = (numbers(&up), numbers(&down));
        prop_assert_eq!(jac.rows, up.len());
        for i in 0..jac.rows {
            let want = (up[i] - down[i]) / (2.0 * h);
            let got = jac.values[j * jac.rows + i];
            prop_assert!((got - want).abs() <= 1e-5 * (1.0 / sigmas[j] + want.abs()), "{got} {want}");
        }
    }
}

fn v_scaling(s: f64) -> Scaling {
    let v = 1.0 + s * s;
    Scaling { skip: 1.0 / v, out: -s / v.sqrt(), input: 1.0 / v.sqrt() }
}

/// The network whose v-prediction denoiser is [`denoiser`].
fn network(scaled: f64, s: f64) -> f64 {
    let c = v_scaling(s);
    let x = scaled / c.input;
    (denoiser(x, s) - c.skip * x) / c.out
}

fn folded(program: &Program, keep: bool) -> Program {
    let sigmas: Vec<f64> = program
        .ops()
        .iter()
        .filter_map(|op| if let Op::Denoise { sigma, .. } = op { Some(*sigma) } else { None })
        .collect();
    program.fold(&sigmas.iter().map(|&s| v_scaling(s)).collect::<Vec<_>>(), true, keep).unwrap()
}

const TEN: [f64; 11] = [14.6, 9.1, 5.5, 3.2, 1.7, 0.9, 0.45, 0.2, 0.08, 0.03, 0.0];

#[test]
fn programs_cost_what_the_design_says() {
    let cost = |p: &Program| {
        let a = p.analysis();
        (a.model_calls, a.passes, a.live_tensors)
    };
    assert_eq!(cost(&Euler::default().compile(&TEN).unwrap()), (10, 9, 2));
    assert_eq!(cost(&Heun::default().compile(&TEN).unwrap()), (19, 18, 3));
    assert_eq!(cost(&Dpmpp2m.compile(&TEN).unwrap()), (10, 9, 3));
    assert_eq!(cost(&Dpmpp2mSde::default().compile(&TEN).unwrap()), (10, 9, 4));
    // Folded: one pass per model call, and one that scales the starting x.
    assert_eq!(cost(&folded(&Euler::default().compile(&TEN).unwrap(), false)), (10, 11, 2));
    assert_eq!(cost(&folded(&Heun::default().compile(&TEN).unwrap(), false)), (19, 20, 3));
    assert_eq!(cost(&folded(&Dpmpp2m.compile(&TEN).unwrap(), false)), (10, 11, 4));
}

#[test]
fn last_step_to_zero_is_the_denoised_value_exactly() {
    for make in samplers() {
        let program = make(&[2.0, 0.0]);
        assert_eq!(run(program.body(), &start(1.5), &|_, _| 0.625).0["x"].to_bits(), 0.625_f64.to_bits());
    }
}

#[test]
fn a_term_that_rounds_to_zero_stays() {
    let mut t = Trace::new(vec![1.0, 0.5]).unwrap();
    let x = t.start();
    let den = t.denoise(&x, 1.0);
    let v = &x - &x + den;
    t.end_step(v);
    let Op::Combine { rows, .. } = &t.finish().unwrap().ops()[1].clone() else { panic!("a combine") };
    assert_eq!(rows[0].terms.len(), 2);
    assert_eq!(rows[0].terms[0].coefficient.to_bits(), 0);
}

#[test]
fn eta_zero_is_the_ode_method() {
    let sde = Dpmpp2mSde { eta: 0.0.into(), ..Dpmpp2mSde::default() }.compile(&TEN).unwrap();
    let ode = Dpmpp2m.compile(&TEN).unwrap();
    let (a, b) = (run(sde.body(), &start(3.0), &denoiser).0["x"], run(ode.body(), &start(3.0), &denoiser).0["x"]);
    assert!(close(a, b), "{a} {b}");
    let a = run(
        EulerAncestral { eta: 0.0.into(), s_noise: 1.0.into() }.compile(&TEN).unwrap().body(),
        &start(3.0),
        &denoiser,
    )
    .0["x"];
    let b = run(Euler::default().compile(&TEN).unwrap().body(), &start(3.0), &denoiser).0["x"];
    assert_eq!(a.to_bits(), b.to_bits());
}

#[test]
fn moments_of_one_euler_step_are_exact() {
    // x1 = x + (s1 - s)(x - D)/s with D = (d² x + s² μ)/(d² + s²) is affine in x.
    let (mu, d, s, s1) = (0.7_f64, 0.5_f64, 2.0_f64, 1.0_f64);
    let m = Euler::default().compile(&[s, s1]).unwrap().gaussian_moments(mu, d).unwrap();
    let shrink = 1.0 + (s1 - s) / s * (1.0 - d * d / (d * d + s * s));
    assert!(close(m[0].variance, d * d + s * s) && close(m[1].mean, mu));
    assert!(close(m[1].variance, shrink * shrink * (d * d + s * s)));
}

#[test]
fn ancestral_sampling_keeps_the_marginal_in_the_limit() {
    let n = 4000_u32;
    let sigmas: Vec<f64> = (0..=n).map(|i| 10.0 * (0.01_f64).powf(f64::from(i) / f64::from(n))).collect();
    for m in [
        EulerAncestral::default().compile(&sigmas).unwrap().gaussian_moments(0.3, 0.5).unwrap(),
        Dpmpp2mSde::default().compile(&sigmas).unwrap().gaussian_moments(0.3, 0.5).unwrap(),
    ] {
        let last = m.last().unwrap();
        assert!((last.mean - 0.3).abs() < 1e-9);
        assert!((last.variance - (0.25 + 0.01)).abs() < 5e-3, "{}", last.variance);
    }
}

#[test]
fn overlapping_path_intervals_are_one_path() {
    // x + W(4→1)·√3 − W(4→2)·√2 − W(2→1)·1 = x exactly when the three come from one path.
    let mut t = Trace::new(vec![4.0, 1.0]).unwrap();
    let x = t.start();
    let whole = t.noise(4.0, 1.0) * 3.0_f64.sqrt();
    let parts = t.noise(4.0, 2.0) * 2.0_f64.sqrt() + t.noise(2.0, 1.0);
    t.end_step(x + (whole - parts));
    let program = t.finish().unwrap();
    assert!(program.needs_path());
    let m = program.gaussian_moments(0.0, 1.0).unwrap();
    assert!(close(m[1].variance, m[0].variance), "{} {}", m[1].variance, m[0].variance);
    assert!(!Dpmpp2mSde::default().compile(&TEN).unwrap().needs_path());
}

#[test]
fn a_repeated_expression_is_one_tensor() {
    let mut t = Trace::new(vec![2.0, 1.0]).unwrap();
    let x = t.start();
    let half = &x * 0.5;
    let (a, b) = (t.denoise(&half, 2.0), t.denoise(&half, 1.0));
    t.end_step(a + b);
    assert_eq!(t.finish().unwrap().analysis().passes, 2);
}

fn text(result: crate::Result<Program>) -> String {
    result.unwrap_err().to_string()
}

#[test]
fn broken_traces_say_why() {
    let t = || Trace::new(vec![2.0, 1.0]).unwrap();
    let mut a = t();
    let x = a.start();
    assert_eq!(text(a.clone().finish()), "the sampler ended 0 steps; expected 1, one less than there are sigmas");
    let y = a.end_step(&x);
    a.end_step(&y);
    assert_eq!(text(a.finish()), "the sampler ended 2 steps; expected 1, one less than there are sigmas");
    let mut a = t();
    let x = a.start();
    let den = a.denoise(&x, 2.0);
    let end = a.end_step(&x + &den);
    let mut b = t();
    b.end_step(&end);
    assert_eq!(text(b.finish()), "value 2 was not made by this trace; use only values this trace returned");
    let mut a = t();
    let x = a.start() / 0.0;
    a.end_step(x);
    assert!(text(a.finish()).starts_with("operation 0 has coefficient inf; expected a finite number"));
    assert_eq!(Trace::<f64>::new(vec![1.0]).unwrap_err().to_string(), "a program has 0 steps; expected 1 to 100000");
}

#[test]
fn sigmas_a_sampler_cannot_step_over_are_refused() {
    for (sigmas, index, got) in [
        (vec![1.0, f64::NAN], 1, "NaN"),
        (vec![f64::INFINITY, 1.0], 0, "inf"),
        (vec![1.0, -0.5], 1, "-0.5"),
        (vec![1.0, 1.0, 0.0], 1, "1"),
        (vec![1.0, 2.0], 1, "2"),
    ] {
        let error = Euler::default().compile(&sigmas).unwrap_err();
        assert!(error.to_string().starts_with(&format!("sigmas[{index}] is {got}; expected")), "{error}");
    }
    let bad = EulerAncestral { eta: (-1.0).into(), s_noise: 1.0.into() }.compile(&TEN).unwrap_err();
    assert!(matches!(bad, Error::Parameter { name: "eta", .. }));
    let churn = Churn { s_tmin: 2.0, s_tmax: 1.0, ..Churn::default() };
    assert!(
        Euler { churn }.compile(&TEN).unwrap_err().to_string().starts_with("s_tmax is 1; expected at least s_tmin")
    );
}

#[test]
fn transforms_refuse_what_they_cannot_do() {
    let program = Heun::default().compile(&TEN).unwrap();
    assert_eq!(text(program.slice(3, 3)), "steps 3..3 of a program of 10; expected 0 <= start < stop <= 10");
    assert_eq!(text(program.slice(3, 11)), "steps 3..11 of a program of 10; expected 0 <= start < stop <= 10");
    assert_eq!(text(program.fold(&[], true, false)), "0 scalings for 19 model calls; expected one each");
    let once = folded(&program, false);
    assert!(text(once.fold(&[v_scaling(1.0); 19], true, false)).starts_with("this program calls the network itself"));
    let sliced = Dpmpp2m.compile(&TEN).unwrap().slice(3, 10).unwrap();
    assert_eq!(sliced.inputs()[1].name.to_string(), "result[2]");
    assert!(text(sliced.fold(&[v_scaling(1.0); 7], true, false)).starts_with("a slice with history cannot be folded"));
    assert!(sliced.gaussian_moments(0.0, 1.0).is_err());
    assert!(program.gaussian_moments(0.0, -1.0).is_err());
}

#[test]
fn decode_refuses_other_versions() {
    let (mut structure, numbers) = Euler::default().compile(&TEN).unwrap().encode();
    structure[0] = 2;
    assert_eq!(text(Program::decode(&structure, &numbers)), "program format version 2; this release reads 1");
}

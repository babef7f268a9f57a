//! Derivatives of multistep and CFG++ programs with respect to their sigmas, against central differences.

use stepladder_core::program::{Op, Setting, jacobian};
use stepladder_core::sampler::{
    CfgppUd10Ab, Deis, DeisMode, Dpmpp2mCfgPp, Dpmpp2sAncestralCfgPp, EulerAncestralCfgPp, Form, GradientEstimation,
    Ipndm, IpndmV, Lms, Pndm, PndmStart, ResMultistep, Sampler,
};

const SIGMAS: [f64; 7] = [9.0, 6.5, 3.0, 1.4, 0.5, 0.2, 0.0];

fn numbers(sampler: &impl Sampler, sigmas: &[f64]) -> Vec<f64> {
    let program = sampler.compile(sigmas).unwrap();
    let of = |op: &Op| match op {
        Op::Combine { rows, .. } => rows.iter().flat_map(|r| &r.terms).map(|t| t.coefficient).collect(),
        Op::Denoise { sigma, .. } => vec![*sigma],
        Op::Noise { .. } => vec![],
    };
    program.ops().iter().flat_map(of).collect()
}

fn check(sampler: &impl Sampler) {
    let jac = jacobian(sampler, &SIGMAS, Setting::VE).unwrap();
    for j in 0..SIGMAS.len() - 1 {
        let h = 1e-5 * SIGMAS[j];
        let (mut up, mut down) = (SIGMAS, SIGMAS);
        up[j] += h;
        down[j] -= h;
        let (up, down) = (numbers(sampler, &up), numbers(sampler, &down));
        assert_eq!(jac.rows, up.len());
        for i in 0..jac.rows {
            let want = (up[i] - down[i]) / (2.0 * h);
            let got = jac.values[j * jac.rows + i];
            assert!((got - want).abs() <= 1e-6 * (1.0 / SIGMAS[j] + want.abs()), "row {i}, sigma {j}: {got} {want}");
        }
    }
}

#[test]
fn multistep() {
    check(&Lms::default());
    check(&Lms { order: 6, lower_order_final: false });
    check(&Ipndm::default());
    check(&IpndmV { form: Form::Comfyui, ..IpndmV::default() });
    check(&Pndm::default());
    check(&Pndm { start: PndmStart::RungeKutta });
    for mode in [DeisMode::Tab, DeisMode::Rhoab, DeisMode::Logrho] {
        check(&Deis { mode, ..Deis::default() });
    }
    check(&Deis { form: Form::Comfyui, ..Deis::default() });
}

#[test]
fn exponential_and_estimated() {
    check(&ResMultistep::default());
    check(&ResMultistep { eta: 0.7.into(), cfg_pp: true, ..ResMultistep::default() });
    check(&GradientEstimation::default());
    check(&GradientEstimation { cfg_pp: true, ..GradientEstimation::default() });
}

#[test]
fn cfg_pp() {
    check(&EulerAncestralCfgPp { eta: 0.7.into(), ..EulerAncestralCfgPp::default() });
    check(&Dpmpp2sAncestralCfgPp { eta: 0.7.into(), ..Dpmpp2sAncestralCfgPp::default() });
    check(&Dpmpp2sAncestralCfgPp { eta: 0.7.into(), form: Form::Comfyui, ..Dpmpp2sAncestralCfgPp::default() });
    check(&Dpmpp2mCfgPp);
    check(&CfgppUd10Ab::default());
}

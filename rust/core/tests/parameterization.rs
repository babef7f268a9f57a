//! Parameterizations: the identities that define them, and what is refused.

use proptest::prelude::*;
use stepladder_core::parameterization::{Parameterization, Prediction, is_max_denoise};
use stepladder_core::process::{BetaSchedule, DiscreteProcess, EdmProcess};

proptest! {
    /// Karras et al., appendix B.6: `c_in` gives the input unit variance, `c_skip` minimises `c_out`, and `c_out²` is
    /// the variance of what the network has to add to `c_skip x`.
    #[test]
    fn scalings_satisfy_their_definitions(sigma in 0.0..1e4, sigma_data in 0.1..10.0) {
        let variance = sigma * sigma + sigma_data * sigma_data;
        for name in ["epsilon", "v_prediction", "edm", "trigflow"] {
            let p = Parameterization::new(Prediction::parse(name).unwrap(), sigma_data).unwrap();
            prop_assert!((p.c_in(sigma).powi(2) * variance - 1.0).abs() < 1e-14);
            if p.prediction() != Prediction::Epsilon {
                prop_assert!((p.c_skip(sigma) * variance / sigma_data.powi(2) - 1.0).abs() < 1e-14);
                let residual = (1.0 - p.c_skip(sigma)).powi(2) * sigma_data.powi(2) + (p.c_skip(sigma) * sigma).powi(2);
                prop_assert!((p.c_out(sigma).powi(2) - residual).abs() <= 1e-12 * residual.max(1e-12));
            }
        }
    }

    #[test]
    fn vectors_equal_scalars(sigmas in prop::collection::vec(0.0..1.0, 0..20)) {
        for name in Prediction::NAMES {
            let p = Parameterization::new(Prediction::parse(name).unwrap(), 0.5).unwrap();
            let mut out = vec![0.0; sigmas.len()];
            p.fill_c_skip(&sigmas, &mut out).unwrap();
            prop_assert!(out.iter().zip(&sigmas).all(|(value, &sigma)| value.to_bits() == p.c_skip(sigma).to_bits()));
            p.fill_c_out(&sigmas, &mut out).unwrap();
            prop_assert!(out.iter().zip(&sigmas).all(|(value, &sigma)| value.to_bits() == p.c_out(sigma).to_bits()));
            p.fill_c_in(&sigmas, &mut out).unwrap();
            prop_assert!(out.iter().zip(&sigmas).all(|(value, &sigma)| value.to_bits() == p.c_in(sigma).to_bits()));
        }
    }
}

#[test]
fn v_and_edm_differ_by_the_sign_of_the_output() {
    let v = Parameterization::new(Prediction::V, 0.5).unwrap();
    let edm = Parameterization::new(Prediction::Edm, 0.5).unwrap();
    assert!(v.c_out(2.0) < 0.0);
    assert_eq!(v.c_out(2.0).to_bits(), (-edm.c_out(2.0)).to_bits());
    assert!((edm.c_out(2.0) - 2.0 * 0.5 / 4.25_f64.sqrt()).abs() < 1e-15);
}

#[test]
fn the_network_is_told_time_or_log_sigma() {
    let process = DiscreteProcess::new(BetaSchedule::ScaledLinear, 8.5e-4, 1.2e-2, 1000).unwrap();
    let mut out = [0.0];
    for (name, expected) in [("epsilon", 999.0), ("v_prediction", 999.0), ("edm", 0.25 * 20.0_f64.ln())] {
        let p = Parameterization::new(Prediction::parse(name).unwrap(), 1.0).unwrap();
        p.c_noise(&[20.0], Some(&process), &mut out).unwrap();
        assert!((out[0] - expected).abs() < 1e-15);
    }
    let edm = Parameterization::new(Prediction::Edm, 1.0).unwrap();
    let process = EdmProcess::new(0.002, 80.0).unwrap();
    assert_eq!(
        edm.c_noise(&[0.0], Some(&process), &mut out).unwrap_err().to_string(),
        "sigma is 0; expected 0 to 1e150, 0 excluded"
    );
}

#[test]
fn the_top_of_the_range_starts_from_pure_noise() {
    let p = Parameterization::new(Prediction::Epsilon, 1.0).unwrap();
    assert_eq!(p.noise_scaling(3.0, false), (1.0, 3.0));
    assert_eq!(p.noise_scaling(3.0, true), (1.0, 10.0_f64.sqrt()));
    assert!(is_max_denoise(14.6147, 14.6146) && is_max_denoise(14.6145, 14.6146));
    assert!(!is_max_denoise(14.6, 14.6146));
    let flow = Parameterization::new(Prediction::Flow, 1.0).unwrap();
    assert_eq!(flow.noise_scaling(0.25, true), (0.75, 0.25));
}

#[test]
fn what_is_not_a_noise_level_is_named() {
    let p = Parameterization::new(Prediction::Epsilon, 1.0).unwrap();
    let mut out = [0.0; 2];
    assert_eq!(p.fill_c_in(&[1.0, -1.0], &mut out).unwrap_err().to_string(), "sigma[1] is -1; expected 0 to 1e150");
    assert_eq!(
        p.fill_c_out(&[1.0], &mut out).unwrap_err().to_string(),
        "sigma has 1 values; expected 2, as the output"
    );
    let flow = Parameterization::new(Prediction::Flow, 1.0).unwrap();
    assert_eq!(flow.fill_c_out(&[0.5, 1.5], &mut out).unwrap_err().to_string(), "sigma[1] is 1.5; expected 0 to 1");
    assert_eq!(
        Parameterization::consistency(0.5, -1.0).unwrap_err().to_string(),
        "sigma_min is -1; expected 0 to 1e150"
    );
    for sigma_data in [0.0, -1.0, f64::NAN, f64::INFINITY] {
        assert!(Parameterization::new(Prediction::V, sigma_data).is_err());
    }
    assert!(
        Prediction::parse("sample").unwrap_err().to_string().contains("epsilon, v_prediction, v_prediction_ddpm, edm")
    );
}

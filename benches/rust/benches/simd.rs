//! exp, ln and pow per element on arrays that fit the second cache, beside the scalar functions of the C library. Each
//! case asserts its answer before it is timed.

use std::hint::black_box;
use std::time::Duration;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use stepladder_core::simd;

const LEN: usize = 32_768;

macro_rules! bench {
    ($c:ident, $t:ident, $tolerance:literal) => {{
        let xs: Vec<$t> = (0..LEN).map(|i| 0.01 + 80.0 * ((i * 7919) % LEN) as $t / LEN as $t).collect();
        let mut ys = vec![0.0; LEN];
        let mut group = $c.benchmark_group(stringify!($t));
        group.throughput(Throughput::Elements(LEN as u64));
        let mut case = |name: &str, vector: &dyn Fn(&mut [$t], &[$t]), scalar: &dyn Fn($t) -> $t| {
            vector(&mut ys, &xs);
            for (x, y) in xs.iter().zip(&ys) {
                let truth = scalar(*x);
                assert!((y - truth).abs() <= $tolerance * truth.abs().max(1.0), "{name}({x}) = {y}, not {truth}");
            }
            group.bench_function(name, |b| b.iter(|| vector(black_box(&mut ys), black_box(&xs))));
        };
        case("exp", &simd::exp_into, &$t::exp);
        case("ln", &simd::ln_into, &$t::ln);
        case("pow 6.7", &|ys, xs| simd::pow_into(ys, xs, 6.7), &|x| x.powf(6.7));
        case("pow 1/7", &|ys, xs| simd::pow_into(ys, xs, 1.0 / 7.0), &|x| x.powf(1.0 / 7.0));
        case("pow 7", &|ys, xs| simd::pow_into(ys, xs, 7.0), &|x| x.powf(7.0));
        group.bench_function("scalar exp", |b| {
            b.iter(|| black_box(&mut ys).iter_mut().zip(black_box(&xs)).for_each(|(y, x)| *y = x.exp()));
        });
        group.finish();
    }};
}

fn functions(c: &mut Criterion) {
    bench!(c, f64, 2e-15);
    bench!(c, f32, 1e-6);
}

fn quick() -> Criterion {
    Criterion::default()
        .sample_size(20)
        // The default's 100,000 take longer than the measurement.
        .nresamples(2000)
        .without_plots()
        .warm_up_time(Duration::from_millis(200))
        .measurement_time(Duration::from_millis(500))
}

criterion_group! { name = benches; config = quick(); targets = functions }
criterion_main!(benches);

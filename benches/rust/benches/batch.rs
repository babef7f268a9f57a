//! 100,000 schedules of 20 to 50 steps, each with its own range, into one buffer, beside a copy of that buffer. Each
//! case asserts its answer before it is timed.

use std::hint::black_box;
use std::time::Duration;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use stepladder_core::schedule::{Batch, Column, Rule, exponential, karras};
use stepladder_core::simd::Float;

const COUNT: usize = 100_000;

fn fill<T: Float + Default>(c: &mut Criterion, group: &str, rule: Rule<'_>, single: impl Fn(usize, &mut [f64])) {
    let steps: Vec<i64> = (0..COUNT).map(|i| 20 + (i * 7919 % 31).cast_signed() as i64).collect();
    let batch = Batch::new(rule, Column::Each(&steps), Column::All(1.0)).unwrap();
    let mut offsets = vec![0; COUNT + 1];
    let mut values = vec![T::default(); batch.total()];
    batch.fill(&mut offsets, &mut values, 1).unwrap();
    for index in (0..COUNT).step_by(997) {
        let place = usize::try_from(offsets[index]).unwrap()..usize::try_from(offsets[index + 1]).unwrap();
        let mut truth = vec![0.0; place.len()];
        single(index, &mut truth);
        for (value, truth) in values[place].iter().zip(truth) {
            let value: f64 = (*value).into();
            assert!((value - truth).abs() <= 1e-6 * truth, "{value} is not {truth}");
        }
    }
    let mut group = c.benchmark_group(group);
    group.throughput(Throughput::Elements(values.len() as u64));
    group.bench_function("fill", |b| {
        b.iter(|| batch.fill(black_box(&mut offsets), black_box(&mut values), 1).unwrap());
    });
    group.bench_function("check", |b| {
        b.iter(|| Batch::new(black_box(rule), Column::Each(&steps), Column::All(1.0)).unwrap().total());
    });
    let source = values.clone();
    group.bench_function("copy", |b| b.iter(|| black_box(&mut values).copy_from_slice(black_box(&source))));
    group.finish();
}

fn batches(c: &mut Criterion) {
    let spread = |i: usize| (i * 104_729 % COUNT) as f64 / COUNT as f64;
    let low: Vec<f64> = (0..COUNT).map(|i| 0.002 + 0.05 * spread(i)).collect();
    let high: Vec<f64> = (0..COUNT).map(|i| 10.0 + 100.0 * spread(i + 7)).collect();
    let rhos: Vec<f64> = (0..COUNT).map(|i| 3.0 + 7.0 * spread(i + 11)).collect();
    let (sigma_min, sigma_max) = (Column::Each(&low), Column::Each(&high));
    for (name, rho) in [("karras 7", Column::All(7.0)), ("karras 5", Column::All(5.0)), ("karras", Column::Each(&rhos))]
    {
        let rule = Rule::Karras { sigma_min, sigma_max, rho };
        let rho = |i: usize| if let Column::All(rho) = rho { rho } else { rhos[i] };
        fill::<f64>(c, &format!("{name} f64"), rule, |i, out| karras(low[i], high[i], rho(i), out).unwrap());
        fill::<f32>(c, &format!("{name} f32"), rule, |i, out| karras(low[i], high[i], rho(i), out).unwrap());
    }
    let rule = Rule::Exponential { sigma_min, sigma_max };
    fill::<f64>(c, "exponential f64", rule, |i, out| exponential(low[i], high[i], out).unwrap());
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

criterion_group! { name = benches; config = quick(); targets = batches }
criterion_main!(benches);

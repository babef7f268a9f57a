//! Binding of `stepladder_core::program`.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};

use numpy::{IntoPyArray, PyArray1, PyArray2, PyReadonlyArray1};
use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict, PyList, PyTuple};
use smallvec::SmallVec;
use stepladder_core::kernel::{self, Dtype, INLINE_TERMS, Operand, OperandMut, RowSpec};
use stepladder_core::process::Family;
use stepladder_core::program as core;
use stepladder_core::program::{Calls, Op, Scaling, Second, Stream};

use stepladder_core::sampler::Sampler;

use crate::error::to_py;
use crate::kernel::DETACH_ELEMENTS;

/// What a pass came to.
const NOT_FINITE: u8 = 0;
const FINITE: u8 = 1;
const NO_BUFFER: u8 = 2;
const NO_POINTER: u8 = 3;

/// Operands of a pass on their way to where the GIL is not held.
struct Shared<'a>(&'a [RowSpec<'a>], &'a [Operand], &'a [OperandMut]);

// SAFETY: plain addresses, used by one thread at a time; the executor vouches for what they point to.
unsafe impl Send for Shared<'_> {}

/// Traces are numbered, so that a value of one is not mistaken for a value of another.
static TRACES: AtomicU64 = AtomicU64::new(0);

/// A linear combination of the tensors of one trace: `+`, `-`, and `*` and `/` by a number.
#[pyclass(module = "stepladder", frozen, from_py_object)]
#[derive(Clone)]
pub(crate) struct Linear {
    trace: u64,
    inner: core::Linear<f64>,
}

impl Linear {
    fn of(&self, inner: core::Linear<f64>) -> Self {
        Self { trace: self.trace, inner }
    }

    fn same_trace(&self, other: &Self) -> PyResult<()> {
        if self.trace == other.trace {
            return Ok(());
        }
        Err(crate::error::ProgramError::new_err("values of two different traces; use only values this trace returned"))
    }
}

#[pymethods]
impl Linear {
    /// NumPy scalars must come to our operators, not the other way round.
    #[classattr]
    fn __array_ufunc__() -> Option<Py<PyAny>> {
        None
    }

    fn __add__(&self, other: &Self) -> PyResult<Self> {
        self.same_trace(other)?;
        Ok(self.of(&self.inner + &other.inner))
    }

    fn __sub__(&self, other: &Self) -> PyResult<Self> {
        self.same_trace(other)?;
        Ok(self.of(&self.inner - &other.inner))
    }

    fn __mul__(&self, k: f64) -> Self {
        self.of(&self.inner * k)
    }

    fn __rmul__(&self, k: f64) -> Self {
        self.of(&self.inner * k)
    }

    fn __truediv__(&self, k: f64) -> Self {
        self.of(&self.inner / k)
    }

    fn __neg__(&self) -> Self {
        self.of(-&self.inner)
    }

    fn __pos__(&self) -> Self {
        self.clone()
    }

    /// The (value, coefficient) pairs.
    #[getter]
    fn terms(&self) -> Vec<(u32, f64)> {
        self.inner.terms().collect()
    }

    fn __repr__(&self) -> String {
        let terms: Vec<String> = self.inner.terms().map(|(id, c)| format!("{c}*v{id}")).collect();
        format!("Linear({})", terms.join(" + "))
    }
}

/// Records what a sampler computes.
#[pyclass(module = "stepladder")]
pub(crate) struct Trace {
    id: u64,
    inner: Option<core::Trace<f64>>,
    setting: core::Setting,
    /// Whether derivatives are wanted, and those of the compiled method that recorded itself.
    wants_jacobian: bool,
    jacobian: Option<core::Jacobian>,
    process: Option<Py<PyAny>>,
    asked_process: bool,
}

impl Trace {
    /// The recorder, unless it has been finished.
    pub(crate) fn live(&mut self) -> PyResult<&mut core::Trace<f64>> {
        self.inner.as_mut().ok_or_else(|| crate::error::ProgramError::new_err("this trace is finished; make a new one"))
    }

    /// Lets a compiled method record itself, and its derivatives where they are wanted.
    pub(crate) fn record(&mut self, sampler: &impl Sampler) -> PyResult<()> {
        let sigmas = self.live()?.sigmas().to_vec();
        sampler.trace(self.live()?).map_err(to_py)?;
        if self.wants_jacobian {
            self.jacobian = Some(core::jacobian(sampler, &sigmas, self.setting).map_err(to_py)?);
        }
        Ok(())
    }

    fn linear(&self, inner: core::Linear<f64>) -> Linear {
        Linear { trace: self.id, inner }
    }

    fn own(&mut self, v: &Linear) -> PyResult<&mut core::Trace<f64>> {
        if v.trace != self.id {
            return Err(crate::error::ProgramError::new_err(
                "a value of another trace; use only values this trace returned",
            ));
        }
        self.live()
    }
}

#[pymethods]
impl Trace {
    #[new]
    #[pyo3(signature = (sigmas, family = "ve", sigma_snr = f64::MAX, jacobian = false, process = None))]
    #[expect(clippy::needless_pass_by_value, reason = "the shape pyo3 wants")]
    fn new(
        sigmas: PyReadonlyArray1<'_, f64>,
        family: &str,
        sigma_snr: f64,
        jacobian: bool,
        process: Option<Py<PyAny>>,
    ) -> PyResult<Self> {
        let sigmas = sigmas.as_slice().map_err(|_| PyTypeError::new_err("sigmas is not contiguous"))?;
        stepladder_core::sampler::check_sigmas(sigmas).map_err(to_py)?;
        let setting = core::Setting { family: Family::parse(family).map_err(to_py)?, sigma_snr };
        let inner = core::Trace::over(sigmas.to_vec(), setting).map_err(to_py)?;
        Ok(Self {
            id: TRACES.fetch_add(1, Ordering::Relaxed),
            inner: Some(inner),
            setting,
            wants_jacobian: jacobian,
            jacobian: None,
            process,
            asked_process: false,
        })
    }

    fn start(&mut self) -> PyResult<Linear> {
        let x = self.live()?.start();
        Ok(self.linear(x))
    }

    fn hold(&mut self, value: &Linear) -> PyResult<Linear> {
        let held = self.own(value)?.hold(&value.inner);
        Ok(self.linear(held))
    }

    fn denoise(&mut self, x: &Linear, sigma: f64) -> PyResult<Linear> {
        let den = self.own(x)?.denoise(&x.inner, sigma);
        Ok(self.linear(den))
    }

    fn denoise_uncond(&mut self, x: &Linear, sigma: f64) -> PyResult<(Linear, Linear)> {
        let (den, uncond) = self.own(x)?.denoise_two(&x.inner, sigma, Second::Uncond);
        Ok((self.linear(den), self.linear(uncond)))
    }

    fn denoise_unclipped(&mut self, x: &Linear, sigma: f64) -> PyResult<(Linear, Linear)> {
        let (den, unclipped) = self.own(x)?.denoise_two(&x.inner, sigma, Second::Unclipped);
        Ok((self.linear(den), self.linear(unclipped)))
    }

    fn noise(&mut self, sigma_from: f64, sigma_to: f64) -> PyResult<Linear> {
        let noise = self.live()?.noise(sigma_from, sigma_to);
        Ok(self.linear(noise))
    }

    fn independent_noise(&mut self, sigma_from: f64, sigma_to: f64) -> PyResult<Linear> {
        let noise = self.live()?.independent_noise(sigma_from, sigma_to);
        Ok(self.linear(noise))
    }

    fn skip_noise(&mut self, sigma_from: f64, sigma_to: f64) -> PyResult<()> {
        self.live()?.skip_noise(sigma_from, sigma_to);
        Ok(())
    }

    fn set_levels(&mut self, levels: Vec<f64>) -> PyResult<()> {
        self.live()?.set_levels(levels).map_err(to_py)
    }

    /// Whether the method looked at the process.
    #[getter]
    fn asked_process(&self) -> bool {
        self.asked_process
    }

    #[getter]
    fn process(&mut self, py: Python<'_>) -> Option<Py<PyAny>> {
        self.asked_process = true;
        self.process.as_ref().map(|process| process.clone_ref(py))
    }

    #[getter]
    fn is_flow(&mut self) -> PyResult<bool> {
        Ok(self.live()?.is_flow())
    }

    #[getter]
    fn snr_sigmas(&mut self) -> PyResult<Vec<f64>> {
        Ok(self.live()?.snr_sigmas())
    }

    fn alpha(&mut self, sigma: f64) -> PyResult<f64> {
        Ok(self.live()?.alpha(sigma))
    }

    fn half_log_snr(&mut self, sigma: f64) -> PyResult<f64> {
        Ok(self.live()?.half_log_snr(sigma))
    }

    fn sigma_from_half_log_snr(&mut self, half_log_snr: f64) -> PyResult<f64> {
        Ok(self.live()?.sigma_from_half_log_snr(half_log_snr))
    }

    fn end_step(&mut self, x: &Linear) -> PyResult<Linear> {
        let x = self.own(x)?.end_step(&x.inner);
        Ok(self.linear(x))
    }

    /// Derivatives of every coefficient and model-call sigma, (numbers, sigmas); None unless a compiled method left them.
    fn jacobian<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyArray2<f64>>>> {
        let Some(jacobian) = &self.jacobian else { return Ok(None) };
        let columns = jacobian.values.len() / jacobian.rows.max(1);
        let by_sigma = numpy::ndarray::ArrayView2::from_shape((columns, jacobian.rows), &jacobian.values);
        match by_sigma {
            Ok(view) => Ok(Some(view.t().to_owned().into_pyarray(py))),
            Err(error) => Err(PyTypeError::new_err(error.to_string())),
        }
    }

    fn finish(&mut self) -> PyResult<Program> {
        self.live()?;
        let trace = self.inner.take();
        trace.map_or_else(|| unreachable!("checked by live"), |t| t.finish().map(Program::new).map_err(to_py))
    }
}

/// A compiled program.
#[pyclass(module = "stepladder", frozen, eq, hash)]
pub(crate) struct Program {
    pub(crate) inner: core::Program,
    digest: OnceLock<[u8; 32]>,
}

impl PartialEq for Program {
    fn eq(&self, other: &Self) -> bool {
        self.inner == other.inner
    }
}

impl std::hash::Hash for Program {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        self.digest_bytes().hash(state);
    }
}

impl Program {
    pub(crate) fn new(inner: core::Program) -> Self {
        Self { inner, digest: OnceLock::new() }
    }

    fn digest_bytes(&self) -> &[u8; 32] {
        self.digest.get_or_init(|| self.inner.digest())
    }
}

type PortTuple = (String, u32);
type StepTuple = (f64, f64, usize, u32, Option<(usize, u32)>);

fn ports(ports: &[core::Port]) -> Vec<PortTuple> {
    ports.iter().map(|p| (p.name.to_string(), p.register)).collect()
}

fn name_of(second: Second) -> &'static str {
    match second {
        Second::Uncond => "uncond",
        Second::Unclipped => "unclipped",
        Second::Branches => "branches",
    }
}

#[pymethods]
impl Program {
    #[getter]
    fn registers(&self) -> u32 {
        self.inner.registers()
    }

    #[getter]
    fn sigma_start(&self) -> f64 {
        self.inner.sigma_start()
    }

    #[getter]
    fn sigma_end(&self) -> f64 {
        self.inner.sigma_end()
    }

    #[getter]
    fn noise_range(&self) -> Option<(f64, f64)> {
        self.inner.noise_range()
    }

    #[getter]
    fn calls(&self) -> &'static str {
        match self.inner.calls() {
            Calls::Denoiser => "denoiser",
            Calls::Network => "network",
        }
    }

    #[getter]
    fn flow(&self) -> bool {
        self.inner.is_flow()
    }

    /// Steps, model calls and combines before this slice.
    #[getter]
    fn offset(&self) -> (u32, u32, u32) {
        let o = self.inner.offset();
        (o.steps, o.calls, o.combines)
    }

    #[getter]
    fn inputs(&self) -> Vec<PortTuple> {
        ports(self.inner.inputs())
    }

    #[getter]
    fn outputs(&self) -> Vec<PortTuple> {
        ports(self.inner.outputs())
    }

    #[getter]
    fn steps(&self) -> Vec<StepTuple> {
        self.inner.steps().iter().map(|s| (s.sigma, s.sigma_next, s.end, s.x, s.denoised)).collect()
    }

    #[getter]
    fn step_count(&self) -> usize {
        self.inner.steps().len()
    }

    /// `("noise", out, sigma_from, sigma_to, stream, ordinal)`, `("combine", inputs, ((out, ((input, coefficient), …)), …))`
    /// or `("denoise", out, input, sigma, None | (kind, out))`.
    fn operations<'py>(&self, py: Python<'py>) -> PyResult<Vec<Bound<'py, PyTuple>>> {
        self.inner
            .ops()
            .iter()
            .map(|op| match op {
                Op::Noise { out, sigma_from, sigma_to, stream, ordinal } => {
                    let stream = u8::from(*stream == Stream::Independent);
                    ("noise", *out, *sigma_from, *sigma_to, stream, *ordinal).into_pyobject(py)
                }
                Op::Combine { inputs, rows } => {
                    let rows: Vec<_> = rows
                        .iter()
                        .map(|row| {
                            let terms: Vec<_> = row.terms.iter().map(|t| (t.input, t.coefficient)).collect();
                            Ok((row.out, PyTuple::new(py, terms)?))
                        })
                        .collect::<PyResult<_>>()?;
                    ("combine", PyTuple::new(py, inputs)?, PyTuple::new(py, rows)?).into_pyobject(py)
                }
                Op::Denoise { out, input, sigma, second } => {
                    ("denoise", *out, *input, *sigma, second.map(|(kind, out)| (name_of(kind), out))).into_pyobject(py)
                }
            })
            .collect()
    }

    /// Sigma of every model call.
    fn denoise_sigmas<'py>(&self, py: Python<'py>) -> Bound<'py, PyArray1<f64>> {
        let sigma = |op: &Op| if let Op::Denoise { sigma, .. } = op { Some(*sigma) } else { None };
        self.inner.ops().iter().filter_map(sigma).collect::<Vec<f64>>().into_pyarray(py)
    }

    fn slice(&self, start: usize, stop: usize) -> PyResult<Self> {
        self.inner.slice(start, stop).map(Self::new).map_err(to_py)
    }

    fn boundary(&self, step: usize) -> PyResult<Vec<PortTuple>> {
        self.inner.boundary(step).map(|p| ports(&p)).map_err(to_py)
    }

    #[expect(clippy::needless_pass_by_value, reason = "the shape pyo3 wants")]
    fn fold(
        &self,
        c_skip: PyReadonlyArray1<'_, f64>,
        c_out: PyReadonlyArray1<'_, f64>,
        c_in: Option<PyReadonlyArray1<'_, f64>>,
        keep_denoised: bool,
        guidance: Option<PyReadonlyArray1<'_, f64>>,
    ) -> PyResult<Self> {
        let (skip, out) = (c_skip.as_array(), c_out.as_array());
        let input = c_in.as_ref().map(PyReadonlyArray1::as_array);
        let count = skip.len().min(out.len()).min(input.as_ref().map_or(usize::MAX, numpy::ndarray::ArrayBase::len));
        let scalings: Vec<Scaling> = (0..count)
            .map(|i| Scaling { skip: skip[i], out: out[i], input: input.as_ref().map_or(1.0, |c| c[i]) })
            .collect();
        let guidance = guidance.as_ref().map(|w| w.as_array().to_vec());
        self.inner
            .fold_guided(&scalings, input.is_some(), guidance.as_deref(), keep_denoised)
            .map(Self::new)
            .map_err(to_py)
    }

    #[expect(clippy::needless_pass_by_value, reason = "the shape pyo3 wants")]
    fn guide(&self, scales: PyReadonlyArray1<'_, f64>, keep_denoised: bool) -> PyResult<Self> {
        self.inner.guide(&scales.as_array().to_vec(), keep_denoised).map(Self::new).map_err(to_py)
    }

    /// The programs one after the other, as one.
    #[staticmethod]
    #[expect(clippy::needless_pass_by_value, reason = "the shape pyo3 wants")]
    fn concatenate(parts: Vec<PyRef<'_, Self>>, keep: bool) -> PyResult<Self> {
        let parts: Vec<&core::Program> = parts.iter().map(|p| &p.inner).collect();
        let history = if keep { core::History::Keep } else { core::History::Restart };
        core::Program::concatenate(&parts, history).map(Self::new).map_err(to_py)
    }

    /// The step of every model call, counted from this program's first.
    fn call_steps(&self) -> Vec<usize> {
        let mut step = 0;
        let mut found = Vec::new();
        for (at, op) in self.inner.ops().iter().enumerate() {
            while self.inner.steps()[step].end <= at {
                step += 1;
            }
            if matches!(op, Op::Denoise { .. }) {
                found.push(step);
            }
        }
        found
    }

    fn analysis<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let a = self.inner.analysis();
        let dict = PyDict::new(py);
        dict.set_item("model_calls", a.model_calls)?;
        dict.set_item("passes", a.passes)?;
        dict.set_item("terms", a.terms)?;
        dict.set_item("reads", a.reads)?;
        dict.set_item("writes", a.writes)?;
        dict.set_item("noise_draws", a.noise_draws)?;
        dict.set_item("live_tensors", a.live_tensors)?;
        dict.set_item("needs_path", a.needs_path)?;
        Ok(dict)
    }

    /// Mean and variance of x at the start and after every step, as an array of shape (steps + 1, 2).
    fn gaussian_moments<'py>(&self, py: Python<'py>, mean: f64, deviation: f64) -> PyResult<Bound<'py, PyAny>> {
        let moments = self.inner.gaussian_moments(mean, deviation).map_err(to_py)?;
        let flat: Vec<f64> = moments.iter().flat_map(|m| [m.mean, m.variance]).collect();
        flat.into_pyarray(py).call_method1("reshape", ((moments.len(), 2),))
    }

    /// Runs combine number `op` of the operations over `numel` elements. `pointers` holds the address of every
    /// register (0: not for this kernel), `owned` those of the run's own buffers (0: not made yet), of which `slots`
    /// names one per row. `codes` and `owned_codes` are the dtypes beside them; None: all float32.
    ///
    /// Returns `FINITE` or `NOT_FINITE` of the values written; or, having done nothing, `NO_BUFFER` or `NO_POINTER`.
    /// Releases the GIL around long passes.
    ///
    /// Not safe: the executor vouches for the addresses.
    #[expect(clippy::too_many_arguments, reason = "one call per pass is what a step costs: no object in between")]
    fn combine(
        &self,
        py: Python<'_>,
        op: usize,
        slots: &Bound<'_, PyTuple>,
        owned: &Bound<'_, PyList>,
        pointers: &Bound<'_, PyList>,
        owned_codes: Option<&Bound<'_, PyList>>,
        codes: Option<&Bound<'_, PyList>>,
        numel: usize,
    ) -> PyResult<u8> {
        let Some(Op::Combine { inputs, rows }) = self.inner.ops().get(op) else {
            return Err(crate::error::ExecutionError::new_err(format!("operation {op} is not a combine")));
        };
        if slots.len() != rows.len() {
            return Err(crate::error::ExecutionError::new_err("as many buffers as rows are needed"));
        }
        let code = |codes: Option<&Bound<'_, PyList>>, at: usize| match codes {
            None => Ok(Dtype::F32),
            Some(codes) => Dtype::try_from(codes.get_item(at)?.extract::<u8>()?).map_err(to_py),
        };
        let mut operands: SmallVec<[Operand; INLINE_TERMS]> = SmallVec::new();
        for &register in inputs {
            let at = register as usize;
            let address: usize = pointers.get_item(at)?.extract()?;
            if address == 0 {
                return Ok(NO_POINTER);
            }
            operands.push(Operand { ptr: std::ptr::with_exposed_provenance(address), dtype: code(codes, at)? });
        }
        let mut outputs: SmallVec<[OperandMut; 3]> = SmallVec::new();
        for slot in slots {
            let at: usize = slot.extract()?;
            let address: usize = owned.get_item(at)?.extract()?;
            if address == 0 {
                return Ok(NO_BUFFER);
            }
            let ptr = std::ptr::with_exposed_provenance_mut(address);
            outputs.push(OperandMut { ptr, dtype: code(owned_codes, at)? });
        }
        let specs: SmallVec<[RowSpec<'_>; 3]> = rows.iter().map(|row| RowSpec { terms: &row.terms }).collect();
        let pass = Shared(&specs, &operands, &outputs);
        let work = move || {
            let Shared(specs, operands, outputs) = { pass };
            // SAFETY: the executor passes addresses of live, contiguous CPU tensors of `numel` elements of these dtypes,
            // which it references until this returns, and which the run alone writes.
            unsafe { kernel::combine(specs, operands, outputs, numel, kernel::num_threads()) }
        };
        let tensors = inputs.len() + rows.len();
        let finite = if numel * tensors >= DETACH_ELEMENTS { py.detach(work) } else { work() };
        finite.map(|finite| if finite { FINITE } else { NOT_FINITE }).map_err(to_py)
    }

    fn encode<'py>(&self, py: Python<'py>) -> (Bound<'py, PyArray1<i64>>, Bound<'py, PyArray1<f64>>) {
        let (structure, numbers) = self.inner.encode();
        (structure.into_pyarray(py), numbers.into_pyarray(py))
    }

    #[staticmethod]
    #[expect(clippy::needless_pass_by_value, reason = "the shape pyo3 wants")]
    fn decode(structure: PyReadonlyArray1<'_, i64>, numbers: PyReadonlyArray1<'_, f64>) -> PyResult<Self> {
        let contiguous = |_| PyTypeError::new_err("expected contiguous arrays");
        let (structure, numbers) = (structure.as_slice().map_err(contiguous)?, numbers.as_slice().map_err(contiguous)?);
        core::Program::decode(structure, numbers).map(Self::new).map_err(to_py)
    }

    #[getter]
    fn digest<'py>(&self, py: Python<'py>) -> Bound<'py, PyBytes> {
        PyBytes::new(py, self.digest_bytes())
    }
}

pub(crate) fn register(m: &Bound<'_, PyModule>) -> PyResult<()> {
    m.add("PROGRAM_VERSION", core::FORMAT_VERSION)?;
    m.add("NOT_FINITE", NOT_FINITE)?;
    m.add("FINITE", FINITE)?;
    m.add("NO_BUFFER", NO_BUFFER)?;
    m.add("NO_POINTER", NO_POINTER)?;
    m.add_class::<Linear>()?;
    m.add_class::<Trace>()?;
    m.add_class::<Program>()
}

//! A program as two flat lists: integers for its structure, float64 for its numbers. Files hold them, and the digest
//! is taken over them.

use sha2::{Digest, Sha256};

use super::ir::{
    Body, Calls, MAX_ROWS, MAX_STEPS, Offset, Op, Port, PortName, Register, Row, Second, Step, Stream, Term,
};
use super::trace::canonical;
use super::{Program, ProgramError};
use crate::error::Result;

/// Version of the encoding and of the algorithms behind the coefficients; part of the digest.
pub const FORMAT_VERSION: i64 = 1;

/// Added to the code of what calls call, for a program over a flow.
const FLOW: u32 = 2;

impl Program {
    /// The program as integers and float64 numbers. [`Program::decode`] is the inverse.
    #[must_use]
    pub fn encode(&self) -> (Vec<i64>, Vec<f64>) {
        let mut w = Writer { structure: vec![FORMAT_VERSION], numbers: Vec::new() };
        let body = self.body();
        let calls = match body.calls {
            Calls::Denoiser => 0_u32,
            Calls::Network => 1,
        };
        w.word(calls + if body.flow { FLOW } else { 0 });
        w.word(body.offset.steps);
        w.word(body.offset.calls);
        w.word(body.offset.combines);
        w.word(body.registers);
        w.word(u32::from(body.noise_range.is_some()));
        if let Some((lo, hi)) = body.noise_range {
            w.numbers.extend([lo, hi]);
        }
        w.ports(&body.inputs);
        w.ports(&body.outputs);
        w.count(body.ops.len());
        body.ops.iter().for_each(|op| w.op(op));
        w.count(body.steps.len());
        for s in &body.steps {
            w.numbers.extend([s.sigma, s.sigma_next]);
            w.count(s.end);
            w.word(s.x);
            match s.denoised {
                None => w.word(0),
                Some((at, register)) => {
                    w.word(1);
                    w.count(at);
                    w.word(register);
                }
            }
        }
        (w.structure, w.numbers)
    }

    /// The program that [`Program::encode`] wrote. Everything is checked; nothing is allocated on the word of a count
    /// that the lists are too short to back.
    ///
    /// # Errors
    /// An unknown version, a list that is too short or too long, an unknown code, or a program that breaks a rule.
    pub fn decode(structure: &[i64], numbers: &[f64]) -> Result<Self> {
        let mut r = Reader { structure, at: 0, numbers: numbers.iter() };
        let version = r.next()?;
        if version != FORMAT_VERSION {
            return Err(ProgramError::Version { got: version, known: FORMAT_VERSION }.into());
        }
        let (calls, flow) = match r.next()? {
            0 => (Calls::Denoiser, false),
            1 => (Calls::Network, false),
            2 => (Calls::Denoiser, true),
            3 => (Calls::Network, true),
            code => return Err(r.unknown("calls", code).into()),
        };
        let offset = Offset { steps: r.word()?, calls: r.word()?, combines: r.word()? };
        let registers = r.word()?;
        let noise_range = match r.next()? {
            0 => None,
            1 => Some((r.number()?, r.number()?)),
            code => return Err(r.unknown("noise range", code).into()),
        };
        let inputs = r.ports()?;
        let outputs = r.ports()?;
        let count = r.count(2)?;
        let mut ops = Vec::with_capacity(count);
        for _ in 0..count {
            ops.push(r.op(ops.len())?);
        }
        let count = r.count(3)?;
        if count > MAX_STEPS {
            return Err(ProgramError::Steps { got: count, max: MAX_STEPS }.into());
        }
        let mut steps = Vec::with_capacity(count);
        for _ in 0..count {
            let (sigma, sigma_next) = (r.number()?, r.number()?);
            let (end, x) = (r.index()?, r.word()?);
            let denoised = match r.next()? {
                0 => None,
                1 => Some((r.index()?, r.word()?)),
                code => return Err(r.unknown("denoised", code).into()),
            };
            steps.push(Step { sigma, sigma_next, end, x, denoised });
        }
        r.finish()?;
        Self::checked(Body { ops, steps, registers, inputs, outputs, noise_range, calls, flow, offset })
    }

    /// SHA-256 over the encoding: equal on every machine for equal programs.
    #[must_use]
    pub fn digest(&self) -> [u8; 32] {
        let (structure, numbers) = self.encode();
        let mut hash = Sha256::new();
        hash.update((structure.len() as u64).to_le_bytes());
        for v in structure {
            hash.update(v.to_le_bytes());
        }
        for v in numbers {
            hash.update(v.to_bits().to_le_bytes());
        }
        hash.finalize().into()
    }
}

struct Writer {
    structure: Vec<i64>,
    numbers: Vec<f64>,
}

impl Writer {
    fn word(&mut self, v: u32) {
        self.structure.push(i64::from(v));
    }

    fn count(&mut self, v: usize) {
        self.structure.push(i64::try_from(v).unwrap_or(i64::MAX));
    }

    fn ports(&mut self, ports: &[Port]) {
        self.count(ports.len());
        for port in ports {
            let (kind, n, row) = match port.name {
                PortName::X => (0, 0, 0),
                PortName::Result(n) => (1, n, 0),
                PortName::Second(n) => (2, n, 0),
                PortName::Noise(n) => (3, n, 0),
                PortName::Input(n) => (4, n, 0),
                PortName::Value(n, row) => (5, n, row),
                PortName::Sample(n) => (6, n, 0),
            };
            for v in [kind, n, row, port.register] {
                self.word(v);
            }
        }
    }

    fn op(&mut self, op: &Op) {
        match op {
            Op::Noise { out, sigma_from, sigma_to, stream, ordinal } => {
                let stream = match stream {
                    Stream::Path => 0,
                    Stream::Independent => 1,
                };
                for v in [0, *out, stream, *ordinal] {
                    self.word(v);
                }
                self.numbers.extend([*sigma_from, *sigma_to]);
            }
            Op::Combine { inputs, rows } => {
                self.word(1);
                self.count(inputs.len());
                for &r in inputs {
                    self.word(r);
                }
                self.count(rows.len());
                for row in rows {
                    self.word(row.out);
                    self.count(row.terms.len());
                    for term in &row.terms {
                        self.count(term.input);
                        self.numbers.push(term.coefficient);
                    }
                }
            }
            Op::Denoise { out, input, sigma, second } => {
                self.word(2);
                self.word(*out);
                self.word(*input);
                self.numbers.push(*sigma);
                match second {
                    None => self.word(0),
                    Some((kind, out)) => {
                        self.word(match kind {
                            Second::Uncond => 1,
                            Second::Unclipped => 2,
                            Second::Branches => 3,
                        });
                        self.word(*out);
                    }
                }
            }
        }
    }
}

struct Reader<'a> {
    structure: &'a [i64],
    at: usize,
    numbers: std::slice::Iter<'a, f64>,
}

impl Reader<'_> {
    fn unknown(&self, what: &'static str, code: i64) -> ProgramError {
        ProgramError::Code { what, code, at: self.at - 1 }
    }

    fn next(&mut self) -> Result<i64, ProgramError> {
        let v = self.structure.get(self.at).copied().ok_or(ProgramError::TooShort { list: "structure" })?;
        self.at += 1;
        Ok(v)
    }

    fn word(&mut self) -> Result<u32, ProgramError> {
        let v = self.next()?;
        u32::try_from(v).map_err(|_| self.unknown("number", v))
    }

    fn index(&mut self) -> Result<usize, ProgramError> {
        self.word().map(|v| v as usize)
    }

    /// A count of things that take at least `size` integers each.
    fn count(&mut self, size: usize) -> Result<usize, ProgramError> {
        let n = self.index()?;
        if n > (self.structure.len() - self.at) / size {
            return Err(ProgramError::TooShort { list: "structure" });
        }
        Ok(n)
    }

    fn number(&mut self) -> Result<f64, ProgramError> {
        self.numbers.next().map(|v| canonical(*v)).ok_or(ProgramError::TooShort { list: "numbers" })
    }

    fn ports(&mut self) -> Result<Vec<Port>, ProgramError> {
        let count = self.count(4)?;
        let mut ports = Vec::with_capacity(count);
        for _ in 0..count {
            let (kind, n, row, register) = (self.next()?, self.word()?, self.word()?, self.word()?);
            let name = match kind {
                0 => PortName::X,
                1 => PortName::Result(n),
                2 => PortName::Second(n),
                3 => PortName::Noise(n),
                4 => PortName::Input(n),
                5 => PortName::Value(n, row),
                6 => PortName::Sample(n),
                code => return Err(self.unknown("port", code)),
            };
            // One spelling per program: numbers that a name does not have are zero.
            let numbered = !matches!(name, PortName::X);
            if (!numbered && n != 0) || (!matches!(name, PortName::Value(..)) && row != 0) {
                return Err(self.unknown("port number", i64::from(n.max(row))));
            }
            ports.push(Port { name, register });
        }
        Ok(ports)
    }

    fn op(&mut self, at: usize) -> Result<Op, ProgramError> {
        match self.next()? {
            0 => {
                let out = self.word()?;
                let stream = match self.next()? {
                    0 => Stream::Path,
                    1 => Stream::Independent,
                    code => return Err(self.unknown("stream", code)),
                };
                let ordinal = self.word()?;
                Ok(Op::Noise { out, sigma_from: self.number()?, sigma_to: self.number()?, stream, ordinal })
            }
            1 => {
                let count = self.count(1)?;
                let inputs: Vec<Register> = (0..count).map(|_| self.word()).collect::<Result<_, _>>()?;
                let count = self.count(2)?;
                if count > MAX_ROWS {
                    return Err(ProgramError::Rows { op: at, got: count, max: MAX_ROWS });
                }
                let mut rows = Vec::with_capacity(count);
                for _ in 0..count {
                    let out = self.word()?;
                    let terms = self.count(1)?;
                    let terms = (0..terms)
                        .map(|_| Ok(Term { input: self.index()?, coefficient: self.number()? }))
                        .collect::<Result<_, ProgramError>>()?;
                    rows.push(Row { out, terms });
                }
                Ok(Op::Combine { inputs, rows })
            }
            2 => {
                let (out, input, sigma) = (self.word()?, self.word()?, self.number()?);
                let second = match self.next()? {
                    0 => None,
                    1 => Some((Second::Uncond, self.word()?)),
                    2 => Some((Second::Unclipped, self.word()?)),
                    3 => Some((Second::Branches, self.word()?)),
                    code => return Err(self.unknown("second", code)),
                };
                Ok(Op::Denoise { out, input, sigma, second })
            }
            code => Err(self.unknown("operation", code)),
        }
    }

    fn finish(mut self) -> Result<(), ProgramError> {
        if self.at != self.structure.len() {
            return Err(ProgramError::TooLong { list: "structure", by: self.structure.len() - self.at });
        }
        if self.numbers.next().is_some() {
            return Err(ProgramError::TooLong { list: "numbers", by: self.numbers.len() + 1 });
        }
        Ok(())
    }
}

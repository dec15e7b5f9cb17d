//! [`SumEngine`]: several engines, each over its part of the rows, as one.

use std::ops::Range;

use super::Engine;
use super::parts::PartSums;
use super::rounding::RoundingError;
use crate::data::{Data, Dataset, here};
use crate::error::{Error, Result};
use crate::mixture::Parameters;
use crate::mixture::moments::Moments;
use crate::report::{EngineInfo, EngineKind, Precision};

/// Engines over consecutive parts of one data set, whose sums are added: cards of one machine, a card and its host,
/// or whatever can compute a share.
///
/// Engines of one kind add up to the same bits as one such engine over all rows, if every one of them starts where a part
/// of the whole data set starts ([`super::parts`]).
pub struct SumEngine<'a> {
    data: Data<'a>,
    engines: Vec<Box<dyn Engine + 'a>>,
}

impl<'a> SumEngine<'a> {
    /// Joins `engines`, which hold the rows of `data` in their order.
    ///
    /// # Errors
    /// [`Error::Shape`] if their rows do not follow each other from the first row to the last.
    pub fn new(data: impl Into<Data<'a>>, engines: Vec<Box<dyn Engine + 'a>>) -> Result<Self> {
        let data = data.into();
        let mut next = data.rows().start;
        for engine in &engines {
            let (rows, facts) = (engine.data().rows(), engine.data().facts());
            if !facts.are_those_of(data.facts()) {
                // Engines scale by the whole data set: sums of different ones do not mean the same.
                return Err(Error::shape(
                    "data set of an engine",
                    "a part of the one data set",
                    "another one",
                ));
            }
            if rows.start != next {
                let found = format!("{} to {}", rows.start, rows.end);
                return Err(Error::shape("rows of the next engine", format!("rows from {next}"), found));
            }
            next = rows.end;
        }
        if next != data.rows().end {
            return Err(Error::shape("rows of all engines", data.rows().len(), next - data.rows().start));
        }
        Ok(SumEngine { data, engines })
    }
}

impl Engine for SumEngine<'_> {
    fn data(&self) -> &dyn Dataset {
        &*self.data
    }

    fn e_step(&mut self, parameters: &Parameters) -> Result<Moments> {
        super::total(self.part_sums(parameters)?, parameters)
    }

    fn part_sums(&mut self, parameters: &Parameters) -> Result<PartSums> {
        // Side by side: a card works while the processor does.
        let sums: Vec<Result<PartSums>> = std::thread::scope(|scope| {
            let start = |engine: &'_ mut Box<dyn Engine + '_>| engine.part_sums(parameters);
            let (last, others) = match self.engines.split_last_mut() {
                Some(split) => split,
                None => return Vec::new(),
            };
            let running: Vec<_> =
                others.iter_mut().map(|engine| scope.spawn(move || start(engine))).collect();
            let last = start(last);
            let lost =
                |_| Err(Error::DeviceLost { stage: "the E-step".into(), message: "it panicked".into() });
            running.into_iter().map(|thread| thread.join().unwrap_or_else(lost)).chain([last]).collect()
        });
        let mut total = PartSums::default();
        for part in sums {
            total.append(part?);
        }
        Ok(total)
    }

    fn weighted_log_densities(&mut self, parameters: &Parameters, rows: Range<usize>) -> Result<Vec<f64>> {
        here(&rows, &self.data.rows())?;
        let mut densities = Vec::with_capacity(rows.len() * parameters.n_components());
        for engine in &mut self.engines {
            let own = engine.data().rows();
            let wanted = rows.start.max(own.start)..rows.end.min(own.end);
            if !wanted.is_empty() {
                densities.extend(engine.weighted_log_densities(parameters, wanted)?);
            }
        }
        Ok(densities)
    }

    fn rounding_errors(&mut self, parameters: &Parameters) -> Result<Vec<RoundingError>> {
        // All engines scale by the whole data set: those in f32 say the same.
        for engine in &mut self.engines {
            let errors = engine.rounding_errors(parameters)?;
            if !errors.is_empty() {
                return Ok(errors);
            }
        }
        Ok(Vec::new())
    }

    fn use_f64(&mut self, on: bool) -> Result<bool> {
        let mut all = true;
        for engine in &mut self.engines {
            all &= engine.use_f64(on)?;
        }
        if on && !all {
            // All or none: a fit that goes on from here must find the same precisions.
            for engine in &mut self.engines {
                engine.use_f64(false)?;
            }
        }
        Ok(all)
    }

    fn info(&self) -> EngineInfo {
        let mut infos = self.engines.iter().map(|engine| engine.info());
        let nothing = || EngineInfo::new(EngineKind::Cpu, "no engine", Precision::F64);
        let mut info = infos.next().unwrap_or_else(nothing);
        for other in infos {
            info.precision = info.precision.min(other.precision);
            if other.kind == EngineKind::Gpu {
                info.kind = EngineKind::Gpu;
            }
            info.failed = info.failed.or(other.failed);
            info.began_on = info.began_on.or(other.began_on);
            if other.device != info.device {
                info.device = format!("{} + {}", info.device, other.device);
            }
        }
        info
    }
}

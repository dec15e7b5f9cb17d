//! Every engine behind one name, and the macro that runs a test on each of them.

use wgmm::internals::engine::cpu::CpuEngine;
use wgmm::internals::engine::reference::ReferenceEngine;
use wgmm::internals::fit::em::{self, Fit, NoObserver, Observer};
use wgmm::{Engine, FitOptions, GaussianMixture, Result, Samples};

use super::distance::Distances;

/// The environment variable that `device::checked` sets: every device runs with runtime checks.
#[cfg(feature = "gpu")]
pub const CHECKED: &str = "WGMM_TEST_CHECKED";

/// How every device is opened. Buffers start as NaN: wgpu fills them with zeros and would hide a missing write.
#[cfg(feature = "gpu")]
pub fn testing_of_suite() -> wgmm::internals::engine::gpu::Testing {
    wgmm::internals::engine::gpu::Testing {
        poison: true,
        checked: std::env::var_os(CHECKED).is_some(),
        ..Default::default()
    }
}

/// An engine to test.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Reference,
    Cpu,
    #[cfg(feature = "gpu")]
    Gpu,
    /// A device on this kernel, which its table may not choose.
    #[cfg(feature = "gpu")]
    Kernel(&'static str),
}

/// The engines that need no device.
pub const HOST: [Kind; 2] = [Kind::Reference, Kind::Cpu];

impl Kind {
    /// Opens the engine over `samples`. A missing graphics adapter is an error, never a reason to skip.
    pub fn open<'a>(self, samples: &'a Samples<'a>) -> Result<Box<dyn Engine + 'a>> {
        Ok(match self {
            Kind::Reference => Box::new(ReferenceEngine::new(samples)),
            Kind::Cpu => Box::new(CpuEngine::new(samples, None)?),
            #[cfg(feature = "gpu")]
            Kind::Gpu | Kind::Kernel(_) => {
                let testing = testing_of_suite();
                let kernel = if let Kind::Kernel(name) = self { Some(name.into()) } else { None };
                let options = wgmm::internals::engine::gpu::GpuOptions {
                    allow_software: true,
                    kernel,
                    testing,
                    ..Default::default()
                };
                Box::new(wgmm::internals::engine::gpu::GpuEngine::new(samples, &options)?)
            }
        })
    }

    /// Whether sums over samples are in f64.
    pub fn is_f64(self) -> bool {
        matches!(self, Kind::Reference | Kind::Cpu)
    }

    /// How close this engine comes to exact arithmetic on well-conditioned data.
    pub fn bounds(self) -> Distances {
        if self.is_f64() { Distances::FLOAT64 } else { Distances::FLOAT32 }
    }

    /// Fits on this engine.
    pub fn fit(self, samples: &Samples<'_>, options: &FitOptions) -> Result<GaussianMixture> {
        self.fit_observed(samples, options, &mut NoObserver)
    }

    /// Fits on this engine under an observer.
    pub fn fit_observed(
        self,
        samples: &Samples<'_>,
        options: &FitOptions,
        observer: &mut dyn Observer,
    ) -> Result<GaussianMixture> {
        let mut engine = self.open(samples)?;
        em::fit(engine.as_mut(), options, observer).map(Fit::into_model)
    }
}

/// Makes one test per engine of each function `name(Kind)`: in the modules `reference`, `cpu` and
/// (with feature `gpu`) `device`.
macro_rules! on_every_engine {
    ($($name:ident),+ $(,)?) => {
        mod reference {
            $( #[test] fn $name() { super::$name($crate::support::engines::Kind::Reference) } )+
        }
        mod cpu {
            $( #[test] fn $name() { super::$name($crate::support::engines::Kind::Cpu) } )+
        }
        #[cfg(feature = "gpu")]
        mod device {
            $( #[test] fn $name() { super::$name($crate::support::engines::Kind::Gpu) } )+
        }
    };
}
pub(crate) use on_every_engine;

/// Methods of [`Engine`] that an engine which lies about something else leaves to its `inner` one: the data, and
/// those that are named.
macro_rules! left_to_inner {
    (@ e_step) => {
        fn e_step(&mut self, parameters: &wgmm::Parameters) -> wgmm::Result<wgmm::internals::mixture::moments::Moments> {
            self.inner.e_step(parameters)
        }
    };
    (@ weighted_log_densities) => {
        fn weighted_log_densities(
            &mut self,
            parameters: &wgmm::Parameters,
            rows: std::ops::Range<usize>,
        ) -> wgmm::Result<Vec<f64>> {
            self.inner.weighted_log_densities(parameters, rows)
        }
    };
    (@ info) => {
        fn info(&self) -> wgmm::internals::report::EngineInfo {
            self.inner.info()
        }
    };
    ($($method:ident),*) => {
        fn data(&self) -> &dyn wgmm::Dataset {
            self.inner.data()
        }
        $($crate::support::engines::left_to_inner!(@ $method);)*
    };
}
pub(crate) use left_to_inner;

//! The guards guarded: one-token faults in every template, each of which the comparison of the stage
//! tests must reject.
//!
//! Not listed are faults that change nothing here: order of independent additions, padding that
//! avoids bank conflicts, barriers whose absence a device may survive.

use wgmm::CovarianceType;
use wgmm::internals::engine::gpu::shader::{self, ShaderEdit};

use super::case::Case;

/// A fault: where, which text becomes which, on which case it shows, and why it is wrong.
struct Mutant {
    template: &'static str,
    find: &'static str,
    replace: &'static str,
    case: Shape,
    why: &'static str,
}

/// Cases small enough to run dozens of faults; the unchanged shaders pass all of them first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Shape {
    /// Three ragged slabs, K beyond 64, rows of partials longer than two workgroups.
    Slabs,
    /// Weights, some of them 0.
    Weighted,
    /// More factors than invocations.
    Wide,
    /// 18 slices in one group.
    Slices,
    /// As many lanes and roles as there are invocations: nothing is shared between subsets.
    Lanes,
    /// The tiled kernel, blocks below the diagonal, ragged slabs, weights.
    Tiled,
    /// No weights, so that padding counts by number.
    TiledPlain,
    /// Whitened samples in slabs.
    Tied,
    /// Diagonal blocks of several roles, weights.
    Diag,
    /// The fused kernel, weights.
    Fused,
    /// The fused kernel, ragged slabs.
    FusedSlabs,
}

impl Shape {
    const ALL: [Shape; 11] = [
        Shape::Slabs,
        Shape::Weighted,
        Shape::Wide,
        Shape::Slices,
        Shape::Lanes,
        Shape::Tiled,
        Shape::TiledPlain,
        Shape::Tied,
        Shape::Diag,
        Shape::Fused,
        Shape::FusedSlabs,
    ];

    fn case(self) -> Case {
        use CovarianceType::{Diag, Full, Tied};
        match self {
            Shape::Slabs => Case::new(Full, 1100, 3, 65, false).in_slabs(1),
            Shape::Weighted => Case::new(Full, 513, 3, 5, true).with_kernel("log_density_full"),
            Shape::Wide => Case::new(Full, 300, 8, 33, false),
            Shape::Slices => {
                Case::new(Full, 4500, 2, 3, false).in_slabs(1 << 20).with_kernel("log_density_full")
            }
            Shape::Lanes => Case::new(Full, 300, 17, 33, false),
            Shape::Tiled => Case::new(Full, 700, 33, 10, true).in_slabs(1),
            Shape::TiledPlain => Case::new(Full, 300, 33, 3, false),
            Shape::Tied => Case::new(Tied, 1100, 18, 10, false).in_slabs(1),
            Shape::Diag => Case::new(Diag, 513, 20, 10, true).in_slabs(1),
            Shape::Fused => Case::new(Full, 513, 3, 5, true).with_kernel("fused"),
            Shape::FusedSlabs => {
                let mut case = Case::new(Full, 5000, 2, 4, false).in_slabs(1).with_kernel("fused");
                case.testing.tuning.iter_mut().for_each(|t| t.slice = 1024);
                case
            }
        }
    }
}

macro_rules! mutants {
    ($($template:ident $case:ident: $find:literal => $replace:literal, $why:literal;)*) => {
        const MUTANTS: &[Mutant] = &[$(Mutant {
            template: shader::$template.name,
            find: $find,
            replace: $replace,
            case: Shape::$case,
            why: $why,
        }),*];
    };
}

mutants! {
    LOG_DENSITY_FULL Slabs: "slab.first_tile * 32u + own" => "own", "every slab reads the first";
    LOG_DENSITY_FULL Slabs: "(first + k) * (slab" => "(k) * (slab", "stages overwrite each other";
    LOG_DENSITY_FULL Slabs: "slab.first_partial + workgroup.x" => "workgroup.x", "slabs overwrite each other";
    LOG_DENSITY_FULL Slabs: "numbers < vec4" => "numbers <= vec4", "one sample of padding counts";
    LOG_DENSITY_FULL Wide: "i += 128u" => "i += 256u", "half of the factors are not staged";
    LOG_DENSITY_FULL Weighted: "range(i + 1)" => "range(i)", "the diagonal of W is missing";
    LOG_DENSITY_FULL Weighted: "fma(y${i}_${g}, y${i}_${g}, mahalanobis${g})" => "fma(y${i}_${g}, y${i}_${g}, 0.5 * mahalanobis${g})", "distances are not added up";
    LOG_DENSITY_FULL Weighted: " - mahalanobis$" => " + mahalanobis$", "far samples are the likeliest";
    LOG_DENSITY_FULL Weighted: "exp2(-abs" => "exp(-abs", "bits taken for nats";
    LOG_DENSITY_FULL Weighted: "l > largest" => "l < largest", "the larger term is scaled";
    LOG_DENSITY_FULL Weighted: "max(largest${g}, l)" => "min(largest${g}, l)", "the largest is not tracked";
    LOG_DENSITY_FULL Weighted: "largest${g} + log2" => "largest${g} - log2", "the sum is divided by";
    LOG_DENSITY_FULL Weighted: "log_density - sample_log" => "log_density + sample_log", "weights are divided by";
    LOG_DENSITY_FULL Weighted: "weights > vec4" => "weights >= vec4", "samples of weight 0 count";
    LOG_DENSITY_FULL Weighted: "half > 0u" => "half > 1u", "odd invocations' log-likelihood is lost";
    LOG_DENSITY_FULL_TILED Tiled: "(slab.first_tile + workgroup.x)" => "(workgroup.x)", "every slab reads the first";
    LOG_DENSITY_FULL_TILED Tiled: "var k = team;" => "var k = team + 1u;", "components are skipped";
    LOG_DENSITY_FULL_TILED Tiled: "range(j, 16)" => "range(j + 1, 16)", "the diagonal is missing";
    LOG_DENSITY_FULL_TILED Tiled: "factor += 4u" => "factor += 3u", "factors are out of step";
    LOG_DENSITY_FULL_TILED Tiled: " - mahalanobis$" => " + mahalanobis$", "far samples are the likeliest";
    LOG_DENSITY_FULL_TILED Tiled: "other < ${TEAMS}u" => "other < 2u", "teams are not joined";
    LOG_DENSITY_FULL_TILED Tiled: "exp2(peak - joined)" => "exp2(joined - peak)", "joined the wrong way";
    LOG_DENSITY_FULL_TILED Tiled: "log_density - sample_log" => "log_density + sample_log", "weights are divided by";
    LOG_DENSITY_FULL_TILED Tiled: "dot(weights, log_density)" => "dot(weights, weights)", "the log-likelihood is something else";
    LOG_DENSITY_FULL_TILED Tiled: "half = ${LANES // 2}u" => "half = ${LANES // 4}u", "half of the log-likelihood is lost";
    LOG_DENSITY_FULL_TILED TiledPlain: "numbers < vec4" => "numbers <= vec4", "one sample of padding counts";
    LOG_DENSITY_DIAG Diag: "mahalanobis${c}_${g});\n//% endfor\n//% endfor\n//% endif" => "vec4<f32>(0.0));\n//% endfor\n//% endfor\n//% endif", "only the last feature counts";
    LOG_DENSITY_DIAG Diag: "factor += ${UNROLL * (2 if TIED else 4)}u" => "factor += ${UNROLL * (2 if TIED else 2)}u", "factors are out of step";
    LOG_DENSITY_DIAG Diag: "constants[first + ${c}u]" => "constants[first]", "eight components share a constant";
    LOG_DENSITY_DIAG Diag: "(first + ${c}u) * (slab" => "(${c}u) * (slab", "eights overwrite each other";
    LOG_DENSITY_DIAG Diag: "weights > vec4" => "weights >= vec4", "samples of weight 0 count";
    LOG_DENSITY_DIAG Diag: "first = team * 8u" => "first = team * 4u", "teams take each other's components";
    LOG_DENSITY_DIAG Diag: "other < ${TEAMS}u" => "other < ${TEAMS - 3}u", "teams are not joined";
    LOG_DENSITY_DIAG Diag: "exp2(peak - joined)" => "exp2(joined - peak)", "joined the wrong way";
    LOG_DENSITY_DIAG Diag: "slab.first_partial + workgroup.x" => "workgroup.x", "slabs overwrite each other";
    LOG_DENSITY_DIAG Tied: "x${u}_${g} + vec4<f32>" => "x${u}_${g} - vec4<f32>", "the mean is mirrored";
    LOG_DENSITY_DIAG Tied: "own${g} / 32u * ${D * 32}u" => "row${g} / 32u * ${D * 32}u", "whitened samples are looked for in the chunk";
    WHITEN Tied: "(slab.first_tile + workgroup.x)" => "(workgroup.x)", "every slab whitens the first";
    WHITEN Tied: "block * 16u + 16u" => "block * 16u + 15u", "the last column is missing";
    WHITEN Tied: "block * 16u + ${i}u < ${D}u" => "block * 16u + ${i}u < ${D - 1}u", "the last feature is not written";
    MOMENTS Slabs: "slab.first_tile * TILE + workgroup.x" => "workgroup.x", "every slab reads the first";
    MOMENTS Weighted: "next_l${q} - next_normaliser" => "next_l${q} + next_normaliser", "densities are not normalised";
    MOMENTS Weighted: "stage <= ${SLICE // STAGE}u" => "stage < ${SLICE // STAGE}u", "the last stage is missing";
    MOMENTS Weighted: "count${h} += r" => "count${h} = r", "responsibilities are not added up";
    MOMENTS Weighted: "x${u}_0 - origin" => "x${u}_0 + origin", "the origin is mirrored before whitening";
    MOMENTS Weighted: "w${h}_${i}_0 * centred" => "w${h}_0_0 * centred", "every row whitens as the first";
    MOMENTS Wide: "x${u}_${v} - origin" => "x${u}_${v} + origin", "the origin is mirrored";
    MOMENTS Weighted: "z${v} * r;" => "z${v};", "responsibilities are left out";
    MOMENTS Weighted: "other < ${SUBSETS}u" => "other < ${SUBSETS - 1}u", "a subset of the samples is lost";
    MOMENTS Weighted: "row % TILE;" => "row / TILE;", "samples of another tile";
    MOMENTS Lanes: "] = count${h};" => "] = 0.0;", "counts of many components are lost";
    MOMENTS Lanes: "${SUMS + i}u * slab" => "${SUMS}u * slab", "first moments are not all written";
    MOMENTS Tiled: "below % 2u * 8u" => "below % 2u * 4u", "half-blocks overlap";
    MOMENTS Tiled: "first_column = rest" => "first_column = block", "another block's columns";
    MOMENTS Tiled: "row${u}_${v} - row_origin${v}" => "row${u}_${v} + row_origin${v}", "the row's origin is mirrored";
    MOMENTS Diag: "role * ${BLOCK // 4}u" => "role", "another block's features";
    FUSED FusedSlabs: "slab.first_tile * 32u + workgroup.x" => "workgroup.x", "every slab reads the first";
    FUSED FusedSlabs: "slab.first_partial + workgroup.x" => "workgroup.x", "slabs overwrite each other";
    FUSED FusedSlabs: "numbers < vec4" => "numbers <= vec4", "one sample of padding counts";
    FUSED FusedSlabs: "step < ${SLICE // 512}u" => "step < ${SLICE // 1024}u", "half of a slice is missing";
    FUSED Fused: " - ${parameter(k, i)}" => " + ${parameter(k, i)}", "the origin is mirrored";
    FUSED Fused: "range(1, i + 1)" => "range(1, i)", "the diagonal of W is missing";
    FUSED Fused: "fma(-y${i}_${k}" => "fma(y${i}_${k}", "far samples are the likeliest";
    FUSED Fused: "total += e" => "total = e", "only the last component counts";
    FUSED Fused: "largest + log2" => "largest - log2", "the sum is divided by";
    FUSED Fused: "weights.${\"xyzw\"[c]} / total" => "1.0 / total", "weights are left out of the moments";
    FUSED Fused: "y${i}_${k} * r" => "y${i}_${k}", "responsibilities are left out";
    FUSED Fused: "other < part * ${PASS}u + ${PASS}u" => "other < part * ${PASS}u + ${PASS - 1}u", "an invocation's sums are lost";
    FUSED Fused: "other < 128u" => "other < ${128 - PASS}u", "a part of the sums is lost";
    SUM_PARTIALS Slices: "sum += p${u}" => "sum = p${u}", "partials are not added up";
    SUM_PARTIALS Slices: "at += 8u" => "at += 4u", "slices are added twice";
    SUM_PARTIALS Slices: "slice < end" => "slice + 1u < end", "the last slice is lost";
    SUM_PARTIALS Slabs: "start > group" => "start >= group", "totals start with what lay there";
    SUM_PARTIALS Slabs: "sum = totals[" => "sum = partials[", "earlier slabs are forgotten";
    SUM_PARTIALS Slabs: "max(group * ${GROUP}u, slab" => "min(group * ${GROUP}u, slab", "slices of other slabs";
    SUM_PARTIALS Slabs: "workgroup.x * 256u" => "workgroup.x * 128u", "the end of long rows is left out";
}

/// Runs the faults of some templates; returns how many the numbers rejected.
fn run(templates: &[shader::Template]) -> usize {
    let mutants: Vec<&Mutant> =
        MUTANTS.iter().filter(|m| templates.iter().any(|t| t.name == m.template)).collect();
    for shape in Shape::ALL.iter().filter(|s| mutants.iter().any(|m| m.case == **s)) {
        shape.case().run().unwrap_or_else(|e| panic!("the unchanged shaders fail on {shape:?}: {e}"));
    }
    let (mut rejected, mut refused, mut survived) = (0, 0, Vec::new());
    for mutant in mutants {
        let mut case = mutant.case.case();
        case.testing.edit = Some(ShaderEdit {
            template: mutant.template.into(),
            find: mutant.find.into(),
            replace: mutant.replace.into(),
        });
        let label = format!("{}: {} → {} ({})", mutant.template, mutant.find, mutant.replace, mutant.why);
        match case.run() {
            Ok(()) => survived.push(label),
            Err(e) if e.contains("the text to replace does not occur") => panic!("{label}: {e}"),
            Err(e) if e.contains("refused") => {
                refused += 1;
                println!("refused  {label}: {e}");
            }
            Err(e) => {
                rejected += 1;
                println!("rejected {label}: {e}");
            }
        }
    }
    println!("{rejected} rejected by numbers, {refused} refused by the device");
    assert!(survived.is_empty(), "faults that nothing notices:\n{}", survived.join("\n"));
    rejected
}

#[test]
fn log_density_full() {
    assert!(run(&[shader::LOG_DENSITY_FULL]) >= 12);
}

#[test]
fn log_density_full_tiled() {
    assert!(run(&[shader::LOG_DENSITY_FULL_TILED]) >= 8);
}

#[test]
fn log_density_diag_and_whiten() {
    assert!(run(&[shader::LOG_DENSITY_DIAG, shader::WHITEN]) >= 8);
}

#[test]
fn moments() {
    assert!(run(&[shader::MOMENTS]) >= 10);
}

#[test]
fn fused() {
    assert!(run(&[shader::FUSED]) >= 10);
}

#[test]
fn sum_partials() {
    assert!(run(&[shader::SUM_PARTIALS]) >= 5);
}

/// Every template but the probes has its faults, each written once, and each changes the text.
#[test]
fn the_table_is_whole() {
    let probes = [shader::PROBE_FMA, shader::PROBE_COPY];
    for template in shader::ALL.iter().filter(|t| !probes.contains(t)) {
        let faults = MUTANTS.iter().filter(|m| m.template == template.name);
        assert!(faults.count() >= 3, "{} has too few faults", template.name);
    }
    for (i, mutant) in MUTANTS.iter().enumerate() {
        let source = shader::ALL.iter().find(|t| t.name == mutant.template).unwrap().source;
        assert!(source.contains(mutant.find), "{} has no {:?}", mutant.template, mutant.find);
        assert_ne!(mutant.find, mutant.replace);
        let same =
            |m: &Mutant| (m.template, m.find, m.replace) == (mutant.template, mutant.find, mutant.replace);
        assert!(!MUTANTS[..i].iter().any(same), "{} twice: {}", mutant.template, mutant.find);
    }
}

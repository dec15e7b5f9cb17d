//! The guards guarded: one-token faults in every template, each of which the comparison of the stage
//! tests must reject. A fault is found by a text that occurs once in its file, however that is laid out.
//!
//! Not listed are faults that change nothing here: order of independent additions, padding that
//! avoids bank conflicts, barriers whose absence a device may survive.

use wgmm::CovarianceType;
use wgmm::internals::engine::gpu::kernels;
use wgmm::internals::engine::gpu::shader::{SLAB, ShaderEdit, Template};

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
    ($($template:literal $case:ident: $find:literal => $replace:literal, $why:literal;)*) => {
        const MUTANTS: &[Mutant] = &[$(Mutant {
            template: $template,
            find: $find,
            replace: $replace,
            case: Shape::$case,
            why: $why,
        }),*];
    };
}

mutants! {
    "log_density_full" Slabs: "slab.first_tile * 32u + own" => "own", "every slab reads the first";
    "log_density_full" Slabs: "first + k, own" => "k, own", "stages overwrite each other";
    "log_density_full" Wide: "i += 128u" => "i += 256u", "half of the factors are not staged";
    "log_density_full" Weighted: "range(i + 1)" => "range(i)", "the diagonal of W is missing";
    "log_density_full" Weighted: "fma(y${i}_${g}, y${i}_${g}, mahalanobis${g})" => "fma(y${i}_${g}, y${i}_${g}, 0.5 * mahalanobis${g})", "distances are not added up";
    "log_density_full" Weighted: ") - mahalanobis$" => ") + mahalanobis$", "far samples are the likeliest";
    "log_density_full_tiled" Tiled: "(slab.first_tile + workgroup.x)" => "(workgroup.x)", "every slab reads the first";
    "log_density_full_tiled" Tiled: "var k = team;" => "var k = team + 1u;", "components are skipped";
    "log_density_full_tiled" Tiled: "range(j, 16)" => "range(j + 1, 16)", "the diagonal is missing";
    "log_density_full_tiled" Tiled: "factor += 4u" => "factor += 3u", "factors are out of step";
    "log_density_full_tiled" Tiled: ") - mahalanobis$" => ") + mahalanobis$", "far samples are the likeliest";
    "log_density_full_tiled" Tiled: "other < TEAMS" => "other < 2u", "teams are not joined";
    "log_density_full_tiled" Tiled: "if (team == 0u)" => "if (team == 1u)", "another team leaves the normalisers";
    "log_density_diag" Diag: "mahalanobis${c}_${g});\n//% endfor\n//% endfor\n//% endif" => "vec4<f32>(0.0));\n//% endfor\n//% endfor\n//% endif", "only the last feature counts";
    "log_density_diag" Diag: "factor += UNROLL * FACTORS" => "factor += UNROLL * 2u", "factors are out of step";
    "log_density_diag" Diag: "constants[first + ${c}u]" => "constants[first]", "eight components share a constant";
    "log_density_diag" Diag: "first + ${c}u, own" => "${c}u, own", "eights overwrite each other";
    "log_density_diag" Diag: "first = team * 8u" => "first = team * 4u", "teams take each other's components";
    "log_density_diag" Diag: "other < TEAMS" => "other < TEAMS - 3u", "teams are not joined";
    "log_density_diag" Tied: "x${u}_${g} + vec4<f32>" => "x${u}_${g} - vec4<f32>", "the mean is mirrored";
    "log_density_diag" Tied: "own${g} / 32u * (D * 32u)" => "row${g} / 32u * (D * 32u)", "whitened samples are looked for in the chunk";
    "density" Slabs: "slab.first_partial + x" => "x", "slabs overwrite each other";
    "density" Diag: "slab.first_partial + x" => "x", "slabs overwrite each other";
    "density" Weighted: "exp2(-abs" => "exp(-abs", "bits taken for nats";
    "density" Weighted: "l > sum.largest" => "l < sum.largest", "the larger term is scaled";
    "density" Weighted: "max(sum.largest, l)" => "min(sum.largest, l)", "the largest is not tracked";
    "density" Weighted: "sum.largest + log2" => "sum.largest - log2", "the sum is divided by";
    "density" Weighted: "log_density - sample_log" => "log_density + sample_log", "weights are divided by";
    "density" Tiled: "log_density - sample_log" => "log_density + sample_log", "weights are divided by";
    "density" Weighted: "sample_log_weights[row], weights > vec4" => "sample_log_weights[row], weights >= vec4", "samples of weight 0 count";
    "density" Diag: "sample_log_weights[row], weights > vec4" => "sample_log_weights[row], weights >= vec4", "samples of weight 0 count";
    "density" Weighted: "half > 0u" => "half > 1u", "odd invocations' log-likelihood is lost";
    "density" Tiled: "half = SUMMED / 2u" => "half = SUMMED / 4u", "half of the log-likelihood is lost";
    "density" Tiled: "exp2(b.largest - largest)" => "exp2(largest - b.largest)", "joined the wrong way";
    "density" Diag: "exp2(b.largest - largest)" => "exp2(largest - b.largest)", "joined the wrong way";
    "density" Tiled: "dot(weights, log_density)" => "dot(weights, weights)", "the log-likelihood is something else";
    "density" Slabs: "k * (slab" => "(k / 2u) * (slab", "components overwrite each other";
    "slab" Slabs: "numbers < vec4" => "numbers <= vec4", "one sample of padding counts";
    "slab" TiledPlain: "numbers < vec4" => "numbers <= vec4", "one sample of padding counts";
    "slab" FusedSlabs: "numbers < vec4" => "numbers <= vec4", "one sample of padding counts";
    "slab" FusedSlabs: "row * 4u" => "row", "samples count by the number of their four";
    "whiten" Tied: "(slab.first_tile + workgroup.x)" => "(workgroup.x)", "every slab whitens the first";
    "whiten" Tied: "block * 16u + 16u" => "block * 16u + 15u", "the last column is missing";
    "whiten" Tied: "block * 16u + ${i}u < D" => "block * 16u + ${i}u < D - 1u", "the last feature is not written";
    "moments" Slabs: "slab.first_tile * TILE + workgroup.x" => "workgroup.x", "every slab reads the first";
    "moments" Weighted: "next_l${q} - next_normaliser" => "next_l${q} + next_normaliser", "densities are not normalised";
    "moments" Weighted: "stage <= SLICE / STAGE" => "stage < SLICE / STAGE", "the last stage is missing";
    "moments" Weighted: "count${h} += r" => "count${h} = r", "responsibilities are not added up";
    "moments" Weighted: "x${u}_0 - origin" => "x${u}_0 + origin", "the origin is mirrored before whitening";
    "moments" Weighted: "w${h}_${i}_0 * centred" => "w${h}_0_0 * centred", "every row whitens as the first";
    "moments" Wide: "x${u}_${v} - origin" => "x${u}_${v} + origin", "the origin is mirrored";
    "moments" Weighted: "z${v} * r;" => "z${v};", "responsibilities are left out";
    "moments" Weighted: "other < SUBSETS" => "other < SUBSETS - 1u", "a subset of the samples is lost";
    "moments" Weighted: "row % TILE;" => "row / TILE;", "samples of another tile";
    "moments" Lanes: "LANES] = count${h};" => "LANES] = 0.0;", "counts of many components are lost";
    "moments" Lanes: "(SUMS + ${i}u) * slab" => "SUMS * slab", "first moments are not all written";
    "moments" Tiled: "below % 2u * 8u" => "below % 2u * 4u", "half-blocks overlap";
    "moments" Tiled: "first_column = rest" => "first_column = block", "another block's columns";
    "moments" Tiled: "row${u}_${v} - row_origin${v}" => "row${u}_${v} + row_origin${v}", "the row's origin is mirrored";
    "moments" Diag: "role * (BLOCK / 4u)" => "role", "another block's features";
    "fused" FusedSlabs: "slab.first_tile * 32u + workgroup.x" => "workgroup.x", "every slab reads the first";
    "fused" FusedSlabs: "slab.first_partial + workgroup.x" => "workgroup.x", "slabs overwrite each other";
    "fused" FusedSlabs: "step < SLICE / 512u" => "step < SLICE / 1024u", "half of a slice is missing";
    "fused" Fused: " - ${parameter(k, i)}" => " + ${parameter(k, i)}", "the origin is mirrored";
    "fused" Fused: "range(1, i + 1)" => "range(1, i)", "the diagonal of W is missing";
    "fused" Fused: "fma(-y${i}_${k}" => "fma(y${i}_${k}", "far samples are the likeliest";
    "fused" Fused: "total += e" => "total = e", "only the last component counts";
    "fused" Fused: "largest + log2" => "largest - log2", "the sum is divided by";
    "fused" Fused: "weights.${\"xyzw\"[c]} / total" => "1.0 / total", "weights are left out of the moments";
    "fused" Fused: "y${i}_${k} * r" => "y${i}_${k}", "responsibilities are left out";
    "fused" Fused: "other < part * PASS + PASS" => "other < part * PASS + PASS - 1u", "an invocation's sums are lost";
    "fused" Fused: "other < 128u" => "other < 128u - PASS", "a part of the sums is lost";
    "sum_partials" Slices: "sum += p${u}" => "sum = p${u}", "partials are not added up";
    "sum_partials" Slices: "at += 8u" => "at += 4u", "slices are added twice";
    "sum_partials" Slices: "(; slice < end" => "(; slice + 1u < end", "the last slice is lost";
    "sum_partials" Slabs: "start > group" => "start >= group", "totals start with what lay there";
    "sum_partials" Slabs: "sum = totals[" => "sum = partials[", "earlier slabs are forgotten";
    "sum_partials" Slabs: "max(group * GROUP, slab" => "min(group * GROUP, slab", "slices of other slabs";
    "sum_partials" Slabs: "workgroup.x * 256u" => "workgroup.x * 128u", "the end of long rows is left out";
}

/// Every text that a fault may stand in.
fn texts() -> Vec<Template> {
    let kernels = kernels::ALL.iter().map(|kernel| kernel.template);
    let mut texts: Vec<Template> =
        kernels.flat_map(|t| t.before.iter().copied().chain([t])).chain([SLAB]).collect();
    texts.sort_by_key(|t| t.name);
    texts.dedup();
    texts
}

fn edit(mutant: &Mutant) -> ShaderEdit {
    ShaderEdit { template: mutant.template.into(), find: mutant.find.into(), replace: mutant.replace.into() }
}

/// Runs the faults of some templates; returns how many the numbers rejected.
fn run(templates: &[&str]) -> usize {
    let mutants: Vec<&Mutant> = MUTANTS.iter().filter(|m| templates.contains(&m.template)).collect();
    for shape in Shape::ALL.iter().filter(|s| mutants.iter().any(|m| m.case == **s)) {
        shape.case().run().unwrap_or_else(|e| panic!("the unchanged shaders fail on {shape:?}: {e}"));
    }
    let (mut rejected, mut refused, mut survived) = (0, 0, Vec::new());
    for mutant in mutants {
        let mut case = mutant.case.case();
        case.testing.edit = Some(edit(mutant));
        let label = format!("{}: {} → {} ({})", mutant.template, mutant.find, mutant.replace, mutant.why);
        match case.run() {
            Ok(()) => survived.push(label),
            Err(e) if e.contains("the text to replace") => panic!("{label}: {e}"),
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
    assert!(run(&["log_density_full"]) >= 5);
}

#[test]
fn log_density_full_tiled() {
    assert!(run(&["log_density_full_tiled"]) >= 6);
}

#[test]
fn log_density_diag_and_whiten() {
    assert!(run(&["log_density_diag", "whiten"]) >= 8);
}

#[test]
fn what_kernels_share() {
    assert!(run(&["density", "slab"]) >= 15);
}

#[test]
fn moments() {
    assert!(run(&["moments"]) >= 10);
}

#[test]
fn fused() {
    assert!(run(&["fused"]) >= 10);
}

#[test]
fn sum_partials() {
    assert!(run(&["sum_partials"]) >= 5);
}

/// Every text but the probes has its faults, each written once for a case, and each changes one place of the text.
#[test]
fn the_table_is_whole() {
    let texts = texts();
    for text in texts.iter().filter(|t| !t.name.starts_with("probe_")) {
        let faults = MUTANTS.iter().filter(|m| m.template == text.name);
        assert!(faults.count() >= 3, "{} has too few faults", text.name);
    }
    for (i, mutant) in MUTANTS.iter().enumerate() {
        let text = texts.iter().find(|t| t.name == mutant.template).unwrap();
        let edit = edit(mutant);
        edit.apply(text).unwrap_or_else(|e| panic!("{}: {e}", mutant.template));
        assert_ne!(mutant.find, mutant.replace);
        let key = |m: &Mutant| (m.template, m.find, m.replace, m.case);
        assert!(
            !MUTANTS[..i].iter().any(|m| key(m) == key(mutant)),
            "{} twice: {}",
            mutant.template,
            mutant.find
        );
    }
}

//! The report page.

use wgmm::internals::engine::cpu::CpuEngine;
use wgmm::internals::plot::{self, PageOptions, PlotOptions, Section, SectionTable};
use wgmm::internals::report::{Degenerate, FitReport, Verification, WorstRounding};
use wgmm::{FitOptions, GaussianMixture};

use super::{Drawn, drawn};

fn page(d: &Drawn, model: &GaussianMixture, options: &PageOptions<'_>) -> String {
    let mut engine = CpuEngine::new(&d.samples, None).unwrap();
    plot::page(&mut engine, &d.samples, model, options).unwrap()
}

fn fitted(d: &Drawn, n_init: usize) -> GaussianMixture {
    wgmm::fit(&d.samples, &FitOptions { n_init, ..FitOptions::new(3) }).unwrap().into_model()
}

/// What a page fetches from elsewhere: nothing.
fn outside(page: &str) -> Vec<String> {
    let attributes =
        ["src=", "href=", "url(", "@import", "srcset=", "<script", "<iframe", "<object", "<embed"];
    let found = attributes.iter().flat_map(|attribute| {
        page.match_indices(attribute).map(|(at, _)| page[at..].chars().take(40).collect::<String>())
    });
    let inside = ["href=\"data:", "url(#"];
    found.filter(|text| !inside.iter().any(|own| text.starts_with(own))).collect()
}

#[test]
fn every_section_is_there() {
    let d = drawn(300, 2, 3, 5);
    let model = fitted(&d, 2);
    let options = PageOptions {
        title: "A title".into(),
        data: "data.csv".into(),
        command: "wgmm fit data.csv".into(),
        caveats: vec!["a caveat".into()],
        plot: PlotOptions { truth: Some(&d.labels), ..PlotOptions::default() },
        sections: Vec::new(),
    };
    let html = page(&d, &model, &options);
    for section in ["summary", "mixture", "components", "trace", "engine", "reproduce"] {
        assert_eq!(html.matches(&format!("<section id=\"{section}\">")).count(), 1, "{section}");
    }
    // Two figures; two true labels' and fit's panels in one; two restarts; three components.
    assert_eq!(html.matches("<svg").count(), 2);
    assert_eq!(html.matches("class=\"swatch\" style").count(), 3);
    let bic = model.report.as_ref().unwrap().bic;
    for text in [
        "<title>A title</title>",
        "data.csv",
        "wgmm fit data.csv",
        "a caveat",
        "length 0 (cm)",
        "adjusted Rand index",
        "Restarts",
        "converged after",
        "cpu",
        "f64",
        "reg covar",
        &format!("{bic:.4}"),
    ] {
        assert!(html.contains(text), "no {text:?}");
    }
    assert!(!html.contains("id=\"verification\""));
    assert!(outside(&html).is_empty(), "{:?}", outside(&html));
    assert_eq!(html, page(&d, &model, &options), "the same bytes");
    // Ids are unique in the page.
    let mut ids: Vec<&str> =
        html.split(" id=\"").skip(1).map(|rest| rest.split('"').next().unwrap()).collect();
    ids.sort_unstable();
    assert!(ids.windows(2).all(|pair| pair[0] != pair[1]), "{ids:?}");
}

#[test]
fn a_page_that_fetches_is_found() {
    for planted in [
        "<img src=\"https://x/y.png\">",
        "<script>1</script>",
        "<link href=\"a.css\">",
        "background: url(a.png)",
    ] {
        assert_eq!(outside(planted).len(), 1, "{planted}");
    }
    assert!(outside("<link href=\"data:,\"> clip-path=\"url(#a)\"").is_empty());
}

#[test]
fn a_model_without_a_report_has_a_page() {
    let d = drawn(50, 3, 2, 5);
    let html = page(&d, &d.parameters.clone().into(), &PageOptions::default());
    assert!(html.contains("tells nothing of its fit") && html.contains("does not tell what computed it"));
}

#[test]
fn names_never_become_markup() {
    let planted = "<script>alert(\"&\")</script>";
    let d = drawn(60, 2, 2, 5);
    let labels: Vec<String> = (0..60).map(|i| format!("{planted}{}", i % 2)).collect();
    let samples = d.samples.clone().with_feature_names(vec![planted.into(), "</section>".into()]).unwrap();
    let d = Drawn { samples, ..d };
    let mut model = fitted(&d, 1);
    if let Some(report) = &mut model.report {
        report.engine.device = planted.into();
        report.options.insert(planted.into(), planted.into());
    }
    let words = || planted.to_owned();
    let options = PageOptions {
        title: words(),
        data: words(),
        command: words(),
        caveats: vec![words()],
        plot: PlotOptions { truth: Some(&labels), title: Some(words()), ..PlotOptions::default() },
        sections: vec![Section {
            id: "more".into(),
            heading: words(),
            verdict: Some((true, words())),
            facts: vec![(words(), words())],
            tables: vec![SectionTable { header: vec![words()], rows: vec![vec![words()]] }],
        }],
    };
    let html = page(&d, &model, &options);
    assert!(!html.contains("<script") && html.matches("&lt;script&gt;").count() >= 14);
    assert_eq!(html.matches("</section>").count(), html.matches("<section").count());
}

#[test]
fn the_check_in_f64_is_shown() {
    let d = drawn(60, 2, 2, 5);
    let mut model = fitted(&d, 1);
    for (verified, words) in
        [(true, "<p class=\"good\">verified</p>"), (false, "<p class=\"bad\">not verified</p>")]
    {
        let found = Verification {
            n_samples: 60,
            mean_log_likelihood: Some(-1.5),
            expected_mean_log_likelihood: -1.25,
            difference: Some(0.25),
            bound: 1e-5,
            within: verified,
        };
        model.report.as_mut().unwrap().verification = Some(found);
        let html = page(&d, &model, &PageOptions::default());
        assert!(html.contains("<section id=\"verification\">") && html.contains(words), "{words}");
        assert!(html.contains("<dt>difference</dt><dd>2.5e−1</dd>"), "{html}");
    }
    let broken = Verification { difference: None, ..model.report.as_ref().unwrap().verification.unwrap() };
    model.report.as_mut().unwrap().verification = Some(broken);
    let html = page(&d, &model, &PageOptions::default());
    assert!(html.contains("<dt>difference</dt><dd>not finite</dd>"), "{html}");
}

#[test]
fn further_sections_stand_in_their_order() {
    let d = drawn(60, 2, 2, 5);
    let table = SectionTable {
        header: vec!["a".into(), "b".into()],
        rows: vec![vec!["1".into(), "2".into()], vec!["3".into(), "4".into()]],
    };
    let first = Section { facts: vec![("name".into(), "value".into())], ..Section::new("first", "First") };
    let second = Section {
        verdict: Some((false, "beyond".into())),
        tables: vec![table],
        ..Section::new("second", "Second")
    };
    let options = PageOptions { sections: vec![first, second], ..PageOptions::default() };
    let html = page(&d, &fitted(&d, 1), &options);
    for text in [
        "<section id=\"first\">\n<h2>First</h2>",
        "<dt>name</dt><dd>value</dd>",
        "<section id=\"second\">\n<h2>Second</h2>\n<p class=\"bad\">beyond</p>",
        "<tr><th>a</th><th>b</th></tr>",
        "<tr><td>1</td><td>2</td></tr>\n<tr><td>3</td><td>4</td></tr>",
    ] {
        assert_eq!(html.matches(text).count(), 1, "{text}");
    }
    let at = |id: &str| html.find(&format!("id=\"{id}\"")).unwrap();
    assert!(at("engine") < at("first") && at("first") < at("second") && at("second") < at("reproduce"));
}

#[test]
fn many_components_are_cut_and_the_condition_is_right() {
    let d = drawn(3000, 1, 300, 5);
    let html = page(&d, &d.parameters.clone().into(), &PageOptions::default());
    assert_eq!(html.matches("class=\"swatch\" style").count(), 256);
    assert!(html.contains("44 lighter components are left out"));
    let d = drawn(20, 2, 1, 5);
    let matrix = vec![4.0, 0.0, 0.0, 0.01];
    let p = wgmm::Parameters::new(wgmm::CovarianceType::Full, vec![1.0], vec![0.0; 2], matrix).unwrap();
    let html = page(&d, &p.into(), &PageOptions::default());
    assert!(html.contains("<td>20.0</td><td>400</td>"), "{html}");
}

/// What went otherwise than one may think is told where it is so, and only there.
#[test]
fn few_digits_and_few_samples_are_noted() {
    let d = drawn(300, 2, 3, 5);
    let sound = fitted(&d, 1);
    let of = |change: fn(&mut FitReport)| {
        let mut model = sound.clone();
        change(model.report.as_mut().unwrap());
        page(&d, &model, &PageOptions::default())
    };
    const POOR: WorstRounding =
        WorstRounding { iteration: 7, component: 2, error: 1e-2, digits: 2.0, switched: false };
    let words = [
        "f32 left 2.0 digits of component 2",
        "in f64 from there on",
        "may end elsewhere",
        "too few samples",
        "did not converge",
        "the start itself",
    ];
    let said = |html: &str| words.map(|word| html.contains(word));
    assert_eq!(said(&of(|_| {})), [false; 6]);
    let fine = of(|r| r.worst_rounding = Some(WorstRounding { error: 1e-4, digits: 4.0, ..POOR }));
    assert_eq!(said(&fine), [false; 6]);
    assert_eq!(said(&of(|r| r.worst_rounding = Some(POOR))), [true, false, true, false, false, false]);
    let switched = of(|r| r.worst_rounding = Some(WorstRounding { switched: true, ..POOR }));
    assert_eq!(said(&switched), [true, true, false, false, false, false]);
    let few = of(|r| r.degenerate = vec![Degenerate { component: 1, effective_count: 1.04 }]);
    assert_eq!(said(&few), [false, false, false, true, false, false]);
    assert!(few.contains("effective count 1.0"), "{few}");
    assert_eq!(said(&of(|r| r.converged = false)), [false, false, false, false, true, false]);
    let start = of(|r| (r.converged, r.n_iter) = (false, 0));
    assert_eq!(said(&start), [false, false, false, false, false, true]);
}

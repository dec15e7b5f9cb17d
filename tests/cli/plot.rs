//! `wgmm plot`: files, options, refusals.

use super::Bench;

fn fitted() -> Bench {
    let bench = Bench::new();
    bench.run("fit IRIS -k 3 -o m.json").ok();
    bench
}

#[test]
fn figures_in_both_formats() {
    let bench = fitted();
    bench.run("plot m.json IRIS -o a.svg").ok().says(&["figure written to a.svg"]);
    let svg = bench.read("a.svg");
    assert!(svg.starts_with("<svg") && svg.contains("petal_width") && svg.contains("class=\"sigma1\""));
    bench.run("plot m.json IRIS -o a.png --size 640x480 --title Iris").ok();
    let png = std::fs::read(bench.path("a.png")).unwrap();
    assert_eq!((&png[1..4], &png[16..24]), (&b"PNG"[..], &[0, 0, 2, 128, 0, 0, 1, 224][..]));
    // Named features in their order, by name or number.
    bench.run("plot m.json IRIS -o b.svg --features petal_width,1").ok();
    let svg = bench.read("b.svg");
    assert!(svg.contains("petal_width") && svg.contains("sepal_length") && !svg.contains("petal_length"));
    assert_eq!(bench.run("plot m.json IRIS -o - --features 4,1").ok().stdout, svg, "the same bytes");
    bench.run("plot m.json --trace -o t.svg").ok();
    assert!(bench.read("t.svg").contains("converged after 17 iterations"));
    assert_eq!(bench.files(), ["a.png", "a.svg", "b.svg", "m.json", "t.svg"]);
}

/// Characters that no font has, in two names, are told of a PNG, once each; an SVG has them.
#[test]
fn characters_without_a_glyph_are_told() {
    let bench = Bench::new();
    bench.write("d.csv", "x\u{e000},\u{10fffd}y\u{e000}\n1,2\n2,1\n8,9\n9,8\n");
    bench.run("fit d.csv -k 1 -o m.json").ok();
    let ran = bench.run("plot m.json d.csv -o f.png").ok().says(&["warning", "an .svg"]);
    assert_eq!(ran.stderr.matches("U+E000, U+10FFFD").count(), 1, "{ran:#?}");
    assert!(!bench.run("plot m.json d.csv -o f.svg").ok().stderr.contains("U+E000"));
    let ran = bench.run("fit d.csv -k 1 --tol 0 --max-iter 3 --animate f.gif").ok();
    assert_eq!(ran.stderr.matches("U+E000").count(), 1, "{ran:#?}");
    bench.run("fit IRIS -k 3 -o m.json").ok();
    assert!(!bench.run("plot m.json IRIS -o f.png").ok().stderr.contains("no font"));
}

#[test]
fn true_labels() {
    let bench = fitted();
    bench.run("predict m.json IRIS -o l.csv").ok();
    bench.run("plot m.json IRIS --truth l.csv --features 3,4 -o a.svg").ok();
    assert!(bench.read("a.svg").contains("true labels"));
    bench.write("short.csv", "label\n1\n2\n");
    let line = "plot m.json IRIS --truth short.csv -o b.svg";
    bench.run(line).code(3).says(&["short.csv", "150", "2"]);
    let ids: String = (0..300).map(|i| format!("{i}\n")).collect();
    let rows: String = (0..300).map(|i| format!("{i},{},1,{}\n", i % 7, i % 5)).collect();
    bench.write("ids.csv", &ids);
    bench.write("rows.csv", &rows);
    bench.run("plot m.json rows.csv --truth ids.csv -o b.svg").code(3).says(&["ids.csv", "ids?"]);
    assert!(!bench.files().contains(&"b.svg".into()));
}

#[test]
fn what_cannot_be_drawn() {
    let bench = fitted();
    bench.write("one.csv", "x\n1\n2\n4\n8\n");
    bench.write("empty.csv", "");
    bench.write("header.csv", "sepal_length,sepal_width,petal_length,petal_width\n");
    bench.run("fit one.csv -k 1 -o one.json").ok();
    let zero = bench.read("one.json").replace("\"n_components\"", "\"was\"").replace("[1.0]", "[]");
    bench.write("zero.json", &zero);
    bench.write("bare.json", r#"{"format":"wgmm","version":1,"covariance_type":"diag","weights":[1.0],"means":[[1.0]],"covariances":[[1.0]]}"#);
    bench.run("plot one.json one.csv -o x.svg --features 1,2").code(3).says(&["one.json", "\"2\"", "1 to 1"]);
    bench.run("plot m.json IRIS -o x.svg --features petal").code(3).says(&["m.json", "petal_length"]);
    bench.run("plot zero.json one.csv -o x.svg").code(3).says(&["zero.json", "weights"]);
    bench.run("plot m.json empty.csv -o x.svg").code(3).says(&["empty.csv"]);
    bench.run("plot m.json header.csv -o x.svg").code(3).says(&["header.csv"]);
    bench.run("plot m.json one.csv -o x.svg").code(3).says(&["one.csv", "4 features"]);
    bench.run("plot bare.json --trace -o x.svg").code(3).says(&["bare.json", "trace", "wgmm fit"]);
    assert!(!bench.files().contains(&"x.svg".into()), "{:?}", bench.files());
}

#[test]
fn usage() {
    let bench = Bench::new();
    for (line, words) in [
        ("plot m.json IRIS", &["--output"][..]),
        ("plot m.json -o x.svg", &["<DATA>"]),
        ("plot m.json IRIS -o x.jpg", &[".svg", ".png"]),
        ("plot m.json IRIS -o x.svg --size 800", &["--size", "800x600"]),
        ("plot m.json IRIS -o x.svg --size 10x10", &["--size", "240 to 8000"]),
        ("plot m.json IRIS -o x.svg --features 1,1", &["--features", "twice"]),
        ("plot m.json IRIS -o x.svg --trace", &["--trace"]),
        ("plot - - -o x.svg", &["MODEL", "DATA"]),
        ("plot m.json IRIS -o nowhere/x.svg", &["nowhere", "folder"]),
    ] {
        bench.run(line).code(2).says(words);
    }
    assert!(bench.files().is_empty());
}

#[test]
fn every_step_of_a_fit() {
    let bench = Bench::new();
    let line = "fit IRIS -k 3 --max-iter 4 --tol 0 -o m.json --snapshots steps --animate a.gif";
    bench.run(line).ok();
    let mut names: Vec<String> = std::fs::read_dir(bench.path("steps"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    let mut expected: Vec<String> = (1..=4).map(|i| format!("iteration_{i:04}.png")).collect();
    expected.insert(0, "final.png".into());
    assert_eq!(names, expected);
    let gif = std::fs::read(bench.path("a.gif")).unwrap();
    let mut decoder = gif::DecodeOptions::new().read_info(&gif[..]).unwrap();
    let mut frames = 0;
    while decoder.read_next_frame().unwrap().is_some() {
        frames += 1;
    }
    assert_eq!(frames, 5);
    // The pictures change nothing.
    bench.run("fit IRIS -k 3 --max-iter 4 --tol 0 -o plain.json").ok();
    assert_eq!(bench.read("m.json"), bench.read("plain.json"));
    // The same animation; pictures of two fits never mix.
    bench.run("fit IRIS -k 3 --max-iter 4 --tol 0 --animate b.gif").ok();
    assert_eq!(std::fs::read(bench.path("b.gif")).unwrap(), gif);
    bench.run(line).code(2).says(&["--snapshots", "steps", "earlier fit"]);
    bench.run("fit IRIS -k 3 --max-iter 1 --tol 0 --n-init 2 --snapshots two").ok();
    assert!(bench.path("two/restart_002_iteration_0001.png").exists());
    // A fit that fails leaves no animation.
    bench.run("fit IRIS -k 200 --animate c.gif").code(3);
    bench.run("fit IRIS -k 3 --animate c.png").code(2).says(&["--animate", ".gif"]);
    bench.run("fit IRIS -k 3 --snapshots m.json").code(2).says(&["m.json"]);
    assert_eq!(bench.files(), ["a.gif", "b.gif", "m.json", "plain.json", "steps", "two"]);
}

#[test]
fn criteria_of_a_sweep() {
    let bench = Bench::new();
    bench.run("select IRIS -k 1..4 --covariance full,diag --plot c.svg").ok();
    let svg = bench.read("c.svg");
    for word in ["BIC", "AIC", "ICL", ">full<", ">diag<", "components"] {
        assert!(svg.contains(word), "{word}");
    }
    bench.run("select IRIS -k 1..2 --plot -").code(2).says(&["--plot"]);
    bench.run("select IRIS -k 1..2 --plot c.pdf").code(2).says(&["--plot", ".svg"]);
}

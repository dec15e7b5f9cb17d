//! `wgmm report`: the page, its command, a real browser.

use std::fs::File;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use super::{Bench, iris};

/// A browser that has not opened a page by then hangs.
const LONGEST: Duration = Duration::from_secs(60);

/// The command that the page of `bench` shows, with its markup taken back.
fn command(html: &str) -> String {
    let text = html.split("<pre>").nth(1).unwrap().split("</pre>").next().unwrap();
    [("&lt;", "<"), ("&gt;", ">"), ("&quot;", "\""), ("&#x27;", "'"), ("&#x2f;", "/"), ("&amp;", "&")]
        .iter()
        .fold(text.to_owned(), |text, (markup, sign)| text.replace(markup, sign))
}

/// The model m.json that `line` writes anew, typed into a shell.
fn fitted_again(bench: &Bench, line: &str) -> String {
    std::fs::remove_file(bench.path("m.json")).unwrap();
    let line = line.replacen("wgmm", env!("CARGO_BIN_EXE_wgmm"), 1);
    let mut shell = Command::new("sh");
    shell.current_dir(bench.0.path()).args(["-c", &line]).stdout(Stdio::null()).stderr(Stdio::null());
    assert!(shell.status().unwrap().success(), "{line}");
    bench.read("m.json")
}

#[test]
fn the_command_on_the_page_fits_the_same_model() {
    let bench = Bench::new();
    let rows = std::fs::read_to_string(iris()).unwrap();
    let rows = rows.replacen("sepal_length", "\"a, 'strange' \"\"name\"\"\"", 1);
    bench.write("my data.csv", &rows);
    let fit =
        ["fit", "my data.csv", "-k", "3", "--covariance", "diag", "--init", "k-means++", "--n-init", "2"];
    let more =
        ["--seed", "7", "--tol", "1e-5", "--reg-covar", "1e-5", "--on-collapse", "drop", "-o", "m.json"];
    bench.args(&[&fit[..], &more[..]].concat()).ok();
    let first = bench.read("m.json");
    bench.args(&["report", "m.json", "my data.csv", "-o", "r.html"]).ok().says(&["report written to r.html"]);
    let line = command(&bench.read("r.html"));
    assert!(line.starts_with("wgmm fit 'my data.csv' -k 3 --covariance diag"), "{line}");
    assert_eq!(fitted_again(&bench, &line), first, "{line}");
}

/// A name that looks like an option is none in the command.
#[test]
fn the_command_on_the_page_can_be_typed() {
    let bench = Bench::new();
    bench.write("d.csv", "-o,--help\n1,2\n2,1\n8,9\n9,8\n");
    bench.run("fit d.csv -k 2 --reg-covar 0.1 --engine cpu -o m.json").ok();
    bench.run("report m.json d.csv -o r.html").ok();
    let (first, line) = (bench.read("m.json"), command(&bench.read("r.html")));
    assert_eq!(fitted_again(&bench, &line), first, "{line}");
}

#[test]
fn what_cannot_be_reported() {
    let bench = Bench::new();
    bench.run("fit IRIS -k 2 -o m.json").ok();
    bench.write("empty.csv", "");
    bench.write("short.csv", "label\n1\n2\n");
    bench.run("report m.json IRIS -o r.txt").code(2).says(&["--output", ".html"]);
    bench.run("report m.json IRIS").code(2).says(&["--output"]);
    bench.run("report m.json empty.csv -o r.html").code(3).says(&["empty.csv"]);
    bench.run("report m.json IRIS -o r.html --truth short.csv").code(3).says(&["short.csv"]);
    bench.run("report m.json IRIS -o r.html --features nothere").code(3).says(&["m.json", "nothere"]);
    bench.run("report m.json IRIS -o nowhere/r.html").code(2).says(&["nowhere"]);
    assert_eq!(bench.files(), ["empty.csv", "m.json", "short.csv"]);
}

#[test]
fn caveats_are_told() {
    let bench = Bench::new();
    bench.write("d.csv", "x,y,w\n1,2,1\n2,1,3\n8,9,2\n9,8,1\n,1,1\n");
    bench.run("fit d.csv -k 2 --weights w --missing drop --reg-covar 0.1 -o m.json").ok();
    bench.run("report m.json d.csv --missing drop -o r.html").ok();
    let html = bench.read("r.html");
    assert!(
        html.contains("add --weights") && html.contains("--missing drop") && html.contains("Rows left out")
    );
    bench.run("report m.json d.csv --missing drop --weights w -o r.html").ok();
    assert!(command(&bench.read("r.html")).contains("--weights w"));
    bench.run("fit d.csv -k 2 --missing drop --columns x,y --init m.json -o n.json").ok();
    bench.run("report n.json d.csv --missing drop -o n.html").ok();
    assert!(bench.read("n.html").contains("--init FILE"));
}

/// Opens a page and gives its DOM and what it wrote to the console.
fn open(folder: &Path, page: &Path) -> (String, Vec<String>) {
    let browser = std::env::var_os("WGMM_BROWSER");
    let browser = browser.expect("WGMM_BROWSER names no browser made from Chromium; tests/run finds one");
    let [dom, log] = ["dom", "log"].map(|name| folder.join(name));
    let mut command = Command::new(browser);
    command.args([
        "--headless",
        "--no-sandbox",
        "--disable-gpu",
        "--disable-dev-shm-usage",
        "--no-first-run",
    ]);
    command.args(["--disable-background-networking", "--enable-logging=stderr", "--dump-dom"]);
    command.arg(format!("--user-data-dir={}", folder.join("profile").display()));
    command.arg(format!("file://{}", page.display())).stdin(Stdio::null());
    command.stdout(File::create(&dom).unwrap()).stderr(File::create(&log).unwrap());
    let (mut child, started) = (command.spawn().unwrap(), Instant::now());
    let status = loop {
        match child.try_wait().unwrap() {
            Some(status) => break Some(status),
            None if started.elapsed() > LONGEST => break child.kill().map(|()| None).unwrap(),
            None => std::thread::sleep(Duration::from_millis(10)),
        }
    };
    let [dom, log] =
        [dom, log].map(|file| String::from_utf8_lossy(&std::fs::read(file).unwrap()).into_owned());
    assert!(status.is_some_and(|status| status.success()), "{status:?} after {:?}: {log}", started.elapsed());
    (dom, log.lines().filter(|line| line.contains("CONSOLE")).map(str::to_owned).collect())
}

/// Sections that a page has not.
fn missing(dom: &str) -> Vec<&'static str> {
    let mut sections = vec!["summary", "mixture", "components", "trace", "engine", "reproduce"];
    sections.extend(["verification", "timings", "comparison"]);
    sections.retain(|id| dom.matches(&format!("<section id=\"{id}\">")).count() != 1);
    sections
}

#[test]
#[ignore = "needs a browser; tests/run runs it where there is one, and counts it where not"]
fn browser_opens_the_page_without_a_word() {
    let bench = Bench::new();
    let fit = bench.run("fit IRIS -k 3 --n-init 2 --verify all -o m.json --json").ok();
    bench.write("fit.json", &fit.stdout);
    let compare = bench
        .run(
            "compare IRIS --against m.json --init m.json --tol 0 --max-iter 1 --engines cpu,reference --json",
        )
        .code(6);
    bench.write("compare.json", &compare.stdout);
    bench.run("predict m.json IRIS -o l.csv").ok();
    bench.run("report m.json IRIS --truth l.csv --fit fit.json --compare compare.json -o r.html").ok();
    let (dom, said) = open(bench.0.path(), &bench.path("r.html"));
    assert!(said.is_empty(), "{said:?}");
    assert!(missing(&dom).is_empty(), "{:?}", missing(&dom));
    assert_eq!(dom.matches("<svg").count(), 2);
    // The check sees what a page says and what it has not.
    let bad = bench.read("r.html").replace("<section id=\"trace\">", "<script>undefined_function()</script>");
    bench.write("bad.html", &bad);
    let (dom, said) = open(bench.0.path(), &bench.path("bad.html"));
    assert_eq!(missing(&dom), ["trace"]);
    assert!(said.len() == 1 && said[0].contains("undefined_function"), "{said:?}");
}

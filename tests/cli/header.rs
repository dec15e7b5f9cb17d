//! `--header`, on every command that reads a table.

use super::Bench;

/// Iris with the years as names, as pandas and others write columns that have numbers for names.
fn bench() -> Bench {
    let bench = Bench::new();
    let iris = std::fs::read_to_string(super::iris()).unwrap();
    let rows: Vec<&str> = iris.lines().skip(1).collect();
    bench.write("years.csv", &format!("2019,2020,2021,2022\n{}\n", rows.join("\n")));
    bench.write("plain.csv", &format!("{}\n", rows.join("\n")));
    bench
}

#[test]
fn numbers_for_names() {
    let bench = bench();
    let yes = bench.run("fit years.csv -k 3 --header yes --json -o m.json").ok();
    assert!(!yes.stderr.contains("counts up"), "{yes:#?}");
    let json = yes.json();
    assert_eq!(json["report"]["n_samples"], 150);
    assert_eq!(json["model"]["feature_names"][3], "2022");
    // Taken for data, with a warning; and without one where it is said to be data.
    let ran = bench.run("fit years.csv -k 3 --json").ok();
    let ran = ran.says(&["warning: years.csv: line 1 counts up (2019, 2020, 2021, ...)", "--header yes"]);
    assert_eq!(ran.json()["report"]["n_samples"], 151);
    let no = bench.run("fit years.csv -k 3 --json --header no").ok();
    assert!(!no.stderr.contains("counts up"), "{no:#?}");
    assert_eq!(no.json()["report"]["n_samples"], 151);
    // Data that count nothing are left in peace.
    let plain = bench.run("fit plain.csv -k 3 --json").ok();
    assert!(!plain.stderr.contains("warning"), "{plain:#?}");
    assert_eq!(plain.json()["report"]["n_samples"], 150);
    for (text, counts) in [
        ("0,1\n2,3\n5,9\n", true),
        ("1,2\n4,3\n5,9\n", true),
        ("7,8\n2,3\n5,9\n", false),
        ("1\n2\n4\n", false),
        ("1,3,4\n2,2,2\n5,9,7\n", false),
        ("0.5,1.5,2.5\n2,2,2\n5,9,7\n", false),
    ] {
        bench.write("few.csv", text);
        let ran = bench.run("fit few.csv -k 1").ok();
        assert_eq!(ran.stderr.contains("counts up"), counts, "{text}: {ran:#?}");
    }
}

/// Every command takes it, and a model whose features are years needs it no more.
#[test]
fn every_command_that_reads_a_table() {
    let bench = bench();
    bench.run("fit years.csv -k 3 --header yes -o m.json").ok();
    for line in [
        "predict m.json years.csv -o l.csv",
        "score m.json years.csv",
        "predict m.json years.csv --append -o a.csv",
    ] {
        let ran = bench.run(line).ok();
        assert!(!ran.stderr.contains("counts up"), "{line}: {ran:#?}");
        let with = bench.run(&format!("{line} --header yes")).ok();
        assert_eq!(with.stdout, ran.stdout, "{line}");
    }
    assert_eq!(bench.read("l.csv").lines().count(), 151);
    assert!(bench.read("a.csv").starts_with("2019,2020,2021,2022,label\n"), "{}", bench.read("a.csv"));
    bench.run("select years.csv -k 2 --header yes").ok();
    bench.run("compare years.csv -k 2 --header yes --engines cpu,reference").ok();
    bench.run("bench --data years.csv --init m.json --header yes --engine cpu").ok();
    #[cfg(feature = "plot")]
    {
        bench.run("plot m.json years.csv --header yes -o f.svg").ok();
        bench.run("report m.json years.csv --header yes -o r.html").ok();
        assert!(bench.read("r.html").contains("--header yes"));
    }
    let denied = bench.run("fit IRIS -k 3 --header no").code(3);
    denied.says(&["line 1", "leave `--header no` out"]);
    bench.run("fit years.csv -k 2 --columns 2019,2020").code(3).says(&["\"2019\"", "--header yes"]);
    bench.run("sample m.json -n 5 -o x.npy").ok();
    bench.run("fit x.npy -k 1 --header yes").code(3).says(&["--header yes: x.npy: NPY has no header"]);
}

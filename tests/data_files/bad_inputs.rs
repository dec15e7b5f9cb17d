//! Every CSV and NPY file of the collection of bad inputs, judged by its manifest.

use serde_json::Value;
use wgmm::internals::data::{self, ReadOptions};

use super::{data_folder, file, folder};

/// Read well, and refused later because two components need two rows.
const REFUSED_BY_THE_FIT: &str = "c52_one_row.csv";

#[test]
fn bad_inputs_are_judged_as_the_manifest_says() {
    let source = data_folder().join("badinputs");
    let manifest: Value =
        serde_json::from_slice(&std::fs::read(source.join("manifest.json")).unwrap()).unwrap();
    let entries = manifest["entries"].as_array().unwrap();
    let mine: Vec<&Value> = entries.iter().filter(|e| e["kind"] == "csv" || e["kind"] == "npy").collect();
    assert_eq!(mine.len(), 59 + 37);

    let generated = folder();
    // Over 100 KB, so not stored: 300 000 digits in one cell.
    let long_line = file(&generated, "c55_long_line.csv", format!("c0,c1,c2,c3\n{}\n", "1".repeat(300_000)));
    let mut complaints = Vec::new();
    for entry in mine {
        let name = entry["file"].as_str().unwrap();
        let path = if name == "c55_long_line.csv" { long_line.clone() } else { source.join(name) };
        if let Err(complaint) = judge(entry, name, data::open(&path, &ReadOptions::default())) {
            complaints.push(format!("{name}: {complaint}"));
        }
    }
    assert!(complaints.is_empty(), "{}", complaints.join("\n"));
}

fn judge(
    entry: &Value,
    name: &str,
    result: Result<data::Table, wgmm::internals::error::Error>,
) -> Result<(), String> {
    let expect = if name == REFUSED_BY_THE_FIT { "accept" } else { entry["expect"].as_str().unwrap() };
    match result {
        Ok(_) if expect == "error" => Err("was accepted".into()),
        Ok(table) => match entry["rows"].as_u64() {
            Some(rows) if rows != table.samples.n_samples() as u64 => {
                Err(format!("{} rows instead of {rows}", table.samples.n_samples()))
            }
            _ => Ok(()),
        },
        Err(e) if expect == "accept" => Err(format!("was refused: {e}")),
        Err(e) => {
            let text = e.to_string();
            let limit = entry["max_stderr"].as_u64().unwrap_or(1000);
            let folded = text.to_lowercase();
            // The name itself must not count as a mention.
            let message = folded.replace(&name.to_lowercase(), "");
            let mentions =
                if expect == "error" { entry["mention"].as_array().unwrap().as_slice() } else { &[] };
            if !text.contains(name) {
                return Err(format!("the file is not named: {text}"));
            }
            if text.len() as u64 > limit || text.lines().count() > 1 {
                return Err(format!("too long: {text}"));
            }
            for group in mentions {
                let words: Vec<&str> = group.as_array().unwrap().iter().filter_map(Value::as_str).collect();
                if !words.iter().any(|word| message.contains(&word.to_lowercase())) {
                    return Err(format!("none of {words:?} in: {text}"));
                }
            }
            Ok(())
        }
    }
}

/// The judge itself must be able to say no.
#[test]
fn the_judge_rejects_wrong_verdicts() {
    let folder = folder();
    let good = file(&folder, "x.csv", "1,2\n3,4\n");
    let bad = file(&folder, "y.csv", "1,2\n3,x\n");
    let open = |path: &std::path::Path| data::open(path, &ReadOptions::default());
    let entry = |json: &str| serde_json::from_str::<Value>(json).unwrap();
    let error = entry(r#"{"expect": "error", "mention": [["line 2"]]}"#);
    assert!(judge(&error, "x.csv", open(&good)).is_err());
    assert!(judge(&error, "y.csv", open(&bad)).is_ok());
    assert!(judge(&error, "z.csv", open(&bad)).is_err());
    let other_word = entry(r#"{"expect": "error", "mention": [["line 2"], ["no such word"]]}"#);
    assert!(judge(&other_word, "y.csv", open(&bad)).is_err());
    assert!(judge(&entry(r#"{"expect": "accept"}"#), "y.csv", open(&bad)).is_err());
    assert!(judge(&entry(r#"{"expect": "accept", "rows": 3}"#), "x.csv", open(&good)).is_err());
    assert!(judge(&entry(r#"{"expect": "accept", "rows": 2}"#), "x.csv", open(&good)).is_ok());
}

/// Every readable variant of the same 37×4 table holds the same numbers.
#[test]
fn variants_of_the_good_table_agree() {
    let source = data_folder().join("badinputs");
    let open = |name: &str| data::open(&source.join(name), &ReadOptions::default()).unwrap();
    let good = open("good.csv");
    let expected = super::values(&good);
    assert_eq!((good.samples.n_samples(), good.samples.n_features()), (37, 4));
    let exact = [
        "good.npy",
        "c33_bom.csv",
        "c34_crlf.csv",
        "c35_cr_only.csv",
        "c38_latin1_header.csv",
        "c40_quoted_numbers.csv",
        "c41_semicolons.csv",
        "c42_tabs.csv",
        "c45_trailing_blank_lines.csv",
        "c46_blank_line_inside.csv",
        "c47_spaces.csv",
        "c48_no_header.csv",
        "c49_duplicate_names.csv",
        "n05_version_2_ok.npy",
        "n06_version_3_ok.npy",
        "n24_big_endian_ok.npy",
        "n25_fortran_order_ok.npy",
    ];
    for name in exact {
        assert_eq!(super::values(&open(name)), expected, "{name}");
    }
    for (name, bound) in [("n23_f4_ok.npy", 1e-6), ("n27_f2.npy", 1e-2), ("n26_i4.npy", 1.0)] {
        let found = super::values(&open(name));
        assert_eq!(found.len(), expected.len(), "{name}");
        let worst = found.iter().zip(&expected).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
        assert!(worst > 0.0 && worst < bound, "{name}: {worst:e}");
    }
    let latin = open("c38_latin1_header.csv");
    assert_eq!(latin.samples.feature_names().unwrap()[0], "größe");
}

//! Writing: round trips, and no file harmed.

use std::fs;
use std::io::Write;
use std::path::Path;

use tempfile::TempDir;
use wgmm::internals::data::copy_with_column;
use wgmm::internals::data::{self, Missing, ReadOptions};
use wgmm::internals::error::Error;
use wgmm::internals::output::{
    MatrixWriter, OutputFile, same_file, write_labels, write_matrix, write_vector,
};

use super::{file, folder, holds, options, says, values};

fn entries(folder: &TempDir) -> Vec<String> {
    let mut names: Vec<String> =
        fs::read_dir(folder.path()).unwrap().map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[test]
fn appears_whole_or_not_at_all() {
    let folder = folder();
    let path = file(&folder, "out.csv", "old");
    let mut out = OutputFile::create(&path).unwrap();
    out.write_all(b"new").unwrap();
    out.flush().unwrap();
    assert_eq!(fs::read(&path).unwrap(), b"old");
    drop(out);
    assert_eq!(
        (fs::read(&path).unwrap().as_slice(), entries(&folder)),
        (b"old".as_slice(), vec!["out.csv".into()])
    );

    let mut out = OutputFile::create(&path).unwrap();
    out.write_all(b"new").unwrap();
    assert_eq!(out.path(), path);
    out.commit().unwrap();
    assert_eq!(
        (fs::read(&path).unwrap().as_slice(), entries(&folder)),
        (b"new".as_slice(), vec!["out.csv".into()])
    );
}

#[test]
fn refuses_at_once_what_cannot_be_written() {
    let folder = folder();
    let refusal = |path: &Path| OutputFile::create(path).unwrap_err().to_string();
    says(&refusal(&folder.path().join("no/such/out.csv")), &["out.csv", "cannot create", "create it first"]);
    says(&refusal(folder.path()), &["cannot create", "inside the folder"]);
    let plain = file(&folder, "plain", "");
    assert!(OutputFile::create(&plain.join("out.csv")).is_err());
    assert!(OutputFile::create(Path::new("")).is_err());
    assert_eq!(entries(&folder), ["plain"]);
}

#[test]
#[cfg(unix)]
fn permissions_and_links() {
    use std::os::unix::fs::{PermissionsExt, symlink};
    let folder = folder();
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    // A new file has the permissions any new file has here.
    let (fresh, plain) = (folder.path().join("fresh.csv"), file(&folder, "plain", ""));
    write_labels(&fresh, &[0]).unwrap();
    assert_eq!(mode(&fresh), mode(&plain));
    fs::set_permissions(&fresh, fs::Permissions::from_mode(0o640)).unwrap();
    write_labels(&fresh, &[1]).unwrap();
    assert_eq!(mode(&fresh), 0o640);

    let sub = folder.path().join("sub");
    fs::create_dir(&sub).unwrap();
    let (real, link) = (sub.join("real.csv"), folder.path().join("link.csv"));
    for content in [None, Some("old")] {
        if let Some(content) = content {
            fs::write(&real, content).unwrap();
        }
        let _ = fs::remove_file(&link);
        symlink("sub/real.csv", &link).unwrap();
        write_labels(&link, &[3]).unwrap();
        assert_eq!(fs::read_to_string(&real).unwrap(), "label\n3\n");
        assert!(fs::symlink_metadata(&link).unwrap().file_type().is_symlink());
        fs::remove_file(&real).unwrap();
    }
    let (a, b) = (folder.path().join("a"), folder.path().join("b"));
    symlink(&a, &b).unwrap();
    symlink(&b, &a).unwrap();
    says(&OutputFile::create(&a).unwrap_err().to_string(), &["links"]);
}

#[test]
#[cfg(target_os = "linux")]
fn devices_are_written_directly() {
    write_labels(Path::new("/dev/null"), &[1, 2]).unwrap();
    assert!(!fs::metadata("/dev/null").unwrap().is_file());
    let full = write_labels(Path::new("/dev/full"), &[1, 2]).unwrap_err();
    assert!(matches!(&full, Error::Io { action: "write", .. }), "{full}");
    let folder = folder();
    let link = folder.path().join("null.csv");
    std::os::unix::fs::symlink("/dev/null", &link).unwrap();
    write_labels(&link, &[1]).unwrap();
    assert_eq!(entries(&folder), ["null.csv"]);
}

#[test]
fn same_files() {
    let folder = folder();
    let (a, b) = (file(&folder, "a", "1"), file(&folder, "b", "1"));
    assert!(same_file(&a, &a) && same_file(&a, &folder.path().join("./a")));
    assert!(
        !same_file(&a, &b)
            && !same_file(&a, &folder.path().join("c"))
            && !same_file(Path::new("-"), Path::new("-"))
    );
    #[cfg(unix)]
    {
        fs::hard_link(&a, folder.path().join("hard")).unwrap();
        std::os::unix::fs::symlink("a", folder.path().join("soft")).unwrap();
        assert!(same_file(&a, &folder.path().join("hard")) && same_file(&folder.path().join("soft"), &a));
    }
}

const NUMBERS: [f64; 6] = [0.1, -1e300, 5e-324, 1.0, f64::MAX, -0.0];

#[test]
fn matrices_round_trip_exactly() {
    let folder = folder();
    let header = ["a", "b, \"c\""].map(String::from);
    for name in ["m.csv", "m.npy", "m.txt"] {
        let path = folder.path().join(name);
        write_matrix(&path, &NUMBERS, 2, Some(&header)).unwrap();
        let table = data::open(&path, &ReadOptions::default()).unwrap();
        let bits = |values: &[f64]| values.iter().map(|x| x.to_bits()).collect::<Vec<_>>();
        assert_eq!(bits(&values(&table)), bits(&NUMBERS), "{name}");
        assert_eq!(table.samples.feature_names(), (name != "m.npy").then_some(header.as_slice()));
        write_matrix(&path, &NUMBERS, 3, None).unwrap();
        holds(&data::open(&path, &ReadOptions::default()).unwrap(), 3, &NUMBERS);
    }
    // By another reader.
    let bytes = fs::read(folder.path().join("m.npy")).unwrap();
    let npy = npyz::NpyFile::new(bytes.as_slice()).unwrap();
    assert_eq!((npy.shape(), npy.order(), bytes.len()), ([2, 3].as_slice(), npyz::Order::C, 128 + 48));
    assert_eq!(npy.into_vec::<f64>().unwrap(), NUMBERS);
}

#[test]
fn matrices_in_pieces() {
    let folder = folder();
    for name in ["m.csv", "m.npy"] {
        let path = folder.path().join(name);
        let mut writer = MatrixWriter::create(&path, 3, 2, None).unwrap();
        writer.push(&NUMBERS[..2]).unwrap();
        assert!(matches!(writer.push(&NUMBERS[2..5]), Err(Error::Shape { .. })));
        assert!(!path.exists());
        writer.push(&[]).unwrap();
        writer.push(&NUMBERS[2..]).unwrap();
        assert!(matches!(writer.push(&NUMBERS[..2]), Err(Error::Shape { .. })));
        writer.finish().unwrap();
        holds(&data::open(&path, &ReadOptions::default()).unwrap(), 2, &NUMBERS);
        fs::remove_file(&path).unwrap();

        let mut short = MatrixWriter::create(&path, 3, 2, None).unwrap();
        short.push(&NUMBERS[..4]).unwrap();
        assert!(matches!(short.finish(), Err(Error::Shape { .. })));
    }
    assert!(MatrixWriter::create(&folder.path().join("x"), 3, 0, None).is_err());
    assert!(MatrixWriter::create(&folder.path().join("x"), 3, 2, Some(&["a".into()])).is_err());
    assert_eq!(entries(&folder), Vec::<String>::new());
}

#[test]
fn labels_and_vectors() {
    let folder = folder();
    let (csv, npy) = (folder.path().join("l.csv"), folder.path().join("l.npy"));
    write_labels(&csv, &[0, 7]).unwrap();
    assert_eq!(fs::read_to_string(&csv).unwrap(), "label\n0\n7\n");
    write_labels(&npy, &[0, 7]).unwrap();
    let bytes = fs::read(&npy).unwrap();
    let file = npyz::NpyFile::new(bytes.as_slice()).unwrap();
    assert_eq!(file.shape(), [2]);
    assert_eq!(file.into_vec::<u32>().unwrap(), [0, 7]);
    write_vector(&csv, &[0.5, -1e-9], "log_likelihood").unwrap();
    assert_eq!(fs::read_to_string(&csv).unwrap(), "log_likelihood\n0.5\n-1e-9\n");
    write_vector(&npy, &[0.5], "log_likelihood").unwrap();
    let bytes = fs::read(&npy).unwrap();
    assert_eq!(npyz::NpyFile::new(bytes.as_slice()).unwrap().shape(), [1]);
}

/// Reads `text` with `missing`, appends labels 0, 1, 2, … and gives the copy.
fn appended(text: &str, missing: Missing, columns: &[&str]) -> String {
    let folder = folder();
    let (input, output) = (file(&folder, "in.csv", text), folder.path().join("out.csv"));
    let table = data::open(&input, &options(columns, &[], None, missing)).unwrap();
    let labels: Vec<u32> = (0..table.samples.n_samples() as u32).collect();
    copy_with_column(&input, &output, &table, "label", &labels).unwrap();
    fs::read_to_string(output).unwrap()
}

#[test]
fn appends_to_csv() {
    assert_eq!(appended("a,b\n1,2\n3,4\n", Missing::Error, &[]), "a,b,label\n1,2,0\n3,4,1\n");
    assert_eq!(appended("1;2\r\n3;4", Missing::Error, &[]), "1;2;0\r\n3;4;1\r\n");
    assert_eq!(appended("\u{feff}a\tb\n1\t2\n", Missing::Error, &[]), "\u{feff}a\tb\tlabel\n1\t2\t0\n");
    assert_eq!(appended("a,b\n1,2\n,3\n\n5,6\n", Missing::Drop, &[]), "a,b,label\n1,2,0\n,3,\n5,6,1\n");
    assert_eq!(
        appended("id,x,label\n\"a, b\",1.50,z\nc,2,\n", Missing::Error, &["x"]),
        "id,x,label,label_2\n\"a, b\",1.50,z,0\nc,2,,1\n"
    );
}

/// A copy is read as its original was, although a name holds another separator.
#[test]
fn a_copy_keeps_its_separator() {
    for text in ["\"a;b\",c\n1,2\n3,4\n", "\"a\tb\";c\n1;2\n3;4\n", "1,2\t\n3,4\n", "1\t\n3\n"] {
        let folder = folder();
        let input = file(&folder, "t.csv", text);
        let table = data::open(&input, &ReadOptions::default()).unwrap();
        let output = folder.path().join("copy.csv");
        copy_with_column(&input, &output, &table, "label", &[7, 8]).unwrap();
        let copy = data::open(&output, &ReadOptions::default()).unwrap();
        let d = table.samples.n_features();
        let again: Vec<f64> = values(&copy).chunks(d + 1).flat_map(|row| row[..d].to_vec()).collect();
        assert_eq!((again, copy.has_header), (values(&table), table.has_header), "{text:?}");
    }
}

#[test]
fn appends_to_npy() {
    let folder = folder();
    let (input, output) = (folder.path().join("in.npy"), folder.path().join("out.npy"));
    write_matrix(&input, &[1.0, 2.0, f64::NAN, 4.0, 5.0, 6.0], 2, None).unwrap();
    let table = data::open(&input, &options(&["1"], &[], None, Missing::Drop)).unwrap();
    copy_with_column(&input, &output, &table, "label", &[1, 0]).unwrap();
    let bytes = fs::read(&output).unwrap();
    let file = npyz::NpyFile::new(bytes.as_slice()).unwrap();
    assert_eq!(file.shape(), [3, 3]);
    let found: Vec<String> = file.into_vec::<f64>().unwrap().iter().map(f64::to_string).collect();
    assert_eq!(found.join(" "), "1 2 1 NaN 4 NaN 5 6 0");
}

#[test]
fn appending_refuses_what_would_do_harm() {
    let folder = folder();
    let input = file(&folder, "in.csv", "a\n1\n2\n");
    let table = data::open(&input, &ReadOptions::default()).unwrap();
    let copy = |from: &Path, to: &Path, labels: &[u32]| copy_with_column(from, to, &table, "label", labels);
    let out = folder.path().join("out.csv");
    assert!(matches!(copy(&input, &out, &[0]), Err(Error::Shape { .. })));
    says(&copy(&input, &input, &[0, 1]).unwrap_err().to_string(), &["the output is the input"]);
    says(&copy(Path::new("-"), &out, &[0, 1]).unwrap_err().to_string(), &["cannot be read twice"]);
    says(&copy(&input, &out.with_extension("npy"), &[0, 1]).unwrap_err().to_string(), &["copied as CSV"]);
    for changed in ["a\n1\n", "a\n1\n2\n3\n"] {
        fs::write(&input, changed).unwrap();
        says(&copy(&input, &out, &[0, 1]).unwrap_err().to_string(), &["in.csv", "changed"]);
    }
    assert_eq!(
        (fs::read_to_string(&input).unwrap().as_str(), entries(&folder)),
        ("a\n1\n2\n3\n", vec!["in.csv".into()])
    );
}

//! Broken model files: the project's corpus, and JSONTestSuite (github.com/nst/JSONTestSuite, MIT).

use std::path::Path;

use super::*;

/// What a model file with `text` as the value of one more field would be.
fn embedded(text: &str) -> String {
    let whole = minimal().to_string();
    format!("{},\"comment\":{text}}}", whole.strip_suffix('}').unwrap())
}

#[derive(serde::Deserialize)]
struct Manifest {
    columns: usize,
    entries: Vec<Entry>,
}

#[derive(serde::Deserialize)]
struct Entry {
    file: String,
    kind: String,
    expect: String,
    mention: Vec<Vec<String>>,
}

/// Every broken model of the corpus is refused with a short text that names the file and the fault.
#[test]
fn broken_models_are_refused_with_their_fault() {
    let folder = files::data("badinputs");
    let manifest: Manifest = serde_json::from_value(files::json(&folder.join("manifest.json"))).unwrap();
    let models: Vec<&Entry> = manifest.entries.iter().filter(|e| e.kind == "model").collect();
    assert_eq!(models.len(), 26);
    let mut wrong = Vec::new();
    for entry in models {
        assert_eq!(entry.expect, "error", "{}", entry.file);
        if entry.file == "m19_deep_nesting.json" {
            continue; // 200 kB of brackets: made by `deep_nesting_is_refused`.
        }
        let path = folder.join(&entry.file);
        assert!(path.is_file(), "{} is missing", entry.file);
        match refusal(&path, manifest.columns) {
            None => wrong.push(format!("{}: accepted", entry.file)),
            Some(text) => wrong.extend(complaint(entry, &text)),
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// The error of reading the model, or of using it with data of `columns` features.
fn refusal(path: &Path, columns: usize) -> Option<String> {
    let model = match GaussianMixture::read(path) {
        Ok(model) => model,
        Err(error) => return Some(error.to_string()),
    };
    let samples = wgmm::Samples::new(vec![0.5; 3 * columns], columns).unwrap();
    let mut engine = Kind::Reference.open(&samples).unwrap();
    let error = wgmm::internals::infer::predict(engine.as_mut(), &model.parameters).err()?;
    // The command adds the file; the library does not know it here.
    Some(format!("{}: {error}", path.display()))
}

fn complaint(entry: &Entry, text: &str) -> Option<String> {
    let lower = text.to_lowercase();
    let missing = entry.mention.iter().find(|words| !words.iter().any(|w| lower.contains(&w.to_lowercase())));
    if let Some(words) = missing {
        return Some(format!("{}: mentions none of {words:?}: {text}", entry.file));
    }
    if !text.contains(&entry.file) {
        return Some(format!("{}: not named in {text}", entry.file));
    }
    (text.len() > 1000 || text.lines().count() > 3).then(|| format!("{}: too long: {text}", entry.file))
}

#[test]
fn deep_nesting_is_refused() {
    for open in ["[", "{\"a\":"] {
        let deep = open.repeat(100_000);
        assert!(read(&deep).is_err());
        assert!(read(&embedded(&deep)).is_err());
        let text = minimal().to_string().replace("[0.25,0.75]", &deep);
        assert!(read(&text).is_err());
    }
    // Balanced, so that only the depth is at fault.
    let balanced = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
    for field in ["weights", "means", "covariances", "format", "n_components", "feature_names"] {
        let mut model = minimal();
        model[field] = json!("HERE");
        assert!(read(&model.to_string().replace("\"HERE\"", &balanced)).is_err(), "{field}");
    }
}

/// Every file of JSONTestSuite, alone and as a field of a right model: `n_` must be refused and `y_`
/// accepted, nothing may panic.
#[test]
fn json_test_suite() {
    let folder = files::data("thirdparty/JSONTestSuite/test_parsing");
    assert!(files::data("thirdparty/JSONTestSuite/LICENSE").is_file());
    let names = files::names(&folder);
    let count = |prefix: &str| names.iter().filter(|n| n.starts_with(prefix)).count();
    assert_eq!((count("y_"), count("n_"), count("i_")), (95, 188, 35));
    let scratch = tempfile::tempdir().unwrap();
    let mut wrong = Vec::new();
    for name in &names {
        let bytes = fs::read(folder.join(name)).unwrap();
        // No file of the suite is a mixture.
        if GaussianMixture::read(&folder.join(name)).is_ok() {
            wrong.push(format!("{name} was read as a mixture"));
        }
        let whole = minimal().to_string();
        let mut text = whole.strip_suffix('}').unwrap().as_bytes().to_vec();
        text.extend_from_slice(b",\"comment\":");
        text.extend_from_slice(&bytes);
        text.push(b'}');
        let path = scratch.path().join("model.json");
        fs::write(&path, text).unwrap();
        match (&name[..2], GaussianMixture::read(&path)) {
            ("n_", Ok(_)) => wrong.push(format!("{name} was accepted as a field")),
            ("y_", Err(error)) => wrong.push(format!("{name} was refused as a field: {error}")),
            _ => {}
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

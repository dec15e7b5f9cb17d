//! Which columns become features and which one the weights.

use std::path::{Path, PathBuf};

use super::number::{plain, shorten};
use super::table::ReadOptions;
use crate::error::{Error, Result};

/// The outcome of the column options for one table.
#[derive(Debug)]
pub(super) struct Selection {
    /// Columns, from 0, in the order asked for.
    pub(super) features: Vec<usize>,
    /// Column of the sample weights.
    pub(super) weight: Option<usize>,
    /// File of the sample weights, if `weights` names a file and no column.
    pub(super) weight_file: Option<PathBuf>,
}

impl Selection {
    /// Features, then the weight column.
    pub(super) fn used(&self) -> impl Iterator<Item = usize> + '_ {
        self.features.iter().copied().chain(self.weight)
    }
}

/// Applies the column options to a table of `width` columns.
///
/// # Errors
/// [`Error::UnknownColumn`] for a name or number the table lacks or has twice; [`Error::Option`] if no
/// column is left.
pub(super) fn select(
    path: &Path,
    options: &ReadOptions,
    names: Option<&[String]>,
    width: usize,
) -> Result<Selection> {
    let find = |wanted: &String| find(path, wanted, names, width);
    let (mut weight, mut weight_file) = (None, None);
    if let Some(wanted) = &options.weights {
        match find(wanted) {
            Ok(column) => weight = Some(column),
            // Pipes, too.
            Err(_) if std::fs::metadata(wanted).is_ok_and(|found| !found.is_dir()) => {
                weight_file = Some(PathBuf::from(wanted))
            }
            Err(Error::UnknownColumn { path, name, hint, remedies }) => {
                let hint = format!("{hint}. There is no weights file of that name either");
                return Err(Error::UnknownColumn { path, name, hint, remedies });
            }
            Err(e) => return Err(e),
        }
    }
    let dropped = options.drop_columns.iter().map(find).collect::<Result<Vec<_>>>()?;
    let mut keep = vec![true; width];
    for &column in dropped.iter().chain(&weight) {
        if let Some(keep) = keep.get_mut(column) {
            *keep = false;
        }
    }
    let preferred = &options.prefer_columns;
    let has = |name: &String| names.is_some_and(|names| names.iter().filter(|n| n == &name).count() == 1);
    let wanted = if options.columns.is_empty() && !preferred.is_empty() && preferred.iter().all(has) {
        preferred.iter().map(find).collect::<Result<Vec<_>>>()?
    } else if options.columns.is_empty() {
        (0..width).collect()
    } else {
        options.columns.iter().map(find).collect::<Result<Vec<_>>>()?
    };
    let mut features = Vec::with_capacity(wanted.len());
    let mut seen = vec![false; width];
    for column in wanted {
        if !keep.get(column).copied().unwrap_or(false) {
            continue;
        }
        if let Some(seen) = seen.get_mut(column)
            && std::mem::replace(seen, true)
        {
            return Err(Error::option(
                "columns",
                options.columns.join(","),
                format!("column {} is asked for twice; name every column once", column + 1),
            ));
        }
        features.push(column);
    }
    if features.is_empty() {
        return Err(Error::option(
            "columns",
            options.columns.join(","),
            format!("{}: no feature column is left; drop fewer of its {width} columns", path.display()),
        ));
    }
    Ok(Selection { features, weight, weight_file })
}

/// Names as one text: separated by commas, and quoted as in CSV if they hold one.
pub fn column_list(names: &[String]) -> String {
    let field = |name: &String| {
        if name.contains([',', '"', '\n']) || name.trim() != name {
            format!("\"{}\"", name.replace('"', "\"\""))
        } else {
            name.clone()
        }
    };
    names.iter().map(field).collect::<Vec<_>>().join(",")
}

/// A column by header name (which wins) or by number from 1.
fn find(path: &Path, wanted: &str, names: Option<&[String]>, width: usize) -> Result<usize> {
    let unknown = |hint: String| {
        let name = shorten(wanted.as_bytes());
        Error::UnknownColumn { path: path.into(), name, hint, remedies: Box::default() }
    };
    let mut matches = names.unwrap_or_default().iter().enumerate().filter(|(_, name)| *name == wanted.trim());
    if let Some((column, _)) = matches.next() {
        return match matches.next() {
            None => Ok(column),
            Some((other, _)) => Err(unknown(format!(
                "The name is not unique: columns {} and {} have it; give the number",
                column + 1,
                other + 1
            ))),
        };
    }
    match wanted.trim().parse::<usize>() {
        Ok(number) if (1..=width).contains(&number) => Ok(number - 1),
        _ => Err(unknown(suggestion(wanted, names, width))),
    }
}

fn suggestion(wanted: &str, names: Option<&[String]>, width: usize) -> String {
    let Some(names) = names else {
        return format!("The columns have no names; give numbers from 1 to {width}");
    };
    let folded = wanted.trim().to_lowercase();
    let closest =
        names.iter().map(|name| (edit_distance(&folded, &name.to_lowercase()), name)).min_by_key(|c| c.0);
    let mut hint = match closest {
        Some((distance, name)) if distance <= 1.max(folded.chars().count() / 3) => {
            format!("Did you mean {:?}? ", plain(name.as_bytes()))
        }
        _ => String::new(),
    };
    const SHOWN: usize = 12;
    hint += "The columns are: ";
    hint += &names.iter().take(SHOWN).map(|name| plain(name.as_bytes())).collect::<Vec<_>>().join(", ");
    if names.len() > SHOWN {
        hint += &format!(" and {} more", names.len() - SHOWN);
    }
    hint
}

/// Levenshtein distance; long names are compared by their first 64 characters.
fn edit_distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().take(64).collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, ca) in a.chars().take(64).enumerate() {
        let mut diagonal = i;
        let mut left = i + 1;
        for (cell, cb) in row.iter_mut().skip(1).zip(&b) {
            let next = (diagonal + usize::from(ca != *cb)).min(*cell + 1).min(left + 1);
            diagonal = std::mem::replace(cell, next);
            left = next;
        }
        if let Some(first) = row.first_mut() {
            *first = i + 1;
        }
    }
    row.last().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::edit_distance;

    #[test]
    fn edit_distances() {
        for (a, b, d) in [("", "", 0), ("a", "", 1), ("", "ab", 2), ("kitten", "sitting", 3), ("x1", "x2", 1)]
        {
            assert_eq!(edit_distance(a, b), d, "{a} {b}");
        }
    }
}

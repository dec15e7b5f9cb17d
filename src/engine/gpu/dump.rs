//! The text of the shaders that a plan runs, for people.

use std::io::Write;
use std::path::Path;

use super::plan::Plan;
use super::shader;
use crate::error::{Error, Result};
use crate::output::OutputFile;

/// Writes `NAME.wgsl` of every kernel of `plan` into `folder`, which is made if it does not exist.
pub(super) fn dump(plan: &Plan, folder: &Path) -> Result<()> {
    std::fs::create_dir_all(folder).map_err(|e| Error::write(folder, e))?;
    for step in &plan.steps {
        let path = folder.join(format!("{}.wgsl", step.template.name));
        let text = shader::render(step.template, &step.values, None)?;
        let mut file = OutputFile::create(&path)?;
        file.write_all(text.as_bytes()).map_err(|e| Error::write(&path, e))?;
        file.commit()?;
    }
    Ok(())
}

//! WGSL from the templates in `shaders/`: the one mechanism that unrolls loops and fixes sizes.
//!
//! A template is WGSL with `${expression}` and lines `//% statement` (Jinja's statements). The text of
//! `slab.wgsl` stands before every shader, that of `density.wgsl` before those of densities.

use std::ops::Range;

use minijinja::syntax::SyntaxConfig;
use minijinja::{Environment, UndefinedBehavior, Value};

use crate::error::{Error, Result};

/// A template: its file stem is the entry point, the label and the name in the plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Template {
    /// File stem and entry point.
    pub name: &'static str,
    /// Text of `shaders/<name>.wgsl`.
    pub source: &'static str,
    /// Texts that stand before its own, without an entry point.
    pub before: &'static [Template],
}

/// The [`Template`] of `shaders/NAME.wgsl`, after other texts.
macro_rules! template {
    ($name:literal $(, after $before:expr)*) => {
        $crate::engine::gpu::shader::Template {
            name: $name,
            source: include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/shaders/", $name, ".wgsl")),
            before: &[$($before),*],
        }
    };
}
pub(super) use template;

/// The text before all shaders.
pub const SLAB: Template = template!("slab");

/// The values a template is rendered with.
pub type Values = std::collections::BTreeMap<&'static str, Value>;

/// One replacement in a template's text: how tests plant faults.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShaderEdit {
    /// The template's name.
    pub template: String,
    /// Text that must occur in it once. White space does not matter.
    pub find: String,
    /// What stands there instead.
    pub replace: String,
}

impl ShaderEdit {
    /// The text of `template` with this edit.
    ///
    /// # Errors
    /// [`Error::Shader`] if the text to replace occurs never or more than once.
    pub fn apply(&self, template: &Template) -> Result<String> {
        let places = places(template.source, &self.find);
        let [place] = &places[..] else {
            let message = format!("the text to replace occurs {} times: {:?}", places.len(), self.find);
            return Err(Error::Shader { stage: template.name.into(), message });
        };
        let mut source = template.source.to_owned();
        source.replace_range(place.clone(), &self.replace);
        Ok(source)
    }
}

/// Where `find` occurs in `text`, white space apart.
fn places(text: &str, find: &str) -> Vec<Range<usize>> {
    let dense: Vec<(usize, char)> = text.char_indices().filter(|(_, c)| !c.is_whitespace()).collect();
    let find: Vec<char> = find.chars().filter(|c| !c.is_whitespace()).collect();
    let windows = dense.windows(find.len().max(1));
    let same = windows.filter(|w| w.iter().map(|(_, c)| c).eq(&find));
    same.filter_map(|w| Some(w.first()?.0..w.last()?.0 + w.last()?.1.len_utf8())).collect()
}

/// The WGSL of `template` for `values`, the sizes the plan chose.
///
/// # Errors
/// [`Error::Shader`] for a template that does not render or an edit that does not apply.
pub fn render(template: Template, values: &Values, edit: Option<&ShaderEdit>) -> Result<String> {
    let failed = |message: String| Error::Shader { stage: template.name.into(), message };
    let mut source = String::new();
    for text in [&SLAB].into_iter().chain(template.before).chain([&template]) {
        match edit.filter(|edit| edit.template == text.name) {
            Some(edit) => source += &edit.apply(text)?,
            None => source += text.source,
        }
        source.push('\n');
    }
    let syntax = SyntaxConfig::builder()
        .variable_delimiters("${", "}")
        .block_delimiters("/*%", "%*/")
        .comment_delimiters("/*#", "#*/")
        .line_statement_prefix("//%")
        .build()
        .map_err(|e| failed(e.to_string()))?;
    let mut environment = Environment::new();
    environment.set_syntax(syntax);
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    environment.render_str(&source, values).map_err(|e| failed(format!("{e:#}")))
}

//! WGSL from the templates in `shaders/`: the one mechanism that unrolls loops and fixes sizes.
//!
//! A template is WGSL with `${expression}` and lines `//% statement` (Jinja's statements). The text of
//! `slab.wgsl` stands before every shader.

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
}

macro_rules! templates {
    ($($constant:ident $name:literal),* $(,)?) => {
        $(#[doc = concat!("`shaders/", $name, ".wgsl`")]
        pub const $constant: Template =
            Template { name: $name, source: include_str!(concat!("../../../shaders/", $name, ".wgsl")) };)*
        /// Every template.
        pub const ALL: &[Template] = &[$($constant),*];
    };
}

templates! {
    LOG_DENSITY_FULL "log_density_full",
    LOG_DENSITY_FULL_TILED "log_density_full_tiled",
    LOG_DENSITY_DIAG "log_density_diag",
    WHITEN "whiten",
    FUSED "fused",
    MOMENTS "moments",
    SUM_PARTIALS "sum_partials",
    PROBE_FMA "probe_fma",
    PROBE_COPY "probe_copy",
}

/// Text common to all shaders.
pub const SLAB: &str = include_str!("../../../shaders/slab.wgsl");

/// The values a template is rendered with.
pub type Values = std::collections::BTreeMap<&'static str, Value>;

/// One replacement in a template's text: how tests plant faults.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShaderEdit {
    /// The template's name.
    pub template: String,
    /// Text that must occur in it.
    pub find: String,
    /// What stands there instead.
    pub replace: String,
}

/// The WGSL of `template` for `values`, the sizes the plan chose.
///
/// # Errors
/// [`Error::Shader`] for a template that does not render or an edit that does not apply.
pub fn render(template: Template, values: &Values, edit: Option<&ShaderEdit>) -> Result<String> {
    let failed = |message: String| Error::Shader { stage: template.name.into(), message };
    let mut source = template.source.to_owned();
    if let Some(edit) = edit.filter(|e| e.template == template.name) {
        if !source.contains(&edit.find) {
            return Err(failed(format!("the text to replace does not occur: {:?}", edit.find)));
        }
        source = source.replacen(&edit.find, &edit.replace, 1);
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
    let rendered = environment.render_str(&source, values).map_err(|e| failed(format!("{e:#}")))?;
    Ok(format!("{SLAB}\n{rendered}"))
}

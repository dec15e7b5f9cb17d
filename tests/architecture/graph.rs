//! Which file uses which: every name that a source mentions, followed through re-exports to the file that defines it.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use super::Source;
use super::tokens::{Import, Mentions, code, mentions};

/// The files that the two crates begin with.
pub(super) const LIBRARY: &str = "src/lib.rs";
pub(super) const COMMAND: &str = "src/bin/wgmm/main.rs";

/// The files of one crate, the library or the command, and what each of them uses.
pub(super) struct Graph {
    /// Module paths (`["engine", "cpu"]`, the root is empty) with the paths of their files.
    files: BTreeMap<Vec<String>, String>,
    pub(super) mentions: BTreeMap<Vec<String>, Mentions>,
    /// A file, a file that it uses, and a line that does so.
    pub(super) edges: BTreeMap<(String, String), usize>,
    /// Paths into the crate that lead to nothing.
    pub(super) strangers: Vec<String>,
}

/// What a path leads to: a file (as a module), and the item there unless it is the file itself.
pub(super) struct Found {
    pub(super) file: Vec<String>,
    pub(super) item: Option<String>,
}

/// `src/engine/cpu.rs` is the module `["engine", "cpu"]` of a crate that begins at `src/lib.rs`.
fn module(path: &str, root: &str) -> Option<Vec<String>> {
    let folder = &root[..=root.rfind('/')?];
    if path == root {
        return Some(Vec::new());
    }
    let inside = path.strip_prefix(folder)?.strip_suffix(".rs")?;
    Some(inside.split('/').map(String::from).collect())
}

impl Graph {
    /// The crate whose root is the file `root`; `sources` may hold files of other crates, too.
    pub(super) fn new(sources: &[Source], root: &str) -> Self {
        let (mut files, mut all) = (BTreeMap::new(), BTreeMap::new());
        for source in sources {
            let is_guest = root == LIBRARY && source.path.starts_with("src/bin/");
            let Some(module) = module(&source.path, root).filter(|_| !is_guest) else { continue };
            all.insert(module.clone(), mentions(&code(&source.text)));
            files.insert(module, source.path.clone());
        }
        let mut graph = Graph { files, mentions: all, edges: BTreeMap::new(), strangers: Vec::new() };
        graph.strangers = graph.find_strangers();
        let mut edges = BTreeMap::new();
        for (module, path) in &graph.files {
            for (line, used) in graph.uses(module).into_iter().filter(|(_, used)| used != module) {
                edges.entry((path.clone(), graph.files[&used].clone())).or_insert(line);
            }
        }
        graph.edges = edges;
        graph
    }

    /// The module of a file, if it is one of the crate's.
    pub(super) fn module_of(&self, path: &str) -> Option<Vec<String>> {
        self.files.iter().find(|(_, own)| *own == path).map(|(module, _)| module.clone())
    }

    /// The paths of its files.
    pub(super) fn paths(&self) -> impl Iterator<Item = &str> {
        self.files.values().map(String::as_str)
    }

    /// Paths of `crate::` whose first word is no module and no name of the root, and of `super::` above the crate.
    fn find_strangers(&self) -> Vec<String> {
        let mut found = Vec::new();
        for (module, own) in &self.mentions {
            let imports = own.imports.iter().map(|i| (i.line, &i.path, &i.inside));
            let paths = own.paths.iter().map(|(line, path, inside)| (*line, path, inside));
            for (line, path, inside) in imports.chain(paths) {
                let ups = path.iter().take_while(|word| *word == "super").count();
                let first = match path.first().map(String::as_str) {
                    Some("crate") => path.get(1),
                    Some("super") if ups == module.len() + inside.len() => path.get(ups),
                    _ => None,
                };
                let is_known = |name: &String| {
                    let root = &self.mentions[&Vec::new()];
                    self.is_module(std::slice::from_ref(name))
                        || matches!(name.as_str(), "*" | "self")
                        || root.items.contains(name)
                        || self.mentions.values().any(|other| other.macros.contains(name))
                        || root.imports.iter().any(|i| i.name == *name)
                };
                if ups > module.len() + inside.len() || !first.is_none_or(is_known) {
                    found.push(format!(
                        "{}:{line}: `{}` leads to nothing",
                        self.files[module],
                        path.join("::")
                    ));
                }
            }
        }
        found
    }

    /// Modules whose items `module` names, with lines. Declaring a child, or passing its names on, is no use of it,
    /// unless the name occurs once more in the file.
    fn uses(&self, module: &[String]) -> Vec<(usize, Vec<String>)> {
        let own = &self.mentions[module];
        let mut used = Vec::new();
        for import in &own.imports {
            let Some(Found { file: target, .. }) = self.find(module, &import.inside, &import.path) else {
                continue;
            };
            let is_child = target.len() > module.len() && target.starts_with(module);
            let occurs =
                own.words.iter().map(|(_, word)| word).chain(own.paths.iter().map(|(_, path, _)| &path[0]));
            if is_child
                && import.public
                && import.name != "*"
                && !occurs.into_iter().any(|w| *w == import.name)
            {
                continue;
            }
            used.push((import.line, target));
        }
        for (line, path, inside) in &own.paths {
            used.extend(self.find(module, inside, path).map(|found| (*line, found.file)));
        }
        used
    }

    /// What `path` means inside the inline modules `inside` of the file `module`; none where it leads out of the crate.
    pub(super) fn find(&self, module: &[String], inside: &[String], path: &[String]) -> Option<Found> {
        self.follow(&[module, inside].concat(), path, 0)
    }

    fn is_module(&self, module: &[String]) -> bool {
        self.files.contains_key(module)
    }

    /// The innermost file around `module`, which may be an inline one.
    fn file_of(&self, module: &[String]) -> Vec<String> {
        let lengths = (0..=module.len()).rev();
        lengths.map(|n| module[..n].to_vec()).find(|m| self.is_module(m)).unwrap_or_default()
    }

    /// What `path` means in the module `at`, after `depth` names that were passed on.
    fn follow(&self, at: &[String], path: &[String], depth: usize) -> Option<Found> {
        let mut at = at.to_vec();
        for (i, name) in path.iter().enumerate() {
            match name.as_str() {
                "crate" => at.clear(),
                "self" => {}
                "super" => drop(at.pop()),
                "*" => break,
                // Only the first word of a path may be the name of another crate.
                _ if self.is_module(&[&at[..], std::slice::from_ref(name)].concat()) => at.push(name.clone()),
                _ => return self.item(&self.file_of(&at), &path[i..], i == 0, depth),
            }
        }
        Some(Found { file: self.file_of(&at), item: None })
    }

    /// What `path`, which begins with no module, means in `file`: an item of its own, or a name that it passes on. The
    /// first word of a whole path may be another crate's.
    fn item(&self, file: &[String], path: &[String], is_first: bool, depth: usize) -> Option<Found> {
        const DEEPEST: usize = 16; // Names that are passed on in a circle.
        let own = &self.mentions[file];
        let name = &path[0];
        let here = |file: &[String]| Found { file: file.to_vec(), item: Some(name.clone()) };
        if own.items.contains(name) {
            return Some(here(file));
        }
        if depth > DEEPEST {
            return None;
        }
        let follow = |import: &Import, rest: &[String]| {
            let whole = [&import.path[..], rest].concat();
            self.follow(&[file, &import.inside].concat(), &whole, depth + 1)
        };
        if let Some(import) = own.imports.iter().find(|import| import.name == *name) {
            return follow(import, &path[1..]);
        }
        for glob in own.imports.iter().filter(|import| import.name == "*") {
            let Some(Found { file: source, .. }) = follow(glob, &[]) else { continue };
            let passed_on = |import: &Import| import.public && import.name == *name;
            let other = &self.mentions[&source];
            if source != file && (other.items.contains(name) || other.imports.iter().any(passed_on)) {
                return self.item(&source, path, false, depth + 1);
            }
        }
        let exports = |(_, other): &(&Vec<String>, &Mentions)| other.macros.contains(name);
        if let Some((source, _)) = self.mentions.iter().find(exports).filter(|_| file.is_empty()) {
            return Some(here(source));
        }
        // An item that a macro defines; the first word of a path is then taken for another crate's.
        (!is_first).then(|| here(file))
    }

    /// The shortest way from `from` to `to` along the uses, both included; at least one step.
    fn way(&self, from: &str, to: &str) -> Option<Vec<&str>> {
        let mut before: BTreeMap<&str, &str> = BTreeMap::new();
        let start = self.paths().find(|path| *path == from)?;
        let mut queue = VecDeque::from([start]);
        while let Some(file) = queue.pop_front() {
            for (_, next) in self.edges.keys().filter(|(user, _)| user == file) {
                if !before.contains_key(next.as_str()) {
                    before.insert(next, file);
                    queue.push_back(next);
                }
            }
        }
        let (end, _) = before.get_key_value(to)?;
        let mut way = vec![*end];
        while way.len() == 1 || way[way.len() - 1] != from {
            way.push(before[way[way.len() - 1]]);
        }
        way.reverse();
        Some(way)
    }

    /// Circles of files that use each other, so that every file on one is named: each the shortest way around from its
    /// first file, as `a.rs:3 -> b.rs:7 -> a.rs`.
    pub(super) fn circles(&self) -> Vec<String> {
        let (mut found, mut seen) = (Vec::new(), BTreeSet::<&str>::new());
        for start in self.paths() {
            let Some(way) = self.way(start, start).filter(|_| !seen.contains(start)) else { continue };
            let line = |step: &[&str]| self.edges[&(step[0].to_owned(), step[1].to_owned())];
            let steps: Vec<String> =
                way.windows(2).map(|step| format!("{}:{}", step[0], line(step))).collect();
            found.push(format!("{} -> {start}", steps.join(" -> ")));
            seen.extend(way);
        }
        found
    }
}

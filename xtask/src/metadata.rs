//! What `cargo metadata` says of the workspace and of everything it depends on.
//!
//! Only what the checks ask for is kept. Platforms other than this one are included: a licence
//! counts wherever the crate is built.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use serde_json::Value;

use crate::run::{cargo, output};

/// Every package of the lock file, and which of them are ours.
#[derive(Debug)]
pub(crate) struct Metadata {
    pub(crate) packages: Vec<Package>,
    pub(crate) target_directory: PathBuf,
}

#[derive(Debug)]
pub(crate) struct Package {
    pub(crate) name: String,
    pub(crate) version: String,
    pub(crate) license: Option<String>,
    pub(crate) rust_version: Option<String>,
    /// Whether it is a member of this workspace.
    pub(crate) ours: bool,
    /// Names of what it needs to be built, tests aside.
    pub(crate) dependencies: BTreeSet<String>,
    /// Names of what only its tests, benches and examples need.
    pub(crate) dev_dependencies: BTreeSet<String>,
    /// Names of its targets, by kind (`lib`, `bin`, `test`, …).
    pub(crate) targets: BTreeMap<String, Vec<String>>,
}

impl Metadata {
    /// Asks cargo, with every feature on. Fails when `Cargo.lock` does not match the manifests.
    pub(crate) fn load() -> Result<Self, String> {
        let arguments = ["metadata", "--format-version", "1", "--all-features", "--locked"];
        let (text, _) = output(&mut cargo(&arguments))?;
        let value = serde_json::from_str(&text).map_err(|cause| format!("metadata: {cause}"))?;
        Self::read(&value).ok_or_else(|| "metadata: a field is missing".to_owned())
    }

    /// The members of the workspace.
    pub(crate) fn ours(&self) -> impl Iterator<Item = &Package> {
        self.packages.iter().filter(|package| package.ours)
    }

    /// The member called `name`.
    pub(crate) fn member(&self, name: &str) -> Option<&Package> {
        self.ours().find(|package| package.name == name)
    }

    /// Everything that `name` needs to be built, itself included.
    pub(crate) fn tree(&self, name: &str) -> BTreeSet<String> {
        let mut seen = BTreeSet::new();
        let mut waiting = vec![name.to_owned()];
        while let Some(name) = waiting.pop() {
            for package in self.packages.iter().filter(|package| package.name == name) {
                waiting.extend(package.dependencies.difference(&seen).cloned());
            }
            seen.insert(name);
        }
        seen
    }

    fn read(value: &Value) -> Option<Self> {
        let members: BTreeSet<&str> =
            value["workspace_members"].as_array()?.iter().filter_map(Value::as_str).collect();
        // Only the resolved graph knows which optional dependencies are switched on.
        let mut kinds = BTreeMap::new();
        for node in value["resolve"]["nodes"].as_array()? {
            kinds.insert(node["id"].as_str()?, node["deps"].as_array()?);
        }
        let all = value["packages"].as_array()?;
        let names: BTreeMap<&str, &str> = all
            .iter()
            .filter_map(|package| Some((package["id"].as_str()?, package["name"].as_str()?)))
            .collect();

        let mut packages = Vec::new();
        for package in all {
            let id = package["id"].as_str()?;
            let edges: &[Value] = kinds.get(id).map_or(&[], |edges| edges.as_slice());
            let dependencies = |dev: bool| {
                let wanted = edges.iter().filter(|edge| {
                    let kinds = edge["dep_kinds"].as_array().map_or(&[][..], Vec::as_slice);
                    kinds.iter().any(|kind| (kind["kind"] == "dev") == dev)
                });
                let ids = wanted.filter_map(|edge| edge["pkg"].as_str());
                ids.filter_map(|id| names.get(id)).map(|&name| name.to_owned()).collect()
            };
            let mut targets: BTreeMap<String, Vec<String>> = BTreeMap::new();
            for target in package["targets"].as_array()? {
                let kind = target["kind"][0].as_str()?.to_owned();
                targets.entry(kind).or_default().push(target["name"].as_str()?.to_owned());
            }
            packages.push(Package {
                name: package["name"].as_str()?.to_owned(),
                version: package["version"].as_str()?.to_owned(),
                license: package["license"].as_str().map(str::to_owned),
                rust_version: package["rust_version"].as_str().map(str::to_owned),
                ours: members.contains(id),
                dependencies: dependencies(false),
                dev_dependencies: dependencies(true),
                targets,
            });
        }
        Some(Self { packages, target_directory: value["target_directory"].as_str()?.into() })
    }
}

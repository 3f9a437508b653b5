//! The Package section: what is running. oslo.reports' three names, and how it was built.

use gmr_report::{Block, Field, NativeSection, Section, Value};

/// What is running: made at compile time by [`package!`](crate::package), changed as wanted.
///
/// ```
/// let package = gmr::package!().product("Shop").vendor("Example Ltd");
/// assert_eq!(package.version, env!("CARGO_PKG_VERSION"));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Package {
    /// The package's name; reports and their files are named after it.
    pub name: String,
    /// What customers call it. Default the name.
    pub product: String,
    /// Who makes it. Default the authors, if the manifest names any.
    pub vendor: Option<String>,
    /// Its version.
    pub version: String,
    /// The revision of the source. [`package!`](crate::package) takes it from `GMR_REVISION`,
    /// `VERGEN_GIT_SHA` or `GITHUB_SHA` if one of them is set while it is compiled.
    pub revision: Option<String>,
}

impl Package {
    /// A package of this name and version.
    pub fn new(name: impl Into<String>, version: impl Into<String>) -> Package {
        let name = name.into();
        Package { product: name.clone(), name, vendor: None, version: version.into(), revision: None }
    }

    /// The same package under the name that customers know.
    #[must_use]
    pub fn product(mut self, product: impl Into<String>) -> Package {
        self.product = product.into();
        self
    }

    /// The same package, made by this vendor.
    #[must_use]
    pub fn vendor(mut self, vendor: impl Into<String>) -> Package {
        self.vendor = Some(vendor.into());
        self
    }

    /// The same package, built from this revision of its source.
    #[must_use]
    pub fn revision(mut self, revision: impl Into<String>) -> Package {
        self.revision = Some(revision.into());
        self
    }

    /// What the macro read; empty texts are as good as none.
    #[doc(hidden)]
    pub fn from_manifest(
        name: &str,
        version: &str,
        authors: &str,
        revision: [Option<&'static str>; 3],
    ) -> Package {
        let mut package = Package::new(name, version);
        package.vendor = Some(authors.replace(':', ", ")).filter(|authors| !authors.is_empty());
        package.revision = revision.into_iter().flatten().find(|text| !text.is_empty()).map(str::to_owned);
        package
    }

    pub(crate) fn section(&self) -> Section {
        let mut section = Section::native(NativeSection::Package);
        let vendor = self.vendor.as_deref().unwrap_or("not given");
        let mut fields = vec![
            Field::new("product", self.product.as_str()),
            Field::new("vendor", vendor),
            Field::new("version", self.version.as_str()),
        ];
        let mut build = vec![env!("GMR_PROFILE"), env!("GMR_TARGET"), env!("GMR_RUSTC")];
        build.retain(|fact| !fact.is_empty());
        fields.push(Field::new("build", build.join(", ")));
        fields.push(Field::new("revision", self.revision.clone()));
        fields.retain(|field| field.value != Value::None);
        section.blocks.push(Block::fields(fields));
        section
    }
}

/// The package that this is compiled in: name, version and authors from its manifest.
///
/// ```
/// assert_eq!(gmr::package!().name, env!("CARGO_PKG_NAME"));
/// ```
#[macro_export]
macro_rules! package {
    () => {
        $crate::Package::from_manifest(
            env!("CARGO_PKG_NAME"),
            env!("CARGO_PKG_VERSION"),
            env!("CARGO_PKG_AUTHORS"),
            [option_env!("GMR_REVISION"), option_env!("VERGEN_GIT_SHA"), option_env!("GITHUB_SHA")],
        )
    };
}

//! WASI's files, where a grant of a single file is a preopened directory in which nothing but that file can be seen.
//! WASI knows directories only, and an unmodified component opens `/proc/self/limits` as `limits` within `/proc/self`.
//!
//! Everything else is wasmtime-wasi's, which opens nothing outside of a preopened directory and, since all of ours are
//! read-only, changes nothing inside. So a link may stand for the file if it stays within the directory; a link that
//! leads out is refused. Every function that takes a path is written out here: a function that WASI adds does not compile
//! until it is decided upon.

use wasmtime::component::{HasSelf, Linker, Resource};
use wasmtime_wasi::filesystem::{Descriptor, WasiFilesystemView as _};
use wasmtime_wasi::p2::bindings::filesystem::types::{
    Advice, DescriptorFlags, DescriptorStat, DescriptorType, DirectoryEntry, DirectoryEntryStream, ErrorCode,
    Filesize, Host, HostDescriptor, HostDirectoryEntryStream, MetadataHashValue, NewTimestamp, OpenFlags,
    PathFlags,
};
use wasmtime_wasi::p2::bindings::filesystem::{preopens, types};
use wasmtime_wasi::p2::{DynInputStream, DynOutputStream, FsError, FsResult};

use crate::plugin::sandbox::store::State;

/// Puts these functions in the place of wasmtime-wasi's.
pub fn add_to_linker(linker: &mut Linker<State>) -> wasmtime::Result<()> {
    linker.allow_shadowing(true);
    types::add_to_linker::<_, HasSelf<State>>(linker, |state| state)?;
    preopens::add_to_linker::<_, HasSelf<State>>(linker, |state| state)?;
    linker.allow_shadowing(false);
    Ok(())
}

impl preopens::Host for State {
    fn get_directories(&mut self) -> wasmtime::Result<Vec<(Resource<Descriptor>, String)>> {
        let directories = preopens::Host::get_directories(&mut self.filesystem())?;
        for (descriptor, path) in &directories {
            self.files.opened(descriptor, path);
        }
        Ok(directories)
    }
}

impl Host for State {
    fn convert_error_code(&mut self, error: FsError) -> wasmtime::Result<ErrorCode> {
        self.filesystem().convert_error_code(error)
    }

    fn filesystem_error_code(
        &mut self,
        error: Resource<wasmtime::Error>,
    ) -> wasmtime::Result<Option<ErrorCode>> {
        self.filesystem().filesystem_error_code(error)
    }
}

/// Functions that take no path.
macro_rules! as_in_wasi {
    ($(async fn $name:ident($($argument:ident: $kind:ty),+) -> $answer:ty;)+) => {
        $(async fn $name(&mut self, $($argument: $kind),+) -> $answer {
            self.filesystem().$name($($argument),+).await
        })+
    };
    ($(fn $name:ident($($argument:ident: $kind:ty),+) -> $answer:ty;)+) => {
        $(fn $name(&mut self, $($argument: $kind),+) -> $answer {
            self.filesystem().$name($($argument),+)
        })+
    };
}

impl HostDescriptor for State {
    as_in_wasi! {
        async fn advise(at: Resource<Descriptor>, offset: Filesize, length: Filesize, advice: Advice) -> FsResult<()>;
        async fn sync_data(at: Resource<Descriptor>) -> FsResult<()>;
        async fn get_flags(at: Resource<Descriptor>) -> FsResult<DescriptorFlags>;
        async fn get_type(at: Resource<Descriptor>) -> FsResult<DescriptorType>;
        async fn set_size(at: Resource<Descriptor>, size: Filesize) -> FsResult<()>;
        async fn set_times(at: Resource<Descriptor>, access: NewTimestamp, change: NewTimestamp) -> FsResult<()>;
        async fn read(at: Resource<Descriptor>, length: Filesize, offset: Filesize) -> FsResult<(Vec<u8>, bool)>;
        async fn write(at: Resource<Descriptor>, bytes: Vec<u8>, offset: Filesize) -> FsResult<Filesize>;
        async fn sync(at: Resource<Descriptor>) -> FsResult<()>;
        async fn stat(at: Resource<Descriptor>) -> FsResult<DescriptorStat>;
        async fn is_same_object(at: Resource<Descriptor>, other: Resource<Descriptor>) -> wasmtime::Result<bool>;
        async fn metadata_hash(at: Resource<Descriptor>) -> FsResult<MetadataHashValue>;
    }

    as_in_wasi! {
        fn read_via_stream(at: Resource<Descriptor>, offset: Filesize) -> FsResult<Resource<DynInputStream>>;
        fn write_via_stream(at: Resource<Descriptor>, offset: Filesize) -> FsResult<Resource<DynOutputStream>>;
        fn append_via_stream(at: Resource<Descriptor>) -> FsResult<Resource<DynOutputStream>>;
    }

    async fn open_at(
        &mut self,
        at: Resource<Descriptor>,
        path_flags: PathFlags,
        path: String,
        open_flags: OpenFlags,
        flags: DescriptorFlags,
    ) -> FsResult<Resource<Descriptor>> {
        let path = self.files.path(&at, path)?;
        self.filesystem().open_at(at, path_flags, path, open_flags, flags).await
    }

    async fn stat_at(
        &mut self,
        at: Resource<Descriptor>,
        flags: PathFlags,
        path: String,
    ) -> FsResult<DescriptorStat> {
        let path = self.files.path(&at, path)?;
        self.filesystem().stat_at(at, flags, path).await
    }

    async fn metadata_hash_at(
        &mut self,
        at: Resource<Descriptor>,
        flags: PathFlags,
        path: String,
    ) -> FsResult<MetadataHashValue> {
        let path = self.files.path(&at, path)?;
        self.filesystem().metadata_hash_at(at, flags, path).await
    }

    async fn readlink_at(&mut self, at: Resource<Descriptor>, path: String) -> FsResult<String> {
        let path = self.files.path(&at, path)?;
        self.filesystem().readlink_at(at, path).await
    }

    async fn read_directory(&mut self, at: Resource<Descriptor>) -> FsResult<Resource<DirectoryEntryStream>> {
        if self.files.hides(&at) {
            return Err(ErrorCode::Access.into());
        }
        self.filesystem().read_directory(at).await
    }

    async fn create_directory_at(&mut self, at: Resource<Descriptor>, path: String) -> FsResult<()> {
        let path = self.files.path(&at, path)?;
        self.filesystem().create_directory_at(at, path).await
    }

    async fn remove_directory_at(&mut self, at: Resource<Descriptor>, path: String) -> FsResult<()> {
        let path = self.files.path(&at, path)?;
        self.filesystem().remove_directory_at(at, path).await
    }

    async fn unlink_file_at(&mut self, at: Resource<Descriptor>, path: String) -> FsResult<()> {
        let path = self.files.path(&at, path)?;
        self.filesystem().unlink_file_at(at, path).await
    }

    async fn set_times_at(
        &mut self,
        at: Resource<Descriptor>,
        flags: PathFlags,
        path: String,
        access: NewTimestamp,
        change: NewTimestamp,
    ) -> FsResult<()> {
        let path = self.files.path(&at, path)?;
        self.filesystem().set_times_at(at, flags, path, access, change).await
    }

    async fn symlink_at(&mut self, at: Resource<Descriptor>, to: String, path: String) -> FsResult<()> {
        let path = self.files.path(&at, path)?;
        self.filesystem().symlink_at(at, to, path).await
    }

    async fn link_at(
        &mut self,
        at: Resource<Descriptor>,
        flags: PathFlags,
        path: String,
        to: Resource<Descriptor>,
        new_path: String,
    ) -> FsResult<()> {
        let (path, new_path) = (self.files.path(&at, path)?, self.files.path(&to, new_path)?);
        self.filesystem().link_at(at, flags, path, to, new_path).await
    }

    async fn rename_at(
        &mut self,
        at: Resource<Descriptor>,
        path: String,
        to: Resource<Descriptor>,
        new_path: String,
    ) -> FsResult<()> {
        let (path, new_path) = (self.files.path(&at, path)?, self.files.path(&to, new_path)?);
        self.filesystem().rename_at(at, path, to, new_path).await
    }

    fn drop(&mut self, at: Resource<Descriptor>) -> wasmtime::Result<()> {
        self.files.dropped(&at);
        HostDescriptor::drop(&mut self.filesystem(), at)
    }
}

impl HostDirectoryEntryStream for State {
    async fn read_directory_entry(
        &mut self,
        stream: Resource<DirectoryEntryStream>,
    ) -> FsResult<Option<DirectoryEntry>> {
        self.filesystem().read_directory_entry(stream).await
    }

    fn drop(&mut self, stream: Resource<DirectoryEntryStream>) -> wasmtime::Result<()> {
        HostDirectoryEntryStream::drop(&mut self.filesystem(), stream)
    }
}

//! Files: none is ever given to a plugin.

use crate::wasi::filesystem::preopens;
use crate::wasi::filesystem::types::{
    Advice, Descriptor, DescriptorFlags, NewTimestamp, OpenFlags, PathFlags, filesystem_error_code,
};
use crate::wasi::io::error::Error;

pub fn call() {
    for (folder, _) in preopens::get_directories() {
        of_a_file(&folder);
        of_a_folder(&folder);
    }
    if let Some(error) = crate::nowhere::<Error>() {
        let _ = filesystem_error_code(&error);
        let _ = error.to_debug_string();
    }
}

fn of_a_file(file: &Descriptor) {
    let _ = file.read_via_stream(0).map(|input| crate::io::read(&input));
    let _ = file
        .write_via_stream(0)
        .map(|output| crate::io::write(&output));
    let _ = file.append_via_stream();
    let _ = file.advise(0, 1, Advice::Normal);
    let _ = file.sync_data();
    let _ = file.get_flags();
    let _ = file.get_type();
    let _ = file.set_size(0);
    let _ = file.set_times(NewTimestamp::Now, NewTimestamp::NoChange);
    let _ = file.read(1, 0);
    let _ = file.write(b"x", 0);
    let _ = file.sync();
    let _ = file.stat();
    let _ = file.is_same_object(file);
    let _ = file.metadata_hash();
}

fn of_a_folder(folder: &Descriptor) {
    let (follow, path) = (PathFlags::SYMLINK_FOLLOW, "x");
    if let Ok(entries) = folder.read_directory() {
        let _ = entries.read_directory_entry();
    }
    let _ = folder.create_directory_at(path);
    let _ = folder.stat_at(follow, path);
    let _ = folder.set_times_at(follow, path, NewTimestamp::Now, NewTimestamp::Now);
    let _ = folder.link_at(follow, path, folder, "y");
    let _ = folder.open_at(follow, path, OpenFlags::CREATE, DescriptorFlags::READ);
    let _ = folder.readlink_at(path);
    let _ = folder.remove_directory_at(path);
    let _ = folder.rename_at(path, folder, "y");
    let _ = folder.symlink_at(path, "y");
    let _ = folder.unlink_file_at(path);
    let _ = folder.metadata_hash_at(follow, path);
}

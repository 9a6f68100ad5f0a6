//! Standard streams, and streams at all.

use crate::wasi::cli::{stderr, stdin, stdout};
use crate::wasi::io::poll::poll;
use crate::wasi::io::streams::{InputStream, OutputStream, StreamError};

pub fn call() {
    let (input, output) = (stdin::get_stdin(), stdout::get_stdout());
    read(&input);
    write(&output);
    write(&stderr::get_stderr());
    let _ = output.splice(&input, 1);
    let _ = output.blocking_splice(&input, 1);
    let ready = output.subscribe();
    let _ = (ready.ready(), poll(&[&ready]));
}

pub fn read(input: &InputStream) {
    if let Err(StreamError::LastOperationFailed(error)) = input.read(1) {
        let _ = error.to_debug_string();
    }
    let _ = input.skip(1);
    let _ = input.blocking_read(1);
    let _ = input.blocking_skip(1);
    input.subscribe().block();
}

pub fn write(output: &OutputStream) {
    if output.check_write().is_ok_and(|most| most > 8) {
        let _ = output.write(b"written\n");
    }
    let _ = output.flush();
    let _ = output.blocking_flush();
    let _ = output.blocking_write_and_flush(b"flushed\n");
    if output.check_write().is_ok_and(|most| most > 0) {
        let _ = output.write_zeroes(0);
    }
    let _ = output.blocking_write_zeroes_and_flush(0);
}

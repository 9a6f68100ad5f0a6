//! Harm: what the host must end, cap or refuse.

use std::hint::black_box;
use std::thread;
use std::time::{Duration, Instant};

use hookbox_sdk::prelude::*;
use wasip2::clocks::monotonic_clock::subscribe_duration;
use wasip2::http::outgoing_handler::handle;
use wasip2::http::types::{Fields, Method, OutgoingRequest, Scheme};

const MIB: usize = 1 << 20;
const HOUR: Duration = Duration::from_secs(3600);
const GROWS: u32 = 10_000;

pub fn spin() -> Result {
    loop {
        black_box(());
    }
}

/// Takes memory and touches it, for ever.
pub fn hog() -> Result {
    let mut taken = Vec::new();
    loop {
        taken.push(black_box(vec![1u8; MIB]));
    }
}

#[expect(clippy::panic, reason = "the panic is what the test is about")]
#[inline(never)]
pub fn panics() -> Result {
    panic!("the guest panics as asked")
}

pub fn recurse_for_ever() -> Result {
    done(recurse(0).to_string())
}

/// Ends only in theory, which the compiler cannot know.
#[inline(never)]
fn recurse(depth: u64) -> u64 {
    if black_box(depth) == u64::MAX {
        depth
    } else {
        recurse(depth + 1).wrapping_mul(3)
    }
}

/// Asks for more memory than there is, for ever: each request fails.
pub fn grow() -> Result {
    loop {
        black_box(core::arch::wasm32::memory_grow::<0>(65_000));
    }
}

/// Asks for more memory than there is, as often as told, and goes on.
pub fn grows() -> Result {
    for _ in 0..GROWS {
        if black_box(core::arch::wasm32::memory_grow::<0>(65_000)) != usize::MAX {
            return Err(Failure::reject("the host gave 4 GB"));
        }
    }
    done(format!("{GROWS} times the host gave nothing"))
}

/// Waits in the host.
pub fn sleep() -> Result {
    thread::sleep(HOUR);
    done("slept an hour")
}

/// Works for a while, then is done.
pub fn slow() -> Result {
    let mut state = black_box(88_172_645_463_325_252u64);
    for _ in 0..300_000_000u32 {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
    }
    done(state.to_string())
}

/// Logs 10 MB in lines of 100 bytes.
pub fn flood() -> Result {
    let line = "f".repeat(100);
    for _ in 0..100_000 {
        log::info!("{line}");
    }
    done("flooded")
}

/// Prints 10 MB in lines of 100 bytes.
pub fn flood_stdout() -> Result {
    let line = "s".repeat(99);
    for _ in 0..100_000 {
        println!("{line}");
    }
    done("flooded")
}

/// Logs one line of 3 MB.
pub fn flood_line() -> Result {
    log::info!("{}", "l".repeat(3 * MIB));
    done("flooded")
}

/// Calls the host for ever.
pub fn hostcalls() -> Result {
    loop {
        black_box(Instant::now());
    }
}

/// Has the host hold one more thing, for ever.
pub fn handles() -> Result {
    let wait = u64::try_from(HOUR.as_nanos())?;
    loop {
        std::mem::forget(subscribe_duration(wait));
    }
}

/// Hands the host a list of 100,000 names and values.
pub fn strings() -> Result {
    let entry = |n: u32| (format!("x-{n}"), vec![b'v'; 100]);
    let entries: Vec<_> = (0..100_000).map(entry).collect();
    match Fields::from_list(&entries) {
        Ok(_) => done("the host took 100,000 header fields"),
        Err(error) => done(format!("the host refused: {error:?}")),
    }
}

/// Asks for very many requests with a long method, a long path and a secret in the query; none may leave.
pub fn calls() -> Result {
    let mut refused = 0;
    for _ in 0..300 {
        let request = OutgoingRequest::new(Fields::new());
        let method = Method::Other("M".repeat(10_000));
        let path = format!("/{}?token=the-query-of-the-guest", "p".repeat(10_000));
        let is_set = request.set_method(&method).is_ok()
            && request.set_scheme(Some(&Scheme::Https)).is_ok()
            && request.set_authority(Some("huggingface.co")).is_ok()
            && request.set_path_with_query(Some(&path)).is_ok();
        if !is_set {
            return Err(Failure::reject("the host takes no such request"));
        }
        let is_refused = match handle(request, None) {
            Err(_) => true,
            Ok(answer) => {
                answer.subscribe().block();
                matches!(answer.get(), Some(Ok(Err(_))))
            }
        };
        refused += u32::from(is_refused);
    }
    done(format!("{refused} requests were refused"))
}

/// Asks for very many requests without a path, which are none.
pub fn no_paths() -> Result {
    let mut refused = 0;
    for _ in 0..1000 {
        let request = OutgoingRequest::new(Fields::new());
        let is_set = request.set_authority(Some("a")).is_ok();
        refused += u32::from(is_set && handle(request, None).is_err());
    }
    done(format!("{refused} requests were refused"))
}

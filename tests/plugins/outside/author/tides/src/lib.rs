//! A rating that rises and falls twice a day, in Rust without any crate: the part of plugin.h that a
//! behaviour needs, written down by hand.

use std::mem::size_of;
use std::os::raw::{c_char, c_void};

// ---- plugin.h ----
type Code = i32;
const OK: Code = 0;
const OPTION_FLOAT64: u32 = 3;

#[repr(C)]
pub struct Option_ {
    struct_size: u32,
    kind: u32,
    flags: u32,
    name: *const c_char,
    doc: *const c_char,
    default_text: *const c_char,
    minimum: *const c_char,
    maximum: *const c_char,
    choices: *const *const c_char,
}
#[repr(C)]
pub struct Value {
    is_set: i32,
    is_given: i32,
    integer: i64,
    real: f64,
    text: [usize; 2],
    list: *const f64,
    keys: *const *const c_char,
    texts: *const *const c_char,
    count: usize,
}
#[repr(C)]
pub struct Dataset {
    struct_size: u32,
    kinds_count: u32,
    kinds: *const c_void,
    key: u64, // more members follow
}
#[repr(C)]
pub struct Batch {
    struct_size: u32,
    rows: u32,
    first_row: i64,
    positions: [i64; 5], // epoch, epoch_row, segment, segments_count, segments
    columns: [*const i64; 11], // place to session_rows
    time: *const i64,
    item: *const i64,
    kind: *const u8,
    kind_row: *const i64,
    rating: *mut i32, // more members follow
}
type Create = unsafe extern "C" fn(
    *const c_void,
    *const Dataset,
    *const Value,
    *mut *mut Tides,
    *mut c_void,
) -> Code;
#[repr(C)]
pub struct Behaviour {
    struct_size: u32,
    create: Create,
    destroy: unsafe extern "C" fn(*mut Tides),
    fill: unsafe extern "C" fn(*mut Tides, *const Batch, *mut c_void) -> Code,
    // The others may be left out: struct_size says so.
}
#[repr(C)]
pub struct Component {
    struct_size: u32,
    role: *const c_char,
    name: *const c_char,
    doc: *const c_char,
    options: *const *const Option_,
    validate: *const c_void,
    functions: *const Behaviour,
}
#[repr(C)]
pub struct Plugin {
    struct_size: u32,
    abi_minor: u32,
    host_minor: u32,
    name: *const c_char,
    version: *const c_char,
    doc: *const c_char,
    components: *const *const Component,
}

// ---- hash.h ----
const fn hash(key: u64, counter: u64) -> u64 {
    let mut x = key.wrapping_add(counter.wrapping_add(1).wrapping_mul(0x9e3779b97f4a7c15));
    x = (x ^ (x >> 30)).wrapping_mul(0xbf58476d1ce4e5b9);
    x = (x ^ (x >> 27)).wrapping_mul(0x94d049bb133111eb);
    x ^ (x >> 31)
}
const _: () = assert!(hash(0, 0) == 0xe220a8397b1dcdaf);
const _: () = assert!(hash(42, 7) == 0xccf635ee9e9e2fa4);
const _: () = assert!(hash(u64::MAX, u64::MAX) == 0xb4d055fcf2cbbd7b);

// ---- The rating ----
pub struct Tides {
    key: u64,
    low: i64,   // hundredths of a star
    range: i64, // between low and high water
}

unsafe extern "C" fn create(
    _host: *const c_void,
    dataset: *const Dataset,
    options: *const Value,
    tides: *mut *mut Tides,
    _error: *mut c_void,
) -> Code {
    let low = ((*options).real * 100.0).round() as i64;
    *tides = Box::into_raw(Box::new(Tides {
        key: (*dataset).key,
        low,
        range: 500 - low,
    }));
    OK
}
unsafe extern "C" fn destroy(tides: *mut Tides) {
    drop(Box::from_raw(tides));
}
unsafe extern "C" fn fill(tides: *mut Tides, batch: *const Batch, _error: *mut c_void) -> Code {
    const HALF: i64 = 6 * 3600 * 1000; // ms from low to high water
    let (tides, batch) = (&*tides, &*batch);
    for i in 0..batch.rows as usize {
        let phase = (*batch.time.add(i)).rem_euclid(2 * HALF);
        let level = if phase < HALF {
            phase
        } else {
            2 * HALF - phase
        };
        let swell = hash(tides.key, (batch.first_row as u64).wrapping_add(i as u64)) % 51;
        let hundredths = tides.low + tides.range * level / HALF - swell as i64;
        *batch.rating.add(i) = hundredths.max(tides.low) as i32;
    }
    OK
}

// ---- Its table ----
struct Shared<T>(T);
unsafe impl<T> Sync for Shared<T> {} // constant

const fn text(bytes: &'static [u8]) -> *const c_char {
    bytes.as_ptr() as *const c_char
}
static LOW: Shared<Option_> = Shared(Option_ {
    struct_size: size_of::<Option_>() as u32,
    kind: OPTION_FLOAT64,
    flags: 0,
    name: text(b"low\0"),
    doc: text(b"Stars at low water.\0"),
    default_text: text(b"2\0"),
    minimum: text(b"1\0"),
    maximum: text(b"5\0"),
    choices: std::ptr::null(),
});
static OPTIONS: Shared<[*const Option_; 2]> = Shared([&LOW.0, std::ptr::null()]);
static BEHAVIOUR: Behaviour = Behaviour {
    struct_size: size_of::<Behaviour>() as u32,
    create,
    destroy,
    fill,
};
static TIDES: Shared<Component> = Shared(Component {
    struct_size: size_of::<Component>() as u32,
    role: text(b"rating/1\0"),
    name: text(b"tides\0"),
    doc: text(b"Stars that rise and fall with the hour.\0"),
    options: OPTIONS.0.as_ptr(),
    validate: std::ptr::null(),
    functions: &BEHAVIOUR,
});
static COMPONENTS: Shared<[*const Component; 2]> = Shared([&TIDES.0, std::ptr::null()]);
static PLUGIN: Shared<Plugin> = Shared(Plugin {
    struct_size: size_of::<Plugin>() as u32,
    abi_minor: 0,
    host_minor: 0,
    name: text(b"tides\0"),
    version: text(b"1.0.0\0"),
    doc: text(b"Ratings by the hour.\0"),
    components: COMPONENTS.0.as_ptr(),
});

#[no_mangle]
pub extern "C" fn throng_plugin_v1() -> *const Plugin {
    &PLUGIN.0
}

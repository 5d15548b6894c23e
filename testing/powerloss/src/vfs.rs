//! The layer between SQLite and its files.

use std::ffi::{CStr, c_char, c_int, c_void};
use std::mem::size_of;
use std::ptr::{null, null_mut};
use std::slice;
use std::sync::{Arc, OnceLock};

use rusqlite::ffi;
use rusqlite::ffi::{sqlite3_file, sqlite3_int64, sqlite3_io_methods, sqlite3_vfs};

use crate::log::{Event, FileId, Log};

/// SQLite's own way to files, which ours passes everything to.
const PARENT: &CStr = c"unix";
const NAME: &CStr = c"powerloss";

/// Kinds of files after whose creation SQLite's own layer syncs the folder, with the first sync
/// of the file.
const JOURNALS: c_int =
    ffi::SQLITE_OPEN_MAIN_JOURNAL | ffi::SQLITE_OPEN_SUPER_JOURNAL | ffi::SQLITE_OPEN_WAL;

/// SQLite's own layer; it is there for the whole life of the process.
struct Parent(*mut sqlite3_vfs);

// SAFETY: the layer is used by any thread that opens a database, and never changes.
unsafe impl Send for Parent {}
// SAFETY: as above.
unsafe impl Sync for Parent {}

static INSTALLED: OnceLock<Result<Parent, String>> = OnceLock::new();

/// A recorded file. Behind it, in the same piece of memory, stands the file of SQLite's own layer.
#[repr(C)]
struct Recorded {
    base: sqlite3_file,
    /// From `Arc::into_raw`; given back when the file is closed.
    log: *const Log,
    file: FileId,
    /// The folder is to be synced with the file.
    new: bool,
}

static METHODS: sqlite3_io_methods = sqlite3_io_methods {
    // Without the third version's memory maps, past which nothing could be seen.
    iVersion: 2,
    xClose: Some(close),
    xRead: Some(read),
    xWrite: Some(write),
    xTruncate: Some(truncate),
    xSync: Some(sync),
    xFileSize: Some(file_size),
    xLock: Some(lock),
    xUnlock: Some(unlock),
    xCheckReservedLock: Some(check_reserved_lock),
    xFileControl: Some(file_control),
    xSectorSize: Some(sector_size),
    xDeviceCharacteristics: Some(device_characteristics),
    xShmMap: Some(shm_map),
    xShmLock: Some(shm_lock),
    xShmBarrier: Some(shm_barrier),
    xShmUnmap: Some(shm_unmap),
    xFetch: None,
    xUnfetch: None,
};

/// Makes this layer the default of the process, once.
pub(crate) fn install() -> Result<(), String> {
    let installed = INSTALLED.get_or_init(|| {
        // SAFETY: the name ends with a zero; the answer is null or lives as long as the process.
        let parent = unsafe { ffi::sqlite3_vfs_find(PARENT.as_ptr()) };
        // SAFETY: as above.
        let Some(own) = (unsafe { parent.as_ref() }) else {
            return Err(format!("sqlite has no layer of this name: {PARENT:?}"));
        };
        let size = c_int::try_from(size_of::<Recorded>()).unwrap_or(c_int::MAX);
        // What is not replaced (time, randomness, extensions) makes no use of the layer it is
        // called with.
        let ours = Box::new(sqlite3_vfs {
            szOsFile: size.saturating_add(own.szOsFile),
            pNext: null_mut(),
            zName: NAME.as_ptr(),
            xOpen: Some(open),
            xDelete: Some(delete),
            ..*own
        });
        // SAFETY: it is never freed, and all its functions keep to SQLite's rules.
        let code = unsafe { ffi::sqlite3_vfs_register(Box::into_raw(ours), 1) };
        if code != ffi::SQLITE_OK {
            return Err(format!("sqlite does not take the layer: {code}"));
        }
        Ok(Parent(parent))
    });
    installed.as_ref().map(|_| ()).map_err(Clone::clone)
}

fn parent() -> Option<&'static sqlite3_vfs> {
    let parent = INSTALLED.get()?.as_ref().ok()?;
    // SAFETY: see `Parent`.
    unsafe { parent.0.as_ref() }
}

unsafe extern "C" fn open(
    _: *mut sqlite3_vfs,
    name: *const c_char,
    file: *mut sqlite3_file,
    flags: c_int,
    out: *mut c_int,
) -> c_int {
    let Some((parent, open)) = parent().and_then(|parent| Some((parent, parent.xOpen?))) else {
        return ffi::SQLITE_CANTOPEN;
    };
    let parent = (&raw const *parent).cast_mut();
    // SAFETY: a name is null, for a temporary file, or ends with a zero.
    let path = (!name.is_null()).then(|| unsafe { CStr::from_ptr(name) });
    let Some((log, name_in)) = path.and_then(|path| Log::of(path.to_bytes())) else {
        // SAFETY: there is room for a file of the parent, and more.
        return unsafe { open(parent, name, file, flags, out) };
    };
    let recorded = file.cast::<Recorded>();
    // SAFETY: there is room for ours and, behind it, for a file of the parent.
    let code = unsafe {
        (*recorded).base.pMethods = null();
        open(parent, name, real(file), flags, out)
    };
    if code != ffi::SQLITE_OK {
        return code;
    }
    let id = log.state().file(&name_in);
    let new = flags & ffi::SQLITE_OPEN_CREATE != 0 && flags & JOURNALS != 0;
    // SAFETY: the memory is ours until the file is closed; nothing in it needs to be dropped.
    unsafe {
        let base = sqlite3_file { pMethods: &raw const METHODS };
        recorded.write(Recorded { base, log: Arc::into_raw(log), file: id, new });
    }
    code
}

unsafe extern "C" fn delete(_: *mut sqlite3_vfs, name: *const c_char, folder: c_int) -> c_int {
    let Some((parent, delete)) = parent().and_then(|parent| Some((parent, parent.xDelete?))) else {
        return ffi::SQLITE_IOERR_DELETE;
    };
    let parent = (&raw const *parent).cast_mut();
    // SAFETY: the name ends with a zero; the parent is there as long as the process.
    let (path, delete) = unsafe { (CStr::from_ptr(name), move || delete(parent, name, folder)) };
    let Some((log, name)) = Log::of(path.to_bytes()) else { return delete() };
    let mut state = log.state();
    let code = delete();
    if code == ffi::SQLITE_OK {
        state.delete(&name);
        if folder & 1 != 0 {
            state.events.push(Event::SyncFolder);
        }
    }
    code
}

/// The parent's file, which stands behind ours.
///
/// # Safety
/// `file` is the memory of a recorded file.
unsafe fn real(file: *mut sqlite3_file) -> *mut sqlite3_file {
    // SAFETY: SQLite gave us room for both.
    unsafe { file.cast::<Recorded>().add(1).cast() }
}

/// Calls a method of the parent's file.
macro_rules! pass {
    ($file:ident, $method:ident($($argument:expr),*), $otherwise:expr) => {{
        // SAFETY: SQLite calls these methods for files that `open` has opened, between that and
        // their closing, with arguments that are good for the parent too.
        unsafe {
            let real = real($file);
            match (*(*real).pMethods).$method {
                Some(method) => method(real $(, $argument)*),
                None => $otherwise,
            }
        }
    }};
}

/// Methods that only pass on.
macro_rules! passed {
    ($($name:ident $method:ident($($argument:ident: $type:ty),*), $otherwise:expr;)+) => {$(
        unsafe extern "C" fn $name(file: *mut sqlite3_file $(, $argument: $type)*) -> c_int {
            pass!(file, $method($($argument),*), $otherwise)
        }
    )+};
}

passed! {
    read xRead(to: *mut c_void, count: c_int, at: sqlite3_int64), ffi::SQLITE_IOERR_READ;
    file_size xFileSize(size: *mut sqlite3_int64), ffi::SQLITE_IOERR_FSTAT;
    lock xLock(level: c_int), ffi::SQLITE_IOERR_LOCK;
    unlock xUnlock(level: c_int), ffi::SQLITE_IOERR_UNLOCK;
    check_reserved_lock xCheckReservedLock(out: *mut c_int), ffi::SQLITE_IOERR_CHECKRESERVEDLOCK;
    file_control xFileControl(what: c_int, with: *mut c_void), ffi::SQLITE_NOTFOUND;
    sector_size xSectorSize(), 0;
    device_characteristics xDeviceCharacteristics(), 0;
    shm_map xShmMap(page: c_int, size: c_int, extend: c_int, out: *mut *mut c_void),
        ffi::SQLITE_IOERR_SHMMAP;
    shm_lock xShmLock(offset: c_int, count: c_int, flags: c_int), ffi::SQLITE_IOERR_SHMLOCK;
    shm_unmap xShmUnmap(delete: c_int), ffi::SQLITE_OK;
}

unsafe extern "C" fn shm_barrier(file: *mut sqlite3_file) {
    pass!(file, xShmBarrier(), ());
}

unsafe extern "C" fn close(file: *mut sqlite3_file) -> c_int {
    let code = pass!(file, xClose(), ffi::SQLITE_IOERR_CLOSE);
    // SAFETY: closed once; the pointer is that of `open`.
    drop(unsafe { Arc::from_raw((*file.cast::<Recorded>()).log) });
    code
}

/// Does something to a file and, if that went well, notes what it was.
///
/// # Safety
/// `file` is an open recorded file.
unsafe fn noted(
    file: *mut sqlite3_file,
    act: impl FnOnce() -> c_int,
    events: impl FnOnce(&mut Recorded) -> Vec<Event>,
) -> c_int {
    // SAFETY: as promised; nobody else uses this handle meanwhile, and its log lives with it.
    let (log, recorded) = unsafe {
        let recorded = &mut *file.cast::<Recorded>();
        (&*recorded.log, recorded)
    };
    let mut state = log.state();
    let code = act();
    if code == ffi::SQLITE_OK {
        state.events.extend(events(recorded));
    }
    code
}

unsafe extern "C" fn write(
    file: *mut sqlite3_file,
    from: *const c_void,
    count: c_int,
    at: sqlite3_int64,
) -> c_int {
    let act = || pass!(file, xWrite(from, count, at), ffi::SQLITE_IOERR_WRITE);
    let (Ok(size), Ok(offset)) = (usize::try_from(count), usize::try_from(at)) else {
        return ffi::SQLITE_IOERR_WRITE;
    };
    // SAFETY: SQLite hands over so many bytes; the file is open.
    unsafe {
        let bytes = slice::from_raw_parts(from.cast::<u8>(), size).to_vec();
        noted(file, act, |recorded| vec![Event::Write { file: recorded.file, offset, bytes }])
    }
}

unsafe extern "C" fn truncate(file: *mut sqlite3_file, size: sqlite3_int64) -> c_int {
    let act = || pass!(file, xTruncate(size), ffi::SQLITE_IOERR_TRUNCATE);
    let Ok(size) = usize::try_from(size) else { return ffi::SQLITE_IOERR_TRUNCATE };
    // SAFETY: the file is open.
    unsafe { noted(file, act, |recorded| vec![Event::Truncate { file: recorded.file, size }]) }
}

unsafe extern "C" fn sync(file: *mut sqlite3_file, flags: c_int) -> c_int {
    let act = || pass!(file, xSync(flags), ffi::SQLITE_IOERR_FSYNC);
    let events = |recorded: &mut Recorded| {
        let mut events = vec![Event::Sync { file: recorded.file }];
        if std::mem::take(&mut recorded.new) {
            events.push(Event::SyncFolder);
        }
        events
    };
    // SAFETY: the file is open.
    unsafe { noted(file, act, events) }
}

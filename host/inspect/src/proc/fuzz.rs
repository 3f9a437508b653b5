//! Fuzz test of the parsers: each of them gets every file.

use super::{
    cgroup, keys, limits, loadavg, maps, mountinfo, net, pressure, schedstat, stat, status, syscall,
};
use gmr_test_fuzz::{bytes, within};

/// A file of each kind.
const FILES: [&str; 14] = [
    "8:pids:/\n4:memory:/a:b\n1:cpu,cpuacct:/host/path\n0::/app\n",
    "150000 100000\n",
    "Name:\tc\u{fc}at\nUid:\t1\t2\t3\t4\nVmRSS:\t    1620 kB\nThreads:\t1\nSigBlk:\t0000000000400000\noom_kill 3\n",
    "Limit                     Soft Limit           Hard Limit           Units     \n\
     Max locked memory         8388608              unlimited            bytes     \n\
     Max nice priority         0                    5                    \n",
    "0.41 1.5 2.00 1/123 4567\n",
    "55d0-55e0 r-xp 00002000 fe:01 1234                       /usr/bin/a b\n\
     1000-2000 r--p 00000000 00:01 7 /memfd:x\\012y (deleted)\n\
     1000-2000 r-xp 00000000 00:00 0                          [vdso]\n",
    "36 35 98:0 / /mnt/a\\040b ro,noatime master:1 shared:2 - ext3 /dev/root rw,errors=x\n",
    "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n\
     0: 0100007F:07E8 00000000:0000 0A 00000000:00000003 00:00000000 00000000     0        0 1065 1 0\n\
     1: 00000000000000000000000001000000:07E8 00000000000000000000000000000000:0000 01 0:0 00:0 0 0 0 7\n",
    "Num       RefCount Protocol Flags    Type St Inode Path\n\
     000000001d45eaca: 00000002 00000000 00010000 0001 01  1062 /run/a socket\n",
    "some avg10=4.07 avg60=3.76 avg300=9.73 total=297307769\nfull avg10=0.00 avg60=0.00 avg300=0.25 total=7\n",
    "1500 20 7\n",
    "77 (a) R (b\n) S 1 77 77 0 -1 4194368 1 0 0 0 250 3 0 0 20 0 4 0 1234 0 0",
    "202 0x1 0x2 0x3 0x4 0x5 0x6 0x7ffd 0x55aa\n",
    "socket:[4711]",
];

/// The most that one input may take. A list of two-letter words takes a slice of sixteen bytes for each; the whole text
/// is copied where it is no UTF-8.
const MEMORY: u64 = 4 << 20;

#[test]
fn proc_files() {
    bytes("proc_files", 3000, &FILES, |text| {
        within(MEMORY, || {
            cgroup::unified(text);
            cgroup::of_controller(text, "cpu");
            cgroup::quota(text);
            for key in ["Name", "VmRSS", "oom_kill"] {
                keys::number_after(text, key);
                keys::bytes_after(text, key);
            }
            keys::number(text);
            loadavg::parse(text);
            pressure::stall(text, "some");
            schedstat::parse(text);
            status::effective_id(text, "Uid");
            status::blocked_signals(text);
            syscall::parse(text);
        });
        within(MEMORY, || limits::parse(text).len());
        within(MEMORY, || mountinfo::parse(text, 100).len());
        for protocol in ["tcp", "udp6", "unix"] {
            within(MEMORY, || net::parse(text, protocol).count());
        }
        net::inode(&String::from_utf8_lossy(text));
        if let Some(stat) = stat::parse(text) {
            assert!(stat.name.len() <= text.len() * 3, "bytes that are no UTF-8 take three each");
        }
        for mapping in within(MEMORY, || maps::parse(text)) {
            assert!(mapping.range.start < mapping.range.end, "{mapping:?}");
            assert!(mapping.executable || mapping.has_file(), "{mapping:?}");
        }
    });
}

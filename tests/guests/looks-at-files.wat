;; Looks at one path in the first directory that WASI gives it, and answers in seven characters what came of: opening,
;; opening to write, the facts, the hash, the link, the list of the directory itself; then the file's first byte. `0` is
;; a success, `1` and on are the errors counted from 1, `-` is nothing.
;;
;; The test that uses it puts the path in the place of PATH, and its length at LENGTH.
(module
  (import "wasi:filesystem/preopens@0.2.0" "get-directories" (func $directories (param i32)))
  (import "wasi:filesystem/types@0.2.0" "[method]descriptor.open-at"
    (func $open (param i32 i32 i32 i32 i32 i32 i32)))
  (import "wasi:filesystem/types@0.2.0" "[method]descriptor.stat-at" (func $stat (param i32 i32 i32 i32 i32)))
  (import "wasi:filesystem/types@0.2.0" "[method]descriptor.metadata-hash-at"
    (func $hash (param i32 i32 i32 i32 i32)))
  (import "wasi:filesystem/types@0.2.0" "[method]descriptor.readlink-at" (func $link (param i32 i32 i32 i32)))
  (import "wasi:filesystem/types@0.2.0" "[method]descriptor.read-directory" (func $list (param i32 i32)))
  (import "wasi:filesystem/types@0.2.0" "[method]descriptor.read" (func $read (param i32 i64 i64 i32)))
  (; memory ;)
  (; describe ;)
  (global $answer i32 (i32.const 2048))
  (data (i32.const 2048) "\00\00\00\00" "\00\0c\00\00" "\01\00\00\00")
  (data (i32.const 3072) "\01\00\00\00" "\00\10\00\00" "\07\00\00\00")
  (data (i32.const 4096) "-------")
  (data (i32.const 512) "PATH")
  ;; The error of the result at 8192, whose payload is so many bytes from there.
  (func $note (param $place i32) (param $payload i32)
    (i32.store8 (i32.add (i32.const 4096) (local.get $place)) (i32.add (i32.const 48)
      (i32.mul (i32.load8_u (i32.const 8192))
        (i32.add (i32.const 1) (i32.load8_u (i32.add (i32.const 8192) (local.get $payload))))))))
  (func (export "gmr:plugin/section@0.1.0#render") (param $request i32) (result i32) (local $at i32)
    (call $directories (i32.const 8192))
    (if (i32.load (i32.const 8196)) (then
      (local.set $at (i32.load (i32.load (i32.const 8192))))
      ;; Flags of a path: 1 follows links. Of a descriptor: 1 reads, 2 writes.
      (call $open (local.get $at) (i32.const 1) (i32.const 512) (i32.const LENGTH) (i32.const 0) (i32.const 2)
        (i32.const 8192))
      (call $note (i32.const 1) (i32.const 4))
      (call $stat (local.get $at) (i32.const 1) (i32.const 512) (i32.const LENGTH) (i32.const 8192))
      (call $note (i32.const 2) (i32.const 8))
      (call $hash (local.get $at) (i32.const 1) (i32.const 512) (i32.const LENGTH) (i32.const 8192))
      (call $note (i32.const 3) (i32.const 8))
      (call $link (local.get $at) (i32.const 512) (i32.const LENGTH) (i32.const 8192))
      (call $note (i32.const 4) (i32.const 4))
      (call $list (local.get $at) (i32.const 8192))
      (call $note (i32.const 5) (i32.const 4))
      (call $open (local.get $at) (i32.const 1) (i32.const 512) (i32.const LENGTH) (i32.const 0) (i32.const 1)
        (i32.const 8192))
      (call $note (i32.const 0) (i32.const 4))
      (if (i32.eqz (i32.load8_u (i32.const 8192))) (then
        (call $read (i32.load (i32.const 8196)) (i64.const 1) (i64.const 0) (i32.const 8192))
        (if (i32.and (i32.eqz (i32.load8_u (i32.const 8192))) (i32.load (i32.const 8200))) (then
          (i32.store8 (i32.const 4102) (i32.load8_u (i32.load (i32.const 8196)))))))) ))
    (global.get $answer)))

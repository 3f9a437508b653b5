;; Says so on its standard error, then sleeps for an hour.
(module
  (import "wasi:clocks/monotonic-clock@0.2.0" "subscribe-duration" (func $after (param i64) (result i32)))
  (import "wasi:io/poll@0.2.0" "[method]pollable.block" (func $block (param i32)))
  (import "wasi:cli/stderr@0.2.0" "get-stderr" (func $stderr (result i32)))
  (import "wasi:io/streams@0.2.0" "[method]output-stream.blocking-write-and-flush"
    (func $write (param i32 i32 i32 i32)))
  (; memory ;)
  (; describe ;)
  (; answer ;)
  (data (i32.const 512) "waits for the ring")
  (func (export "gmr:plugin/section@0.1.0#render") (param $request i32) (result i32)
    (call $write (call $stderr) (i32.const 512) (i32.const 18) (i32.const 600))
    (call $block (call $after (i64.const 3600000000000)))
    (global.get $answer)))

;; Prints a line, then traps two calls deep.
(module
  (import "gmr:plugin/diagnostics@0.1.0" "print" (func $print (param i32 i32)))
  (; memory ;)
  (; describe ;)
  (data (i32.const 512) "ring is not settled")
  (func $topology::walk (call $print (i32.const 512) (i32.const 19)) unreachable)
  (func $render (export "gmr:plugin/section@0.1.0#render") (param $request i32) (result i32)
    (call $topology::walk)
    unreachable))

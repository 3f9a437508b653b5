;; Answers with how often it was called before and succeeded, which it remembers, and prints a line. It traps after it has
;; remembered if its settings have `trap`, and fails if they have `fail`.
(module
  (import "gmr:plugin/state@0.1.0" "get" (func $get (param i32 i32 i32)))
  (import "gmr:plugin/state@0.1.0" "set" (func $set (param i32 i32 i32 i64 i32 i32)))
  (import "gmr:plugin/settings@0.1.0" "get" (func $setting (param i32 i32 i32)))
  (import "gmr:plugin/diagnostics@0.1.0" "print" (func $print (param i32 i32)))
  (; memory ;)
  (; describe ;)
  (data (i32.const 512) "calls" "trap" "fail" "a line")
  (data (i32.const 2048) "\00\00\00\00" "\00\0c\00\00" "\01\00\00\00")
  (data (i32.const 3072) "\01\00\00\00" "\00\10\00\00" "\08\00\00\00")
  (data (i32.const 4096) "before 0")
  ;; Another failure, without a reason.
  (data (i32.const 2112) "\01\00\00\00" "\03\00\00\00" "\00\02\00\00" "\00\00\00\00")
  ;; Whether there is a setting of this name.
  (func $is_set (param $name i32) (param $length i32) (result i32)
    (call $setting (local.get $name) (local.get $length) (i32.const 640))
    (i32.load8_u (i32.const 640)))
  (func (export "gmr:plugin/section@0.1.0#render") (param $request i32) (result i32)
    (local $calls i64)
    (call $print (i32.const 525) (i32.const 6))
    ;; A value behind the flag that there is one, its content behind its case.
    (call $get (i32.const 512) (i32.const 5) (i32.const 704))
    (if (i32.load8_u (i32.const 704)) (then (local.set $calls (i64.load (i32.const 720)))))
    (i32.store8 (i32.const 4103) (i32.add (i32.const 48) (i32.wrap_i64 (local.get $calls))))
    ;; Case 1 is an integer.
    (call $set (i32.const 512) (i32.const 5)
      (i32.const 1) (i64.add (local.get $calls) (i64.const 1)) (i32.const 0) (i32.const 768))
    (if (call $is_set (i32.const 517) (i32.const 4)) (then unreachable))
    (if (result i32) (call $is_set (i32.const 521) (i32.const 4))
      (then (i32.const 2112))
      (else (i32.const 2048)))))

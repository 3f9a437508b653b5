;; Nests a hundred thousand calls, which takes several MiB of stack, and comes back.
(module
  (; memory ;)
  (; describe ;)
  (; answer ;)
  (func $down (param $depth i32) (result i32)
    (if (result i32) (local.get $depth)
      (then (i32.add (i32.const 1) (call $down (i32.sub (local.get $depth) (i32.const 1)))))
      (else (i32.const 0))))
  (func (export "gmr:plugin/section@0.1.0#render") (param $request i32) (result i32)
    (drop (call $down (i32.const 100000)))
    (global.get $answer)))

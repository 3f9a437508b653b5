;; Calls itself without end.
(module
  (; memory ;)
  (; describe ;)
  (func $down (param $depth i32) (result i32)
    (i32.add (i32.const 1) (call $down (i32.add (local.get $depth) (i32.const 1)))))
  (func (export "gmr:plugin/section@0.1.0#render") (param $request i32) (result i32)
    (call $down (i32.const 0))))

;; Imports what no host has.
(module
  (import "stranger:thing/strange@1.0.0" "ask" (func $ask))
  (; memory ;)
  (; describe ;)
  (; answer ;)
  (func (export "gmr:plugin/section@0.1.0#render") (param $request i32) (result i32)
    (call $ask)
    (global.get $answer)))

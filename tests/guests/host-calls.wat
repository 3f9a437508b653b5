;; Asks for the time without end.
(module
  (import "gmr:plugin/clock@0.1.0" "monotonic" (func $now (result i64)))
  (; memory ;)
  (; describe ;)
  (func (export "gmr:plugin/section@0.1.0#render") (param $request i32) (result i32)
    (loop $again (drop (call $now)) (br $again))
    unreachable))

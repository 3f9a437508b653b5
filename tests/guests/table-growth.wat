;; Takes table elements, a thousand at a time, until it is refused.
(module
  (; memory ;)
  (; describe ;)
  (table $table 1 funcref)
  (func $greed
    (loop $again (br_if $again (i32.ne (table.grow $table (ref.null func) (i32.const 1000)) (i32.const -1))))
    unreachable)
  (func (export "gmr:plugin/section@0.1.0#render") (param $request i32) (result i32)
    (call $greed)
    unreachable))

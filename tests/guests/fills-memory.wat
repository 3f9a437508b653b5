;; Fills all memory that it may have in one instruction, which cannot be interrupted, and then goes on for ever.
(module
  (; memory ;)
  (; describe ;)
  (func (export "gmr:plugin/section@0.1.0#render") (param $request i32) (result i32)
    (drop (memory.grow (i32.const 2040)))
    (memory.fill (i32.const 200000) (i32.const 90) (i32.const 133000000))
    (loop $again (br $again))
    unreachable))

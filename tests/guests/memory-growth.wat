;; Takes memory, a megabyte at a time, until it is refused, and then gives up as an allocator does.
(module
  (; memory ;)
  (; describe ;)
  (func $greed
    (loop $again (br_if $again (i32.ne (memory.grow (i32.const 16)) (i32.const -1))))
    unreachable)
  (func (export "gmr:plugin/section@0.1.0#render") (param $request i32) (result i32)
    (call $greed)
    unreachable))

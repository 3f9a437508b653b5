;; Reads far beyond its memory, for which no signal may be raised.
(module
  (; memory ;)
  (; describe ;)
  (func (export "gmr:plugin/section@0.1.0#render") (param $request i32) (result i32)
    (i32.load (i32.const 0x7fffffff))))

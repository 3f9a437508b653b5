;; Divides by zero, for which no signal may be raised.
(module
  (; memory ;)
  (; describe ;)
  (func (export "gmr:plugin/section@0.1.0#render") (param $request i32) (result i32)
    (i32.div_u (i32.const 1) (i32.const 0))))

;; Never returns from `render`.
(module
  (; memory ;)
  (; describe ;)
  (func $spin (loop $again (br $again)))
  (func (export "gmr:plugin/section@0.1.0#render") (param $request i32) (result i32)
    (call $spin)
    unreachable))

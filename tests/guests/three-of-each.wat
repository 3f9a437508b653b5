;; Behaves, and has three memories and three tables.
(module
  (; memory ;)
  (memory 1)
  (memory 1)
  (table 1 funcref)
  (table 1 funcref)
  (table 1 funcref)
  (; describe ;)
  (; answer ;)
  (func (export "gmr:plugin/section@0.1.0#render") (param $request i32) (result i32)
    (global.get $answer)))

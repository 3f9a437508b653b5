;; Would like to see `process`, and fails without.
(module
  (; memory ;)
  (; answer ;)
  (data (i32.const 256) "Guest1.0.0helloprocess")
  (data (i32.const 1024)
    "\00\01\00\00" "\05\00\00\00" "\00\01\00\00" "\00\00\00\00" "\00\00\00\00"
    "\05\01\00\00" "\05\00\00\00" "\40\04\00\00" "\01\00\00\00")
  (data (i32.const 1088) "\0f\01\00\00" "\07\00\00\00")
  (func (export "gmr:plugin/section@0.1.0#describe") (result i32) (i32.const 1024))
  (func (export "gmr:plugin/section@0.1.0#render") (param $request i32) (result i32)
    (global.get $answer)))

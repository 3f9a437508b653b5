;; Answers with a block of a kind that does not exist.
(module
  (; memory ;)
  (; describe ;)
  (data (i32.const 2048) "\00\00\00\00" "\00\0c\00\00" "\01\00\00\00")
  (data (i32.const 3072) "\63\00\00\00")
  (func (export "gmr:plugin/section@0.1.0#render") (param $request i32) (result i32)
    (i32.const 2048)))

;; Answers with a paragraph of 100 MiB, which it has.
(module
  (; memory ;)
  (; describe ;)
  (data (i32.const 2048) "\00\00\00\00" "\00\0c\00\00" "\01\00\00\00")
  (data (i32.const 3072) "\01\00\00\00" "\00\01\00\00" "\00\00\40\06")
  (func (export "gmr:plugin/section@0.1.0#render") (param $request i32) (result i32)
    (drop (memory.grow (i32.const 1601)))
    (i32.const 2048)))

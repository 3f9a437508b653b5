;; Answers with what would clear a terminal and forge a section's banner.
(module
  (; memory ;)
  (; describe ;)
  (data (i32.const 512) "\1b[2J\1b]0;owned\07\0d\0a")
  (data (i32.const 2048) "\00\00\00\00" "\00\0c\00\00" "\01\00\00\00")
  (data (i32.const 3072) "\01\00\00\00" "\00\02\00\00" "\10\00\00\00")
  (func (export "gmr:plugin/section@0.1.0#render") (param $request i32) (result i32)
    (i32.const 2048)))

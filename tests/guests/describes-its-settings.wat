;; Says that it has one setting, `warn`: a whole number from 1 to 100, by default 80. Answers with its settings, as fields.
(module
  (import "gmr:plugin/settings@0.1.0" "all" (func $all (param i32)))
  (; memory ;)
  (data (i32.const 256) "Guest1.0.0warn")
  ;; Title, no summary, order, version, no wants; then settings: a list of one.
  (data (i32.const 1024)
    "\00\01\00\00" "\05\00\00\00" "\00\01\00\00" "\00\00\00\00" "\00\00\00\00"
    "\05\01\00\00" "\05\00\00\00" "\00\00\00\00" "\00\00\00\00"
    "\01\00\00\00" "\80\04\00\00" "\01\00\00\00")
  ;; Key, no summary; an integer, not repeated, not required; its default, an integer; at least 1.0, at most 100.0; no choices.
  (data (i32.const 1152)
    "\0a\01\00\00" "\04\00\00\00" "\00\01\00\00" "\00\00\00\00"
    "\01\00\00\00" "\00\00\00\00"
    "\01\00\00\00\00\00\00\00" "\01\00\00\00\00\00\00\00" "\50\00\00\00\00\00\00\00" "\00\00\00\00\00\00\00\00"
    "\01\00\00\00\00\00\00\00" "\00\00\00\00\00\00\f0\3f"
    "\01\00\00\00\00\00\00\00" "\00\00\00\00\00\00\59\40"
    "\00\00\00\00" "\00\00\00\00")
  (func (export "gmr:plugin/section@0.1.0#describe") (result i32) (i32.const 1024))
  (data (i32.const 2048) "\00\00\00\00" "\00\0c\00\00" "\01\00\00\00")
  ;; The list is returned into the block itself: after its case, which is `fields`.
  (data (i32.const 3072) "\02\00\00\00")
  (func (export "gmr:plugin/section@0.1.0#render") (param $request i32) (result i32)
    (call $all (i32.const 3076))
    (i32.const 2048)))

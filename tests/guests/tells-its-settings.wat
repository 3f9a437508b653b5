;; Answers with its settings, as fields.
(module
  (import "gmr:plugin/settings@0.1.0" "all" (func $all (param i32)))
  (; memory ;)
  (; describe ;)
  (data (i32.const 2048) "\00\00\00\00" "\00\0c\00\00" "\01\00\00\00")
  ;; The list is returned into the block itself: after its case, which is `fields`.
  (data (i32.const 3072) "\02\00\00\00")
  (func (export "gmr:plugin/section@0.1.0#render") (param $request i32) (result i32)
    (call $all (i32.const 3076))
    (i32.const 2048)))

;; Behaves: answers with one paragraph.
(module
  (; memory ;)
  (; describe ;)
  (; answer ;)
  (func (export "gmr:plugin/section@0.1.0#render") (param $request i32) (result i32)
    (global.get $answer)))

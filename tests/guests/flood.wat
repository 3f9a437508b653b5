;; Answers with as much text as it may: four paragraphs of 256,000 bytes, all in one place.
(module
  (; memory ;)
  (; describe ;)
  (data (i32.const 2048) "\00\00\00\00" "\00\80\00\00" "\04\00\00\00")
  (data (i32.const 32768) "\01\00\00\00\00\00\02\00\00\e8\03\00")
  (data (i32.const 32820) "\01\00\00\00\00\00\02\00\00\e8\03\00")
  (data (i32.const 32872) "\01\00\00\00\00\00\02\00\00\e8\03\00")
  (data (i32.const 32924) "\01\00\00\00\00\00\02\00\00\e8\03\00")
  (func (export "gmr:plugin/section@0.1.0#render") (param $request i32) (result i32)
    (drop (memory.grow (i32.const 8)))
    (memory.fill (i32.const 0x20000) (i32.const 120) (i32.const 256000))
    (i32.const 2048)))

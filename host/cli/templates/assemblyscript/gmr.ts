// What a plugin in AssemblyScript is written with: the part of the interface in wit/ that most plugins need.
//
// Memory is laid out as the canonical ABI of the component model has it. It is never freed: an instance serves one call.

@external("gmr:plugin/facts@0.1.0", "names")
declare function factsNames(result: usize): void;
@external("gmr:plugin/facts@0.1.0", "read")
declare function factsRead(name: usize, length: usize, result: usize): void;
@external("gmr:plugin/process@0.1.0", "memory")
declare function processMemory(result: usize): void;
@external("gmr:plugin/settings@0.1.0", "json")
declare function settingsJson(result: usize): void;
@external("gmr:plugin/diagnostics@0.1.0", "print")
declare function diagnosticsPrint(line: usize, length: usize): void;

/** Memory that is zero, aligned for everything. */
function zeroed(size: usize): usize {
  const at = heap.alloc(size);
  memory.fill(at, 0, size);
  return at;
}

/** Writes the address and the length of a string or list. */
function storeList(at: usize, address: usize, length: usize): void {
  store<u32>(at, <u32>address);
  store<u32>(at, <u32>length, 4);
}

function storeText(at: usize, words: string): void {
  const bytes = String.UTF8.encode(words);
  storeList(at, changetype<usize>(bytes), bytes.byteLength);
}

function storeTexts(at: usize, words: string[]): void {
  const list = zeroed(8 * words.length);
  for (let i = 0; i < words.length; i++) {
    storeText(list + 8 * i, words[i]);
  }
  storeList(at, list, words.length);
}

function loadText(at: usize): string {
  return String.UTF8.decodeUnsafe(load<u32>(at), load<u32>(at, 4));
}

/** One value; each renderer prints it its own way. Its fields are the 24 bytes of `value` in document.wit. */
export class Value {
  constructor(public kind: u8, public payload: u64, public more: u64 = 0) {}

  /** Words. */
  static text(words: string): Value {
    const bytes = String.UTF8.encode(words);
    return new Value(0, <u64>changetype<usize>(bytes) | (<u64>bytes.byteLength << 32));
  }
  /** A whole number. */
  static integer(number: i64): Value { return new Value(1, <u64>number); }
  /** A number, whole or not. */
  static number(number: f64): Value { return new Value(2, reinterpret<u64>(number)); }
  /** A size in bytes. */
  static bytes(size: u64): Value { return new Value(3, size); }
  /** A length of time in nanoseconds. */
  static duration(nanoseconds: u64): Value { return new Value(4, nanoseconds); }
  /** An address in memory. */
  static address(address: u64): Value { return new Value(6, address); }
  /** Yes or no. */
  static flag(is: bool): Value { return new Value(7, is ? 1 : 0); }
  /** Nothing, known to be nothing. */
  static none(): Value { return new Value(9, 0); }

  store(at: usize): void { memory.copy(at, changetype<usize>(this), 24); }

  static load(at: usize): Value { return new Value(load<u8>(at), load<u64>(at, 8), load<u64>(at, 16)); }
}

/** A named value. */
export class Field {
  constructor(public key: string, public value: Value) {}
}

/** A piece of the section. */
export class Block {
  /** The 64 bytes of `block` in document.wit. */
  readonly at: usize = zeroed(64);

  constructor(kind: u8) { store<u8>(this.at, kind); }

  private static words(kind: u8, words: string): Block {
    const block = new Block(kind);
    storeText(block.at + 4, words);
    return block;
  }

  /** A heading within the section, of level 1 to 3. */
  static heading(level: u8, words: string): Block {
    const block = new Block(0);
    store<u8>(block.at, level, 4);
    storeText(block.at + 8, words);
    return block;
  }
  /** Running text. */
  static paragraph(words: string): Block { return Block.words(1, words); }
  /** Named values, in the order in which they are shown. */
  static fields(fields: Field[]): Block {
    const block = new Block(2);
    const list = zeroed(32 * fields.length);
    for (let i = 0; i < fields.length; i++) {
      storeText(list + 32 * i, fields[i].key);
      fields[i].value.store(list + 32 * i + 8);
    }
    storeList(block.at + 4, list, fields.length);
    return block;
  }
  /** Rows under column titles. */
  static table(columns: string[], rows: Value[][]): Block {
    const block = new Block(3);
    storeTexts(block.at + 4, columns);
    const list = zeroed(8 * rows.length);
    for (let i = 0; i < rows.length; i++) {
      const cells = zeroed(24 * rows[i].length);
      for (let j = 0; j < rows[i].length; j++) {
        rows[i][j].store(cells + 24 * j);
      }
      storeList(list + 8 * i, cells, rows[i].length);
    }
    storeList(block.at + 12, list, rows.length);
    return block;
  }
  /** Text whose layout is kept. */
  static preformatted(words: string): Block { return Block.words(6, words); }
  /** What deserves a look first, in one line: it stands at the top of the report. */
  static remark(words: string): Block { return Block.words(7, words); }
}

/** Why there is no section. */
export class Failure {
  private constructor(public kind: u8, public words: string, public advice: string = "") {}

  /** Without this grant there is nothing to show. */
  static denied(grant: string, advice: string): Failure { return new Failure(0, grant, advice); }
  /** What the section shows does not exist here. */
  static unavailable(words: string): Failure { return new Failure(1, words); }
  /** The settings are not right. */
  static settings(words: string): Failure { return new Failure(2, words); }
  /** Anything else. */
  static other(words: string): Failure { return new Failure(3, words); }
}

/** What the plugin answers: blocks, or why there are none. */
export class Section {
  private constructor(public blocks: Block[], public failure: Failure | null) {}

  static of(blocks: Block[]): Section { return new Section(blocks, null); }
  static failed(failure: Failure): Section { return new Section([], failure); }
}

/** What a plugin says of itself; section.wit tells more. */
export class Description {
  order: i32 = 0;
  /** The grants without which the section is poorer. */
  wants: string[] = [];
  /** Passes on whatever the application sets for the plugin, for `settings` to return; else the host refuses it all. */
  takesSettings: bool = false;

  constructor(public title: string, public summary: string, public version: string) {}
}

/** What the host asks for; section.wit tells of each item. */
export class Request {
  constructor(private at: usize) {}

  get plugin(): string { return loadText(this.at); }
  get service(): string { return loadText(this.at + 8); }
  get version(): string { return loadText(this.at + 16); }
  get host(): string { return loadText(this.at + 24); }
  get process(): u32 { return load<u32>(this.at, 32); }
  get triggerKind(): string { return loadText(this.at + 72); }
  get triggerDetail(): string { return loadText(this.at + 80); }
  get deadline(): u64 { return load<u64>(this.at, 96); }
  get maxBlocks(): u32 { return load<u32>(this.at, 104); }
  get maxBytes(): u64 { return load<u64>(this.at, 112); }
}

let described: Description | null = null;
let section: ((request: Request) => Section) | null = null;

/** Registers the plugin. */
export function plugin(description: Description, render: (request: Request) => Section): void {
  described = description;
  section = render;
}

/** The names of the facts that the grants show. */
export function factNames(): string[] {
  const result = zeroed(8);
  factsNames(result);
  const names: string[] = [];
  const list = load<u32>(result);
  for (let i: u32 = 0; i < load<u32>(result, 4); i++) {
    names.push(loadText(list + 8 * i));
  }
  return names;
}

/** A fact's values, or why there are none. */
export class Fact {
  constructor(public fields: Field[], public failure: Failure | null) {}
}

/** Reads a fact. */
export function fact(name: string): Fact {
  const bytes = String.UTF8.encode(name);
  // `result<list<field>, fact-error>` of facts.wit.
  const result = zeroed(24);
  factsRead(changetype<usize>(bytes), bytes.byteLength, result);
  const fields: Field[] = [];
  if (load<u8>(result) == 0) {
    const list = load<u32>(result, 4);
    for (let i: u32 = 0; i < load<u32>(result, 8); i++) {
      fields.push(new Field(loadText(list + 32 * i), Value.load(list + 32 * i + 8)));
    }
    return new Fact(fields, null);
  }
  switch (load<u8>(result, 4)) {
    case 0: return new Fact(fields, Failure.denied(loadText(result + 8), loadText(result + 16)));
    case 1: return new Fact(fields, Failure.unavailable("there is no fact " + name));
    case 2: return new Fact(fields, Failure.other(name + ": " + loadText(result + 8)));
    case 3: return new Fact(fields, Failure.other(name + ": the application has not answered"));
    default: return new Fact(fields, Failure.other(name + ": it is too large"));
  }
}

/** How much memory the process has, in bytes, where that is known; or why it cannot be told. */
export class Resident {
  constructor(public known: bool, public size: u64, public failure: Failure | null) {}
}

/** Asks how much memory the process has. */
export function resident(): Resident {
  // `result<memory-figures, denial>` of process.wit: the figures are 184 bytes and begin with `resident`.
  const result = zeroed(192);
  processMemory(result);
  if (load<u8>(result) != 0) {
    return new Resident(false, 0, Failure.denied(loadText(result + 8), loadText(result + 16)));
  }
  return new Resident(load<u8>(result, 8) == 1, load<u64>(result, 16), null);
}

/** The table that the application has set for the plugin, as a JSON object. See `Description.takesSettings`. */
export function settings(): string {
  const result = zeroed(8);
  settingsJson(result);
  return loadText(result);
}

/** Adds a line to what the host shows of the plugin if its section fails. */
export function log(line: string): void {
  const bytes = String.UTF8.encode(line);
  diagnosticsPrint(changetype<usize>(bytes), bytes.byteLength);
}

/** Where `throw` and failed assertions end. */
export function abort(message: string | null, file: string | null, line: u32, column: u32): void {
  log((message ? message : "aborted") + " at " + (file ? file : "") + ":" + line.toString() + ":" + column.toString());
  unreachable();
}

/** The host's allocations in this memory: arguments and results of calls. */
export function cabi_realloc(old: usize, oldSize: usize, alignment: usize, size: usize): usize {
  const at = heap.alloc(size);
  memory.copy(at, old, min(oldSize, size));
  return at;
}

export function describe(): usize {
  const from = described!;
  const at = zeroed(48);
  storeText(at, from.title);
  storeText(at + 8, from.summary);
  store<i32>(at, from.order, 16);
  storeText(at + 20, from.version);
  storeTexts(at + 28, from.wants);
  if (!from.takesSettings) {
    // An empty list: it has none.
    store<u8>(at, 1, 36);
    storeList(at + 40, 8, 0);
  }
  return at;
}

export function render(request: usize): usize {
  const answer = section!(new Request(request));
  const result = zeroed(24);
  const failure = answer.failure;
  if (failure) {
    store<u8>(result, 1);
    store<u8>(result, failure.kind, 4);
    storeText(result + 8, failure.words);
    storeText(result + 16, failure.advice);
    return result;
  }
  const list = zeroed(64 * answer.blocks.length);
  for (let i = 0; i < answer.blocks.length; i++) {
    memory.copy(list + 64 * i, answer.blocks[i].at, 64);
  }
  storeList(result + 4, list, answer.blocks.length);
  return result;
}

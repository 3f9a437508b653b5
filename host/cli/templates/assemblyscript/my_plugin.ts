// The section that this plugin adds to the report.

import { Block, Description, Field, Request, Section, Value, fact, factNames, plugin, resident } from "./gmr";
export { cabi_realloc, describe, render } from "./gmr";

const description = new Description("my_plugin", "One sentence that says what the section shows", "0.1.0");
description.wants = ["process", "facts:*"];
plugin(description, section);

function section(request: Request): Section {
  const memory = resident();
  const denied = memory.failure;
  if (denied) {
    return Section.failed(denied);
  }
  const fields: Field[] = [];
  if (memory.known) {
    fields.push(new Field("resident", Value.bytes(memory.size)));
  }
  const names = factNames();
  for (let i = 0; i < names.length; i++) {
    const values = fact(names[i]);
    const failure = values.failure;
    if (failure) {
      return Section.failed(failure);
    }
    for (let j = 0; j < values.fields.length; j++) {
      fields.push(values.fields[j]);
    }
  }
  return Section.of([Block.fields(fields)]);
}

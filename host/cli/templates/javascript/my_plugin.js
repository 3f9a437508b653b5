// The section that this plugin adds to the report.

import { names, read } from "gmr:plugin/facts@0.1.0";
import { memory } from "gmr:plugin/process@0.1.0";

export const section = {
  describe() {
    return {
      title: "my_plugin",
      summary: "One sentence that says what the section shows",
      order: 0,
      version: "0.1.0",
      wants: ["process", "facts:*"],
      // Settings are described here: the host checks them then, and fills in defaults. See wit/settings.wit.
      settings: [],
    };
  },

  render(request) {
    let resident;
    try {
      resident = memory().resident;
    } catch (error) {
      // A call that is refused throws an object whose `payload` is what the interface declares as its error.
      throw error.payload === undefined ? error : { tag: "denied", val: error.payload };
    }
    const fields = names().flatMap((name) => read(name));
    if (resident !== undefined) {
      fields.unshift({ key: "resident", value: { tag: "bytes", val: resident } });
    }
    return [{ tag: "fields", val: fields }];
  },
};

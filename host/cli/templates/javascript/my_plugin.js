// The section that this plugin adds to the report.

import { names, read } from "gmr:plugin/facts@0.1.0";
import { memory } from "gmr:plugin/process@0.1.0";

function blocks() {
  const fields = names().flatMap((name) => read(name));
  const resident = memory().resident;
  if (resident !== undefined) {
    // Integers of 64 bits are of the type BigInt: 8n, or BigInt(8) of a number.
    fields.unshift({ key: "resident", value: { tag: "bytes", val: resident } });
  }
  return [{ tag: "fields", val: fields }];
}

// What the report says of an error. A call to the host that fails throws an object whose `payload` is what the interface
// declares as its error; whatever else is thrown is told with the line that it comes from.
function failure(error) {
  const payload = error?.payload;
  if (payload?.grant !== undefined) {
    return { tag: "denied", val: payload };
  }
  const words = payload === undefined ? String(error) : JSON.stringify(payload);
  const [place] = String(error?.stack ?? "").split("\n");
  return { tag: "other", val: place ? `${words} (${place})` : words };
}

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
    try {
      return blocks();
    } catch (error) {
      throw failure(error);
    }
  },
};

// Reads lines of JSON strings, takes each apart by gs1-barcode-parser-mod, writes what it found.
import { createRequire } from "node:module";
import { createInterface } from "node:readline";

const require = createRequire(process.argv[2] + "/");
const { parseBarcode } = require("gs1-barcode-parser-mod");
for await (const line of createInterface({ input: process.stdin })) {
  let out;
  try {
    out = { items: parseBarcode(JSON.parse(line)).parsedCodeItems.map((i) => ({ ai: i.ai, raw: i.raw, date: i.isoDate, data: typeof i.data === "number" ? String(i.data) : "" })) };
  } catch (e) {
    out = { error: String(e) };
  }
  console.log(JSON.stringify(out));
}

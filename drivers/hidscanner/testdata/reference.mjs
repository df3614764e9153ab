// Reads lines of JSON, each the reports of one code in base64 with their number first, gives them to
// @point-of-sale/webhid-barcode-scanner as a browser would, writes what it reads.
import { createInterface } from "node:readline";
import { readFile } from "node:fs/promises";

const say = (x) => process.stdout.write(JSON.stringify(x) + "\n");
console.log = () => {};
// The package names its module for browsers only.
const source = await readFile(process.argv[2] + "/node_modules/@point-of-sale/webhid-barcode-scanner/dist/webhid-barcode-scanner.esm.js");
const { default: Scanner } = await import("data:text/javascript;base64," + source.toString("base64"));

let report;
const device = {
  vendorId: 0x05e0, productId: 0x1300, productName: "Reference", collections: [{ usagePage: 0x8c, usage: 2 }],
  async open() {},
  addEventListener(name, callback) { report = callback; },
};
Object.defineProperty(globalThis, "navigator", {
  value: { hid: { addEventListener() {}, async requestDevice() { return [device]; } } }, configurable: true,
});
const scanner = new Scanner();
let read = null;
scanner.addEventListener("barcode", (b) => { read = { value: b.value, aim: b.aim, symbology: b.symbology, gtin: b.data?.gtin ?? "" }; });
await scanner.connect();
for await (const line of createInterface({ input: process.stdin })) {
  read = null;
  for (const r of JSON.parse(line)) {
    const bytes = new Uint8Array(Buffer.from(r, "base64"));
    report({ data: new DataView(bytes.buffer, bytes.byteOffset + 1, bytes.length - 1), device, reportId: bytes[0] });
  }
  await new Promise((done) => setTimeout(done, 1)); // it emits in a turn of its own
  say(read ?? {});
}

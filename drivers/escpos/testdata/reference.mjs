// Writes a slip, given as JSON on standard input, by an independent encoder of ESC/POS; the bytes go to standard
// output. The folder of its modules is the first argument.
import { createRequire } from 'node:module';

const Encoder = createRequire(process.argv[2] + '/')('@point-of-sale/receipt-printer-encoder');
const chunks = [];
for await (const chunk of process.stdin) chunks.push(chunk);
const slip = JSON.parse(Buffer.concat(chunks).toString('utf8'));

const e = new Encoder({ language: 'esc-pos', columns: slip.columns, codepageMapping: 'epson', imageMode: 'raster' });
e.initialize().codepage(slip.codepage);
for (const line of slip.lines) {
  e.bold(Boolean(line.bold));
  if (line.large) e.width(2).height(2);
  e.align(line.centre ? 'center' : 'left');
  e.line(line.text);
  if (line.large) e.width(1).height(1);
}
e.bold(false).align('left');
if (slip.picture) {
  const { width, height, data } = slip.picture;
  e.image({ width, height, data: Uint8ClampedArray.from(data) }, width, height, 'threshold', 128);
}
if (slip.qr) e.align('center').qrcode(slip.qr, { model: 2, size: 6, errorlevel: 'm' }).align('left');
e.cut('partial').pulse(0, 50, 500);
process.stdout.write(Buffer.from(e.encode()));

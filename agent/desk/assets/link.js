// The line to the till program: whole views come down, numbered commands go up.

/** The server beats every 5 s; after this long without a word it is taken for dead. */
const SILENCE_MAX = 12000;
/** A flicker shorter than this is not worth frightening the cashier. */
const GRACE = 1200;
const RETRY_FIRST = 250;
const RETRY_MAX = 2000;

export class Link {
  /** on: {view(v), up(), down()} */
  constructor(url, on) {
    this.url = url;
    this.on = on;
    this.last = 0;
    this.waiting = new Map();
    this.retry = RETRY_FIRST;
    this.open();
    setInterval(() => this.check(), 1000);
  }

  open() {
    const socket = (this.socket = new WebSocket(this.url));
    this.heard = performance.now();
    socket.onmessage = (e) => this.hear(JSON.parse(e.data));
    socket.onclose = () => this.lost(socket);
  }

  hear(m) {
    this.heard = performance.now();
    this.retry = RETRY_FIRST;
    clearTimeout(this.grace);
    this.grace = null;
    if (m.view) this.on.view(m.view);
    if (m.reply) this.settle(m.reply);
    this.on.up();
  }

  settle(reply) {
    const done = this.waiting.get(reply.id || 0);
    this.waiting.delete(reply.id || 0);
    if (done) done(reply);
  }

  lost(socket) {
    if (socket !== this.socket) return;
    this.socket = null;
    // Whether a command in flight was carried out shows in the next view; asking again could do it twice.
    for (const done of this.waiting.values()) done({ ok: false, lost: true });
    this.waiting.clear();
    if (!this.grace) this.grace = setTimeout(() => this.on.down(), GRACE);
    setTimeout(() => this.open(), this.retry * (0.5 + Math.random() / 2));
    this.retry = Math.min(RETRY_MAX, this.retry * 2);
  }

  check() {
    const socket = this.socket;
    if (!socket || performance.now() - this.heard < SILENCE_MAX) return;
    this.lost(socket);
    socket.close();
  }

  /** send gives the reply: {ok, error} or {ok: false, lost: true} when the line broke. */
  send(command) {
    const id = ++this.last;
    if (!this.socket || this.socket.readyState !== WebSocket.OPEN) return Promise.resolve({ ok: false, lost: true });
    this.socket.send(JSON.stringify({ id, command }));
    return new Promise((done) => this.waiting.set(id, done));
  }
}

// One test client: its token, its connection, the channels that it is in. Knows nothing of the page.

const EXPIRES_SOON = 5000; // ms: a token with less left is not worth connecting with

// Why a client that was told one of these does not come back with the same token.
const ENDED = {
  token_revoked: "The sign-in that made this client has ended, or its token was revoked.",
  token_expired: "Its token has expired.",
};

export class Refused extends Error {
  constructor(problems) {
    super(Object.values(problems).join(" "));
    this.problems = problems;
  }
}

export class Client {
  // `ask` fetches a token for an identity and `find` the socketId of a token's connection; `tell` hears of every change.
  constructor({ ask, find, tell, closes }) {
    Object.assign(this, { ask, find, tell, closes });
    this.state = "idle"; // idle, connecting, connected, waiting (to come back), ended
    this.why = "";
    this.token = null;
    this.id = null;
    this.joined = new Map(); // channel -> {presence, history, clients: Map}
    this.asked = new Map(); // what was asked of a channel that has not answered yet
    this.attempt = 0;
    this.tries = 0; // since it was connected
  }

  get left() {
    return this.token ? this.token.expires_at - Date.now() : 0;
  }

  // `protocol` is a module of ../protocols/ and the `endpoint` where it is spoken.
  async connect(identity, protocol) {
    this.identity = identity;
    this.protocol = protocol;
    this.wanted = true;
    this.again = null;
    this.tries = 0;
    const attempt = ++this.attempt;
    this.set("connecting");
    try {
      const token = await this.ask(identity);
      if (attempt !== this.attempt) return;
      this.token = token;
    } catch (error) {
      if (attempt === this.attempt) {
        this.wanted = false;
        this.set("ended", error instanceof Refused ? "No token was given." : "The server can't be reached.");
      }
      throw error;
    }
    this.open();
  }

  open() {
    const attempt = ++this.attempt;
    const current = (act) => (...given) => attempt === this.attempt && act(...given);
    this.last = null;
    this.set("connecting");
    this.line = this.protocol.connect({
      endpoint: this.protocol.endpoint,
      token: this.token.token,
      opened: current(() => this.opened()),
      sent: (text, said) => this.tell({ type: "frame", out: true, text, said }),
      received: current((text, said) => this.received(text, said)),
      closed: current((code) => this.closed(code)),
    });
  }

  opened() {
    this.tries = 0;
    this.set("connected");
    for (const [channel, how] of this.again ?? []) this.join(channel, how);
    this.again = null;
    this.look(this.attempt);
  }

  // The protocol does not say who one is; the server knows whose connection a token opened.
  async look(attempt) {
    for (let tries = 0; tries < 5 && attempt === this.attempt && !this.id; tries++) {
      const id = await this.find(this.token.jti).catch(() => null);
      if (attempt !== this.attempt) return;
      if (id) {
        this.id = id;
        this.tell({ type: "identified" });
        return;
      }
      await new Promise((resolve) => setTimeout(resolve, 200 << tries));
    }
  }

  join(channel, how) {
    this.asked.set(channel, how);
    this.line.join(channel, how);
  }

  leave(channel) {
    this.line.leave(channel);
  }

  send(channel, message) {
    this.line.send(channel, message);
  }

  received(text, said) {
    if (said) this.follow(said);
    this.tell({ type: "frame", out: false, text, said });
  }

  follow(said) {
    const room = this.joined.get(said.channel);
    if (said.type === "joined") {
      this.joined.set(said.channel, { clients: room?.clients ?? new Map(), how: this.asked.get(said.channel) ?? room?.how ?? {} });
      this.asked.delete(said.channel);
    } else if (said.type === "left") this.joined.delete(said.channel);
    else if (said.type === "present" && room) room.clients = new Map(said.clients.map((one) => [one.id, one]));
    else if (said.type === "changed" && room) {
      for (const one of said.went) room.clients.delete(one.id);
      for (const one of said.came) room.clients.set(one.id, one);
    } else if (said.type === "error") {
      this.last = said.code;
      const refused = this.asked.delete(said.channel);
      if (refused || said.out) this.joined.delete(said.channel);
      else if (room && said.unsure) room.unsure = true;
    }
  }

  closed(code) {
    // Attempts that fail must not forget what the first connection was in.
    this.again = new Map([...(this.again ?? []), ...[...this.joined].map(([channel, room]) => [channel, room.how]), ...this.asked]);
    this.joined.clear();
    this.asked.clear();
    this.line = this.id = null;
    const meaning = this.closes[code] ?? (code === 1006 ? "The connection broke." : "");
    const because = `Closed with ${code}. ${meaning}`.trim();
    const returns = this.protocol.returns(code);
    if (this.last === "kicked" && !returns) return this.stop(`Closed with ${code}. An administrator ended this connection. An SDK stays away after this; connecting again is allowed.`);
    if (ENDED[this.last] && !this.renewing) return this.stop(`${because} ${ENDED[this.last]}`);
    if (!this.wanted) return this.stop("", "idle");
    if (!this.renewing && !returns) return this.stop(`${because} An SDK stays away after this.`);
    if (this.left < EXPIRES_SOON) return this.stop(`${because} ${ENDED.token_expired}`);
    const wait = this.protocol.pause(++this.tries);
    this.renewing = false;
    this.set("waiting", `${because} Back in ${wait / 1000} s.`);
    const attempt = ++this.attempt;
    setTimeout(() => attempt === this.attempt && this.open(), wait);
  }

  stop(why, state = "ended") {
    this.wanted = false;
    this.attempt++;
    this.set(state, why);
  }

  // As an SDK does with a new token: some say it to the server, others go and come back a moment later.
  async renew() {
    const token = await this.ask(this.identity);
    this.token = token;
    this.tell({ type: "state" });
    if (this.state === "connected") this.renewing = this.line.renew(token.token);
    else if (this.state !== "connecting") {
      this.wanted = true;
      this.open();
    }
  }

  disconnect() {
    const { line } = this;
    this.again = null;
    this.joined.clear();
    this.asked.clear();
    this.line = this.id = null;
    this.stop("", "idle");
    line?.end();
  }

  set(state, why = "") {
    this.state = state;
    this.why = why;
    this.tell({ type: "state" });
  }
}

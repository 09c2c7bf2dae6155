// Phoenix Channels, version 2: what phoenix.js and Supabase's client have in common. A line as xano.js describes it, which
// remembers what it asked, since an answer names the question's number alone. A dialect says what differs:
//
//   prefix                       what stands before a channel's name in its topic
//   joining({presence, history}, token)   the payload of a join
//   message(event, payload)      the event and the payload, as text, of a message
//   joined(how)                  what is pushed once it was let in, {event, payload}, or nothing

const HEARTBEAT = 30_000;
const HEARTBEATS = "phoenix"; // the topic of what concerns the whole connection
const AGAIN = 4000;
const EVENTS = { public: "message", authenticated: "auth_message", private: "private_message" };

const written = JSON.stringify;

export function connect(dialect, { endpoint, token, opened, sent, received, closed }) {
  return new Line(dialect, { token, sent, received }).open(endpoint, opened, closed);
}

class Line {
  constructor(dialect, { token, sent, received }) {
    Object.assign(this, { dialect, token, sent, received });
    this.refs = 0;
    this.asked = new Map(); // ref -> {event, how}
    this.joins = new Map(); // channel -> join_ref
  }

  // The token goes as a subprotocol, as phoenix.js 1.8 has it: an address is written on the console when a connection fails.
  open(endpoint, opened, closed) {
    const url = new URL(endpoint, location.href);
    url.protocol = location.protocol === "https:" ? "wss:" : "ws:";
    const bearer = this.token ? ["phoenix", `base64url.bearer.phx.${btoa(this.token).replaceAll("=", "")}`] : [];
    this.socket = new WebSocket(url, bearer);
    this.socket.binaryType = "arraybuffer";
    let heartbeats;
    this.socket.onopen = () => {
      heartbeats = setInterval(() => this.push(HEARTBEATS, "heartbeat", "{}"), HEARTBEAT);
      opened();
    };
    this.socket.onmessage = ({ data }) => this.hear(typeof data === "string" ? data : unpacked(data));
    this.socket.onclose = ({ code }) => {
      clearInterval(heartbeats);
      closed(code);
    };
    return this;
  }

  // Writing

  join(channel, how) {
    this.push(this.topic(channel), "phx_join", written(this.dialect.joining(how, this.token)), how);
  }

  leave(channel) {
    this.push(this.topic(channel), "phx_leave", "{}");
  }

  send(channel, { audience, to, payload }) {
    const { event, payload: text } = this.dialect.message(EVENTS[audience], audience === "private" ? addressed(payload, to) : payload);
    this.push(this.topic(channel), event, text);
  }

  renew(token) {
    this.token = token;
    const channels = [...this.joins.keys()];
    for (const channel of channels) this.push(this.topic(channel), "access_token", written({ access_token: token }));
    if (!channels.length) this.socket.close(AGAIN); // what is said to no channel reaches nobody
    return !channels.length;
  }

  end() {
    this.socket.close(1000);
  }

  topic(channel) {
    return this.dialect.prefix + channel;
  }

  // The payload is passed on as it was written: a large number must not lose digits on its way through here.
  push(topic, event, payload, how) {
    const ref = String(++this.refs);
    const channel = this.channel(topic);
    if (event === "phx_join") this.joins.set(channel, ref);
    this.asked.set(ref, { event, how });
    const text = `[${written(this.joins.get(channel) ?? null)},"${ref}",${written(topic)},${written(event)},${payload}]`;
    const shown = this.token ? text.replaceAll(this.token, "***") : text;
    this.sent(shown, { ...this.parts(shown), type: "other" });
    this.socket.send(text);
  }

  // Reading

  hear(text) {
    const said = this.read(text);
    this.received(text, said);
    const follows = said?.type === "joined" && this.dialect.joined(said.how);
    if (follows) this.push(this.topic(said.channel), follows.event, follows.payload);
  }

  channel(topic) {
    const { prefix } = this.dialect;
    return topic !== HEARTBEATS && topic.startsWith(prefix) ? topic.slice(prefix.length) : undefined;
  }

  parts(text) {
    try {
      const [joinRef, ref, topic, action, payload] = JSON.parse(text);
      return { joinRef, ref: ref ?? undefined, action, channel: this.channel(topic), payload };
    } catch {
      return null;
    }
  }

  read(text) {
    const parts = this.parts(text);
    return parts && { ...parts, ref: undefined, ...this.means(parts) };
  }

  means({ joinRef, ref, action, channel, payload }) {
    switch (action) {
      case "phx_reply":
        return this.answered(ref, channel, payload);
      case "phx_close":
        return this.closed(joinRef, channel, payload);
      case "presence_state":
        return { type: "present", clients: clients(payload) };
      case "presence_diff":
        return { type: "changed", came: clients(payload.joins), went: clients(payload.leaves) };
      case "error":
        return channel === undefined ? refused(payload) : { type: "other" };
      default:
        return { type: "other" };
    }
  }

  answered(ref, channel, { status, response }) {
    const { event, how } = this.asked.get(ref) ?? {};
    this.asked.delete(ref);
    if (status === "error") {
      const out = event === "phx_join" || response.reason === "unmatched topic";
      if (out) this.joins.delete(channel);
      return { ...refused(response), out };
    }
    if (event === "phx_join") return { type: "joined", how };
    if (event !== "phx_leave") return { type: "other" };
    this.joins.delete(channel);
    return { type: "left" };
  }

  // Who joins again hears that the earlier join is over, and who leaves hears it a second time.
  closed(joinRef, channel, payload) {
    const current = this.joins.get(channel);
    if (!current || (joinRef && joinRef !== current)) return { type: "other" };
    this.joins.delete(channel);
    return payload.code ? { ...refused(payload), out: true } : { type: "left" };
  }
}

const refused = ({ reason, code, ref }) => ({ type: "error", code, text: reason, ref });

// One is listed under a key that it may have chosen itself; what the server says of it stands in each of its entries.
const clients = (state) => Object.values(state).flatMap(({ metas }) => metas.map(({ socketId, extras }) => ({ id: socketId, extras })));

// A private message names its recipient in the payload, which stays as it was written otherwise.
function addressed(payload, to) {
  const whom = `"target_client_id":${written(to)}`;
  if (!payload.startsWith("{")) return `{${whom},"payload":${payload}}`;
  const rest = payload.slice(0, -1).trimEnd();
  return `${rest}${rest === "{" ? "" : ","}${whom}}`;
}

// A payload of bytes comes as a binary frame: kind 2, or 4 with two fields more as Supabase's client reads it.
function unpacked(data) {
  const bytes = new Uint8Array(data);
  const decoder = new TextDecoder();
  const [kind, topicSize, eventSize, metaSize] = bytes;
  let at = kind === 4 ? 5 : 3;
  const take = (size) => bytes.subarray(at, (at += size));
  const [topic, event] = [decoder.decode(take(topicSize)), decoder.decode(take(eventSize))];
  if (kind === 4) take(metaSize);
  const payload = { $binary: btoa(Array.from(bytes.subarray(at), (byte) => String.fromCharCode(byte)).join("")) };
  return written([null, null, topic, ...(kind === 4 ? ["broadcast", { type: "broadcast", event, payload }] : [event, payload])]);
}

// A chat with a list of who is there: one component for Vue 3, with npm phoenix, without a build step.
//
//   <tidegate-chat url="wss://realtime.example.com/socket" channel="chat/lobby" :token="token" name="Ada" />

import { Presence, Socket } from "phoenix";
import { computed, nextTick, onBeforeUnmount, ref, watch } from "vue";

const SHOWN = 500; // messages
let instances = 0;

export default {
  name: "TidegateChat",
  props: {
    url: { type: String, required: true }, // of the server's socket: wss://realtime.example.com/socket
    channel: { type: String, required: true },
    token: { type: String, default: "" }, // a realtime token of your back end; without one the visitor is anonymous
    name: { type: String, default: "" }, // what the visitor's messages are signed with
    app: { type: String, default: "default" }, // the workspace
  },

  setup(props) {
    const id = `tidegate-chat-${++instances}`;
    const state = ref("connecting"); // connecting, joined, refused, out, closed
    const reached = ref(false); // whether this connection was ever open
    const problem = ref("");
    const messages = ref([]);
    const members = ref([]);
    const draft = ref("");
    const box = ref(null); // what scrolls
    let socket, room;
    let outdated = false; // whether what `problem` says was about a connection that is gone
    let own = ""; // the visitor's key in the list of who is there
    let numbers = 0;

    const words = computed(() => ({
      connecting: "Connecting…",
      joined: "Connected",
      refused: "Not let in",
      out: "You were taken out",
      closed: reached.value ? "Connection lost. Trying again…" : `Can't reach ${props.url}. Trying again…`,
    })[state.value]);
    const barred = computed(() => state.value === "refused" || state.value === "out");

    function open() {
      state.value = "connecting";
      problem.value = "";
      reached.value = false;
      // `authToken` is a subprotocol of the connection: unlike a parameter it is in no address, and so in no log.
      const mine = new Socket(props.url, { params: { app: props.app }, ...(props.token && { authToken: () => props.token }) });
      socket = mine;
      // Whatever an earlier connection still has to say is not about this one.
      const current = (act) => (...given) => mine === socket && act(...given);
      mine.onOpen(current(() => (reached.value = true)));
      mine.onError(current(() => lost()));
      mine.onClose(current(() => lost()));
      // What concerns the whole connection, such as a token that is not accepted.
      mine.onMessage(current(({ topic, event, payload }) => topic === "phoenix" && event === "error" && tell(payload)));
      // Counted once their own handlers are through, so these know what came right before.
      let heard = 0;
      let joinedAt = -1;
      mine.onMessage(() => heard++);
      mine.connect();

      const channel = mine.channel(props.channel, { history: true });
      room = channel;
      channel.on("message", current((payload) => show([line(payload)])));
      channel.on("auth_message", current((payload) => show([line(payload)])));
      channel.on("history", current(({ messages: kept }) => replay(kept)));
      // A change of the rules, or an admin, ends it for good. Who leaves hears of it as well: then it is `room` no more.
      channel.onClose(current((payload) => channel === room && bar("out", payload)));
      // The list behind the join's answer was written as this client came in, so it is the last in it.
      channel.on("presence_state", current((list) => (own = heard === joinedAt + 1 ? Object.keys(list).at(-1) : own)));
      const presence = new Presence(channel);
      presence.onSync(current(() => (members.value = presence.list(member))));
      channel
        .join()
        .receive("ok", current(() => {
          joinedAt = heard;
          own = "";
          state.value = "joined";
          if (outdated) problem.value = "";
        }))
        .receive("error", current((answer) => {
          bar("refused", answer);
          channel.leave(); // else it would ask again every few seconds
        }));
    }

    function close() {
      const [leaving, closing] = [room, socket];
      room = socket = undefined;
      members.value = [];
      leaving?.leave();
      closing?.disconnect();
    }

    function again() {
      close();
      open();
    }

    function lost() {
      if (!barred.value) state.value = "closed";
      outdated = true;
      members.value = [];
    }

    // Until the visitor tries again.
    function bar(how, answer) {
      state.value = how;
      room = undefined;
      members.value = [];
      tell(answer);
    }

    // `ref` is what an admin finds the whole reason with; what an admin did has none.
    function tell(answer) {
      const { reason = "The server gave no reason.", ref: number } = answer ?? {};
      problem.value = number ? `${reason} Reference ${number}` : reason;
      outdated = false;
    }

    function line({ text, name } = {}, who = undefined, at = Date.now()) {
      return { key: ++numbers, text: typeof text === "string" ? text : "", name: String(who || name || "Guest"), at: new Date(at) };
    }

    // The server knows who sent what it kept; whoever writes now says a name of its own.
    function replay(kept) {
      const said = kept.filter(({ event }) => event === "message" || event === "auth_message");
      if (said.length) messages.value = [];
      show(said.map(({ payload, client, at }) => line(payload, client?.extras.name, at)));
    }

    async function show(lines) {
      const atEnd = !box.value || box.value.scrollHeight - box.value.scrollTop - box.value.clientHeight < 40;
      messages.value = [...messages.value, ...lines.filter(({ text }) => text)].slice(-SHOWN);
      await nextTick();
      if (atEnd && box.value) box.value.scrollTop = box.value.scrollHeight;
    }

    const member = (key, { metas: [first] }) => ({ key, name: String(first.extras.name ?? first.user_id ?? "Guest"), own: key === own });

    function send() {
      const text = draft.value.trim();
      if (!text || state.value !== "joined") return;
      problem.value = "";
      room
        .push("message", { text, name: props.name })
        .receive("ok", () => (draft.value = draft.value.trim() === text ? "" : draft.value))
        .receive("error", tell)
        .receive("timeout", () => tell({ reason: "The server did not answer. Send it again." }));
    }

    watch(() => [props.url, props.app, props.channel, props.token], (now, before) => {
      if (now[2] !== before[2]) messages.value = [];
      again();
    });
    open();
    onBeforeUnmount(close);

    return { id, state, words, barred, problem, messages, members, draft, box, send, again };
  },

  template: `
    <section class="tidegate-chat" :aria-labelledby="id + '-title'">
      <header>
        <h2 :id="id + '-title'">{{ channel }}</h2>
        <p role="status" :data-state="state">{{ words }}</p>
      </header>
      <p v-if="problem" role="alert">{{ problem }} <button v-if="barred" type="button" @click="again">Try again</button></p>
      <div ref="box" role="log" aria-live="polite" aria-label="Messages" tabindex="0">
        <ol>
          <li v-for="message in messages" :key="message.key">
            <strong>{{ message.name }}</strong> <time :datetime="message.at.toISOString()">{{ message.at.toLocaleTimeString() }}</time>
            <span>{{ message.text }}</span>
          </li>
        </ol>
      </div>
      <aside :aria-labelledby="id + '-members'">
        <h3 :id="id + '-members'">Here now: {{ members.length }}</h3>
        <ul><li v-for="member in members" :key="member.key">{{ member.name }}{{ member.own ? " (you)" : "" }}</li></ul>
      </aside>
      <form @submit.prevent="send">
        <label :for="id + '-text'">Message</label>
        <input :id="id + '-text'" v-model="draft" autocomplete="off" maxlength="2000">
        <button :disabled="state !== 'joined'">Send</button>
      </form>
    </section>
  `,
};

// What stands around the component here: the fields of who comes where. An app of yours knows that already.

import { createApp, reactive, ref } from "vue";
import TidegateChat from "./tidegate-chat.js";

createApp({
  components: { TidegateChat },
  setup() {
    const asked = reactive({ url: "ws://127.0.0.1:8080/socket", channel: "chat/lobby", token: "", name: "" });
    const given = ref(null);
    const enter = () => (given.value = { ...asked });
    const leave = () => (given.value = null);
    return { asked, given, enter, leave };
  },
  template: `
    <h1>A chat on Tidegate</h1>
    <form class="who" @submit.prevent="enter">
      <label>Address <input v-model="asked.url" required></label>
      <label>Channel <input v-model="asked.channel" required maxlength="255"></label>
      <label>Token <input v-model="asked.token" placeholder="anonymous" autocomplete="off"></label>
      <label>Your name <input v-model="asked.name" autocomplete="nickname"></label>
      <p><button>Enter</button> <button v-if="given" type="button" @click="leave">Leave</button></p>
    </form>
    <tidegate-chat v-if="given" v-bind="given" />
  `,
}).mount("#page");

// A plain broadcast server on `ws`: the first message of a client names its room, each later one goes to that room.
// Usage: node ws.js PORT
"use strict";

const { WebSocketServer } = require("ws");

const rooms = new Map();
const server = new WebSocketServer({ port: Number(process.argv[2]), host: "127.0.0.1", backlog: 4096 });

server.on("connection", (socket) => {
  let room;
  socket.on("error", () => {});
  socket.on("close", () => room?.delete(socket));
  socket.on("message", (data) => {
    if (room === undefined) {
      const name = data.toString();
      room = rooms.get(name) ?? new Set();
      rooms.set(name, room);
      room.add(socket);
      socket.send("ok");
      return;
    }
    for (const member of room) member.send(data, { binary: false });
  });
});

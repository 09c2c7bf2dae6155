// A Socket.IO server: clients join a room and send messages to it. Usage: node socketio.js PORT
"use strict";

const http = require("node:http");
const { Server } = require("socket.io");

const server = http.createServer();
const io = new Server(server, {
  transports: ["websocket"],
  serveClient: false,
  pingInterval: 600_000,
  pingTimeout: 600_000,
});

io.on("connection", (socket) => {
  socket.on("join", (room, acknowledge) => {
    socket.join(room);
    acknowledge("ok");
  });
  socket.on("message", (room, payload) => io.to(room).emit("message", payload));
});

server.listen({ port: Number(process.argv[2]), host: "127.0.0.1", backlog: 4096 });

// Connects to a name and port and prints the peer's address.
const socket = require("node:net").connect(Number(process.argv[3]), process.argv[2]);
const say = (text) => {
  console.log(text);
  process.exit();
};
socket.on("connect", () => say(socket.remoteAddress));
socket.on("error", () => say("-"));

// NETWORK CALL PORT HOST…: binds each HOST at PORT, PORT+1, … and says what became of each; datagrams are sent back.
// NETWORK: tcp, udp4 or udp6. CALL: v6only for the option ipv6Only. Ends with its input.
const dgram = require("dgram");
const net = require("net");
const [network, call, port, ...hosts] = process.argv.slice(2);
const ipv6Only = call === "v6only";
const bare = (host) => host.replace(/^\[|\]$/g, "");
const bind = (host, at) =>
  new Promise((done) => {
    const socket = network === "tcp" ? net.createServer() : dgram.createSocket({ type: network, ipv6Only });
    socket.on("error", (error) => done(error.message));
    socket.on("message", (message, peer) => socket.send(message, peer.port, peer.address));
    if (network === "tcp") socket.listen({ port: at, host: bare(host) || undefined, ipv6Only }, () => done("ok"));
    else socket.bind({ port: at, address: bare(host) || undefined }, () => done("ok"));
  });
(async () => {
  for (const [i, host] of hosts.entries()) console.log(await bind(host, Number(port) + i));
  process.stdin.on("end", () => process.exit(0)).resume();
})();

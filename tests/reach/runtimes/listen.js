// Binds each HOST at PORT, PORT+1, … and says what became of each; ends with its input.
const net = require("net");
const [port, ...hosts] = process.argv.slice(2);
const bare = (host) => host.replace(/^\[|\]$/g, "");
const bind = (host, at) =>
  new Promise((done) => {
    const server = net.createServer();
    server.on("error", (error) => done(error.message));
    server.listen({ port: at, host: bare(host) || undefined }, () => done("ok"));
  });
(async () => {
  for (const [i, host] of hosts.entries()) console.log(await bind(host, Number(port) + i));
  process.stdin.on("end", () => process.exit(0)).resume();
})();

// An OTLP/HTTP receiver that keeps nothing: HOST PORT, as server.listen takes them; an empty HOST is left out.
const [host, port] = process.argv.slice(2);
const server = require("http").createServer((request, response) => {
  request.resume().on("end", () => {
    response.writeHead(200, { "content-type": "application/x-protobuf" });
    response.end();
  });
});
server.listen({ port: Number(port), host: host || undefined });

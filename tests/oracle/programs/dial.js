// Asks each NAME:PORT for a page, for at most LIMIT seconds.
const http = require("node:http");
for (const target of process.argv.slice(2)) {
  const asked = http.get(`http://${target}/`, { agent: false }, (answer) => answer.resume());
  asked.on("error", (refused) => console.log(target, refused.code));
  setTimeout(() => asked.destroy(), process.env.LIMIT * 1000).unref();
}

// Prints, for each name on standard input, the addresses in Node's order.
const dns = require("node:dns").promises;
const names = require("node:fs").readFileSync(0, "utf8").trim().split("\n");
(async () => {
  for (const name of names) {
    const found = await dns.lookup(name, { all: true });
    console.log(found.map((x) => x.address).join(" "));
  }
})();

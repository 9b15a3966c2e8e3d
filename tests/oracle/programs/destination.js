// Says of each line of its input whether Node.js takes it for a URL: `ok`, or its error.
const lines = require("fs").readFileSync(0, "utf8").split("\n").filter(Boolean);
for (const line of lines) {
  try {
    const port = new URL(line).port;
    console.log(port === "0" ? "invalid port 0" : "ok");
  } catch (error) {
    console.log(error.code);
  }
}

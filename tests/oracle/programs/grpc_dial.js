// Connects to each NAME:PORT as @grpc/grpc-js does, for at most LIMIT seconds.
const grpc = require(`${process.env.MODULES}/@grpc/grpc-js`);
const until = Date.now() + process.env.LIMIT * 1000;
for (const target of process.argv.slice(2)) {
  const client = new grpc.Client(target, grpc.credentials.createInsecure());
  client.waitForReady(until, () => client.close());
}

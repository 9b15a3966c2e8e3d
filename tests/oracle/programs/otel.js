// Sends one export to each NAME:PORT with the exporter's own settings, for LIMIT seconds.
const { OTLPTraceExporter } = require(`${process.env.MODULES}/@opentelemetry/exporter-trace-otlp-http`);
for (const target of process.argv.slice(2)) {
  new OTLPTraceExporter({ url: `http://${target}/v1/traces` }).export([], (result) => console.log(target, result));
}
setTimeout(process.exit, process.env.LIMIT * 1000);

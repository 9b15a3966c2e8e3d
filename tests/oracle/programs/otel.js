// Exports one span to each NAME:PORT with the exporter's own settings, for LIMIT seconds.
const modules = process.env.MODULES;
const { OTLPTraceExporter } = require(`${modules}/@opentelemetry/exporter-trace-otlp-http`);
const { BasicTracerProvider, SimpleSpanProcessor } = require(`${modules}/@opentelemetry/sdk-trace-base`);
for (const target of process.argv.slice(2)) {
  const exporter = new OTLPTraceExporter({ url: `http://${target}/v1/traces` });
  const provider = new BasicTracerProvider({ spanProcessors: [new SimpleSpanProcessor(exporter)] });
  provider.getTracer("oracle").startSpan("one").end();
}
setTimeout(process.exit, process.env.LIMIT * 1000);

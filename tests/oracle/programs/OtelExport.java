import io.opentelemetry.exporter.otlp.http.trace.OtlpHttpSpanExporter;
import io.opentelemetry.exporter.otlp.trace.OtlpGrpcSpanExporter;
import io.opentelemetry.sdk.trace.SdkTracerProvider;
import io.opentelemetry.sdk.trace.export.SimpleSpanProcessor;
import io.opentelemetry.sdk.trace.export.SpanExporter;
import java.util.concurrent.TimeUnit;

/** Exports one span to each NAME:PORT with the exporter's own settings: `OtelExport http|grpc NAME:PORT...`. */
public class OtelExport {
    public static void main(String[] arguments) throws InterruptedException {
        for (int i = 1; i < arguments.length; i++) {
            String base = "http://" + arguments[i];
            SpanExporter exporter = arguments[0].equals("grpc")
                    ? OtlpGrpcSpanExporter.builder().setEndpoint(base).build()
                    : OtlpHttpSpanExporter.builder().setEndpoint(base + "/v1/traces").build();
            SdkTracerProvider.builder()
                    .addSpanProcessor(SimpleSpanProcessor.create(exporter))
                    .build()
                    .get("oracle")
                    .spanBuilder("one")
                    .startSpan()
                    .end();
        }
        TimeUnit.SECONDS.sleep(Long.parseLong(System.getenv("LIMIT")));
        System.exit(0);
    }
}

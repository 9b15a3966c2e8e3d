// An OTLP/HTTP receiver that keeps nothing: HOST PORT, as InetSocketAddress takes them; an empty HOST is the wildcard.
import com.sun.net.httpserver.HttpServer;
import java.net.InetSocketAddress;

class Serve {
  public static void main(String[] words) throws Exception {
    int port = Integer.parseInt(words[1]);
    InetSocketAddress at = words[0].isEmpty() ? new InetSocketAddress(port) : new InetSocketAddress(words[0], port);
    HttpServer server = HttpServer.create(at, 16);
    server.createContext("/", exchange -> {
      exchange.getRequestBody().readAllBytes();
      exchange.getResponseHeaders().add("Content-Type", "application/x-protobuf");
      exchange.sendResponseHeaders(200, -1);
      exchange.close();
    });
    server.start();
  }
}

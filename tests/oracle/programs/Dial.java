import java.net.HttpURLConnection;
import java.net.Socket;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;

/** Dials each NAME:PORT in a thread of its own: `Dial socket|connection|client NAME:PORT...`. */
public class Dial {
    public static void main(String[] arguments) {
        for (int i = 1; i < arguments.length; i++) {
            URI page = URI.create("http://" + arguments[i] + "/");
            new Thread(() -> dial(arguments[0], page)).start();
        }
    }

    private static void dial(String how, URI page) {
        try {
            switch (how) {
                case "socket" -> {
                    try (Socket made = new Socket(page.getHost(), page.getPort())) {
                        made.getOutputStream().write("GET / HTTP/1.0\r\n\r\n".getBytes());
                    }
                }
                case "connection" -> ((HttpURLConnection) page.toURL().openConnection()).getResponseCode();
                default -> HttpClient.newHttpClient()
                        .send(HttpRequest.newBuilder(page).build(), HttpResponse.BodyHandlers.discarding());
            }
        } catch (Exception refused) {
            System.out.println(page + ": " + refused);
        }
    }
}

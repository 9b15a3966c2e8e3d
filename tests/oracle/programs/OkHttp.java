import java.io.IOException;
import okhttp3.OkHttpClient;
import okhttp3.Request;

/** Asks each NAME:PORT for a page, in a thread of its own, with a client that has OkHttp's own settings. */
public class OkHttp {
    public static void main(String[] arguments) throws InterruptedException {
        Thread[] threads = new Thread[arguments.length];
        for (int i = 0; i < arguments.length; i++) {
            String page = "http://" + arguments[i] + "/";
            threads[i] = new Thread(() -> ask(page));
            threads[i].start();
        }
        for (Thread each : threads) {
            each.join();
        }
        System.exit(0);
    }

    private static void ask(String page) {
        try (var answer = new OkHttpClient().newCall(new Request.Builder().url(page).build()).execute()) {
            System.out.println(page + ": " + answer.code());
        } catch (IOException refused) {
            System.out.println(page + ": " + refused);
        }
    }
}

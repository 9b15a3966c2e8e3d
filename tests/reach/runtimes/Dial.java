import java.io.IOException;
import java.net.Socket;

/** Connects to a name and port and prints the peer's address. */
public class Dial {
    public static void main(String[] arguments) {
        try (Socket connection = new Socket(arguments[0], Integer.parseInt(arguments[1]))) {
            System.out.println(connection.getInetAddress().getHostAddress());
        } catch (IOException refused) {
            System.out.println("-");
        }
    }
}

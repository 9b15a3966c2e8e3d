import java.net.InetAddress;
import java.util.Scanner;

/** Prints, for each name on standard input, the addresses in Java's order. */
public class Order {
    public static void main(String[] arguments) throws Exception {
        Scanner names = new Scanner(System.in);
        while (names.hasNextLine()) {
            StringBuilder line = new StringBuilder();
            for (InetAddress found : InetAddress.getAllByName(names.nextLine())) {
                line.append(found.getHostAddress()).append(' ');
            }
            System.out.println(line);
        }
    }
}

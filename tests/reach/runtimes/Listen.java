// Binds each HOST at PORT, PORT+1, … and says what became of each; ends with its input.
import java.net.InetSocketAddress;
import java.nio.channels.ServerSocketChannel;

class Listen {
  static InetSocketAddress address(String host, int port) {
    String bare = host.replaceAll("^\\[|\\]$", "");
    return bare.isEmpty() ? new InetSocketAddress(port) : new InetSocketAddress(bare, port);
  }

  public static void main(String[] words) throws Exception {
    int port = Integer.parseInt(words[0]);
    for (int i = 1; i < words.length; i++) {
      try {
        ServerSocketChannel.open().bind(address(words[i], port + i - 1));
        System.out.println("ok");
      } catch (Exception error) {
        System.out.println(error);
      }
    }
    while (System.in.read() >= 0) {}
  }
}

// NETWORK CALL PORT HOST…: binds each HOST at PORT, PORT+1, … and says what became of each; datagrams are sent back.
// CALL: listen for the channels of java.nio, socket for the sockets of java.net. Ends with its input.
import java.net.DatagramPacket;
import java.net.DatagramSocket;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.nio.ByteBuffer;
import java.nio.channels.DatagramChannel;
import java.nio.channels.ServerSocketChannel;
import java.util.concurrent.Callable;

class Listen {
  static InetSocketAddress address(String host, int port) {
    String bare = host.replaceAll("^\\[|\\]$", "");
    return bare.isEmpty() ? new InetSocketAddress(port) : new InetSocketAddress(bare, port);
  }

  static void repeat(Callable<?> work) {
    Thread thread = new Thread(() -> {
      try {
        while (true) work.call();
      } catch (Exception error) {
        System.err.println(error);
      }
    });
    thread.setDaemon(true);
    thread.start();
  }

  static void channel(DatagramChannel bound) {
    ByteBuffer buffer = ByteBuffer.allocate(64);
    repeat(() -> {
      buffer.clear();
      var peer = bound.receive(buffer);
      return bound.send(buffer.flip(), peer);
    });
  }

  static void socket(DatagramSocket bound) {
    DatagramPacket packet = new DatagramPacket(new byte[64], 64);
    repeat(() -> {
      packet.setLength(64);
      bound.receive(packet);
      bound.send(packet);
      return null;
    });
  }

  static void bind(String way, InetSocketAddress address) throws Exception {
    switch (way) {
      case "tcp listen" -> ServerSocketChannel.open().bind(address);
      case "tcp socket" -> new ServerSocket().bind(address);
      case "udp listen" -> channel(DatagramChannel.open().bind(address));
      case "udp socket" -> socket(new DatagramSocket(address));
      default -> throw new IllegalArgumentException(way);
    }
  }

  public static void main(String[] words) throws Exception {
    int port = Integer.parseInt(words[2]);
    for (int i = 3; i < words.length; i++) {
      try {
        bind(words[0] + " " + words[1], address(words[i], port + i - 3));
        System.out.println("ok");
      } catch (Exception error) {
        System.out.println(error);
      }
    }
    while (System.in.read() >= 0) {}
  }
}

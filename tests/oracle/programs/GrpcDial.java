import io.grpc.ConnectivityState;
import io.grpc.ManagedChannel;
import io.grpc.ManagedChannelBuilder;
import java.util.ArrayList;
import java.util.List;

/** Connects to each NAME:PORT as grpc-java does, for LIMIT seconds. */
public class GrpcDial {
    public static void main(String[] arguments) throws Exception {
        List<ManagedChannel> channels = new ArrayList<>();
        for (String target : arguments) {
            channels.add(ManagedChannelBuilder.forTarget(target).usePlaintext().build());
        }
        long until = System.currentTimeMillis() + Long.parseLong(System.getenv("LIMIT")) * 1000;
        while (System.currentTimeMillis() < until) {
            for (ManagedChannel channel : channels) {
                if (channel.getState(false) == ConnectivityState.IDLE) {
                    channel.getState(true);
                }
            }
            Thread.sleep(5);
        }
        System.exit(0);
    }
}

import io.grpc.*;
import io.grpc.protobuf.ProtoUtils;
import io.grpc.stub.ClientCalls;
import io.grpc.stub.MetadataUtils;
import java.io.File;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import throng.v1.*;
import throng.v1.GenerationServiceOuterClass.*;
import throng.v1.SpecSourceOuterClass.*;

/**
 * Throng from Java: five rows of a dataset.
 * Its argument is the daemon's address, as localhost:7447.
 * THRONG_CACERT and THRONG_TOKEN_FILE: TLS, and who we are.
 */
public class Rows {
  /** Needs protoc alone; with protoc-gen-grpc-java it is GenerationServiceGrpc.getGenerateMethod(). */
  private static final MethodDescriptor<GenerateRequest, GenerateResponse> GENERATE =
      MethodDescriptor.<GenerateRequest, GenerateResponse>newBuilder()
          .setType(MethodDescriptor.MethodType.SERVER_STREAMING)
          .setFullMethodName("throng.v1.GenerationService/Generate")
          .setRequestMarshaller(ProtoUtils.marshaller(GenerateRequest.getDefaultInstance()))
          .setResponseMarshaller(ProtoUtils.marshaller(GenerateResponse.getDefaultInstance()))
          .build();

  public static void main(String[] arguments) throws Exception {
    String authorities = System.getenv("THRONG_CACERT");
    String tokenFile = System.getenv("THRONG_TOKEN_FILE");
    Metadata headers = new Metadata();
    if (tokenFile != null) {
      headers.put(Metadata.Key.of("authorization", Metadata.ASCII_STRING_MARSHALLER),
          "Bearer " + Files.readString(Path.of(tokenFile)).strip());
    }
    ManagedChannel channel = Grpc.newChannelBuilder(arguments[0], authorities == null
        ? InsecureChannelCredentials.create()
        : TlsChannelCredentials.newBuilder().trustManager(new File(authorities)).build()).build();
    SpecSource source = SpecSource.newBuilder().addLayers(SpecLayer.newBuilder()
        .setName("Rows.java").setText("dataset: {size: quick, seed: 7}")).build();
    var rows = ClientCalls.blockingServerStreamingCall(
        ClientInterceptors.intercept(channel, MetadataUtils.newAttachHeadersInterceptor(headers)),
        GENERATE, CallOptions.DEFAULT,
        GenerateRequest.newBuilder().setSource(source).setRowLimit(5).build());
    GenerateHeader prefixes = null;
    while (rows.hasNext()) {
      GenerateResponse response = rows.next();
      if (response.hasHeader()) prefixes = response.getHeader(); // in the first message
      var batch = response.getBatch();
      for (int i = 0; i < batch.getUserNumbersCount(); i++) {
        System.out.printf("%s%d %s%d %s %s%n", prefixes.getUserPrefix(), batch.getUserNumbers(i),
            prefixes.getItemPrefix(), batch.getItemNumbers(i), batch.getRatingHundredths(i) / 100.0,
            Instant.ofEpochMilli(batch.getTimestampMs(i)));
      }
    }
    channel.shutdown();
  }
}

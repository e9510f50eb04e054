// The server itself: its socket, what it refuses, health and reflection.
#include "server/daemon/api_server.h"

#include <grpcpp/impl/client_unary_call.h>
#include <grpcpp/support/byte_buffer.h>
#include <grpcpp/support/sync_stream.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstring>
#include <random>

#include "grpc/health/v1/health.pb.h"
#include "server/daemon/descriptor.h"
#include "tests/daemon/served_engine.h"
#include "throng/v1/plugin_service.grpc.pb.h"
#include "throng/v1/run_service.grpc.pb.h"

namespace throng {
namespace {

using grpc::health::v1::HealthCheckRequest;
using grpc::health::v1::HealthCheckResponse;
using testing::_;
using testing::HasSubstr;

std::string MessageOf(const absl::Status& status) { return std::string(status.message()); }

bool Exists(const std::string& path) { return access(path.c_str(), F_OK) == 0; }

// A socket of that name; a listening one is left behind as by a daemon that was killed.
Descriptor Socket(const std::string& path, bool is_listening) {
  Descriptor fd(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::strncpy(address.sun_path, path.c_str(), sizeof address.sun_path - 1);
  const auto* generic = reinterpret_cast<const sockaddr*>(&address);
  const int result = is_listening ? bind(fd.get(), generic, sizeof address)
                                  : connect(fd.get(), generic, sizeof address);
  EXPECT_EQ(result, 0) << std::strerror(errno);
  if (is_listening) listen(fd.get(), 1);
  return fd;
}

class ApiServerTest : public ServedEngine {
 protected:
  // Whether it answers.
  static bool Answers(const std::shared_ptr<grpc::Channel>& channel) {
    grpc::ClientContext context;
    context.set_wait_for_ready(true);
    context.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(20));
    v1::ListPresetsResponse response;
    return v1::PluginService::NewStub(channel)->ListPresets(&context, {}, &response).ok();
  }

  static grpc::Status Check(const std::shared_ptr<grpc::Channel>& channel,
                            const std::string& service, HealthCheckResponse* response) {
    grpc::ClientContext context;
    HealthCheckRequest request;
    request.set_service(service);
    const grpc::internal::RpcMethod method("/grpc.health.v1.Health/Check",
                                           grpc::internal::RpcMethod::NORMAL_RPC);
    return grpc::internal::BlockingUnaryCall<HealthCheckRequest, HealthCheckResponse,
                                             google::protobuf::MessageLite,
                                             google::protobuf::MessageLite>(
        channel.get(), method, &context, request, response);
  }
};

TEST_F(ApiServerTest, ListensOnASocketOfItsUserAlone) {
  struct stat info {};
  ASSERT_EQ(stat(folder_.path("s").c_str(), &info), 0);
  EXPECT_TRUE(S_ISSOCK(info.st_mode));
  EXPECT_EQ(info.st_mode & 0777U, 0600U);
  EXPECT_THAT(server_->addresses(), testing::ElementsAre(address_));
}

TEST_F(ApiServerTest, LeavesNothingBehind) {
  EXPECT_TRUE(Answers(channel_));
  server_.reset();
  EXPECT_FALSE(Exists(folder_.path("s")));
  EXPECT_FALSE(Exists(folder_.path("s.lock")));
}

TEST_F(ApiServerTest, RefusesASecondDaemonOnItsSocket) {
  const auto second = ApiServer::Make({At(address_)}, &engine_);
  EXPECT_EQ(second.status().code(), absl::StatusCode::kAlreadyExists);
  EXPECT_EQ(MessageOf(second.status()), "A daemon listens on " + address_ + " already (process " +
                                            std::to_string(getpid()) +
                                            "). Stop it, or name another address with --listen.");
  EXPECT_TRUE(Answers(channel_));
}

TEST_F(ApiServerTest, TakesThePlaceOfADaemonThatDied) {
  const std::string path = folder_.path("dead");
  Socket(path, true);
  folder_.Write("dead.lock", "1");
  auto server = ApiServer::Make({At("unix:" + path)}, &engine_);
  ASSERT_TRUE(server.ok()) << server.status();
  ASSERT_TRUE((*server)->Listen().ok());
  EXPECT_TRUE(Answers(grpc::CreateChannel("unix:" + path, grpc::InsecureChannelCredentials())));
}

TEST_F(ApiServerTest, RemovesNoFileThatIsNoSocket) {
  folder_.Write("file", "mine");
  const auto server = ApiServer::Make({At("unix:" + folder_.path("file"))}, &engine_);
  EXPECT_EQ(MessageOf(server.status()), "It cannot be listened on unix:" + folder_.path("file") +
                                            ": there is a file that is no socket. Name another "
                                            "address with --listen.");
  EXPECT_EQ(folder_.Read("file"), "mine");
}

TEST_F(ApiServerTest, MakesTheFolderOfItsSocketButNoMore) {
  auto server = ApiServer::Make({At("unix:" + folder_.path("new/s"))}, &engine_);
  ASSERT_TRUE(server.ok()) << server.status();
  struct stat info {};
  ASSERT_EQ(stat(folder_.path("new").c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777U, 0700U);
  server = ApiServer::Make({At("unix:" + folder_.path("a/b/s"))}, &engine_);
  EXPECT_EQ(MessageOf(server.status()), "It cannot be listened on unix:" + folder_.path("a/b/s") +
                                            ": folder " + folder_.path("a/b") +
                                            ": No such file or directory. Name another address "
                                            "with --listen.");
}

TEST_F(ApiServerTest, SharesNoPort) {
  auto first = ApiServer::Make({At("127.0.0.1:0")}, &engine_);
  ASSERT_TRUE(first.ok() && (*first)->Listen().ok());
  const std::string address = (*first)->addresses()[0];
  EXPECT_NE(address, "127.0.0.1:0");
  EXPECT_TRUE(Answers(grpc::CreateChannel(address, grpc::InsecureChannelCredentials())));
  auto second = ApiServer::Make({At(address)}, &engine_);
  ASSERT_TRUE(second.ok());
  EXPECT_EQ(MessageOf((*second)->Listen()),
            "It cannot be listened on " + address +
                "; is the port taken, or the folder not writable? Name another address with "
                "--listen.");
}

TEST_F(ApiServerTest, RefusesRequestsOverItsLimit) {
  grpc::ClientContext context;
  v1::CreateRunRequest request;
  request.mutable_source()->add_layers()->set_text(std::string((4 << 20) + 1, ' '));
  v1::CreateRunResponse response;
  const grpc::Status status =
      v1::RunService::NewStub(channel_)->CreateRun(&context, request, &response);
  EXPECT_EQ(status.error_code(), grpc::StatusCode::RESOURCE_EXHAUSTED);
  EXPECT_THAT(status.error_message(), HasSubstr("4194304"));
  EXPECT_TRUE(Answers(channel_));
}

TEST_F(ApiServerTest, SurvivesGarbageOnItsSocket) {
  std::mt19937_64 random(42);
  const std::string preface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
  for (int i = 0; i < 50; ++i) {
    const Descriptor fd = Socket(folder_.path("s"), false);
    std::string garbage = i % 2 == 0 ? "" : preface;
    while (garbage.size() < 4096) garbage += static_cast<char>(random());
    (void)!send(fd.get(), garbage.data(), garbage.size(), MSG_NOSIGNAL);
  }
  EXPECT_TRUE(Answers(channel_));
  EXPECT_TRUE(Answers(NewChannel()));
}

TEST_F(ApiServerTest, TellsTheHealthOfEachService) {
  HealthCheckResponse response;
  for (const std::string service :
       {"", "throng.v1.RunService", "throng.v1.GenerationService", "throng.v1.PluginService"}) {
    EXPECT_TRUE(Check(channel_, service, &response).ok());
    EXPECT_EQ(response.status(), HealthCheckResponse::SERVING) << service;
  }
  EXPECT_EQ(Check(channel_, "throng.v1.Other", &response).error_code(),
            grpc::StatusCode::NOT_FOUND);
  server_->AnnounceEnd();
  EXPECT_TRUE(Check(channel_, "throng.v1.RunService", &response).ok());
  EXPECT_EQ(response.status(), HealthCheckResponse::NOT_SERVING);
}

// The response of reflection to one request, both as bytes of grpc.reflection.v1alpha.
std::string Reflect(const std::shared_ptr<grpc::Channel>& channel, const std::string& request) {
  using Stream = grpc::internal::ClientReaderWriterFactory<grpc::ByteBuffer, grpc::ByteBuffer>;
  const grpc::internal::RpcMethod method(
      "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo",
      grpc::internal::RpcMethod::BIDI_STREAMING);
  grpc::ClientContext context;
  const std::unique_ptr<grpc::ClientReaderWriter<grpc::ByteBuffer, grpc::ByteBuffer>> stream(
      Stream::Create(channel.get(), method, &context));
  const grpc::Slice slice(request);
  EXPECT_TRUE(stream->Write(grpc::ByteBuffer(&slice, 1)));
  stream->WritesDone();
  grpc::ByteBuffer response;
  EXPECT_TRUE(stream->Read(&response));
  EXPECT_TRUE(stream->Finish().ok());
  grpc::Slice bytes;
  EXPECT_TRUE(response.DumpToSingleSlice(&bytes).ok());
  return {reinterpret_cast<const char*>(bytes.begin()), bytes.size()};
}

TEST_F(ApiServerTest, ReflectsAllServices) {
  const std::string listed = Reflect(channel_, "\x3a\x01*");  // list_services = "*"
  for (const char* name :
       {"throng.v1.RunService", "throng.v1.GenerationService", "throng.v1.PluginService",
        "throng.v1.InspectionService", "grpc.health.v1.Health"}) {
    EXPECT_THAT(listed, HasSubstr(name));
    const std::string symbol = name;  // file_containing_symbol
    const std::string file =
        Reflect(channel_, "\x22" + std::string(1, static_cast<char>(symbol.size())) + symbol);
    EXPECT_THAT(file, HasSubstr(".proto")) << name;
  }
}

TEST(CallThreads, RunAsManyCallsAsTheyMay) {
  CallThreads threads(2);
  Signal may_end;
  EXPECT_TRUE(threads.Start([&] { may_end.Wait(); }));
  EXPECT_TRUE(threads.Start([&] { may_end.Wait(); }));
  EXPECT_FALSE(threads.Start([] {}));
  may_end.Set();
}

}  // namespace
}  // namespace throng
